"""Mock runs drawn from simulated events: numbers, directions, times, re-use, refusals."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import mock_samples
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from mock_samples import AREA_CM2, DETECTED, ENERGIES_TEV, SIGMA_DEG
from scipy.integrate import quad
from scipy.stats import chi2, kstest

from iactflow.campaign import mock_truth
from iactflow.campaign.mock_runs import mock_run_file, wobble_pointing_deg
from iactflow.campaign.schema_mock import Mock
from iactflow.dl3 import sky_model
from iactflow.dl3.from_simulations import background_means, draw_source, source_nodes
from iactflow.dl3.mock_simulations import Simulations
from iactflow.dl3.simulated_events import Limits, Sample
from iactflow.dl3.stages import simulate_dl3
from iactflow.errors import InputError
from iactflow.io.gadf import read_observation
from iactflow.response.selection import CutBand, Cuts
from iactflow.response.spectra import SPECTRA

SEED = 77
POSITION = {"ra_deg": 83.633083, "dec_deg": 22.0145}
CENTRE = SkyCoord(POSITION["ra_deg"], POSITION["dec_deg"], unit="deg")
LIMITS = Limits(1.0, 0.1)
CONDITIONS = {"zenith_deg": 20.0, "azimuth_deg": 180.0, "nsb_factor": 1.0, "throughput": 1.0}
P_MIN = 1e-3
BRIGHT = 3.45e-10


def settings(source=None, simulations=None, **changes):
    block = {
        "run_duration_s": 1000.0,
        "dead_time_fraction": 0.1,
        "azimuth_deg": 180.0,
        "source": {"position": POSITION, "amplitude": BRIGHT, **(source or {})},
        "simulations": {"signal": ["gamma"], **(simulations or {})},
    }
    block |= changes
    if "sources" in changes:
        del block["source"]
    return Mock.model_validate(block).model_dump(mode="json")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Samples: gamma rays of a point source and of a cone, electrons."""
    folder = tmp_path_factory.mktemp("samples")
    made = {name: folder / name / "nsb1.root" for name in ("gamma", "diffuse", "electron")}
    mock_samples.write_sample(made["gamma"], n_showers=20000)
    mock_samples.write_sample(made["diffuse"], n_showers=60000, viewcone_deg=2.0, run=2)
    mock_samples.write_sample(
        made["electron"], n_showers=20000, viewcone_deg=3.0, run=3, particle=3
    )
    return made


CHOICE = {"cuts": {}, "estimators": {"energy": "tables", "direction": "geometry"}}


def stage(block, files, folder, obs_ids, background=()):
    samples = {
        "signal": {name: [files[name]] for name in block["simulations"]["signal"]},
        "background": {name: [files[name]] for name in background},
    }
    params = SimpleNamespace(settings=block, seed=SEED, obs_ids=obs_ids, samples=samples, **CHOICE)
    simulate_dl3(SimpleNamespace(), SimpleNamespace(dl3=folder), params, None)


def gammas(files, name="gamma", cuts=None):
    sample = Sample(name, [files[name]], cuts or Cuts("none", (CutBand(),)))
    return sample.choose(CONDITIONS, LIMITS)


def generator(seed=1):
    return np.random.Generator(np.random.Philox(key=seed))


def flux_cm2_s(source, low=ENERGIES_TEV[0], high=ENERGIES_TEV[1]):
    return quad(lambda e: float(mock_truth.flux_per_cm2_s_tev(source, e)), low, high)[0]


def draws(block, nodes, n, seed=1, obs_id=1):
    """Runs of one source, drawn many times."""
    random = generator(seed)
    return [draw_source(block, block["source"], obs_id, nodes, random) for _ in range(n)]


def joined(many):
    return [np.concatenate(column) for column in zip(*(d.columns for d in many), strict=True)]


