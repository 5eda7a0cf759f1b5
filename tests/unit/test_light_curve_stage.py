"""The light-curve stage on mock runs of a flaring source, and on the flare of PKS 2155-304."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from iactflow.campaign.config import read_campaign_file, validate_campaign
from iactflow.campaign.schema import Mock, Target
from iactflow.dl3.stages import simulate_dl3
from iactflow.errors import InputError
from iactflow.science.light_curve import SpectralShape
from iactflow.science.stages.light_curves import estimate_light_curve, light_curve_of_files
from iactflow.science.time_bins import utc_to_mjd_tt

DAY = 86400.0
SOURCE = {"ra_deg": 83.633083, "dec_deg": 22.0145}
# Two runs of 900 s, 300 s apart; the source is three times brighter from 600 s on, for 1200 s.
MOCK = Mock.model_validate(
    {
        "n_runs": 2,
        "run_duration_s": 900.0,
        "gap_s": 300.0,
        "start": "2026-01-15T20:00:00",
        "source": {
            "position": SOURCE,
            "amplitude": 2e-10,
            "index": 2.6,
            "flare_factor": 3.0,
            "flare_start_s": 600.0,
            "flare_duration_s": 1200.0,
        },
    }
)
CURVES = {
    "runs": {"binning": "run_wise", "energy_min_tev": 0.5},
    "nights": {"binning": "nightly", "energy_min_tev": 0.5},
    "steps": {
        "binning": "fixed",
        "start": "2026-01-15T19:50:00",
        "step_min": 10,
        "n_bins": 12,
        "energy_min_tev": 0.5,
        "spectral_index": 2.6,
    },
    "blocks": {"binning": "bayesian_blocks", "energy_min_tev": 0.5, "spectral_index": 2.6},
    "curved": {"binning": "run_wise", "energy_min_tev": 0.5, "model": "lp"},
    "cut_off": {"binning": "run_wise", "energy_min_tev": 0.5, "model": "ecpl"},
    "high": {
        "binning": "run_wise",
        "energy_min_tev": 0.3,
        "safe_range": {"file_threshold": False, "effective_area_min_fraction": 0.5},
    },
    "low": {"binning": "run_wise", "energy_min_tev": 0.3},
    "late": {"binning": "fixed", "start": "2026-01-16T20:00:00", "step_min": 10, "n_bins": 2},
    "long": {"binning": "fixed", "start": "2026-01-15T18:00:00", "step_min": 300, "n_bins": 1},
}


def target(**spectrum):
    block = {
        "label": "mock",
        "position": SOURCE,
        "observations": {"obs_ids": [1, 2]},
        "exclusion_regions": [{**SOURCE, "radius_deg": 0.3}],
        "spectrum": spectrum,
        "light_curves": CURVES,
    }
    return {"name": "mock", **Target.model_validate(block).model_dump(mode="json")}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dl3") / "chunk"
    params = SimpleNamespace(settings=MOCK.model_dump(mode="json"), seed=12, obs_ids=[1, 2])
    simulate_dl3(None, SimpleNamespace(dl3=folder), params, None)
    return sorted(map(str, folder.glob("*.fits.gz")))


def injected(curve, factor):
    shape = SpectralShape("pl", (2e-10, 2.6))
    return factor * shape.flux(curve.energy_min_tev, curve.energy_max_tev)


def test_run_wise_fluxes_and_index_are_the_injected(files):
    curve = light_curve_of_files(files[::-1], target(), "runs")
    # A third of the first run is flare, two thirds of the second.
    pulls = (curve.flux - injected(curve, np.array([5 / 3, 7 / 3]))) / curve.flux_err
    assert np.abs(pulls).max() < 4
    assert curve.shape.parameters[1] == pytest.approx(2.6, abs=0.1)
    start = utc_to_mjd_tt("2026-01-15T20:00:00")
    np.testing.assert_allclose(
        np.column_stack([curve.mjd_min, curve.mjd_max]),
        start + np.array([[0, 900], [1200, 2100]]) / DAY,
        atol=1e-3 / DAY,
    )


def test_a_night_holds_both_runs(files):
    night = light_curve_of_files(files, target(), "nights")
    runs = light_curve_of_files(files, target(), "runs")
    long = light_curve_of_files(files, target(), "long")
    assert len(night) == 1
    assert night.mjd_min[0] == utc_to_mjd_tt("2026-01-15T12:00:00")
    assert night.mjd_max[0] == utc_to_mjd_tt("2026-01-16T12:00:00")
    assert night.n_on[0] == runs.n_on.sum()
    assert night.livetime_s[0] == pytest.approx(runs.livetime_s.sum())
    assert runs.flux.min() < night.flux[0] < runs.flux.max()
    assert long.livetime_s[0] == pytest.approx(night.livetime_s[0])


def test_fixed_bins_share_out_events_and_livetime(files):
    steps = light_curve_of_files(files, target(), "steps")
    runs = light_curve_of_files(files, target(), "runs")
    # From 19:50: the first bin is before the runs; 20:00-20:10, -20:20, -20:30, -20:40 have data.
    assert len(steps) == 4
    assert steps.mjd_min[0] == pytest.approx(utc_to_mjd_tt("2026-01-15T20:00:00"), abs=1e-9)
    live = runs.livetime_s[0] / 900.0
    np.testing.assert_allclose(steps.livetime_s / live, [600, 300, 600, 300], atol=0.01)
    assert steps.n_on.sum() == runs.n_on.sum()
    assert steps.n_off.sum() == runs.n_off.sum()
    pulls = (steps.flux - injected(steps, np.array([1, 3, 3, 1]))) / steps.flux_err
    assert np.abs(pulls).max() < 4


def test_blocks_find_the_flare_across_the_gap(files):
    blocks = light_curve_of_files(files, target(), "blocks")
    start = utc_to_mjd_tt("2026-01-15T20:00:00")
    assert len(blocks) == 3
    np.testing.assert_allclose((blocks.mjd_min - start) * DAY, [0, 600, 1800], atol=60)
    assert np.array_equal(blocks.mjd_min[1:], blocks.mjd_max[:-1])
    pulls = (blocks.flux - injected(blocks, np.array([1, 3, 1]))) / blocks.flux_err
    assert np.abs(pulls).max() < 4


def test_the_stage_writes_what_others_read(files, tmp_path):
    flux_points = pytest.importorskip("gammapy.estimators").FluxPoints
    outputs = SimpleNamespace(
        light_curve=str(tmp_path / "c.ecsv"), summary=str(tmp_path / "s.json")
    )
    rows = [f"{run}\tdata/{Path(file).name}" for run, file in zip((1, 2), files, strict=True)]
    observations = tmp_path / "observations.tsv"
    observations.write_text("\n".join(["obs_id\tfile", *rows]) + "\n")
    estimate_light_curve(
        SimpleNamespace(dl3=str(Path(files[0]).parent), observations=str(observations)),
        outputs,
        SimpleNamespace(settings=target(), obs_ids=[1, 2]),
        SimpleNamespace(binning="steps"),
    )
    summary = json.loads((tmp_path / "s.json").read_text())["steps"]
    got = flux_points.read(outputs.light_curve, format="lightcurve")
    flux = [p["flux"] for p in summary["points"]]
    np.testing.assert_allclose(got.flux.quantity.to_value("cm-2 s-1").ravel(), flux)
    assert summary["ndf"] == 3
    assert summary["p_value"] < 1e-6
    assert summary["fractional_variability"] > 0.2


@pytest.mark.parametrize(("binning", "model"), [("curved", "lp"), ("cut_off", "ecpl")])
def test_the_shape_of_a_curved_model_is_fitted_to_all_runs(files, binning, model):
    curve = light_curve_of_files(files, target(), binning)
    power_law = light_curve_of_files(files, target(), "runs")
    assert curve.shape.model == model
    assert len(curve.shape.parameters) == 3
    # The injected spectrum is not curved: within the error of the fit, flux and index are its own.
    assert curve.shape.parameters[1] == pytest.approx(2.6, abs=0.15)
    assert curve.shape.parameters[2] == pytest.approx(0.0, abs=0.1)
    assert curve.shape.parameters[2] != 0.0
    assert np.array_equal(curve.n_on, power_law.n_on)
    assert np.abs((curve.flux - power_law.flux) / curve.flux_err).max() < 1


def test_a_safe_range_of_its_own_takes_out_events(files):
    high, low = (light_curve_of_files(files, target(), name) for name in ("high", "low"))
    assert np.all(high.n_on < low.n_on)
    # The flux is that of the same range, extrapolated.
    assert high.energy_min_tev == low.energy_min_tev
    pulls = (high.flux - injected(high, np.array([5 / 3, 7 / 3]))) / high.flux_err
    assert np.abs(pulls).max() < 4


def test_bins_that_miss_the_runs_are_an_error(files):
    message = r"targets\.mock\.light_curves\.late: time bins.*2026-01-16T20:00:00.*span MJD"
    with pytest.raises(InputError, match=message):
        light_curve_of_files(files, target(), "late")


@pytest.mark.parametrize("binning", ["runs", "blocks", "steps"])
def test_runs_without_room_for_off_regions_are_an_error(files, binning, caplog):
    caplog.set_level("INFO", logger="iactflow")
    with pytest.raises(InputError, match="usable runs span nothing"):
        light_curve_of_files(files, target(min_off_regions=99), binning)
    assert "dropped from the light curve" in caplog.text


@pytest.fixture
def reference(data_dir):
    text = (data_dir / "reference" / "hess_dr1_gammapy.json").read_text()
    return json.loads(text)["pks2155"]


def flare_curve(dr1, repository, binning):
    path = repository / "config" / "campaigns" / "hess-dl3-dr1.yaml"
    block = validate_campaign(read_campaign_file(path), path).targets["pks2155_flare"]
    settings = {"name": "pks2155_flare", **block.model_dump(mode="json")}
    files = [dr1 / f"data/hess_dl3_dr1_obs_id_{i:06d}.fits.gz" for i in range(33787, 33802)]
    return light_curve_of_files(files, settings, binning)


@pytest.mark.data
def test_the_flare_of_pks_2155_is_that_of_gammapy(dr1, repository, reference):
    curve, reference = flare_curve(dr1, repository, "ten_minutes"), reference["lightcurve_0.5_7TeV"]
    assert len(curve) == 34
    np.testing.assert_allclose(curve.mjd_min, reference["time_min"], atol=1e-9)
    pulls = (curve.flux - reference["flux"]) / np.array(reference["flux_err"])
    assert np.abs(pulls).max() < 0.02
    np.testing.assert_allclose(curve.flux_err, reference["flux_err"], rtol=2e-3)
    np.testing.assert_allclose(curve.flux_ul, reference["flux_ul"], rtol=2e-3)
    np.testing.assert_allclose(curve.ts, reference["ts"], rtol=1e-4)
    # One entry per bin and piece of a run, NaN where the piece lies in another bin.
    counts = np.reshape(reference["counts"], (34, -1))
    assert curve.n_on.tolist() == np.nansum(counts, axis=1).tolist()


@pytest.mark.data
def test_the_flare_above_200_gev_has_the_log_parabola_of_gammapy(dr1, repository, reference):
    curve = flare_curve(dr1, repository, "run_wise")
    fitted = reference["fit_night_LP"]["pars"]
    for found, name in zip(curve.shape.parameters[1:], ("alpha", "beta"), strict=True):
        assert found == pytest.approx(fitted[name]["value"], abs=0.02 * fitted[name]["error"])
    reference = reference["lightcurve_run_wise_gt200GeV"]
    np.testing.assert_allclose(curve.mjd_min, reference["time_min"], atol=1e-9)
    pulls = (curve.flux - reference["flux"]) / np.array(reference["flux_err"])
    assert np.abs(pulls).max() < 0.02
    np.testing.assert_allclose(curve.flux_err, reference["flux_err"], rtol=2e-3)
    np.testing.assert_allclose(curve.ts, reference["ts"], rtol=1e-4)
