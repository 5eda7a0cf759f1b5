"""How densely a production threw its showers: events per energy, area, angle.

A run throws N events (re-uses counted) with energies along E^g between two limits, cores uniform
in a disk perpendicular to the shower, and directions uniform in solid angle inside a cone, or one
direction. Their density is

    n(E) = N E^g / (integral of E^g over the limits) / (area of the disk) / (angle of the cone)

Where several runs throw the same particle, their densities add up at every event, so that ranges
may overlap. A run that does not tell its law has that of its histogram, flat in ln E inside a bin.
Where the showers of the part are counted, the law holds inside the bins of the histogram, each with
its own number (post-stratification): how many showers happen to fall into a bin then adds nothing
to the scatter of rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError

__all__ = ["ThrownRuns", "solid_angle_sr", "thrown_density"]

#: Angles and energies of events may lie outside those of their run by this fraction: rounding.
_ROUNDING = 1e-6


class ThrownRuns(NamedTuple):
    """What was thrown in the runs of a sample, in one part of its showers.

    Attributes
    ----------
    obs_id, particle_id : ndarray of int64, shape (n_runs,)
        Run; particle in CORSIKA's numbers.
    n_thrown : ndarray of float64, shape (n_runs,)
        Events thrown, re-uses and files of several levels of the night sky counted.
    n_showers : ndarray of int64, shape (n_runs,)
        Showers thrown, each once.
    spectral_index : ndarray of float64, shape (n_runs,)
        Power g of E^g, negative; not a number where it is not known.
    energy_min_tev, energy_max_tev : ndarray of float64, shape (n_runs,)
        Limits of the energy.
    viewcone_min_deg, viewcone_max_deg : ndarray of float64, shape (n_runs,)
        Angles from the pointing; equal for a point source.
    core_min_m, core_max_m : ndarray of float64, shape (n_runs,)
        Distances of the cores from the centre, perpendicular to the shower.
    histogram : tuple of ndarray, each of shape (n_bins, 3)
        Of each run: lower and upper edge in TeV of bins of energy, events thrown.
    zenith_deg : ndarray of float64, shape (n_runs,)
        Zenith angle of the pointing.
    counted : ndarray of bool, shape (n_runs,)
        Whether the histogram counts the showers of the part one by one; else it has their share of
        all showers.
    """

    obs_id: np.ndarray
    particle_id: np.ndarray
    n_thrown: np.ndarray
    n_showers: np.ndarray
    spectral_index: np.ndarray
    energy_min_tev: np.ndarray
    energy_max_tev: np.ndarray
    viewcone_min_deg: np.ndarray
    viewcone_max_deg: np.ndarray
    core_min_m: np.ndarray
    core_max_m: np.ndarray
    histogram: tuple
    zenith_deg: np.ndarray
    counted: np.ndarray

    def take(self, runs) -> ThrownRuns:
        """Some of the runs.

        Parameters
        ----------
        runs : array_like of int or bool
            Places of the runs, or which.

        Returns
        -------
        ThrownRuns
            These runs.
        """
        chosen = np.arange(len(self.obs_id))[runs]
        return ThrownRuns(
            *(
                tuple(column[i] for i in chosen) if isinstance(column, tuple) else column[chosen]
                for column in self
            )
        )


def solid_angle_sr(inner_deg, outer_deg) -> np.ndarray:
    """Solid angle of a cone, or of a ring.

    Parameters
    ----------
    inner_deg, outer_deg : array_like
        Angles from the axis.

    Returns
    -------
    ndarray of float64
        2 pi (cos inner - cos outer), in sr.
    """
    inner, outer = np.radians(inner_deg), np.radians(outer_deg)
    # The difference of cosines as a product: exact for small angles, too.
    return 4.0 * np.pi * np.sin(0.5 * (outer + inner)) * np.sin(0.5 * (outer - inner))


def _integral(index, low, high):
    """Integral of E^index between two energies."""
    power, logarithm = index + 1.0, np.log(high / low)
    # (high^power - low^power) / power without cancelling near power 0.
    return low**power * np.expm1(power * logarithm) / power if power != 0.0 else logarithm


def _counted_ratio(thrown: ThrownRuns, run: int, energy_tev: np.ndarray) -> np.ndarray:
    """Events counted in the bin of an energy, over those that the law expects there."""
    index, bins = thrown.spectral_index[run], thrown.histogram[run]
    low, high = thrown.energy_min_tev[run], thrown.energy_max_tev[run]
    ratio = np.ones(len(energy_tev))
    for first, last, number in bins:
        ends = max(first, low), min(last, high)
        if ends[0] < ends[1]:
            expected = _integral(index, *ends) / _integral(index, low, high)
            inside = (energy_tev >= first) & (energy_tev < last)
            ratio[inside] = number / (thrown.n_thrown[run] * expected)
    return ratio


def _energy_density(thrown: ThrownRuns, run: int, energy_tev: np.ndarray) -> np.ndarray:
    """Events per TeV of a run at energies; 0 outside its limits."""
    index = thrown.spectral_index[run]
    if np.isfinite(index):
        low, high = thrown.energy_min_tev[run], thrown.energy_max_tev[run]
        inside = (energy_tev >= low * (1.0 - _ROUNDING)) & (energy_tev <= high * (1.0 + _ROUNDING))
        law = energy_tev**index / _integral(index, low, high)
        density = np.where(inside, thrown.n_thrown[run] * law, 0.0)
        if thrown.counted[run]:
            density *= _counted_ratio(thrown, run, energy_tev)
        return density
    density = np.zeros(len(energy_tev))
    for low, high, number in thrown.histogram[run]:
        inside = (energy_tev >= low) & (energy_tev < high)
        density[inside] += number / np.log(high / low) / energy_tev[inside]
    return density


def _core_distance_m(events: Mapping[str, np.ndarray]) -> np.ndarray:
    """Distance of cores from the centre, in the plane perpendicular to the shower."""
    alt, az = np.radians(events["true_alt_deg"]), np.radians(events["true_az_deg"])
    # x to north, y to west; azimuth from north through east.
    axis = np.stack([np.cos(alt) * np.cos(az), -np.cos(alt) * np.sin(az), np.sin(alt)])
    x, y = np.asarray(events["true_core_x_m"]), np.asarray(events["true_core_y_m"])
    along = x * axis[0] + y * axis[1]
    return np.sqrt(np.maximum(x**2 + y**2 - along**2, 0.0))


def _reach(thrown: ThrownRuns, run: int, events: Mapping, several: np.ndarray) -> np.ndarray:
    """Which events a run could have thrown, in angle and core distance."""
    n = len(events["true_energy_tev"])
    inside = np.ones(n, dtype=bool)
    limits = {
        "true_offset_deg": (thrown.viewcone_min_deg[run], thrown.viewcone_max_deg[run]),
        "core": (thrown.core_min_m[run], thrown.core_max_m[run]),
    }
    for name, (low, high) in limits.items():
        if not several[0 if name == "true_offset_deg" else 1]:
            continue
        value = _core_distance_m(events) if name == "core" else np.asarray(events[name])
        slack = _ROUNDING * max(high, 1.0)
        inside &= (value >= low - slack) & (value <= high + slack)
    return inside


def thrown_density(events: Mapping[str, np.ndarray], thrown: ThrownRuns) -> np.ndarray:
    """Density of what was thrown, at simulated events.

    Parameters
    ----------
    events : mapping of str to ndarray, each of shape (n,)
        ``particle_id`` and ``true_energy_tev``; where runs of a particle differ in their cones or
        areas also ``true_offset_deg``, or ``true_alt_deg``, ``true_az_deg``, ``true_core_x_m`` and
        ``true_core_y_m``.
    thrown : ThrownRuns
        Runs.

    Returns
    -------
    ndarray of float64, shape (n,)
        Events per TeV, m2 and sr; of point sources per TeV and m2.

    Raises
    ------
    InputError
        If runs of a particle have several point sources, or a point source and a cone; or an event
        lies where nothing was thrown.
    """
    energy_tev = np.asarray(events["true_energy_tev"], dtype=np.float64)
    particle = np.asarray(events["particle_id"])
    density = np.zeros(len(energy_tev))
    for kind in np.unique(particle):
        mine = particle == kind
        runs = np.flatnonzero(thrown.particle_id == kind)
        cones = np.column_stack([thrown.viewcone_min_deg, thrown.viewcone_max_deg])[runs]
        areas = np.column_stack([thrown.core_min_m, thrown.core_max_m])[runs]
        is_point = cones[:, 0] == cones[:, 1]
        several = np.array([len(np.unique(cones, axis=0)) > 1, len(np.unique(areas, axis=0)) > 1])
        if is_point.any() and several[0]:
            allowed = "one point source, or cones alone: other offsets are another sample"
            raise InputError("weights", "thrown_events, view cones", cones.tolist(), allowed)
        part = {name: np.asarray(column)[mine] for name, column in events.items()}
        for run, point in zip(runs, is_point, strict=True):
            area_m2 = np.pi * (thrown.core_max_m[run] ** 2 - thrown.core_min_m[run] ** 2)
            cone = thrown.viewcone_min_deg[run], thrown.viewcone_max_deg[run]
            per = area_m2 * (1.0 if point else solid_angle_sr(*cone))
            reached = _reach(thrown, run, part, several)
            density[mine] += _energy_density(thrown, run, energy_tev[mine]) / per * reached
    if (density <= 0.0).any():
        at = int(np.flatnonzero(density <= 0.0)[0])
        found = (int(particle[at]), float(energy_tev[at]))
        allowed = "particles and energies that the tables of thrown events hold"
        raise InputError("weights", f"particle_id, true_energy_tev of event {at}", found, allowed)
    return density
