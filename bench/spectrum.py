"""Crab spectrum from the raw FITS files: iactflow beside gammapy, in one process.

Both start with nothing prepared: four runs of H.E.S.S. DL3 DR1 are read, off regions placed,
counts and responses extracted, a power law and a log-parabola fitted jointly, and ten flux points
made with errors, upper limits and likelihood profiles. Times are CPU seconds of the process, with
one thread, without imports; what the first call costs more (compilation, caches) stands apart.
"""

from __future__ import annotations

import importlib
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from pathlib import Path

import numpy as np

OBS_IDS = (23523, 23526, 23559, 23592)
POSITION = (83.633083, 22.0145)
ON_RADIUS_DEG = 0.11
EXCLUSION_RADIUS_DEG = 0.3
ENERGY_MIN_TEV, ENERGY_MAX_TEV, N_BINS = 0.01, 100.0, 80
POINT_EDGES_TEV = [0.631, 1.0, 1.413, 1.995, 3.162, 4.467, 6.310, 10.0, 14.13, 19.95, 31.62]
REPEATS = 5
PEER = "gammapy 2.1"


def _data_root():
    return Path(os.environ["IACTFLOW_DATA"]) / "dl3" / "hess-dl3-dr1"


def _target():
    from iactflow.campaign.schema import Target

    axis = {"energy_min_tev": ENERGY_MIN_TEV, "energy_max_tev": ENERGY_MAX_TEV, "n_bins": N_BINS}
    position = {"ra_deg": POSITION[0], "dec_deg": POSITION[1]}
    target = Target.model_validate(
        {
            "label": "Crab Nebula",
            "position": position,
            "observations": {"obs_ids": list(OBS_IDS)},
            "exclusion_regions": [{**position, "radius_deg": EXCLUSION_RADIUS_DEG}],
            "spectrum": {
                "on_radius_deg": ON_RADIUS_DEG,
                "energy_axis": axis,
                "energy_axis_true": axis,
                "safe_range": {"file_threshold": False, "effective_area_min_fraction": 0.1},
                "models": [{"model": "pl"}, {"model": "lp"}],
                "flux_points": {"model": "lp", "energy_edges_tev": POINT_EDGES_TEV},
            },
        }
    )
    return {"name": "crab", **target.model_dump(mode="json")}


def analyse():
    """Analyse the runs with iactflow."""
    from iactflow.io.gadf import read_observation
    from iactflow.science.dataset import definitions, extract
    from iactflow.science.fit import fit_model
    from iactflow.science.flux_points import estimate_flux_points, point_profile
    from iactflow.science.folding import folding_data

    target = _target()
    definition = definitions(target)["default"]
    datasets = []
    for obs_id in OBS_IDS:
        path = _data_root() / "data" / f"hess_dl3_dr1_obs_id_{obs_id:06d}.fits.gz"
        run = read_observation(path, hdus=("events", "gti", "aeff", "edisp", "psf"))
        datasets.append(extract(run, target, definition.axes, definition.safe_range))
    data = folding_data(datasets)
    fits = {model: fit_model(data, model) for model in ("pl", "lp")}
    points = estimate_flux_points(data, fits["lp"], POINT_EDGES_TEV)
    profiles = [point_profile(data, point) for point in points]
    return {
        "stat": {name: fit.stat for name, fit in fits.items()},
        "values": {name: fit.values for name, fit in fits.items()},
        "norm": np.array([p.fit.norm * p.ref_dnde for p in points]),
        "errn": np.array([p.fit.norm_errn * p.ref_dnde for p in points]),
        "errp": np.array([p.fit.norm_errp * p.ref_dnde for p in points]),
        "ul": np.array([p.fit.norm_ul * p.ref_dnde for p in points]),
        "profiles": profiles,
    }