def test_number_of_events_is_flux_times_area_times_detection(files):
    block = settings()
    nodes = source_nodes(block["source"], 0.5, [gammas(files)], 0.1)
    many = draws(block, nodes, 200)
    counts = np.array([len(d.columns[0]) for d in many])
    mean = counts.mean()
    # Poisson about the mean of the sample, which itself varies as far as its events do.
    assert chi2.sf(np.sum((counts - mean) ** 2 / mean), len(counts) - 1) > P_MIN
    assert chi2.cdf(np.sum((counts - mean) ** 2 / mean), len(counts) - 1) > P_MIN
    expected = flux_cm2_s(block["source"]) * AREA_CM2 * DETECTED * 900.0
    spread = expected * np.hypot(1.0 / np.sqrt(many[0].n_effective), 1.0 / np.sqrt(counts.sum()))
    assert abs(mean - expected) < 4.0 * spread
    assert spread < 0.02 * expected
    assert many[0].n_expected == pytest.approx(mean, rel=4.0 / np.sqrt(counts.sum()))


def test_spectrum_of_the_events(files):
    block = settings()
    nodes = source_nodes(block["source"], 0.5, [gammas(files)], 0.1)
    many = draws(block, nodes, 30)
    energy_tev, event = joined(many)[3], np.concatenate([d.identity["MC_EVENT"] for d in many])
    edges = np.array([0.45, 0.6, 0.8, 1.1, 1.6, 2.5, 5.0])
    observed = np.histogram(energy_tev, edges)[0]
    # A log-normal dispersion multiplies a power law by a constant.
    expected = np.array([flux_cm2_s(block["source"], *ends) for ends in pairwise(edges)])
    expected *= observed.sum() / expected.sum()
    single = np.unique(event, return_index=True)[1]
    spread = 1.0 / np.sqrt(np.histogram(energy_tev[single], edges)[0])
    pulls = (observed / expected - 1.0) / spread
    assert chi2.sf(np.sum(pulls**2), len(pulls) - 1) > P_MIN
    assert spread.max() < 0.06


def test_directions_scatter_about_the_source(files):
    block = settings()
    nodes = source_nodes(block["source"], 0.5, [gammas(files)], 0.1)
    many = draws(block, nodes, 10)
    rows = np.unique(np.concatenate([d.identity["MC_EVENT"] for d in many]), return_index=True)[1]
    _, ra_deg, dec_deg, _ = (column[rows] for column in joined(many))
    found = SkyCoord(ra_deg, dec_deg, unit="deg")
    distance_deg = CENTRE.separation(found).deg
    test = kstest(distance_deg, lambda r: -np.expm1(-0.5 * (r / SIGMA_DEG) ** 2))
    assert test.pvalue > P_MIN
    quadrants = np.histogram(CENTRE.position_angle(found).deg, [0, 90, 180, 270, 360])[0]
    mean = len(rows) / 4.0
    assert chi2.sf(np.sum((quadrants - mean) ** 2 / mean), 3) > P_MIN


def test_a_cone_gives_the_same_point_source(files):
    """Diffuse gamma rays near the offset stand for those of a point source."""
    block = settings(simulations={"signal": ["diffuse"]})
    nodes = source_nodes(block["source"], 0.5, [gammas(files, "diffuse")], 0.1)
    assert nodes[0].window_deg == pytest.approx((0.4, 0.6))
    drawn = draws(block, nodes, 30)
    expected = flux_cm2_s(block["source"]) * AREA_CM2 * DETECTED * 900.0
    spread = expected / np.sqrt(drawn[0].n_effective)
    assert abs(drawn[0].n_expected - expected) < 4.0 * spread
    assert spread < 0.05 * expected
    _, ra_deg, dec_deg, _ = joined(drawn)
    distance_deg = CENTRE.separation(SkyCoord(ra_deg, dec_deg, unit="deg")).deg
    assert np.quantile(distance_deg, 0.393) == pytest.approx(SIGMA_DEG, rel=0.1)


