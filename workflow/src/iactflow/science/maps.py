"""Sky maps of one energy band: what is added up over runs.

Berge, Funk & Hinton 2007, A&A 466, 1219. Each run gives its counts, its acceptance (the background
model of the run in the field of view, scaled to the run's counts outside the exclusion regions)
and its ring background: per pixel the off counts in the ring and alpha, the acceptance of the
pixel over that of the ring. Runs with different acceptance are combined by adding the counts and
the background alpha x n_off (their section 3.1), never the alphas.

All sums are exact, so that they do not depend on the order or on the chunks in which runs are
added: counts are whole numbers, and the contribution of a run to any other sum is rounded to a
multiple of a power of two small enough to mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from iactflow.campaign.paths import band_name
from iactflow.errors import InputError
from iactflow.science import map_kernels as kernels
from iactflow.science.map_geometry import MapGeometry, unit_vectors
from iactflow.science.map_responses import band_area, containment, safe_bins
from iactflow.science.ring_background import RingBackground

__all__ = [
    "HDUS",
    "N_ENERGY_BINS",
    "PSF_RADIUS_DEG",
    "MapDefinition",
    "MapFiller",
    "MapSums",
]

HDUS = ("events", "gti", "aeff", "psf", "bkg")
"""Tables of a DL3 file that a map needs."""

N_ENERGY_BINS = 8
"""Energy bins of a band, summed: a bin is used where it lies above the threshold of the run."""

PSF_RADIUS_DEG = np.linspace(0.0, 1.0, 201)
"""Radii at which the containment of a point source is added up, deg."""

ACCEPTANCE_QUANTUM = 2.0**-36
"""Rounding of a run's acceptance and background, counts: sums stay exact up to 131072 a pixel."""

EXPOSURE_QUANTUM = 2.0**-4
"""Rounding of a run's exposure, m2 s: sums stay exact up to 5e14."""


@dataclass(frozen=True)
class MapDefinition:
    """Everything that fixes the map of one target in one energy band.

    Parameters
    ----------
    band : str
        Name of the band, ``min-max`` in TeV.
    energy_min_tev, energy_max_tev : float
        The band, TeV.
    geometry : MapGeometry
        Projection and pixels.
    offset_max_deg : float
        Pixels are used up to this distance from the pointing of a run, deg.
    correlation_radius_deg : float
        Radius of the disc in which events are counted, deg.
    exclusion : tuple of dict
        Circles kept out of the background: ``ra_deg``, ``dec_deg``, ``radius_deg``.
    ring : dict
        Keys of `iactflow.campaign.schema_products.Ring`.
    spectral_index : float
        Index of the power law over which the exposure is averaged.
    target_ra_deg, target_dec_deg, on_radius_deg : float
        Circle in which the events of the target are counted, deg.
    """

    band: str
    energy_min_tev: float
    energy_max_tev: float
    geometry: MapGeometry
    offset_max_deg: float
    correlation_radius_deg: float
    exclusion: tuple
    ring: dict
    spectral_index: float
    target_ra_deg: float
    target_dec_deg: float
    on_radius_deg: float

    @classmethod
    def from_target(cls, settings: dict, band: str) -> MapDefinition:
        """Definition from the settings of a target.

        Parameters
        ----------
        settings : dict
            Target as the campaign gives it, with its ``name``.
        band : str
            Name of an energy band of one of its map sets.

        Returns
        -------
        MapDefinition
            The definition. The circle of the target has the on radius of its spectrum; without a
            spectrum the correlation radius.

        Raises
        ------
        InputError
            When no map set has this band.
        """
        for entry in settings["sky_maps"]:
            for low, high in entry["energy_bands_tev"]:
                if band_name((low, high)) == band:
                    return cls._from_entry(settings, entry, low, high)
        bands = [band_name(b) for m in settings["sky_maps"] for b in m["energy_bands_tev"]]
        key = f"targets.{settings['name']}.sky_maps.energy_bands_tev"
        raise InputError("campaign", key, band, ", ".join(bands) or "no band is defined")

    @classmethod
    def _from_entry(cls, settings, entry, low, high):
        centre = entry["centre"] or settings["position"]
        circles = entry["exclusion_regions"]
        circles = settings["exclusion_regions"] if circles is None else circles
        spectrum = settings.get("spectrum")
        radius = spectrum["on_radius_deg"] if spectrum else entry["correlation_radius_deg"]
        return cls(
            band=band_name((low, high)),
            energy_min_tev=float(low),
            energy_max_tev=float(high),
            geometry=MapGeometry.create(
                centre["ra_deg"], centre["dec_deg"], entry["size_deg"], entry["pixel_deg"]
            ),
            offset_max_deg=entry["offset_max_deg"],
            correlation_radius_deg=entry["correlation_radius_deg"],
            exclusion=tuple(dict(circle) for circle in circles),
            ring=dict(entry["ring"]),
            spectral_index=entry["spectral_index"],
            target_ra_deg=settings["position"]["ra_deg"],
            target_dec_deg=settings["position"]["dec_deg"],
            on_radius_deg=float(radius),
        )

    @property
    def energy_edges_tev(self) -> np.ndarray:
        """Edges of the energy bins of the band, equal in the logarithm, TeV."""
        return np.geomspace(self.energy_min_tev, self.energy_max_tev, N_ENERGY_BINS + 1)


