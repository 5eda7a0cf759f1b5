"""The check chain on H.E.S.S. DL3 DR1, held against numbers published or made apart from it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from iactflow.campaign.schema import Target
from iactflow.errors import InputError

pytestmark = pytest.mark.data

CRAB = {"ra_deg": 83.633083, "dec_deg": 22.0145}
RUNS = [23523, 23526, 23559, 23592]


@pytest.fixture(scope="module")
def reference(data_dir):
    """Numbers made with gammapy 2.1 from the same definitions."""
    return json.loads((data_dir / "reference" / "hess_dr1_gammapy.json").read_text())


def crab(**changes) -> dict:
    block = {
        "label": "Crab Nebula",
        "position": CRAB,
        "observations": {"obs_ids": RUNS},
        "exclusion_regions": [{**CRAB, "radius_deg": 0.3}],
        "spectrum": {
            "energy_axis": {"energy_min_tev": 0.01, "energy_max_tev": 100.0, "n_bins": 80},
            "energy_axis_true": {"energy_min_tev": 0.01, "energy_max_tev": 100.0, "n_bins": 80},
            "safe_range": {"file_threshold": False, "effective_area_min_fraction": 0.1},
            "models": [{"model": "pl"}, {"model": "lp"}],
            "flux_points": {"model": "lp", "energy_edges_tev": [1.0, 1.413]},
        },
        **changes,
    }
    return {"name": "crab", **Target.model_validate(block).model_dump(mode="json")}


@pytest.fixture
def make(dr1, tmp_path):
    """Call a stage of the check chain and read its result."""

    def call(stage, settings, runs=RUNS, scale_flux=1.0):
        table = tmp_path / "observations.tsv"
        table.write_text("# runs\nobs_id\tzenith_deg\n" + "".join(f"{r}\t0\n" for r in runs))
        inputs = SimpleNamespace(
            hdu_index=str(dr1 / "hdu-index.fits.gz"), observations=str(table), ogip=[]
        )
        outputs = SimpleNamespace(check=tmp_path / "check.json")
        params = SimpleNamespace(settings=settings, scale_flux=scale_flux)
        stage(inputs, outputs, params, SimpleNamespace(target="crab"))
        return json.loads(outputs.check.read_text())

    return call


def assert_parameters(found, expected, scale=1.0):
    for name, entry in found["parameters"].items():
        factor = scale if name == "amplitude" else 1.0
        value, error = (factor * expected[name][key] for key in ("value", "error"))
        assert entry["value"] == pytest.approx(value, abs=0.02 * error)
        assert entry["error"] == pytest.approx(error, rel=0.02, abs=0)


def test_crab_spectrum(make, reference):
    from iactflow.crosscheck.gammapy_spectrum import check_spectrum

    block = make(check_spectrum, crab(), scale_flux=1.1)
    counts = reference["crab"]["counts_all"]
    assert block["n_on_per_run"] == {"23523": 189, "23526": 199, "23559": 168, "23592": 142}
    assert (block["n_on"], block["n_off"]) == (counts["n_on"], counts["n_off"])
    assert block["alpha"] == pytest.approx(counts["alpha"], rel=1e-9, abs=0)
    assert block["significance"] == pytest.approx(counts["lima"], rel=1e-6, abs=0)
    for name in ("pl", "lp"):
        expected = reference["crab"]["fits"][f"{name.upper()}_safe_aeff10"]
        assert block["models"][name]["stat"] == pytest.approx(expected["stat"], abs=0.01)
        assert_parameters(block["models"][name], expected["pars"], scale=1.1)
    published = reference["crab"]["flux_points_LP_safe_aeff10"]["table"]
    (point,) = block["flux_points"]
    for key in ("dnde", "dnde_errn", "dnde_errp", "dnde_ul"):
        assert point[key] == pytest.approx(1.1 * published[key][1], rel=0.01, abs=0)
    assert point["sqrt_ts"] == pytest.approx(published["sqrt_ts"][1], rel=0.01, abs=0)


def test_a_run_without_off_regions_is_dropped(make):
    from iactflow.crosscheck.gammapy_spectrum import check_spectrum

    around = [{**CRAB, "radius_deg": 1.2}]
    settings = crab(exclusion_regions=around)
    settings["spectrum"]["models"] = settings["spectrum"]["models"][:1]
    settings["spectrum"]["flux_points"]["model"] = "pl"
    block = make(check_spectrum, settings)
    # the two runs at 0.5 deg offset lie wholly inside the exclusion, those at 1.5 deg do not
    assert block["obs_ids"] == [23559, 23592]
    assert [entry["obs_id"] for entry in block["dropped"]] == [23523, 23526]
    assert "0 off regions" in block["dropped"][0]["reason"]
    assert block["n_on"] == 168 + 142


def test_crab_light_curves(make):
    from iactflow.crosscheck.gammapy_light_curve import check_light_curves

    settings = crab(
        light_curves={
            "runs": {"binning": "run_wise", "spectral_index": 2.64},
            "nights": {"binning": "nightly", "spectral_index": 2.64},
            "blocks": {"binning": "bayesian_blocks", "spectral_index": 2.64},
        }
    )
    block = make(check_light_curves, settings)
    runs, nights, blocks = (block[name] for name in ("runs", "nights", "blocks"))
    assert [len(b["points"]) for b in (runs, nights, blocks)] == [4, 3, 1]
    assert runs["energy_min_tev"] == pytest.approx(1.0)
    assert runs["energy_max_tev"] == pytest.approx(19.9526, rel=1e-4, abs=0)
    flux, error = (np.array([p[k] for p in runs["points"]]) for k in ("flux", "flux_err"))
    # the Crab is steady: every run agrees with the integral of the fit to all runs above 1 TeV
    assert np.all(np.abs(flux - 2.6e-11) < 3 * error)
    # one block holds all events: its flux is near the mean of the runs, its error the combined one
    weight = error**-2
    steady = blocks["points"][0]
    assert steady["flux"] == pytest.approx(np.average(flux, weights=weight), rel=0.03, abs=0)
    assert steady["flux_err"] == pytest.approx(weight.sum() ** -0.5, rel=0.1, abs=0)
    # the first night holds the first two runs
    pair = np.average(flux[:2], weights=weight[:2])
    assert nights["points"][0]["flux"] == pytest.approx(pair, rel=0.03, abs=0)
    assert runs["ndf"] == 3
    assert runs["chi2"] < 16


def test_light_curves_of_a_curved_spectrum_agree_with_the_main_chain(make, dr1):
    from iactflow.crosscheck.gammapy_light_curve import check_light_curves
    from iactflow.science.stages.light_curves import light_curve_of_files

    threshold = {"file_threshold": True, "effective_area_min_fraction": 0.2}
    curve = {"binning": "run_wise", "model": "lp"}
    settings = crab(light_curves={"whole": curve, "cut": {**curve, "safe_range": threshold}})
    block = make(check_light_curves, settings)
    files = [dr1 / f"data/hess_dl3_dr1_obs_id_{run:06d}.fits.gz" for run in RUNS]
    for name in settings["light_curves"]:
        ours = light_curve_of_files(files, settings, name)
        flux, error = (
            np.array([p[k] for p in block[name]["points"]]) for k in ("flux", "flux_err")
        )
        assert np.abs((ours.flux - flux) / error).max() < 0.02
    first = [block[name]["points"][0]["flux"] for name in ("whole", "cut")]
    assert first[0] != pytest.approx(first[1], rel=1e-3, abs=0)


def test_crab_sky_map(make):
    from iactflow.crosscheck.gammapy_maps import check_sky_maps

    ring = {"inner_radius_deg": 0.5, "width_deg": 0.3}
    maps = {"energy_bands_tev": [[1.0, 10.0]], "size_deg": 2.0, "pixel_deg": 0.04}
    fixed = make(check_sky_maps, crab(sky_maps=[{**maps, "ring": ring}]), RUNS[:1])["1-10"]
    assert fixed["peak_significance"] > 12
    assert fixed["peak_ra_deg"] == pytest.approx(CRAB["ra_deg"], abs=0.06)
    assert fixed["peak_dec_deg"] == pytest.approx(CRAB["dec_deg"], abs=0.06)
    assert abs(fixed["off_mean"]) < 0.2
    # with room enough an adaptive ring does not grow
    ring = {**ring, "adaptive": True, "min_area_fraction": 0.01}
    grown = make(check_sky_maps, crab(sky_maps=[{**maps, "ring": ring}]), RUNS[:1])["1-10"]
    assert grown == pytest.approx(fixed)
    # without room it does
    ring = {**ring, "inner_radius_deg": 0.1, "width_deg": 0.1, "min_area_fraction": 0.9}
    grown = make(check_sky_maps, crab(sky_maps=[{**maps, "ring": ring}]), RUNS[:1])["1-10"]
    assert grown["peak_significance"] > 8


def test_run_list_without_runs_is_bad_input(tmp_path):
    from iactflow.crosscheck.gammapy_data import open_observations

    table = tmp_path / "observations.tsv"
    table.write_text("run\n1\n")
    with pytest.raises(InputError, match="obs_id"):
        open_observations(tmp_path / "hdu-index.fits.gz", table)


def test_variability_of_known_fluxes():
    from iactflow.crosscheck.gammapy_light_curve import variability

    points = [{"flux": f, "flux_err": 1.0} for f in (8.0, 10.0, 12.0)]
    result = variability([*points, {"flux": None, "flux_err": None}])
    # variance 4 with n - 1, mean square error 1, mean 10; chi2 = 4 + 0 + 4
    assert result["fractional_variability"] == pytest.approx(np.sqrt(3.0) / 10.0)
    assert result["chi2"] == pytest.approx(8.0)
    assert result["ndf"] == 2
    steady = variability([{"flux": f, "flux_err": 5.0} for f in (9.0, 10.0, 11.0)])
    assert steady["fractional_variability"] is None
    assert variability(points[:1])["chi2"] is None
