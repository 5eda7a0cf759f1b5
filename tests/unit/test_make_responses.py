"""Responses of a node from DL2 files: by our chain and by pyirf, as gammapy opens them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import astropy.units as u
import numpy as np
import pytest
from gammapy.irf import load_irf_dict_from_file
from tests.unit.map_samples import make_run
from tests.unit.response_samples import SEED, SPLITS, law, write_sample

from iactflow.campaign.directions import separation_deg
from iactflow.campaign.json_product import read_json
from iactflow.crosscheck.pyirf_responses import check_responses
from iactflow.crosscheck.responses import response_verdicts
from iactflow.discrimination.splits import SPLITS as NAMES
from iactflow.discrimination.splits import showers_per_split
from iactflow.errors import InputError
from iactflow.io.gadf import read_observation
from iactflow.io.gadf_responses import read_responses
from iactflow.io.gadf_write import REQUIRED_CARDS, write_observation
from iactflow.io.observation import Background2D, PointSpreadKing
from iactflow.report.overview_samples import responses
from iactflow.response.samples import read_sample
from iactflow.response.stages.make_responses import make_responses

TOLERANCES = {
    "effective_area_fraction": 1e-3,
    "energy_dispersion_fraction": 1e-3,
    "point_spread_fraction": 0.01,
    "background_fraction": 0.01,
}
#: Showers of the files of the run near the pointing.
NEAR = (1, 150), (151, 600)
ENERGIES = (10.0 ** (np.arange(-10, 16) / 10.0)).tolist()
SETTINGS = {
    "name": "zen20-az180-nsb1",
    "event_type": "",
    "zenith_deg": 20.0,
    "azimuth_deg": 180.0,
    "nsb_factor": 1.0,
    "throughput": 1.0,
    "level": 1.0,
    "run": None,
    "multiplicity_min": None,
    "multiplicity_max": None,
    "energy": "tables",
    "direction": "geometry",
    "smoothing": {"energy_dex": 0.15, "offset_deg": 0.4, "index": 2.7},
    "min_background_showers": 5,
    "background_cuts": None,
    "min_scale_showers": 3,
    "psf": "table",
    "point_like": False,
    "background_table": "3d",
    "fov_step_deg": 0.2,
    "spectra": {"proton": None, "electron": "electron_irfdoc"},
    "off_zenith_reach_deg": 5.0,
    "excluded": {},
    "cuts": {"preset": "loose"},
    "energy_edges_tev": ENERGIES,
    "energy_reco_edges_tev": ENERGIES[::5],
    "migra_edges": np.linspace(0.2, 3.0, 57).tolist(),
    "rad_edges_deg": np.linspace(0.0, 0.6, 31).tolist(),
    "offset_edges_deg": [0.25, 0.75, 1.25],
    "offset_nodes_deg": [0.5, 1.0],
    "fov_max_deg": 2.0,
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Gamma rays at two offsets and from a cone, protons and electrons; some in two files.

    Those near and in the cone are drawn as our simulations are; the others' showers are not known.
    """
    folder = tmp_path_factory.mktemp("dl2")
    for name in ("near", "far", "cone", "proton", "electron"):
        (folder / name).mkdir()
    for part in NEAR:
        path = folder / "near" / f"{part[0]}.root"
        write_sample(path, law(particle="gamma", n_showers=NEAR[-1][1]), run=1, shower_range=part)
    # Another area and law: runs are weighted with what was thrown.
    far = law(
        n_showers=600,
        offset_deg=1.0,
        core_radius_max_m=400.0,
        spectral_index=2.5,
        energy_min_tev=0.15,
    )
    write_sample(folder / "far" / "nsb1.root", far, run=2, seed=4)
    write_sample(folder / "far" / "nsb2.root", far, run=2, seed=4, nsb_factor=2.0)
    own = law(particle="gamma_diffuse", viewcone_deg=2.0, n_showers=800)
    write_sample(folder / "cone" / "nsb1.root", own, run=3)
    wide = law(viewcone_deg=2.0, n_showers=600, energy_min_tev=0.12)
    write_sample(folder / "proton" / "nsb1.root", wide, particle=14, run=4, is_gamma=False)
    write_sample(folder / "electron" / "nsb1.root", wide, particle=3, run=5, is_gamma=True)
    return folder


def index(folder, signal=("near", "far"), background=("proton", "electron")):
    return {
        "signal": [str(folder / name) for name in signal],
        "background": {name: [str(folder / name)] for name in background},
        "off": {},
    }


