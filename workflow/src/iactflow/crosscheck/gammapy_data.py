"""What all products of the check chain share: observations, regions, data sets, by gammapy.

The check chain imports nothing of the main chain, so that no error can be common to both. It makes
its own exclusion masks, off regions and data sets with gammapy's makers (Donath et al. 2023, A&A
678, A157).
"""

from __future__ import annotations

import csv
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore, Observation
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.makers import (
    ReflectedRegionsBackgroundMaker,
    ReflectedRegionsFinder,
    SafeMaskMaker,
    SpectrumDatasetMaker,
)
from gammapy.maps import MapAxis, RegionGeom, WcsGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from regions import CircleSkyRegion

from iactflow.errors import InputError

__all__ = [
    "DNDE_UNIT",
    "SOURCE",
    "Run",
    "exclusion_mask",
    "find_runs",
    "fit_power_law",
    "make_datasets",
    "open_observations",
    "quiet",
    "sky_position",
]

LOG = logging.getLogger(__name__)

SOURCE = "source"
DNDE_UNIT = "cm-2 s-1 TeV-1"
MASK_PIXEL_DEG = 0.02
"""Pixel of exclusion masks; it decides border cases in the number of reflected regions."""


@dataclass(frozen=True)
class Run:
    """An observation with its reflected regions.

    Parameters
    ----------
    observation : gammapy.data.Observation
        The observation, or a part of it in time.
    regions : list of regions.SkyRegion
        Off regions of the whole observation.
    wcs : astropy.wcs.WCS
        Projection in which the off regions are circles.
    """

    observation: Observation
    regions: list
    wcs: object

    @property
    def obs_id(self) -> int:
        """Number of the run."""
        return int(self.observation.obs_id)


class _KnownRegions(ReflectedRegionsFinder):
    """Region finder that returns regions found before: they are the same on every energy axis."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def run(self, region, center, exclusion_mask=None):
        return self._run.regions, self._run.wcs


@contextmanager
def quiet() -> Iterator[None]:
    """Turn the warnings of gammapy and its libraries into log records while a product is made."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        yield
    for text in sorted({str(w.message) for w in caught}):
        LOG.warning("%s", text)


def open_observations(hdu_index: str | Path, observations: str | Path):
    """Open the runs of a target.

    Parameters
    ----------
    hdu_index : str or Path
        HDU index; the observation index stands beside it.
    observations : str or Path
        Tab-separated table with the column obs_id.

    Returns
    -------
    gammapy.data.Observations
        The runs, in the order of the table.

    Raises
    ------
    InputError
        When the table has no column obs_id.
    """
    with open(observations, newline="", encoding="utf-8") as stream:
        lines = [line for line in stream if not line.startswith("#")]
    rows = list(csv.DictReader(lines, delimiter="\t"))
    if not rows or "obs_id" not in rows[0]:
        raise InputError(observations, "obs_id", None, "a tab-separated table with column obs_id")
    store = DataStore.from_dir(Path(hdu_index).parent)
    return store.get_observations([int(row["obs_id"]) for row in rows])


def sky_position(block: dict) -> SkyCoord:
    """Make a sky position of a block with ra_deg and dec_deg.

    Parameters
    ----------
    block : dict
        Keys ra_deg, dec_deg.

    Returns
    -------
    SkyCoord
        ICRS position.
    """
    return SkyCoord(block["ra_deg"], block["dec_deg"], unit="deg", frame="icrs")


def exclusion_mask(circles: list[dict], centre: SkyCoord):
    """Make the mask of the sky outside of all exclusion circles.

    Parameters
    ----------
    circles : list of dict
        Blocks with ra_deg, dec_deg, radius_deg.
    centre : SkyCoord
        Centre of the mask; it is the centre of a pixel.

    Returns
    -------
    gammapy.maps.WcsNDMap or None
        True where the background may be taken from; None without circles. The mask holds all
        circles; what lies beyond it counts as outside.
    """
    if not circles:
        return None
    reach_deg = max(centre.separation(sky_position(c)).deg + c["radius_deg"] for c in circles)
    n_pixels = 2 * math.ceil((reach_deg + 0.1) / MASK_PIXEL_DEG) + 1
    geom = WcsGeom.create(
        skydir=centre, binsz=MASK_PIXEL_DEG, npix=(n_pixels, n_pixels), proj="TAN", frame="icrs"
    )
    regions = [CircleSkyRegion(sky_position(c), c["radius_deg"] * u.deg) for c in circles]
    return ~geom.region_mask(regions)


