"""Rates of simulated events: analytic sums, pyirf's weights, errors from independent repeats."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
import response_samples as samples
from pyirf.simulations import SimulatedEventsInfo
from pyirf.spectral import CRAB_HEGRA, IRFDOC_PROTON_SPECTRUM, PowerLaw, calculate_event_weights

from iactflow.errors import InputError
from iactflow.response.samples import read_sample
from iactflow.response.spectra import SPECTRA, Spectrum
from iactflow.response.thrown_density import ThrownRuns, solid_angle_sr, thrown_density
from iactflow.response.weights import (
    add_rates,
    cluster_numbers,
    clustered_rate,
    event_weights,
    trigger_rate,
)


def runs(*rows, histogram=None, counted=False):
    """Runs from rows of n_thrown, index, energies, cone, core radius, and maybe particle."""
    columns = np.array([row[:7] for row in rows], dtype=float)
    particle = np.array([row[7] if len(row) > 7 else 1 for row in rows])
    n = len(rows)
    return ThrownRuns(
        np.arange(1, n + 1),
        particle,
        columns[:, 0],
        columns[:, 0].astype(int),
        columns[:, 1],
        *columns[:, 2:6].T,
        np.zeros(n),
        columns[:, 6],
        histogram or tuple(np.zeros((0, 3)) for _ in rows),
        np.full(n, 20.0),
        np.full(n, counted),
    )


def at(energy_tev, particle=1, **columns):
    energy_tev = np.atleast_1d(np.asarray(energy_tev, dtype=float))
    return {
        "true_energy_tev": energy_tev,
        "particle_id": np.full(len(energy_tev), particle),
        **columns,
    }


@pytest.mark.parametrize("index", [-1.0, -2.0, -2.7])
@pytest.mark.parametrize("cone_deg", [0.0, 5.0])
def test_weights_are_those_of_pyirf(index, cone_deg):
    point = cone_deg == 0.0
    info = SimulatedEventsInfo(
        n_showers=12345, energy_min=0.03 * u.TeV, energy_max=100 * u.TeV, max_impact=700 * u.m,
        spectral_index=index, viewcone_min=0 * u.deg, viewcone_max=cone_deg * u.deg,
    )  # fmt: skip
    energy = np.geomspace(0.03, 100.0, 50)
    if index == -1.0:
        # pyirf's integral is not defined there: the neighbour of the index is.
        info.spectral_index = -1.0 - 1e-7
    ours = SPECTRA["crab_hegra" if point else "proton_irfdoc"]
    expected = calculate_event_weights(
        energy * u.TeV,
        CRAB_HEGRA if point else IRFDOC_PROTON_SPECTRUM,
        PowerLaw.from_simulation(info, 1 * u.s),
    )
    thrown = runs((12345, index, 0.03, 100.0, 0.0, cone_deg, 700.0))
    np.testing.assert_allclose(event_weights(at(energy), thrown, ours), expected, rtol=1e-5)


@pytest.mark.parametrize("cone_deg", [0.0, 3.0])
def test_events_that_all_trigger_sum_to_the_flux(cone_deg):
    """N events at the quantiles of the law: their rates sum to flux x area (x solid angle)."""
    n, index, low, high = 200_000, -2.2, 0.1, 50.0
    u_ = (np.arange(n) + 0.5) / n
    p = index + 1.0
    energy = (low**p + u_ * (high**p - low**p)) ** (1.0 / p)
    spectrum = Spectrum("flat", cone_deg > 0.0, "", lambda e: 3e-7 * e**-2.6)
    thrown = runs((n, index, low, high, 0.0, cone_deg, 500.0))
    integral = 3e-7 / 1.6 * (low**-1.6 - high**-1.6) * 1e4 * np.pi * 500.0**2
    if cone_deg:
        integral *= 2.0 * np.pi * (1.0 - np.cos(np.radians(cone_deg)))
    assert event_weights(at(energy), thrown, spectrum).sum() == pytest.approx(integral, rel=1e-4)


def test_overlapping_runs_share_their_events():
    """Two runs of other ranges, cones and areas weigh as one density, summed where both throw."""
    thrown = runs(
        (1000, -2.0, 0.1, 10.0, 0.0, 2.0, 400.0),
        (3000, -2.0, 1.0, 100.0, 0.0, 4.0, 200.0),
    )
    first = runs((1000, -2.0, 0.1, 10.0, 0.0, 2.0, 400.0))
    second = runs((3000, -2.0, 1.0, 100.0, 0.0, 4.0, 200.0))

    def event(energy, offset, core):
        place = {"true_alt_deg": 90.0, "true_az_deg": 0.0, "true_core_x_m": core,
                 "true_core_y_m": 0.0, "true_offset_deg": offset}  # fmt: skip
        return at(energy, **{k: np.array([v]) for k, v in place.items()})

    both = thrown_density(event(2.0, 1.0, 100.0), thrown)
    one, two = thrown_density(at(2.0), first), thrown_density(at(2.0), second)
    np.testing.assert_allclose(both, one + two, rtol=1e-12)
    for energy, offset, core, alone in (
        (0.5, 1.0, 100.0, first), (50.0, 1.0, 100.0, second), (2.0, 3.0, 100.0, second),
        (2.0, 1.0, 300.0, first),
    ):  # fmt: skip
        found = thrown_density(event(energy, offset, core), thrown)
        np.testing.assert_allclose(found, thrown_density(at(energy), alone), rtol=1e-12)
    with pytest.raises(InputError, match="true_energy_tev of event 0"):
        thrown_density(event(2.0, 3.0, 300.0), thrown)


@pytest.mark.parametrize("index", [-1.0, -2.0])
def test_what_was_thrown_counts_and_the_law_holds_inside_a_bin(index):
    """The density integrates to the counts of every bin, with the slope of the law inside."""
    bins = np.array([[0.1, 1.0, 500.0], [1.0, 10.0, 300.0]])
    thrown = runs((800, index, 0.2, 10.0, 0.0, 0.0, 100.0), histogram=(bins,), counted=True)
    area_m2 = np.pi * 100.0**2
    for (low, high), number in (((0.2, 1.0), 500.0), ((1.0, 10.0), 300.0)):
        energy = np.geomspace(low, high, 4001)[:-1]
        density = thrown_density(at(energy), thrown) * area_m2
        slope = np.polyfit(np.log(energy), np.log(density), 1)[0]
        assert slope == pytest.approx(index)
        assert np.trapezoid(density * energy, np.log(energy)) == pytest.approx(number, rel=2e-3)


def test_a_run_without_a_law_has_that_of_its_histogram():
    bins = np.array([[0.1, 1.0, 600.0], [1.0, 10.0, 200.0]])
    thrown = runs((800, np.nan, 0.1, 10.0, 0.0, 0.0, 100.0), histogram=(bins,))
    density = thrown_density(at([0.5, 1.0, 9.0]), thrown)
    area, log = np.pi * 100.0**2, np.log(10.0)
    expected = np.array([600 / log / 0.5, 200 / log / 1.0, 200 / log / 9.0]) / area
    np.testing.assert_allclose(density, expected, rtol=1e-12)


def test_a_source_in_a_cone_is_averaged_over_offsets():
    """Half the events of a cone lie in half its solid angle: the same rate as of all in all."""
    thrown = runs((100, -2.0, 0.1, 10.0, 0.0, 2.0, 400.0))
    whole = event_weights(at([1.0, 2.0]), thrown, SPECTRA["crab_hess"])
    part = event_weights(at([1.0, 2.0]), thrown, SPECTRA["crab_hess"], (0.5, 1.0))
    ratio = solid_angle_sr(0.0, 2.0) / solid_angle_sr(0.5, 1.0)
    np.testing.assert_allclose(part, ratio * whole, rtol=1e-12)
    point = runs((100, -2.0, 0.1, 10.0, 0.5, 0.5, 400.0))
    same = event_weights(at([1.0, 2.0]), point, SPECTRA["crab_hess"])
    np.testing.assert_allclose(whole, same, rtol=1e-12)
    with pytest.raises(InputError, match="point source"):
        event_weights(at(1.0), point, SPECTRA["proton"])


def test_other_particles_have_their_own_runs():
    thrown = runs(
        (100, -2.0, 0.1, 10.0, 0.0, 2.0, 400.0, 14), (300, -2.0, 0.1, 10.0, 0.0, 2.0, 400.0, 402)
    )
    ratio = thrown_density(at(1.0, 402), thrown) / thrown_density(at(1.0, 14), thrown)
    assert ratio == pytest.approx(3.0)
    with pytest.raises(InputError, match="particle_id"):
        thrown_density(at(1.0, 3), thrown)


def test_small_solid_angles_do_not_cancel():
    assert solid_angle_sr(0.0, 1e-5) == pytest.approx(np.pi * np.radians(1e-5) ** 2, rel=1e-10)
    assert solid_angle_sr(0.0, 180.0) == pytest.approx(4.0 * np.pi)


def test_errors_are_the_scatter_of_repeated_samples():
    """Re-uses of a shower correlate: the clustered error is the scatter, the plain one is not."""
    values, errors, plain = [], [], []
    for repeat in range(400):
        rng = np.random.default_rng(repeat)
        bright = rng.uniform(size=300) < 0.3
        seen = rng.uniform(size=(300, 10)) < np.where(bright, 0.8, 0.05)[:, None]
        shower = np.nonzero(seen)[0]
        rate = clustered_rate(np.ones(len(shower)), shower, 300)
        values.append(rate.value)
        errors.append(rate.error)
        plain.append(np.sqrt(len(shower)))
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)
    assert np.mean(plain) < 0.6 * np.std(values)


def test_effective_numbers_and_sums_of_rates():
    rate = clustered_rate([1.0, 1.0, 2.0], [7, 7, 9])
    assert rate == (4.0, pytest.approx(np.sqrt(8.0)), 3, 2, pytest.approx(2.0))
    assert clustered_rate([], []) == (0.0, 0.0, 0, 0, 0.0)
    total = add_rates([rate, clustered_rate([3.0], [1]), clustered_rate([], [])])
    assert total.value == 7.0
    assert total.error == pytest.approx(np.sqrt(17.0))
    assert (total.n_events, total.n_showers) == (4, 3)
    assert total.n_effective == pytest.approx(49.0 / 17.0)


def test_clusters_are_showers_of_runs_and_particles():
    events = {
        "particle_id": np.array([1, 1, 14, 1, 1]),
        "obs_id": np.array([1, 1, 1, 2, 1]),
        "shower_id": np.array([5, 6, 5, 5, 5]),
    }
    cluster = cluster_numbers(events)
    assert cluster[0] == cluster[4]
    assert len(set(cluster[:4])) == 4


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A production in two chunks, the second also at another level of the night sky."""
    folder = tmp_path_factory.mktemp("dl2")
    settings = samples.law(n_showers=2000, viewcone_deg=3.0, core_radius_max_m=350.0)
    common = {"particle": 14, "run": 5}
    samples.write_sample(folder / "a.root", settings, shower_range=(1, 900), **common)
    samples.write_sample(folder / "b.root", settings, shower_range=(901, 2000), **common)
    more = folder / "more"
    more.mkdir()
    samples.write_sample(more / "c.root", settings, shower_range=(901, 2000), nsb_factor=2.0,
                         **common)  # fmt: skip
    return folder