def test_an_extended_source_has_its_shape_and_its_flux(files):
    extension = {"shape": "disk", "radius_deg": 0.6}
    block = settings({"extension": extension}, {"signal": ["diffuse"]})
    nodes = source_nodes(block["source"], 0.5, [gammas(files, "diffuse")], 0.1)
    many = draws(block, nodes, 30)
    counts = np.array([len(d.columns[0]) for d in many])
    expected = flux_cm2_s(block["source"]) * AREA_CM2 * DETECTED * 900.0
    effective = np.mean([d.n_effective for d in many])
    assert effective > 500
    assert abs(counts.mean() - expected) < 4.0 * expected / np.sqrt(effective)
    _, ra_deg, dec_deg, _ = joined(many)
    found = SkyCoord(ra_deg, dec_deg, unit="deg")
    distance_deg = CENTRE.separation(found).deg
    rings = np.histogram(distance_deg, [0.0, 0.2, 0.3, 0.4])[0]
    assert rings / rings.sum() == pytest.approx([4 / 16, 5 / 16, 7 / 16], abs=0.05)
    pointing = SkyCoord(*wobble_pointing_deg(block, 1), unit="deg")
    near = np.mean(pointing.separation(found).deg < 0.5)
    # Part of a disk of 0.6 deg inside one of 0.5 deg about a point 0.5 deg away.
    ra, dec = sky_model.draw_directions_deg(
        sky_model.draw_distance_deg(extension, 20000, generator()), *POSITION.values(), generator(2)
    )
    true = np.mean(pointing.separation(SkyCoord(ra, dec, unit="deg")).deg < 0.5)
    assert near == pytest.approx(true, abs=0.04)


def test_times_follow_a_period(files):
    period = {"period_s": 400.0, "phase": 0.5, "fraction": 1.0}
    block = settings({"periodic": period})
    nodes = source_nodes(block["source"], 0.5, [gammas(files)], 0.1)
    time_s = joined(draws(block, nodes, 20, obs_id=2))[0]
    # The second run begins 1120 s after the first.
    edges = np.linspace(0.0, 1000.0, 11)
    expected = np.diff(mock_truth.factor_integral_s(block["source"], edges + 1120.0))
    expected *= len(time_s) / expected.sum()
    observed = np.histogram(time_s, edges)[0]
    assert chi2.sf(np.sum((observed - expected) ** 2 / expected), 9) > P_MIN
    mean = mock_truth.factor_mean(block, block["source"], [2])
    quiet = flux_cm2_s(block["source"]) * AREA_CM2 * DETECTED * 900.0
    assert len(time_s) / 20.0 == pytest.approx(quiet * mean, rel=0.05)


def test_runs_do_not_depend_on_chunks_or_files(files, tmp_path):
    block = settings(n_runs=3)
    stage(block, files, tmp_path / "together", [1, 2, 3])
    for obs_id in (3, 1):
        stage(block, files, tmp_path / f"apart{obs_id}", [obs_id])
        name = mock_run_file(obs_id)
        one = (tmp_path / f"apart{obs_id}" / name).read_bytes()
        assert one == (tmp_path / "together" / name).read_bytes()


def test_a_run_says_what_it_rests_on(files, tmp_path):
    block = settings(zenith_deg=20.0, n_runs=2)
    stage(block, files, tmp_path, [1])
    file = tmp_path / mock_run_file(1)
    run = read_observation(file)
    assert run.zenith_deg == 20.0
    assert np.all(np.diff(run.event_time_s) >= 0)
    with fits.open(file) as hdus:
        header, events = hdus["EVENTS"].header, hdus["EVENTS"].data
        simulated = events["MC_EVENT"] >= 0
        assert header["MC_NS"] == simulated.sum()
        keys, copies = np.unique(events["MC_EVENT"][simulated], return_counts=True)
        assert header["MC_NSDIS"] == len(keys)
        assert header["MC_NSMAX"] == copies.max()
        assert header["MC_NSSHW"] == len(np.unique(events["MC_SHOWER"][simulated]))
        assert 0 < header["MC_NSEFF"] < header["MC_NSSIM"]
        assert header["MC_BKG"] == "BKG_3D"
        assert header["AZ_PNT"] == 180.0
        assert header["TELESCOP"] == "four"
        assert set(events["MULTIP"][simulated]) == {2, 3, 4}