def make(folder, where, **changes):
    """Both chains; the JSON of both."""
    settings = {**SETTINGS, **changes}
    found = index(where, **settings.pop("samples", {}))
    params = SimpleNamespace(settings=settings, index=found)
    made = {"irf": folder / "irf.fits", "summary": folder / "summary.json"}
    extra = {"point_like": folder / "point_like.fits"} if settings["point_like"] else {}
    make_responses(SimpleNamespace(), SimpleNamespace(**made, **extra), params, None)
    output = SimpleNamespace(check=folder / "check.json")
    check_responses(SimpleNamespace(**made), output, params, None)
    return read_json(made["summary"]), read_json(output.check)


@pytest.fixture(scope="module")
def points(samples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("points")
    # The cut on the direction takes a quarter of the events: 0.06 deg are a standard deviation.
    cuts = {"preset": "loose", "theta2_max_deg2": 0.01}
    return folder, *make(folder, samples, point_like=True, cuts=cuts)


@pytest.fixture(scope="module")
def cone(samples, tmp_path_factory):
    """Diffuse gamma rays, edges that agree with no histogram, other cuts and tables."""
    folder = tmp_path_factory.mktemp("cone")
    changes = {
        "samples": {"signal": ("cone",), "background": ("proton",)},
        "offset_edges_deg": [0.0, 0.7, 1.1, 2.0],
        "offset_nodes_deg": [0.35, 0.9, 1.55],
        "energy_edges_tev": np.geomspace(0.09, 40.0, 9).tolist(),
        "energy": "forest",
        "direction": "forest",
        "psf": "king",
        "background_table": "2d",
        "multiplicity_min": 3,
        "rad_edges_deg": np.linspace(0.0, 0.05, 6).tolist(),
        "cuts": {"gammaness_min": 0.4, "bands": [
            {"energy_max_tev": 1.0, "mean_scaled_width_max": 2.0},
            {"energy_min_tev": 1.0, "mean_scaled_width_max": 3.0},
        ]},
    }  # fmt: skip
    return folder, *make(folder, samples, **changes)


def test_both_chains_agree_on_points(points):
    _, _, check = points
    verdicts = response_verdicts("node", check, TOLERANCES)
    assert len(verdicts) == 6
    assert all(v.passed for v in verdicts), verdicts
    for name in ("effective_area", "energy_dispersion", "point_spread", "background"):
        assert check[name]["difference"] < 1e-6
        assert check[name]["n_bins"] > 15


def test_both_chains_agree_on_a_cone(cone):
    _, _, check = cone
    verdicts = response_verdicts("node", check, TOLERANCES)
    assert all(v.passed for v in verdicts), verdicts
    # A profile is no table: radii are compared in its place.
    assert "point_spread" not in check


def test_only_the_showers_of_the_split_count(points):
    _, summary, _ = points
    showers = sum(
        showers_per_split(SEED, "1", 1, *part, SPLITS)[NAMES.index("test_irfs")] for part in NEAR
    )
    thrown = np.array(summary["n_thrown"])
    assert thrown[0].sum() == pytest.approx(5 * showers)
    assert 0 < np.sum(summary["n_signal_events"]) < thrown.sum()


def test_showers_of_our_simulations_are_counted_and_others_are_shared(points, cone):
    _, summary, _ = points
    assert (summary["thrown_by"], cone[1]["thrown_by"]) == ("both", "shower")
    near, far = np.array(summary["n_thrown"])
    # Five events of each shower.
    np.testing.assert_array_equal(near % 5.0, 0.0)
    assert (far % 5.0).any()
    for made in (summary, cone[1]):
        events, thrown = np.array(made["n_signal_events"]), np.array(made["n_thrown"])
        at = slice(1) if made is summary else slice(None)
        assert (events[at] <= thrown[at]).all()


def test_samples_count_the_showers_of_their_part(samples):
    for name in ("near", "cone"):
        counted = read_sample(samples / name, "test_irfs", counts_showers=True).thrown
        share = read_sample(samples / name, "test_irfs").thrown
        assert counted.counted.all()
        assert not share.counted.any()
        (exact,), (expected,) = counted.histogram, share.histogram
        np.testing.assert_array_equal(exact[:, :2], expected[:, :2])
        # Whole showers with all their re-uses; shares are fractions of them.
        np.testing.assert_array_equal(exact[:, 2] % 5, 0)
        assert exact[:, 2].sum() == pytest.approx(5 * counted.n_showers[0])
        assert expected[:, 2].sum() == pytest.approx(exact[:, 2].sum())
        assert (exact[:, 2] != expected[:, 2]).any()


def test_gammapy_opens_what_both_chains_made(points):
    folder, summary, _ = points
    loaded = load_irf_dict_from_file(folder / "irf.fits")
    assert sorted(loaded) == ["aeff", "bkg", "edisp", "psf"]
    centre = np.sqrt(ENERGIES[12] * ENERGIES[13]) * u.TeV
    area = loaded["aeff"].evaluate(energy_true=centre, offset=0.5 * u.deg)
    assert area.to_value("m2") == pytest.approx(summary["effective_area_m2"][0][12], rel=1e-6)
    kernel = loaded["edisp"].to_edisp_kernel(offset=0.5 * u.deg).pdf_matrix
    events = np.array(summary["n_signal_events"])
    filled = (events[0] >= 10) & (events[1] >= 10)
    np.testing.assert_allclose(kernel.sum(axis=1)[filled], 1.0, atol=1e-6)
    assert filled.sum() >= 3
    most = int(np.argmax(events[0]))
    energy = np.sqrt(ENERGIES[most] * ENERGIES[most + 1]) * u.TeV
    radius = loaded["psf"].containment_radius(
        0.68, energy_true=u.Quantity([energy]), offset=0.5 * u.deg
    )
    expected = summary["angular_resolution_deg"][0][most]
    # Rings are 0.02 deg wide.
    assert radius.to_value("deg")[0] == pytest.approx(expected, abs=0.02)
    rate = loaded["bkg"].evaluate(energy=0.5 * u.TeV, fov_lon=0.1 * u.deg, fov_lat=0.1 * u.deg)
    assert rate.value > 0.0


def test_point_like_responses_hold_the_cut(points):
    folder, summary, _ = points
    found = read_responses(folder / "point_like.fits")
    assert found.point_like
    assert found.psf is None
    np.testing.assert_allclose(found.rad_max.rad_max_deg, 0.1, rtol=1e-6)
    area = np.array(summary["effective_area_m2"])
    assert (found.aeff.area_m2 <= area * (1.0 + 1e-6)).all()
    assert found.aeff.area_m2.sum() < 0.9 * area.sum()


def test_summary_gives_errors_by_shower(points):
    _, summary, _ = points
    area, error = (np.array(summary[f"effective_area{end}_m2"], float) for end in ("", "_error"))
    events, thrown = (np.array(summary[key], float) for key in ("n_signal_events", "n_thrown"))
    known = events > 10
    area, error, thrown = area[known], error[known], thrown[known]
    share = events[known] / thrown
    binomial = (area / share) * np.sqrt(share * (1.0 - share) / thrown)
    # Events of a shower trigger alike: less is known than from as many showers.
    assert np.median(error / binomial) > 0.8
    assert summary["n_background_showers_in_all"] >= max(summary["n_background_showers"])
    for name in ("angular_resolution_deg", "energy_resolution", "energy_bias"):
        values = np.array(summary[name], float)
        errors = np.array(summary[name.replace("resolution", "resolution_error").replace(
            "bias", "bias_error")], float)  # fmt: skip
        assert np.isfinite(values[events >= 10]).all()
        assert np.isnan(values[events < 10]).all()
        assert (errors[np.isfinite(errors)] >= 0.0).all()


def test_simulations_that_begin_above_the_threshold_are_told(points, samples, tmp_path, caplog):
    """Areas of these samples do not depend on the energy: they begin at their largest value."""
    lowest = points[1]["lowest_area_fraction"]
    area = np.array(points[1]["effective_area_m2"])
    first = np.argmax(np.array(points[1]["n_thrown"]) > 0.0, axis=1)
    np.testing.assert_allclose(lowest, area[[0, 1], first] / area.max(axis=1))
    assert max(lowest) > 0.1
    make(tmp_path, samples)
    assert "begin the effective area is" in caplog.text
    page = responses({"zen20-az180-nsb1": points[1]})
    assert "zen20-az180-nsb1 begin above the threshold" in page
    low = {**points[1], "lowest_area_fraction": [0.02, None]}
    assert "threshold" not in responses({"zen20-az180-nsb1": low})
    assert responses({}) == ""


def test_loose_cuts_give_the_distribution_and_the_others_the_rate(points, samples, tmp_path):
    folder, strict, _ = points
    loose = {"mean_scaled_width_max": 10.0}
    summary, check = make(tmp_path, samples, background_cuts=loose)
    assert summary["n_background_showers_of_table"] > strict["n_background_showers_of_table"]
    # What passes the cuts is as before, for pyirf too.
    assert summary["background_rate_per_s"] == strict["background_rate_per_s"]
    assert check["background"]["difference"] < 1e-6
    rates = []
    for path in (folder, tmp_path):
        bkg = read_responses(path / "irf.fits").bkg
        solid = np.diff(np.sin(np.radians(bkg.y_edges_deg)))[:, None]
        solid = solid * np.radians(np.diff(bkg.x_edges_deg))
        mev = 1e6 * np.diff(bkg.energy_edges_tev)[:, None, None]
        rates.append(np.sum(bkg.rate_per_s_mev_sr * solid * mev))
    # Cells cut the circle of the rings: the sum of cells is that of rings to some per cent.
    assert rates[1] == pytest.approx(rates[0], rel=0.1)
    assert 0.0 < summary["background_scale"] < 1.0
    assert 0.0 < summary["background_scale_error"] < summary["background_scale"]


def test_other_tables_are_written_where_they_are_asked_for(cone):
    found = read_responses(cone[0] / "irf.fits")
    assert isinstance(found.psf, PointSpreadKing)
    assert isinstance(found.bkg, Background2D)
    assert found.cards["ZENITH"] == 20.0
    assert sorted(load_irf_dict_from_file(cone[0] / "irf.fits")) == ["aeff", "bkg", "edisp", "psf"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_background_showers": 10_000}, "min_background_showers"),
        ({"background_cuts": {}, "min_scale_showers": 10_000}, "min_scale_showers"),
        ({"level": 3.0}, "nsb_factor"),
        ({"cuts": {"gammaness_min": 1.0}}, "no event passes cuts"),
        ({"point_like": True, "cuts": None}, "cuts with theta2_max_deg2"),
    ],
)
def test_what_makes_no_response_is_refused(samples, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        make(tmp_path, samples, **change)


def test_failed_comparisons_are_failed_verdicts(points):
    _, _, check = points
    off = {**check, "effective_area": {"difference": 0.002, "n_bins": 5}}
    off["energy_dispersion"] = {"difference": 0.0, "n_bins": 0}
    off["n_events"] = {"main": 3, "check": 4}
    passed = [v.passed for v in response_verdicts("node", off, TOLERANCES)]
    assert passed == [False, False, False, True, True, True]
    assert [v.passed for v in response_verdicts("node", {}, TOLERANCES)] == [False]


def test_real_events_make_background_in_place_of_simulations(samples, tmp_path):
    """Runs near the zenith angle of the node count, others do not; regions are cut out."""
    paths = []
    for obs_id, zenith in ((1, 21.0), (2, 50.0)):
        run = replace(make_run(obs_id, aeff=None, psf=None, bkg=None), zenith_deg=zenith)
        paths.append(str(tmp_path / f"{obs_id}.fits"))
        write_observation(run, paths[-1], dict.fromkeys(REQUIRED_CARDS, "test"))
    circle = {"ra_deg": 83.63, "dec_deg": 22.01, "radius_deg": 0.4}
    settings = {**SETTINGS, "excluded": {"crab": [circle]}, "fov_max_deg": 1.5}
    found = {**index(samples, background=()), "off": {"crab": paths}}
    params = SimpleNamespace(settings=settings, index=found)
    made = SimpleNamespace(irf=tmp_path / "irf.fits", summary=tmp_path / "summary.json")
    make_responses(SimpleNamespace(), made, params, None)
    summary = read_json(made.summary)
    run = read_observation(paths[0], hdus=("events", "gti"))
    # Rings of 0.2 deg reach 1.5 deg, shrunk to fit.
    inside = separation_deg(run.event_ra_deg, run.event_dec_deg, run.ra_pnt_deg, run.dec_pnt_deg)
    cut = separation_deg(run.event_ra_deg, run.event_dec_deg, 83.63, 22.01) <= 0.4
    used = (inside <= 1.5) & ~cut & (run.event_energy_tev >= ENERGIES[0])
    used &= run.event_energy_tev <= ENERGIES[25]
    assert summary["n_background_showers_in_all"] == used.sum() > 100
    # What was cut out is put back: the rate of a flat sky is that of all its events.
    everything = (inside <= 1.5) & (run.event_energy_tev <= ENERGIES[25])
    rate = np.sum(summary["background_rate_per_s"]) * run.livetime_s
    assert rate == pytest.approx(everything.sum(), abs=3.0 * np.sqrt(everything.sum()))
    params.settings = {**settings, "zenith_deg": 35.0}
    with pytest.raises(InputError, match="runs within 5 deg of 35"):
        make_responses(SimpleNamespace(), made, params, None)