@dataclass
class MapSums:
    """Sums over runs; two of them add up to the sum over all their runs.

    Parameters
    ----------
    n_on : ndarray, shape (ny, nx)
        Events per pixel.
    n_off : ndarray, shape (ny, nx)
        Events in the rings of a pixel, outside the exclusion regions.
    acceptance : ndarray, shape (ny, nx)
        Background expected per pixel from the models of the runs, scaled to their counts.
    background : ndarray, shape (ny, nx)
        Background per pixel from the rings: alpha x n_off, summed over runs.
    exposure_m2_s : ndarray, shape (ny, nx)
        Effective area times livetime, averaged over a power law, m2 s.
    n_runs : ndarray, shape (ny, nx)
        Runs that contribute to a pixel.
    contained_m2_s : ndarray, shape (r,)
        Exposure times containment of a point source at the map centre within `PSF_RADIUS_DEG`.
    runs : list of dict
        Per run ``obs_id``, ``status``, ``fov_norm``, ``n_events``, ``n_target_events``,
        ``livetime_s``.
    """

    n_on: np.ndarray
    n_off: np.ndarray
    acceptance: np.ndarray
    background: np.ndarray
    exposure_m2_s: np.ndarray
    n_runs: np.ndarray
    contained_m2_s: np.ndarray
    runs: list = field(default_factory=list)

    IMAGES = ("n_on", "n_off", "acceptance", "background", "exposure_m2_s", "n_runs")

    @classmethod
    def empty(cls, n_pixels: int) -> MapSums:
        """Sums over no run.

        Parameters
        ----------
        n_pixels : int
            Pixels along each side.

        Returns
        -------
        MapSums
            Zeros.
        """
        images = (np.zeros((n_pixels, n_pixels)) for _ in cls.IMAGES)
        return cls(*images, np.zeros(PSF_RADIUS_DEG.size))

    def add(self, other: MapSums) -> None:
        """Add the sums over other runs in place.

        Parameters
        ----------
        other : MapSums
            Sums on the same map.
        """
        for name in (*self.IMAGES, "contained_m2_s"):
            getattr(self, name)[...] += getattr(other, name)
        self.runs = sorted(self.runs + other.runs, key=lambda run: run["obs_id"])


def _rounded(values, quantum):
    return np.rint(values / quantum) * quantum