def test_parts_of_a_sample_give_the_same_rate(files):
    """Every part stands for the whole flux, and so do all levels together."""
    paths = [files / "a.root", files / "b.root"]
    rates = {}
    for split in samples.SPLITS:
        events, thrown = read_sample(paths, split)
        assert thrown.n_showers.sum() == pytest.approx(2000 * samples.SPLITS[split], rel=0.15)
        assert thrown.n_thrown.sum() == pytest.approx(5 * thrown.n_showers.sum(), rel=1e-6)
        assert set(events["shower_id"]) <= set(range(1, 2001))
        rates[split] = trigger_rate(events, thrown, SPECTRA["proton"])
    # What the same law of triggers makes of the flux, integrated.
    energy = np.geomspace(0.1, 30.0, 2001)
    radius = np.linspace(0.0, 350.0, 701)
    seen = samples.chance_of_trigger(energy[:, None] / 3.0, radius)
    area = np.trapezoid(2.0 * np.pi * radius * seen, radius, axis=1)
    flux = SPECTRA["proton"](energy) * 1e4 * solid_angle_sr(0.0, 3.0)
    expected = np.trapezoid(flux * area * energy, np.log(energy))
    for split, rate in rates.items():
        assert abs(rate.value - expected) < 3.5 * rate.error, split
        assert rate.error < 0.2 * rate.value
    chi2 = sum(((r.value - expected) / r.error) ** 2 for r in rates.values())
    assert chi2 < 16.0