def _peer_datasets():
    """Read, extract and mask the runs with gammapy."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from gammapy.data import DataStore
    from gammapy.datasets import Datasets, SpectrumDataset
    from gammapy.makers import ReflectedRegionsBackgroundMaker, SafeMaskMaker, SpectrumDatasetMaker
    from gammapy.maps import MapAxis, RegionGeom, WcsGeom
    from regions import CircleSkyRegion

    position = SkyCoord(*POSITION, unit="deg")
    bounds = (ENERGY_MIN_TEV * u.TeV, ENERGY_MAX_TEV * u.TeV, N_BINS)
    axis = MapAxis.from_energy_bounds(*bounds)
    axis_true = MapAxis.from_energy_bounds(*bounds, name="energy_true")
    on_region = CircleSkyRegion(position, ON_RADIUS_DEG * u.deg)
    mask_geom = WcsGeom.create(skydir=position, npix=(41, 41), binsz=0.02, proj="TAN", frame="icrs")
    excluded = CircleSkyRegion(position, EXCLUSION_RADIUS_DEG * u.deg)
    empty = SpectrumDataset.create(RegionGeom(on_region, axes=[axis]), energy_axis_true=axis_true)
    maker = SpectrumDatasetMaker(
        selection=["counts", "exposure", "edisp"], containment_correction=True
    )
    background = ReflectedRegionsBackgroundMaker(exclusion_mask=~mask_geom.region_mask([excluded]))
    safe = SafeMaskMaker(methods=["aeff-max"], aeff_percent=10)
    datasets = Datasets()
    for run in DataStore.from_dir(_data_root()).get_observations(OBS_IDS):
        dataset = maker.run(empty.copy(name=str(run.obs_id)), run)
        datasets.append(safe.run(background.run(dataset, run), run))
    return datasets


def analyse_peer():
    """Analyse the runs with gammapy's public interface."""
    import astropy.units as u
    from gammapy.estimators import FluxPointsEstimator
    from gammapy.modeling import Fit
    from gammapy.modeling.models import (
        LogParabolaSpectralModel,
        PowerLawSpectralModel,
        SkyModel,
    )

    datasets = _peer_datasets()
    amplitude = "4e-11 cm-2 s-1 TeV-1"
    models = {
        "pl": PowerLawSpectralModel(index=2.5, amplitude=amplitude, reference="1 TeV"),
        "lp": LogParabolaSpectralModel(alpha=2.5, beta=0.0, amplitude=amplitude, reference="1 TeV"),
    }
    result = {"stat": {}, "values": {}}
    for name, model in models.items():
        datasets.models = [SkyModel(model, name="crab")]
        result["stat"][name] = float(Fit().run(datasets).total_stat)
        result["values"][name] = model.parameters.free_parameters.value
    estimator = FluxPointsEstimator(
        energy_edges=POINT_EDGES_TEV * u.TeV,
        source="crab",
        selection_optional=["errn-errp", "ul", "scan"],
    )
    table = estimator.run(datasets).to_table(sed_type="dnde")
    for key, column in (
        ("norm", "dnde"), ("errn", "dnde_errn"), ("errp", "dnde_errp"), ("ul", "dnde_ul")
    ):  # fmt: skip
        result[key] = table[column].quantity.to_value("cm-2 s-1 TeV-1")
    return result


def _cpu_seconds(function):
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def _import_all():
    for name in (
        "gammapy.data",
        "gammapy.datasets",
        "gammapy.estimators",
        "gammapy.makers",
        "gammapy.modeling.models",
        "iactflow.campaign.schema",
        "iactflow.io.gadf",
        "iactflow.science.dataset",
        "iactflow.science.flux_points",
    ):
        importlib.import_module(name)


def run():
    """Measure both chains, and how far their results are apart.

    Returns
    -------
    list of dict
        name, value, unit, peer, peer_value, ratio.
    """
    _import_all()
    first, _ = _cpu_seconds(analyse)
    first_peer, _ = _cpu_seconds(analyse_peer)
    seconds = [_cpu_seconds(analyse)[0] for _ in range(REPEATS)]
    _, ours = _cpu_seconds(analyse)
    seconds_peer, peer = _cpu_seconds(analyse_peer)
    value = float(np.median(seconds))
    error = 0.5 * (ours["errn"] + ours["errp"])
    apart = max(
        float(np.max(np.abs((ours[key] - peer[key]) / error)))
        for key in ("norm", "errn", "errp", "ul")
    )
    stat = max(abs(ours["stat"][name] - peer["stat"][name]) for name in ours["stat"])
    rows = [
        ("Crab spectrum, 4 runs, pl + lp, 10 flux points", value, "CPU s", seconds_peer),
        (
            "Crab spectrum, first call beyond that",
            first - value,
            "CPU s",
            first_peer - seconds_peer,
        ),
    ]
    result = [
        {"name": n, "value": v, "unit": u, "peer": PEER, "peer_value": p, "ratio": None}
        for n, v, u, p in rows
    ]
    result[0]["ratio"] = seconds_peer / value
    for name, distance, unit in (
        ("Crab spectrum, largest distance of flux points, errors, limits", apart, "sigma"),
        ("Crab spectrum, largest distance of the best-fit statistic", stat, "W"),
    ):
        result.append(
            {"name": name, "value": distance, "unit": unit,
             "peer": PEER, "peer_value": None, "ratio": None}
        )  # fmt: skip
    return result


if __name__ == "__main__":
    for row in run():
        print(row)
