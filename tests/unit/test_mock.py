"""Mock runs: reproducible however they are cut, and distributed as they should be."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from astropy.coordinates import SkyCoord
from astropy.time import Time
from scipy.integrate import quad
from scipy.stats import chi2

from iactflow.campaign import mock_truth
from iactflow.campaign.mock_runs import mock_run_table, wobble_pointing_deg
from iactflow.campaign.schema import Mock
from iactflow.dl3 import from_responses, mock, sky_model
from iactflow.dl3.stages import index_dl3, simulate_dl3
from iactflow.errors import InputError
from iactflow.io.gadf import find_files, read_observation
from iactflow.response import parametrised

SEED = 1234
N_MOCKS = 200
P_MIN = 1e-3
POSITION = {"ra_deg": 83.633083, "dec_deg": 22.0145}


def settings(source=None, **changes):
    """A validated block ``mock``: runs of ten minutes unless told otherwise."""
    block = {"run_duration_s": 600.0, "source": {"position": POSITION, **(source or {})}}
    return Mock.model_validate({**block, **changes}).model_dump(mode="json")


def simulate(folder, block, obs_ids):
    params = SimpleNamespace(settings=block, seed=SEED, obs_ids=obs_ids)
    simulate_dl3(SimpleNamespace(), SimpleNamespace(dl3=folder), params, None)


def p_value(observed, expected):
    """Chi-square probability of counts; few bins, all well filled."""
    assert expected.min() > 10
    return chi2.sf(np.sum((observed - expected) ** 2 / expected), len(expected))


def test_runs_do_not_depend_on_the_chunks(tmp_path):
    block = settings(n_runs=3)
    simulate(tmp_path / "together", block, [1, 2, 3])
    for obs_id in (3, 1, 2):
        simulate(tmp_path / "apart" / f"{obs_id}", block, [obs_id])
        name = f"run_{obs_id:06d}.fits.gz"
        one = (tmp_path / "apart" / f"{obs_id}" / name).read_bytes()
        assert one == (tmp_path / "together" / name).read_bytes()


def test_runs_and_seeds_differ():
    block = settings(wobble_offset_deg=0.5)
    energies = [
        mock.sample_observation(block, seed, obs_id).event_energy_tev
        for seed, obs_id in ((1, 1), (1, 3), (2, 1))
    ]
    shared = [np.intersect1d(energies[0], other).size for other in energies[1:]]
    assert shared == [0, 0]


def test_stages_make_a_store_that_agrees_with_the_run_table(tmp_path):
    block = settings(n_runs=3, start="2026-01-15T20:00:00")
    table = mock_run_table(block, 2)
    assert list(table["file"]) == [
        "00000/run_000001.fits.gz",
        "00000/run_000002.fits.gz",
        "00001/run_000003.fits.gz",
    ]
    simulate(tmp_path / "00000", block, [1, 2])
    simulate(tmp_path / "00001", block, [3])
    outputs = SimpleNamespace(
        obs_index=tmp_path / ".new-obs-index.fits.gz", hdu_index=tmp_path / ".new-hdu-index.fits.gz"
    )
    chunks = SimpleNamespace(chunks=[tmp_path / "00000", tmp_path / "00001"])
    index_dl3(chunks, outputs, SimpleNamespace(root=tmp_path), None)
    outputs.obs_index.rename(tmp_path / "obs-index.fits.gz")
    outputs.hdu_index.rename(tmp_path / "hdu-index.fits.gz")
    files = find_files(tmp_path)
    for row in table.itertuples():
        assert files[row.obs_id] == tmp_path / row.file
        run = read_observation(files[row.obs_id])
        assert (run.ra_pnt_deg, run.dec_pnt_deg) == (row.ra_pnt_deg, row.dec_pnt_deg)
        assert run.zenith_deg == pytest.approx(row.zenith_deg)
        assert run.livetime_s == pytest.approx(row.livetime_s)
        start = Time(run.time_ref_mjd, run.tstart_s / 86400.0, format="mjd", scale="tt")
        assert abs((start - Time(row.start_utc, scale="utc")).to_value("s")) < 1e-4
        assert run.tstop_s - run.tstart_s == pytest.approx(600.0)


def test_events_lie_in_their_run_and_field_of_view():
    run = mock.sample_observation(settings(), SEED, 2)
    assert len(run.event_time_s) > 500
    assert np.all(np.diff(run.event_time_s) >= 0)
    assert run.tstart_s <= run.event_time_s[0]
    assert run.event_time_s[-1] <= run.tstop_s
    assert np.all(run.event_energy_tev > 0)
    events = SkyCoord(run.event_ra_deg, run.event_dec_deg, unit="deg")
    pointing = SkyCoord(run.ra_pnt_deg, run.dec_pnt_deg, unit="deg")
    # Bins of 0.1 deg whose centre lies within 2.5 deg.
    assert events.separation(pointing).deg.max() < 2.5 + 0.1


def test_start_of_runs():
    # 25 years, seven of them leap, 15 days and 20 hours, and five leap seconds.
    utc = mock_truth.run_start_s(settings(start="2026-01-15T20:00:00"), 1)
    assert utc == 790200005.0
    assert (
        mock_truth.run_start_s(settings(start="2026-01-15T20:00:00", gap_s=7.0), 3) == utc + 1214.0
    )


def test_wobble_alternates_and_stops_at_the_pole():
    block = settings(wobble_offset_deg=0.7)
    assert wobble_pointing_deg(block, 1) == pytest.approx((83.633083, 22.7145))
    assert wobble_pointing_deg(block, 2) == pytest.approx((83.633083, 21.3145))
    block["source"]["position"]["dec_deg"] = -89.5
    with pytest.raises(InputError, match="pole"):
        mock_run_table(block, 1)


@pytest.mark.parametrize(("ra_deg", "dec_deg"), [(0.3, -65.0), (83.6, 22.0), (359.9, 89.0)])
def test_field_of_view_coordinates_are_those_of_astropy(ra_deg, dec_deg):
    x_deg, y_deg = (a.ravel() for a in np.meshgrid([-2.4, 0.0, 1.7], [-1.9, 0.2, 2.3]))
    centre = SkyCoord(ra_deg, dec_deg, unit="deg")
    expected = SkyCoord(x_deg, y_deg, unit="deg", frame=centre.skyoffset_frame()).icrs
    ours = SkyCoord(*sky_model.to_sky_deg(x_deg, y_deg, ra_deg, dec_deg), unit="deg")
    assert ours.separation(expected).deg.max() < 1e-9


def test_spectra():
    energy_tev = np.array([0.5, 1.0, 4.0])
    source = {"amplitude": 2e-11, "index": 2.5, "reference_tev": 2.0}
    power_law = 2e-11 * (energy_tev / 2.0) ** -2.5
    extra = {"curvature": 0.1, "energy_cutoff_tev": 10.0}
    expected = {
        "pl": power_law,
        "ecpl": power_law * np.exp(-energy_tev / 10.0),
        "lp": power_law * np.exp(-0.1 * np.log(energy_tev / 2.0) ** 2),
    }
    for model, values in expected.items():
        ours = mock_truth.flux_per_cm2_s_tev({**source, **extra, "model": model}, energy_tev)
        np.testing.assert_allclose(ours, values, rtol=1e-12)
    with pytest.raises(InputError, match="energy_cutoff_tev"):
        mock_truth.flux_per_cm2_s_tev(
            {**source, "model": "ecpl", "energy_cutoff_tev": None}, energy_tev
        )


def test_offset_outside_the_responses():
    with pytest.raises(InputError, match=r"wobble_offset_deg.*2\.5"):
        mock.sample_observation(settings(wobble_offset_deg=2.6), SEED, 1)


def test_mean_of_a_flare_that_spans_a_gap():
    # Runs of 600 s from 0, 720, 1440; the flare from 500 to 820 covers 100 s of each of two.
    source = {"flare_factor": 4.0, "flare_start_s": 500.0, "flare_duration_s": 320.0}
    block = settings(source, n_runs=3)
    assert mock_truth.factor_mean(block, block["source"], [1]) == pytest.approx(1.5)
    assert mock_truth.factor_mean(block, block["source"], [3]) == pytest.approx(1.0)
    assert mock_truth.factor_mean(block, block["source"], [1, 2, 3]) == pytest.approx(4.0 / 3.0)


def test_demo_states_what_it_injects(repository):
    demo = yaml.safe_load((repository / "config" / "campaigns" / "demo.yaml").read_text())
    block = Mock.model_validate(demo["mock"]).model_dump(mode="json")
    published = demo["targets"]["crab"]["spectrum"]["published"][0]
    runs = range(1, block["n_runs"] + 1)
    mean = block["source"]["amplitude"] * mock_truth.factor_mean(block, block["source"], runs)
    assert published["label"].startswith("injected")
    assert published["amplitude"] == pytest.approx(mean, rel=1e-4)
    assert published["index"] == block["source"]["index"]


@pytest.fixture(scope="module")
def photons():
    """Source photons of many mocks with a flare: counts, times, positions, energies."""
    source = {"flare_factor": 5.0, "flare_start_s": 100.0, "flare_duration_s": 50.0}
    block = settings(source, run_duration_s=200.0, gap_s=0.0)
    tables = parametrised.responses(20.0)
    random = np.random.Generator(np.random.Philox(key=SEED))
    draws = [
        from_responses.sample_source(block, block["source"], 1, tables, random)
        for _ in range(N_MOCKS)
    ]
    counts = np.array([len(draw[0]) for draw in draws])
    return block, counts, *(np.concatenate(column) for column in zip(*draws, strict=True))


def detected_per_s(energy_tev):
    """Detection rate against true energy, from the formulas and not from the tables."""
    area_cm2 = 1e4 * parametrised.effective_area_m2(energy_tev, 0.5)
    return 3.45e-11 * energy_tev**-2.63 * area_cm2


def test_number_of_source_photons(photons):
    _, counts, *_ = photons
    rate = quad(lambda log: detected_per_s(np.exp(log)) * np.exp(log), np.log(0.03), np.log(150))[0]
    # 150 s at the quiet and 50 s at five times the quiet flux, 6 % of it dead.
    expected = rate * (150.0 + 5.0 * 50.0) * 0.94
    assert chi2.sf(np.sum((counts - expected) ** 2 / expected), N_MOCKS) > P_MIN
    assert chi2.cdf(np.sum((counts - expected) ** 2 / expected), N_MOCKS) > P_MIN
    assert abs(counts.sum() - expected * N_MOCKS) < 3.5 * np.sqrt(expected * N_MOCKS)


def test_times_of_source_photons_follow_the_flare(photons):
    _, counts, time_s, *_ = photons
    observed = np.histogram(time_s, np.linspace(0.0, 200.0, 9))[0]
    weights = np.array([1, 1, 1, 1, 5, 5, 1, 1])
    assert p_value(observed, counts.sum() * weights / weights.sum()) > P_MIN


def expected_energies(edges, weight, true_tev):
    """Fractions of the photons per bin of reconstructed energy; weight per log true energy."""
    migra = edges / true_tev[:, np.newaxis]
    inside = parametrised.migration_fraction(migra[:, :-1], migra[:, 1:])
    return (weight[:, np.newaxis] * inside).sum(axis=0) / weight.sum()


def test_energies_of_source_photons(photons):
    _, counts, _, _, _, energy_tev = photons
    edges = np.array([0.05, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.5, 5.0, 60.0])
    true_tev = np.geomspace(0.03, 150.0, 4001)
    expected = expected_energies(edges, detected_per_s(true_tev) * true_tev, true_tev)
    assert p_value(np.histogram(energy_tev, edges)[0], expected * counts.sum()) > P_MIN


def test_energy_dispersion_of_a_line():
    # A log-parabola this curved is a line at 1 TeV of 5 % width: the dispersion is what is seen.
    line = {"model": "lp", "amplitude": 3e-8, "curvature": 200.0}
    random = np.random.Generator(np.random.Philox(key=SEED + 2))
    block = settings(line)
    draw = from_responses.sample_source(
        block, block["source"], 1, parametrised.responses(20.0), random
    )
    true_tev = np.geomspace(0.6, 1.6, 2001)
    weight = mock_truth.flux_per_cm2_s_tev(settings(line)["source"], true_tev) * true_tev
    weight = weight * parametrised.effective_area_m2(true_tev, 0.5)
    edges = np.array([0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.8])
    expected = expected_energies(edges, weight, true_tev) * len(draw[3])
    assert len(draw[3]) > 1000
    assert p_value(np.histogram(draw[3], edges)[0], expected) > P_MIN


def test_empty_distributions_are_not_drawn_from():
    """A bin of energy that nothing was reconstructed in leaves its photons to its neighbours."""
    tables = parametrised.responses(20.0)
    k = int(np.searchsorted(tables.edisp.energy_edges_tev, 1.0)) - 1
    matrix, density = tables.edisp.matrix.copy(), tables.psf.value_per_sr.copy()
    matrix[:, :, k], density[:, :, k] = 0.0, 0.0
    tables = replace(
        tables,
        edisp=replace(tables.edisp, matrix=matrix),
        psf=replace(tables.psf, value_per_sr=density),
    )
    true_tev = np.full(2000, np.sqrt(np.prod(tables.edisp.energy_edges_tev[k : k + 2])))
    offsets = np.full(2000, 0.5)
    with pytest.raises(InputError, match="no distribution at"):
        from_responses._draw_migra(tables.edisp, true_tev, offsets, np.random.default_rng(1))
    beside = true_tev * 1.01
    migra = from_responses._draw_migra(tables.edisp, beside, offsets, np.random.default_rng(1))
    assert abs(np.median(migra) - 1.0) < 0.05
    rad = from_responses._draw_rad_deg(tables.psf, beside, offsets, np.random.default_rng(1))
    assert 0.02 < np.median(rad) < 0.2


def test_point_spread_of_source_photons(photons):
    _, counts, _, ra_deg, dec_deg, _ = photons
    events = SkyCoord(ra_deg, dec_deg, unit="deg")
    source = SkyCoord(POSITION["ra_deg"], POSITION["dec_deg"], unit="deg")
    edges = np.array([0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.13, 0.17, 0.22, 0.3, 0.6])
    true_tev = np.geomspace(0.03, 150.0, 2001)
    weight = detected_per_s(true_tev) * true_tev
    radius68 = parametrised.psf_radius68_deg(true_tev, 0.5)
    contained = parametrised.psf_containment(edges[:, None], radius68)
    contained /= parametrised.psf_containment(0.7, radius68)
    expected = np.diff((contained * weight).sum(axis=1) / weight.sum()) * counts.sum()
    observed = np.histogram(events.separation(source).deg, edges)[0]
    assert p_value(observed, expected) > P_MIN
    angle = events.position_angle(source).deg
    quadrants = np.histogram(angle, [0.0, 90.0, 180.0, 270.0, 360.0])[0]
    assert p_value(quadrants, np.full(4, counts.sum() / 4.0)) > P_MIN


def test_background(photons):
    bkg = parametrised.responses(20.0).bkg
    random = np.random.Generator(np.random.Philox(key=SEED + 1))
    draws = [from_responses.sample_background(bkg, 20.0, random) for _ in range(N_MOCKS)]
    counts = np.array([len(draw[0]) for draw in draws])
    x_deg, y_deg, energy_tev = (np.concatenate(column) for column in zip(*draws, strict=True))

    def per_s_tev(energy):
        rate = parametrised.background_rate_per_s_mev_sr(energy, 0.0) * 1e6
        disc = quad(lambda r: 2.0 * np.pi * r * parametrised.acceptance(r), 0.0, 2.5)[0]
        return rate * disc * np.deg2rad(1.0) ** 2

    edges = np.geomspace(0.1, 100.0, 37)[[0, 4, 5, 6, 7, 8, 10, 12, 15, 20, 36]]
    rates = [quad(per_s_tev, low, high)[0] for low, high in pairwise(edges)]
    expected = np.array(rates) * 20.0 * N_MOCKS
    total = expected.sum()
    # The disc of cells of 0.1 deg and bin centres instead of integrals: half a per cent each.
    assert abs(counts.sum() - total) < 3.5 * np.sqrt(total) + 0.01 * total
    observed = np.histogram(energy_tev, edges)[0]
    assert p_value(observed, expected * counts.sum() / total) > P_MIN
    mean = counts.mean()
    assert chi2.sf(np.sum((counts - mean) ** 2 / mean), N_MOCKS - 1) > P_MIN
    offset_edges = np.linspace(0.0, 2.4, 13)
    rings = [
        quad(lambda r: r * parametrised.acceptance(r), low, high)[0]
        for low, high in pairwise(offset_edges)
    ]
    observed = np.histogram(np.hypot(x_deg, y_deg), offset_edges)[0]
    assert p_value(observed, np.array(rings) / sum(rings) * observed.sum()) > P_MIN
