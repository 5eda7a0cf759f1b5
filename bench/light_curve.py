"""Flare of PKS 2155-304, ten-minute bins, from the raw FITS files: iactflow beside gammapy.

Both start with nothing prepared: fifteen runs of H.E.S.S. DL3 DR1 are read, off regions placed,
counts and responses extracted in 34 time bins, and the flux of each bin fitted with symmetric and
asymmetric errors and an upper limit. Times are CPU seconds of one process with one thread. Imports
stand apart, ours first (what both chains import is charged to us), and so does what the first call
costs more (compilation, caches).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from itertools import pairwise
from pathlib import Path

import numpy as np

OBS_IDS = range(33787, 33802)
POSITION = (329.71693826, -30.225589)
ON_RADIUS_DEG = 0.11
AXIS = (0.4, 20.0, 10)
AXIS_TRUE = (0.1, 40.0, 20)
ENERGY_RANGE_TEV = (0.5, 7.0)
START_UTC = "2006-07-29T20:30:00"
STEP_MIN, N_BINS = 10.0, 34
INDEX = 3.54
REPEATS = 5
PEER = "gammapy 2.1"
QUANTITIES = ("flux", "flux_err", "flux_errn", "flux_errp", "flux_ul")


def _data_root():
    return Path(os.environ["IACTFLOW_DATA"]) / "dl3" / "hess-dl3-dr1"


def _target():
    from iactflow.campaign.schema import Target

    keys = ("energy_min_tev", "energy_max_tev", "n_bins")
    block = {
        "label": "PKS 2155-304",
        "position": {"ra_deg": POSITION[0], "dec_deg": POSITION[1]},
        "observations": {"obs_ids": list(OBS_IDS)},
        "spectrum": {
            "on_radius_deg": ON_RADIUS_DEG,
            "energy_axis": dict(zip(keys, AXIS, strict=True)),
            "energy_axis_true": dict(zip(keys, AXIS_TRUE, strict=True)),
            "safe_range": {"file_threshold": False, "effective_area_min_fraction": 0.1},
        },
        "light_curves": {
            "ten_minutes": {
                "binning": "fixed",
                "start": START_UTC,
                "step_min": STEP_MIN,
                "n_bins": N_BINS,
                "energy_min_tev": ENERGY_RANGE_TEV[0],
                "energy_max_tev": ENERGY_RANGE_TEV[1],
                "spectral_index": INDEX,
            }
        },
    }
    return {"name": "pks2155_flare", **Target.model_validate(block).model_dump(mode="json")}


def analyse():
    """Make the light curve with iactflow."""
    from iactflow.science.stages.light_curves import light_curve_of_files

    files = [_data_root() / f"data/hess_dl3_dr1_obs_id_{i:06d}.fits.gz" for i in OBS_IDS]
    curve = light_curve_of_files(files, _target(), "ten_minutes")
    return {name: getattr(curve, name) for name in QUANTITIES}


def analyse_peer():
    """Make the light curve with gammapy's public interface."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from astropy.time import Time
    from gammapy.data import DataStore
    from gammapy.datasets import Datasets, SpectrumDataset
    from gammapy.estimators import LightCurveEstimator
    from gammapy.makers import ReflectedRegionsBackgroundMaker, SafeMaskMaker, SpectrumDatasetMaker
    from gammapy.maps import MapAxis, RegionGeom
    from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
    from regions import CircleSkyRegion

    edges = Time(START_UTC) + np.arange(N_BINS + 1) * STEP_MIN * u.min
    intervals = [Time([a, b]) for a, b in pairwise(edges)]
    runs = DataStore.from_dir(_data_root()).get_observations(list(OBS_IDS))
    axis = MapAxis.from_energy_bounds(AXIS[0] * u.TeV, AXIS[1] * u.TeV, AXIS[2])
    axis_true = MapAxis.from_energy_bounds(
        AXIS_TRUE[0] * u.TeV, AXIS_TRUE[1] * u.TeV, AXIS_TRUE[2], name="energy_true"
    )
    on_region = CircleSkyRegion(SkyCoord(*POSITION, unit="deg"), ON_RADIUS_DEG * u.deg)
    empty = SpectrumDataset.create(
        RegionGeom.create(on_region, axes=[axis]), energy_axis_true=axis_true
    )
    maker = SpectrumDatasetMaker(
        selection=["counts", "exposure", "edisp"], containment_correction=True
    )
    background = ReflectedRegionsBackgroundMaker()
    safe = SafeMaskMaker(methods=["aeff-max"], aeff_percent=10)
    datasets = Datasets()
    for number, run in enumerate(runs.select_time(intervals)):
        dataset = maker.run(empty.copy(name=f"{run.obs_id}-{number}"), run)
        datasets.append(safe.run(background.run(dataset, run), run))
    amplitude = "1e-10 cm-2 s-1 TeV-1"
    model = PowerLawSpectralModel(index=INDEX, amplitude=amplitude, reference="1 TeV")
    datasets.models = [SkyModel(model, name="source")]
    estimator = LightCurveEstimator(
        energy_edges=list(ENERGY_RANGE_TEV) * u.TeV,
        time_intervals=intervals,
        source="source",
        selection_optional=["errn-errp", "ul"],
    )
    table = estimator.run(datasets).to_table(sed_type="flux", format="lightcurve")
    return {name: table[name].quantity.to_value("cm-2 s-1").ravel() for name in QUANTITIES}


def _cpu_seconds(function):
    start = time.process_time()
    result = function()
    return time.process_time() - start, result


def _import_ours():
    import iactflow.campaign.schema
    import iactflow.science.stages.light_curves  # noqa: F401


def _import_peer():
    import gammapy.data
    import gammapy.estimators
    import gammapy.makers  # noqa: F401


def run():
    """Measure both chains, and how far their fluxes are apart.

    Returns
    -------
    list of dict
        name, value, unit, peer, peer_value, ratio.
    """
    imports, imports_peer = _cpu_seconds(_import_ours)[0], _cpu_seconds(_import_peer)[0]
    first, first_peer = _cpu_seconds(analyse)[0], _cpu_seconds(analyse_peer)[0]
    measured = [_cpu_seconds(analyse) for _ in range(REPEATS)]
    seconds, ours = float(np.median([m[0] for m in measured])), measured[-1][1]
    seconds_peer, peer = _cpu_seconds(analyse_peer)
    apart = max(float(np.max(np.abs(ours[q] - peer[q]) / peer["flux_err"])) for q in QUANTITIES)
    rows = (
        ("flare light curve, 15 runs, 34 bins", seconds, "CPU s", seconds_peer),
        ("flare light curve, first call beyond that", first - seconds, "CPU s",
         first_peer - seconds_peer),
        ("flare light curve, imports", imports, "CPU s", imports_peer),
        ("flare light curve, largest distance of fluxes, errors, limits", apart, "sigma", None),
    )  # fmt: skip
    return [
        {
            "name": name,
            "value": value,
            "unit": unit,
            "peer": PEER,
            "peer_value": peer_value,
            "ratio": seconds_peer / seconds if value is seconds else None,
        }
        for name, value, unit, peer_value in rows
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