def test_background_of_electrons(files, tmp_path):
    block = settings(
        simulations={"background": ["electron"], "background_events_min": 100}, n_runs=1
    )
    stage(block, files, tmp_path, [1], background=["electron"])
    with fits.open(tmp_path / mock_run_file(1)) as hdus:
        header, events = hdus["EVENTS"].header, hdus["EVENTS"].data
    assert header["MC_BKG"] == "simulations"
    assert header["MC_NB"] == np.sum(events["MC_RUN"] == 3)
    sample = [gammas(files, "electron")]
    means = background_means(sample, 900.0)[0]
    flux = quad(lambda e: float(SPECTRA["electron"](e)), *ENERGIES_TEV)[0]
    solid_angle = 2.0 * np.pi * (1.0 - np.cos(np.radians(3.0)))
    expected = flux * solid_angle * AREA_CM2 * DETECTED * 900.0
    effective = means.sum() ** 2 / np.sum(means**2)
    assert abs(means.sum() - expected) < 4.0 * expected / np.sqrt(effective)
    mine = events["MC_RUN"] == 3
    assert abs(mine.sum() - means.sum()) < 4.0 * np.sqrt(means.sum())
    pointing = SkyCoord(*wobble_pointing_deg(block, 1), unit="deg")
    found = SkyCoord(events["RA"][mine], events["DEC"][mine], unit="deg")
    place = dict(zip(sample[0].columns["event_id"], sample[0].columns["offset_deg"], strict=True))
    offsets = [place[i] for i in events["MC_EVENT"][mine]]
    np.testing.assert_allclose(pointing.separation(found).deg, offsets, atol=1e-9)


def test_samples_of_one_particle_share_its_flux(files, tmp_path):
    """Another sample of the same particle adds events, not rate: each then stands for less."""
    twin = tmp_path / "twin" / "nsb1.root"
    law = {"n_showers": 20000, "viewcone_deg": 3.0, "particle": 3, "seed": 6}
    mock_samples.write_sample(twin, run=4, **law)
    near = tmp_path / "near" / "nsb1.root"
    mock_samples.write_sample(near, run=5, pointing=(69.5, 180.0), **law)
    files = {**files, "twin": twin, "near": near}
    first, second, third = (gammas(files, name) for name in ("electron", "twin", "near"))
    alone = background_means([first], 900.0)[0]
    both = background_means([first, second], 900.0)
    assert [len(means) for means in both] == [len(first), len(second)]
    np.testing.assert_allclose(both[0], 0.5 * alone, rtol=1e-12)
    np.testing.assert_allclose(both[1].sum(), both[0].sum(), rtol=0.05)
    # The same of two pointings near a run.
    np.testing.assert_allclose(background_means([first, third], 900.0)[0], 0.5 * alone, rtol=1e-12)


def test_few_background_events_leave_it_to_the_model(files, tmp_path):
    block = settings(
        simulations={"background": ["electron"], "background_events_min": 10**6}, n_runs=1
    )
    stage(block, files, tmp_path, [1], background=["electron"])
    header = fits.getheader(tmp_path / mock_run_file(1), "EVENTS")
    assert header["MC_BKG"] == "BKG_3D"
    assert "MC_NB" not in header


def test_cuts_are_made(files):
    every = gammas(files)
    cut = gammas(files, cuts=Cuts("half", (CutBand(mean_scaled_width_max=0.0),)))
    assert len(cut) == pytest.approx(0.5 * len(every), rel=0.05)