def find_runs(observations, settings: dict) -> tuple[list[Run], list[dict]]:
    """Find the reflected regions of every run and drop the runs with too few.

    Parameters
    ----------
    observations : gammapy.data.Observations
        The runs.
    settings : dict
        The target.

    Returns
    -------
    runs : list of Run
        Runs with enough off regions.
    dropped : list of dict
        Keys obs_id, reason.
    """
    position, spectrum = sky_position(settings["position"]), settings["spectrum"]
    on_region = _on_region(settings)
    mask = exclusion_mask(settings["exclusion_regions"], position)
    finder, runs, dropped = ReflectedRegionsFinder(), [], []
    for observation in observations:
        pointing = observation.get_pointing_icrs(observation.tmid)
        regions, wcs = finder.run(on_region, pointing, mask)
        run = Run(observation, regions, wcs)
        if len(regions) >= spectrum["min_off_regions"]:
            runs.append(run)
            continue
        found = f"{len(regions)} off regions, {spectrum['min_off_regions']} needed"
        LOG.warning("run %d dropped from the spectrum: %s", run.obs_id, found)
        dropped.append({"obs_id": run.obs_id, "reason": found})
    return runs, dropped


def _on_region(settings: dict) -> CircleSkyRegion:
    radius = settings["spectrum"]["on_radius_deg"] * u.deg
    return CircleSkyRegion(sky_position(settings["position"]), radius)


def _axis(block: dict, name: str) -> MapAxis:
    low, high = block["energy_min_tev"] * u.TeV, block["energy_max_tev"] * u.TeV
    return MapAxis.from_energy_bounds(low, high, block["n_bins"], name=name)


def _safe_mask_maker(safe_range: dict) -> SafeMaskMaker | None:
    methods = []
    if safe_range["file_threshold"]:
        methods.append("aeff-default")
    percent = 100 * safe_range["effective_area_min_fraction"]
    if percent > 0:
        methods.append("aeff-max")
    return SafeMaskMaker(methods=methods, aeff_percent=percent) if methods else None


def make_datasets(runs: list[Run], settings: dict, block: dict) -> Datasets:
    """Make the on-off data set of every run.

    Parameters
    ----------
    runs : list of Run
        Runs, or parts of runs; several parts of one run get names of their own.
    settings : dict
        The target.
    block : dict
        Keys energy_axis, energy_axis_true and safe_range, each null or missing for the spectrum's.

    Returns
    -------
    gammapy.datasets.Datasets
        One SpectrumDatasetOnOff per run, with its safe mask.
    """
    spectrum = settings["spectrum"]
    chosen = {
        key: block.get(key) or spectrum[key]
        for key in ("energy_axis", "energy_axis_true", "safe_range")
    }
    geom = RegionGeom.create(_on_region(settings), axes=[_axis(chosen["energy_axis"], "energy")])
    empty = SpectrumDataset.create(
        geom=geom, energy_axis_true=_axis(chosen["energy_axis_true"], "energy_true")
    )
    maker = SpectrumDatasetMaker(
        selection=["counts", "exposure", "edisp"],
        containment_correction=spectrum["containment_correction"],
    )
    safe = _safe_mask_maker(chosen["safe_range"])
    datasets = Datasets()
    for number, run in enumerate(runs):
        dataset = maker.run(empty.copy(name=f"{run.obs_id}-{number}"), run.observation)
        background = ReflectedRegionsBackgroundMaker(region_finder=_KnownRegions(run))
        dataset = background.run(dataset, run.observation)
        if safe is None:
            dataset.mask_safe = geom.energy_mask()
        else:
            dataset = safe.run(dataset, run.observation)
        datasets.append(dataset)
    return datasets


def fit_power_law(
    datasets: Datasets, reference_tev: float, index: float | None = None
) -> tuple[PowerLawSpectralModel, object]:
    """Fit a power law jointly to data sets; the model stays attached to them.

    Parameters
    ----------
    datasets : gammapy.datasets.Datasets
        On-off data sets.
    reference_tev : float
        Reference energy of the amplitude, TeV.
    index : float, optional
        Spectral index to hold fixed; free if left out.

    Returns
    -------
    model : gammapy.modeling.models.PowerLawSpectralModel
        The best fit.
    result : gammapy.modeling.FitResult
        Statistic and covariance.
    """
    model = PowerLawSpectralModel(
        index=2.5 if index is None else index,
        amplitude=u.Quantity(1e-11, DNDE_UNIT),
        reference=reference_tev * u.TeV,
    )
    model.index.frozen = index is not None
    datasets.models = [SkyModel(spectral_model=model, name=SOURCE)]
    excess = sum(float(d.excess.data[d.mask.data].sum()) for d in datasets)
    predicted = sum(float(d.npred_signal().data[d.mask.data].sum()) for d in datasets)
    if excess > 0 and predicted > 0:
        model.amplitude.value *= excess / predicted
    return model, Fit().run(datasets)