def test_levels_of_the_night_sky_are_the_same_showers(files):
    paths = [files / "b.root", files / "more"]
    both, thrown = read_sample(paths, "test_irfs")
    one, thrown_one = read_sample(paths, "test_irfs", nsb_factor=1.0)
    assert thrown.n_thrown.sum() == pytest.approx(2.0 * thrown_one.n_thrown.sum())
    assert thrown.n_showers.sum() == thrown_one.n_showers.sum()
    rate, rate_one = (trigger_rate(e, t, SPECTRA["proton"]) for e, t in
                      ((both, thrown), (one, thrown_one)))  # fmt: skip
    assert rate.value == pytest.approx(rate_one.value)
    assert rate.error == pytest.approx(rate_one.error)
    with pytest.raises(InputError, match=r"1\.0, 2\.0"):
        read_sample(paths, "test_irfs", nsb_factor=3.0)


def test_estimators_and_angles_of_a_sample(files):
    events, thrown = read_sample(files / "a.root", "test_irfs")
    np.testing.assert_allclose(events["theta_deg"], samples.distance_deg(events), atol=1e-9)
    assert np.allclose(events["zenith_deg"], 20.0)
    assert events["true_offset_deg"].max() <= 3.0 + 1e-6
    np.testing.assert_allclose(thrown.zenith_deg, [20.0])
    assert thrown.take([False]).obs_id.size == 0
    assert thrown.take([0]).histogram[0] is thrown.histogram[0]
    forest, _ = read_sample(files / "a.root", "test_irfs", energy="forest", direction="forest")
    assert np.all(forest["theta_deg"] < 1e-6)
    assert not np.allclose(forest["energy_tev"], events["energy_tev"])
    with pytest.raises(InputError, match="tables, forest"):
        read_sample(files / "a.root", "test_irfs", energy="mean")
    with pytest.raises(InputError, match="train_energy"):
        read_sample(files / "a.root", "test")