def test_another_source_changes_nothing_of_the_first(files):
    def run(names):
        sources = [
            {"name": n, "position": {"ra_deg": 83.633083 + i, "dec_deg": 22.0145}}
            for i, n in enumerate(names)
        ]
        block = settings(sources=sources, simulations={"signal": ["gamma", "diffuse"]})
        samples = {"signal": {n: [files[n]] for n in ("gamma", "diffuse")}, "background": {}}
        params = SimpleNamespace(seed=SEED, samples=samples, **CHOICE)
        return Simulations(block, SimpleNamespace(), params).draw(1)

    alone, cards, columns = run(["one"])
    both, more_cards, more = run(["one", "two"])
    first = columns["MC_EVENT"][columns["MC_RUN"] == 1]
    np.testing.assert_array_equal(first, more["MC_EVENT"][more["MC_RUN"] == 1])
    assert np.sum(more["MC_RUN"] == 2) > 0
    assert len(both.event_time_s) > len(alone.event_time_s)
    assert (cards["MC1NAME"], more_cards["MC2NAME"]) == ("one", "two")


REFUSED = {
    "an offset that was not simulated": (
        {"wobble_offset_deg": 0.8}, ["gamma"], "offsets of source",
    ),
    "an offset outside the cone": ({"wobble_offset_deg": 2.3}, ["diffuse"], "offsets of source"),
    "an extended source of point-like gamma rays": (
        {"source": {"position": POSITION, "extension": {"shape": "disk", "radius_deg": 0.5}}},
        ["gamma"],
        "offsets of source",
    ),
    "another pointing": ({"zenith_deg": 40.0}, ["gamma"], "zenith_deg, mock.azimuth_deg|azimuth"),
    "a brighter sky": ({"nsb_factor": 2.0}, ["gamma"], "nsb_factor"),
    "dirtier mirrors": ({"throughput": 0.6}, ["gamma"], "throughput"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(files, name):
    changes, signal, message = REFUSED[name]
    block = settings(simulations={"signal": signal}, **changes)
    samples = {"signal": {n: [files[n]] for n in signal}, "background": {}}
    params = SimpleNamespace(seed=SEED, samples=samples, **CHOICE)
    with pytest.raises(InputError, match=message):
        Simulations(block, SimpleNamespace(), params).draw(1)


def test_runs_take_the_sample_of_their_own_zenith(files, tmp_path):
    far = tmp_path / "far" / "nsb1.root"
    mock_samples.write_sample(far, n_showers=2000, run=8, pointing=(50.0, 180.0))
    block = settings(zenith_deg=[20.0, 40.0], simulations={"signal": ["gamma", "far"]})
    samples = {"signal": {"gamma": [files["gamma"]], "far": [far]}, "background": {}}
    params = SimpleNamespace(seed=SEED, samples=samples, **CHOICE)
    simulations = Simulations(block, SimpleNamespace(), params)
    for obs_id, run, zenith_deg in ((1, 1, 20.0), (2, 8, 40.0)):
        observation, _, columns = simulations.draw(obs_id)
        assert observation.zenith_deg == zenith_deg
        assert set(columns["MC_RUN"]) == {run, -1}


def test_events_have_the_estimators_of_the_responses(files):
    """The forests' energies of these samples are not a number: no event is left to draw."""
    block = settings(simulations={"signal": ["gamma"]})
    samples = {"signal": {"gamma": [files["gamma"]]}, "background": {}}
    choice = {**CHOICE, "estimators": {"energy": "forest", "direction": "geometry"}}
    counts = []
    for given in (CHOICE, choice):
        params = SimpleNamespace(seed=SEED, samples=samples, **given)
        _, _, columns = Simulations(block, SimpleNamespace(), params).draw(1)
        counts.append(int(np.sum(columns["MC_RUN"] == 1)))
    assert counts[0] > 50
    assert counts[1] == 0
    # Nor have events a direction of forests: none has one that is not a number.
    sample = Sample("gamma", [files["gamma"]], Cuts("none", (CutBand(),)), direction="forest")
    assert len(sample.choose(CONDITIONS, LIMITS)) == 0
