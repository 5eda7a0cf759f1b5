"""Spectral data sets: counts in the on and off regions with the response that belongs to them.

Counts are compared with a model through the effective area and the energy dispersion at the offset
of the source (Berge, Funk & Hinton 2007, A&A 466, 1219, section 3; Mohrmann et al. 2019, A&A 632,
A72, section 3.2). The model is folded in true energy, counts are binned in reconstructed energy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.errors import InputError
from iactflow.response import interpolate
from iactflow.science.regions import (
    ReflectedRegions,
    contained,
    reflected_regions,
)
from iactflow.science.safe_range import safe_mask
from iactflow.science.stacking import stack

__all__ = [
    "Axes",
    "Definition",
    "SpectrumDataset",
    "definitions",
    "energy_edges_tev",
    "extract",
    "extract_intervals",
    "off_regions",
    "select_events",
    "stack",
]

_CM2_PER_M2 = 1e4


class Axes(NamedTuple):
    """Energy bins of a data set.

    Parameters
    ----------
    energy_edges_tev : ndarray of shape (n + 1,)
        Edges in reconstructed energy, TeV.
    energy_true_edges_tev : ndarray of shape (m + 1,)
        Edges in true energy, TeV.
    """

    energy_edges_tev: np.ndarray
    energy_true_edges_tev: np.ndarray


class Definition(NamedTuple):
    """What distinguishes one data set of a target from another.

    Parameters
    ----------
    axes : Axes
        Energy bins.
    safe_range : dict
        Keys ``file_threshold`` and ``effective_area_min_fraction`` of the campaign.
    """

    axes: Axes
    safe_range: dict


@dataclass(frozen=True)
class SpectrumDataset:
    """Counts of one run, or of several stacked, with their response.

    Parameters
    ----------
    name : str
        Number of the run, or a name.
    energy_edges_tev : ndarray of shape (n + 1,)
        Edges in reconstructed energy, TeV.
    energy_true_edges_tev : ndarray of shape (m + 1,)
        Edges in true energy, TeV.
    n_on, n_off : ndarray of shape (n,)
        Counts in the on region, and in all off regions together.
    acceptance, acceptance_off : ndarray of shape (n,)
        Relative exposure of the on region and of the off regions; alpha is their ratio.
    exposure_cm2_s : ndarray of shape (m,)
        Effective area times livetime, the containment correction applied, cm2 s.
    edisp : ndarray of shape (m, n)
        Probability of each reconstructed bin for each true bin.
    mask_safe : ndarray of bool of shape (n,)
        Bins inside the safe energy range.
    livetime_s, ontime_s : float
        Observing time with and without the dead-time correction, s.
    time_ref_mjd : float
        Reference of the times, MJD in TT.
    gti_start_s, gti_stop_s : ndarray of shape (k,)
        Good time intervals, s since the reference.
    """

    name: str
    energy_edges_tev: np.ndarray
    energy_true_edges_tev: np.ndarray
    n_on: np.ndarray
    n_off: np.ndarray
    acceptance: np.ndarray
    acceptance_off: np.ndarray
    exposure_cm2_s: np.ndarray
    edisp: np.ndarray
    mask_safe: np.ndarray
    livetime_s: float
    ontime_s: float
    time_ref_mjd: float
    gti_start_s: np.ndarray
    gti_stop_s: np.ndarray

    @property
    def tstart_s(self):
        """Start of the first good time interval, s since the reference."""
        return float(self.gti_start_s[0])

    @property
    def tstop_s(self):
        """Stop of the last good time interval, s since the reference."""
        return float(self.gti_stop_s[-1])

    @property
    def alpha(self):
        """Ratio of the exposures of the on and the off regions, per bin; 0 without off regions."""
        off = self.acceptance_off
        return np.divide(self.acceptance, off, out=np.zeros_like(off), where=off > 0)


def energy_edges_tev(axis):
    """Edges of logarithmic energy bins.

    Parameters
    ----------
    axis : dict
        Keys ``energy_min_tev``, ``energy_max_tev``, ``n_bins`` of the campaign.

    Returns
    -------
    ndarray of shape (n_bins + 1,)
        Edges, TeV, equal to the last bit to those of gammapy's ``MapAxis.from_energy_bounds``: a
        rounding of the last edge decides whether a safe range that ends there keeps the last bin.
    """
    low, high = axis["energy_min_tev"], axis["energy_max_tev"]
    nodes = np.log(np.geomspace(low, high, axis["n_bins"] + 1))
    # Interpolating at a node, as gammapy does for its edges, takes the step from the one before.
    nodes[1:] = np.diff(nodes) + nodes[:-1]
    return np.exp(nodes)


def definitions(target) -> dict[str, Definition]:
    """Data sets that the spectra of a target need.

    Parameters
    ----------
    target : dict
        The target's block of the campaign.

    Returns
    -------
    dict of str to Definition
        ``default``, the spectrum's own axes and safe range, and one entry for every model that
        overrides any of them, by the model's name in the products.
    """
    spectrum = target["spectrum"]
    blocks = {"default": {}}
    keys = ("energy_axis", "energy_axis_true", "safe_range")
    for model in spectrum["models"]:
        own = {k: model[k] for k in keys if model.get(k) is not None}
        if own:
            blocks[model.get("name") or model["model"]] = own
    result = {}
    for name, own in blocks.items():
        block = {k: own.get(k, spectrum[k]) for k in keys}
        axes = Axes(
            energy_edges_tev(block["energy_axis"]), energy_edges_tev(block["energy_axis_true"])
        )
        result[name] = Definition(axes, block["safe_range"])
    return result


def off_regions(observation, target) -> ReflectedRegions:
    """Off regions of a run for a target.

    Parameters
    ----------
    observation : Observation
        The run.
    target : dict
        The target's block of the campaign.

    Returns
    -------
    ReflectedRegions
        The regions, or none and the reason.
    """
    position, circles = target["position"], target["exclusion_regions"]
    return reflected_regions(
        observation.ra_pnt_deg,
        observation.dec_pnt_deg,
        position["ra_deg"],
        position["dec_deg"],
        target["spectrum"]["on_radius_deg"],
        [(c["ra_deg"], c["dec_deg"], c["radius_deg"]) for c in circles],
    )


def extract(observation, target, axes, safe_range, time_range=None, regions=None):
    """Make the data set of one run.

    Parameters
    ----------
    observation : Observation
        The run, with events, good time intervals, AEFF, EDISP and, for the containment correction,
        PSF.
    target : dict
        The target's block of the campaign: position, exclusion_regions, spectrum.
    axes : Axes
        Energy bins.
    safe_range : dict
        Keys ``file_threshold`` and ``effective_area_min_fraction``.
    time_range : (float, float), optional
        Only events with start <= time < stop, s since the run's reference; the exposure is that of
        the good time inside. Default: the whole run, all of its events.
    regions : ReflectedRegions, optional
        Off regions of the run; default: they are placed here.

    Returns
    -------
    SpectrumDataset
        The data set. A run without off regions has zero off counts and acceptance, and an empty
        safe range.

    Raises
    ------
    InputError
        When a response that is needed was not read, no good time lies in ``time_range``, or as of
        `iactflow.science.safe_range.safe_mask`.
    """
    if time_range is None:
        return _extract(observation, target, axes, safe_range, None, regions)[0]
    dataset = extract_intervals(observation, target, axes, safe_range, [time_range], regions)[0]
    if dataset is None:
        raise InputError(
            f"run {observation.obs_id}", "time_range", tuple(time_range), "an overlap with the run"
        )
    return dataset


def extract_intervals(observation, target, axes, safe_range, intervals, regions=None):
    """Make the data sets of several time intervals of one run.

    Regions, energy dispersion and safe range are those of the whole run.

    Parameters
    ----------
    observation, target, axes, safe_range, regions
        As for `extract`.
    intervals : sequence of (float, float)
        Start and stop, s since the run's reference.

    Returns
    -------
    list of SpectrumDataset or None
        A data set for each interval, None for one without good time.

    Raises
    ------
    InputError
        When a response that is needed was not read, or as of
        `iactflow.science.safe_range.safe_mask`.
    """
    intervals = [(float(start), float(stop)) for start, stop in intervals]
    return _extract(observation, target, axes, safe_range, intervals, regions)


def select_events(observation, target, regions):
    """Which events of a run lie in the on region, and which in the off regions.

    Parameters
    ----------
    observation : Observation
        The run.
    target : dict
        The target's block of the campaign.
    regions : ReflectedRegions
        Off regions of the run.

    Returns
    -------
    is_on, is_off : ndarray of bool of shape (n_events,)
        Membership.
    """
    ra, dec = observation.event_ra_deg, observation.event_dec_deg
    position = target["position"]
    is_on = contained(
        ra,
        dec,
        np.array([float(position["ra_deg"])]),
        np.array([float(position["dec_deg"])]),
        float(target["spectrum"]["on_radius_deg"]),
    )
    return is_on, regions.contain(ra, dec)


def _extract(observation, target, axes, safe_range, intervals, regions):
    regions = off_regions(observation, target) if regions is None else regions
    area_m2, edisp, mask = _response(observation, target, axes, safe_range)
    is_on, is_off = select_events(observation, target, regions)
    n_bins = len(mask)
    whole = SpectrumDataset(
        name=str(observation.obs_id),
        energy_edges_tev=axes.energy_edges_tev,
        energy_true_edges_tev=axes.energy_true_edges_tev,
        n_on=_histogram(observation, is_on, axes),
        n_off=_histogram(observation, is_off, axes),
        acceptance=np.ones(n_bins),
        acceptance_off=np.full(n_bins, float(len(regions))),
        exposure_cm2_s=area_m2 * _CM2_PER_M2 * observation.livetime_s,
        edisp=edisp,
        mask_safe=mask & (len(regions) > 0),
        livetime_s=observation.livetime_s,
        ontime_s=observation.ontime_s,
        time_ref_mjd=observation.time_ref_mjd,
        gti_start_s=observation.gti_start_s,
        gti_stop_s=observation.gti_stop_s,
    )
    if intervals is None:
        return [whole]
    return [_cut(whole, observation, is_on, is_off, interval) for interval in intervals]


def _response(observation, target, axes, safe_range):
    spectrum, position = target["spectrum"], target["position"]
    correct = spectrum["containment_correction"]
    for key, needed in (("aeff", True), ("edisp", True), ("psf", correct)):
        if needed and getattr(observation, key) is None:
            raise InputError(f"run {observation.obs_id}", key, "not read", "a response of the run")
    offset_deg = separation_deg(
        observation.ra_pnt_deg, observation.dec_pnt_deg, position["ra_deg"], position["dec_deg"]
    )
    energy_tev = interpolate.geometric_centres(axes.energy_true_edges_tev)
    area_m2 = interpolate.effective_area_m2(observation.aeff, energy_tev, offset_deg)
    if correct:
        radius_deg = spectrum["on_radius_deg"]
        area_m2 = area_m2 * interpolate.containment(
            observation.psf, energy_tev, offset_deg, radius_deg
        )
    edisp = interpolate.energy_dispersion(
        observation.edisp, axes.energy_true_edges_tev, axes.energy_edges_tev, offset_deg
    )
    mask = safe_mask(observation, energy_tev, area_m2, axes.energy_edges_tev, safe_range)
    return area_m2, edisp, mask


def _histogram(observation, selected, axes):
    energy_tev = observation.event_energy_tev[selected]
    edges = axes.energy_edges_tev
    bins = np.searchsorted(edges, energy_tev, side="right") - 1
    inside = (bins >= 0) & (bins < len(edges) - 1)
    return np.bincount(bins[inside], minlength=len(edges) - 1).astype(float)


def _cut(whole, observation, is_on, is_off, interval):
    start, stop = interval
    gti_start = np.maximum(observation.gti_start_s, start)
    gti_stop = np.minimum(observation.gti_stop_s, stop)
    overlap = gti_stop > gti_start
    if not overlap.any():
        return None
    ontime_s = float(np.sum((gti_stop - gti_start)[overlap]))
    fraction = ontime_s / observation.ontime_s
    in_time = (observation.event_time_s >= start) & (observation.event_time_s < stop)
    axes = Axes(whole.energy_edges_tev, whole.energy_true_edges_tev)
    return replace(
        whole,
        n_on=_histogram(observation, is_on & in_time, axes),
        n_off=_histogram(observation, is_off & in_time, axes),
        exposure_cm2_s=whole.exposure_cm2_s * fraction,
        livetime_s=whole.livetime_s * fraction,
        ontime_s=ontime_s,
        gti_start_s=gti_start[overlap],
        gti_stop_s=gti_stop[overlap],
    )