def test_counted_showers_take_the_place_of_what_the_law_expects():
    """Two bins of which one got a fifth more than it should have, and the law inside each."""
    half = 1000.0 * (1.0 / 1.0 - 1.0 / 2.0) / (1.0 - 0.1)
    bins = np.array([[1.0, 2.0, 1.2 * half], [2.0, 20.0, 1000.0 - 1.2 * half]])
    row = (1000.0, -2.0, 1.0, 10.0, 0.0, 2.0, 100.0)
    expected = runs(row, histogram=(bins,))
    counted = runs(row, histogram=(bins,), counted=True)
    events = at([1.1, 1.9, 3.0, 9.0])
    ratio = thrown_density(events, counted) / thrown_density(events, expected)
    # The second bin ends at 10 TeV, where the law does.
    other = (1000.0 - 1.2 * half) / (1000.0 - half)
    np.testing.assert_allclose(ratio, [1.2, 1.2, other, other], rtol=1e-12)


def test_counting_showers_leaves_the_scatter_of_the_detection_alone():
    """Half of the showers are seen; rates are weighted to a law flatter by two powers.

    With w = E^2 the variances are as p (1 - p) <w^2> to p <w^2> - p^2 <w>^2: 0.76 in the scatter.
    """
    rng, n = np.random.default_rng(5), 4000
    edges = np.geomspace(1.0, 10.0, 21)
    rates = {True: [], False: []}
    for _ in range(300):
        energy = 1.0 / (1.0 - rng.uniform(size=n) * 0.9)
        seen = energy[rng.uniform(size=n) < 0.5]
        bins = np.column_stack([edges[:-1], edges[1:], np.histogram(energy, edges)[0]])
        for counted, found in rates.items():
            row = (float(n), -2.0, 1.0, 10.0, 0.0, 0.0, 100.0)
            thrown = runs(row, histogram=(bins,), counted=counted)
            found.append(np.sum(1.0 / thrown_density(at(seen), thrown)))
    mean, scatter = ({k: f(v) for k, v in rates.items()} for f in (np.mean, np.std))
    assert mean[True] == pytest.approx(mean[False], rel=0.01)
    # Standard deviations of 300 are known to 4 %.
    assert scatter[True] / scatter[False] == pytest.approx(0.76, abs=0.08)