class MapFiller:
    """Adds runs to the sums of a map.

    Parameters
    ----------
    definition : MapDefinition
        The map.
    """

    def __init__(self, definition: MapDefinition) -> None:
        self.definition = definition
        self.sums = MapSums.empty(definition.geometry.n_pixels)
        self.source_free = definition.geometry.outside(definition.exclusion)
        self._ring = RingBackground(
            definition.ring, definition.geometry.pixel_deg, self.source_free
        )

    def add(self, observation) -> None:
        """Add a run.

        Parameters
        ----------
        observation : Observation
            Run with events, effective area, point spread and background.

        Raises
        ------
        InputError
            When the background model is not aligned to right ascension and declination.
        """
        run = {
            "obs_id": observation.obs_id,
            "fov_norm": np.nan,
            "n_events": 0,
            "n_target_events": 0,
        }
        run["livetime_s"] = observation.livetime_s
        run["status"] = self._fill(observation, run)
        self.sums.runs = sorted([*self.sums.runs, run], key=lambda r: r["obs_id"])

    def _fill(self, observation, run) -> str:
        edges = self.definition.energy_edges_tev
        safe = safe_bins(edges, observation.aeff)
        if not safe.any():
            return "threshold above the band"
        window = self._window(observation)
        offset_cos = self._offset_cos(observation, window)
        mask = offset_cos > np.cos(np.radians(self.definition.offset_max_deg))
        if not mask.any():
            return "outside the map"
        used = edges[np.append(safe, False) | np.append(False, safe)]
        n_on, n_target_events = self._count(observation, window, mask, used)
        acceptance = self._acceptance(observation, window, mask, used)
        outside = self.source_free[window]
        model, events = float(np.sum(acceptance[outside])), float(np.sum(n_on[outside]))
        if not (model > 0.0 and events > 0.0):
            return "no background to scale"
        acceptance *= events / model
        n_off, acceptance_off = self._ring.sums(n_on * outside, acceptance * outside, window)
        mask &= acceptance_off > 0.0
        alpha = np.divide(acceptance, acceptance_off, out=np.zeros(mask.shape), where=mask)
        area = band_area(observation.aeff, edges, safe, self.definition.spectral_index)
        offset = np.degrees(np.arccos(np.minimum(offset_cos, 1.0)))
        exposure = np.interp(offset, observation.aeff.offset_nodes_deg, area)
        self._add_images(
            window,
            mask,
            n_on=n_on,
            n_off=n_off,
            acceptance=_rounded(acceptance, ACCEPTANCE_QUANTUM),
            background=_rounded(alpha * n_off, ACCEPTANCE_QUANTUM),
            exposure_m2_s=_rounded(exposure * observation.livetime_s, EXPOSURE_QUANTUM),
            n_runs=1.0,
        )
        self._add_point_spread(observation, edges, safe)
        run["fov_norm"] = events / model
        run["n_events"] = int(np.sum(n_on[mask]))
        run["n_target_events"] = n_target_events
        return "used"

    def _add_images(self, window, mask, **images):
        for name, image in images.items():
            getattr(self.sums, name)[window] += image * mask

    def _window(self, observation):
        """Slices of the map around the pointing; empty when the map does not reach it."""
        geometry, reach = self.definition.geometry, self.definition.offset_max_deg
        column, row = geometry.pixels(observation.ra_pnt_deg, observation.dec_pnt_deg)
        if np.isnan(column[0]):
            return slice(0, 0), slice(0, 0)
        # The plane stretches by 1 / cos^2 of the distance from the tangent point.
        corner = np.hypot(column[0] - geometry.centre_pixel, row[0] - geometry.centre_pixel)
        far = min(np.degrees(np.arctan(np.radians(corner * geometry.pixel_deg))) + reach, 80.0)
        half = reach / geometry.pixel_deg / np.cos(np.radians(far)) ** 2 + 1.0
        return tuple(
            slice(*np.clip([int(c - half), int(c + half) + 2], 0, geometry.n_pixels).tolist())
            for c in (row[0], column[0])
        )

    def _offset_cos(self, observation, window):
        pointing = unit_vectors(observation.ra_pnt_deg, observation.dec_pnt_deg)
        return self.definition.geometry.vectors[window] @ pointing

    def _count(self, observation, window, mask, edges):
        energy = observation.event_energy_tev
        chosen = (energy >= edges[0]) & (energy < edges[-1])
        ra, dec = observation.event_ra_deg[chosen], observation.event_dec_deg[chosen]
        column, row = self.definition.geometry.pixels(ra, dec)
        n_on = np.zeros(mask.shape)
        column, row = column - window[1].start, row - window[0].start
        counted = kernels.count_events(column, row, mask, n_on)
        target = unit_vectors(self.definition.target_ra_deg, self.definition.target_dec_deg)
        chord = 2.0 * np.sin(0.5 * np.radians(self.definition.on_radius_deg))
        distance = np.sum((unit_vectors(ra[counted], dec[counted]) - target) ** 2, axis=-1)
        return n_on, int(np.sum(distance < chord**2))

    def _acceptance(self, observation, window, mask, edges):
        model = observation.bkg
        if model.fov_alignment != "RADEC":
            key = f"run {observation.obs_id}, HDU BKG: FOVALIGN"
            raise InputError("DL3 file", key, model.fov_alignment, "RADEC")
        pointing = (observation.ra_pnt_deg, observation.dec_pnt_deg)
        towards, west = unit_vectors(*pointing), unit_vectors(pointing[0] - 90.0, 0.0)
        axes = np.stack([towards, west, np.cross(west, towards)])
        geometry = self.definition.geometry
        filled = kernels.fill_missing_rates(model.rate_per_s_mev_sr)
        rate = kernels.integrate_background(
            kernels.log_background(filled, model.energy_edges_tev, edges),
            edges,
            model.x_edges_deg,
            model.y_edges_deg,
            axes,
            geometry.vectors[window],
            mask,
        )
        mev_per_tev = 1e6
        return rate * geometry.solid_angle_sr[window] * (observation.ontime_s * mev_per_tev)

    def _add_point_spread(self, observation, edges, safe):
        geometry = self.definition.geometry
        pointing = unit_vectors(observation.ra_pnt_deg, observation.dec_pnt_deg)
        cosine = float(unit_vectors(geometry.ra_deg, geometry.dec_deg) @ pointing)
        offset = float(np.degrees(np.arccos(min(cosine, 1.0))))
        if offset < self.definition.offset_max_deg:
            contained = containment(
                observation.psf,
                observation.aeff,
                edges,
                safe,
                self.definition.spectral_index,
                offset,
                PSF_RADIUS_DEG,
            )
            contained *= observation.livetime_s
            self.sums.contained_m2_s += _rounded(contained, EXPOSURE_QUANTUM)
