"""Rejection, curves, distributions and sensitivity of a node, against laws that are known."""

from __future__ import annotations

import numpy as np
import pytest
import response_samples as samples
from scipy.special import ndtr, ndtri

from iactflow.errors import InputError
from iactflow.response.performance import distributions, performance_numbers, sensitivity_at
from iactflow.response.rejection import fraction_kept, rejection_at, roc_curve
from iactflow.response.samples import read_sample
from iactflow.response.selection import PRESETS, CutBand, Cuts, select
from iactflow.response.spectra import SPECTRA
from iactflow.response.thrown_density import solid_angle_sr
from iactflow.response.weighted import WeightedEvents, weigh_background, weigh_signal


def gaussian(n, centre, seed, energy=1.0, valid=1.0):
    """Events with a width of a unit Gaussian around a centre, all other cuts passed."""
    rng = np.random.default_rng(seed)
    events = {
        "is_valid": rng.uniform(size=n) < valid,
        "energy_tev": np.full(n, energy),
        "true_energy_tev": np.full(n, energy),
        "mean_scaled_width": rng.normal(centre, 1.0, n),
        "mean_scaled_length": np.zeros(n),
        "particle_id": np.full(n, 14),
    }
    # Below -2 the cut of the preset would enter: not here.
    events["mean_scaled_width"] += 10.0
    events["gammaness"] = 1.0 / (1.0 + np.exp(events["mean_scaled_width"] - 11.0))
    return WeightedEvents(events, np.full(n, 0.5), np.arange(n) // 2)


@pytest.mark.parametrize("name", ["scaled_cuts", "trees"])
def test_rejection_of_gaussians_is_analytic(name):
    """Unit Gaussians 2 apart: at 80 % of the one, Phi(z(0.8) - 2) of the other is kept."""
    signal, background = gaussian(100_000, 0.0, 1), gaussian(100_000, 2.0, 2, valid=0.9)
    found = rejection_at(signal, background, name)
    expected = 0.9 * ndtr(ndtri(0.8) - 2.0)
    assert found.signal.value == pytest.approx(0.8, abs=1e-4)
    assert found.background.value == pytest.approx(expected, abs=4.0 * found.background.error)
    assert found.background.error < 0.01
    curve = roc_curve(signal, background, name)
    efficiency = np.array(curve["signal_efficiency"])[1:-1]
    expected = 0.9 * ndtr(ndtri(efficiency) - 2.0)
    np.testing.assert_allclose(curve["background_fraction"][1:-1], expected, atol=0.006)


def test_only_background_of_the_kind_and_energy_counts():
    signal, low = gaussian(2000, 0.0, 1), gaussian(4000, 2.0, 2, energy=0.3)
    high = gaussian(4000, 2.0, 3, energy=2.0)
    high.events["particle_id"][:] = 402
    names = low.events
    both = WeightedEvents(
        {n: np.concatenate([low.events[n], high.events[n]]) for n in names},
        np.concatenate([low.weight, high.weight]),
        np.concatenate([low.cluster, high.cluster + 10_000]),
    )
    assert rejection_at(signal, both, "trees", 0.8, 0.5) == rejection_at(signal, high, "trees")
    assert rejection_at(signal, both, "trees", particle_id=14) == rejection_at(signal, low, "trees")
    assert rejection_at(signal, both, "trees", particle_id=3).background.n_events == 0


def test_missing_discriminators_are_told():
    signal, background = gaussian(100, 0.0, 1), gaussian(100, 2.0, 2)
    signal.events["gammaness"][:] = np.nan
    assert rejection_at(signal, background, "trees") is None
    assert roc_curve(signal, background, "trees")["signal_efficiency"] == []
    # Half of the gamma rays fail the other scaled cuts: no limit keeps 80 %.
    signal.events["mean_scaled_length"][::2] = 5.0
    assert rejection_at(signal, background, "scaled_cuts") is None
    with pytest.raises(InputError, match="scaled_cuts, trees"):
        rejection_at(signal, background, "forest")


def test_errors_of_fractions_are_their_scatter():
    """Showers of ten correlated events: the error is the scatter of repeated fractions."""
    values, errors, binomial = [], [], []
    for repeat in range(300):
        rng = np.random.default_rng(repeat)
        cluster = np.repeat(np.arange(100), 10)
        chance = rng.uniform(size=100) ** 4
        kept = rng.uniform(size=1000) < chance[cluster]
        found = fraction_kept(rng.uniform(0.5, 1.5, 1000), cluster, kept)
        values.append(found.value)
        errors.append(found.error)
        binomial.append(np.sqrt(found.value * (1.0 - found.value) / 1000))
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.12)
    assert np.mean(binomial) < 0.7 * np.std(values)
    assert np.isnan(fraction_kept([], [], []).value)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Gamma rays from a cone, protons, cuts of H.E.S.S."""
    folder = tmp_path_factory.mktemp("dl2")
    gamma = samples.law(n_showers=4000, shower_reuse=4, core_radius_max_m=350.0, viewcone_deg=2.0)
    wide = samples.law(n_showers=6000, viewcone_deg=1.8, core_radius_max_m=350.0)
    samples.write_sample(folder / "gamma.root", gamma, particle=1, run=1)
    samples.write_sample(folder / "proton.root", wide, particle=14, run=2)
    return (
        read_sample(folder / "gamma.root", "test_irfs"),
        read_sample(folder / "proton.root", "test_irfs"),
        Cuts("standard", (PRESETS["standard"],)),
    )


def test_numbers_of_a_node(node):
    signal, background, _ = node
    cuts = Cuts("wide", (CutBand(mean_scaled_width_max=2.0, theta2_max_deg2=0.0125),))
    edges = np.array([0.1, 0.25, 1.0, 30.0])
    crab = SPECTRA["crab_hess"]
    offsets = [(0.0, 0.0, 0.3), (0.5, 0.3, 0.7), (1.0, 0.7, 1.3)]
    found = performance_numbers([signal], [(background, None)], cuts, edges, offsets, crab)
    assert found["sensitivity"]["offset_deg"] == [0.0, 0.5, 1.0]
    rows = found["sensitivity"]["by_offset"]
    # Triggers and angles of these samples know no offset: neither does the sensitivity.
    known = np.min([row["n_background_showers"] for row in rows], axis=0) >= 4
    assert known.sum() >= 2
    flux, error = (np.array([row[k] for row in rows])[:, known] for k in ("flux", "flux_error"))
    pulls = (flux - flux[1]) / np.hypot(error, error[1])
    assert np.abs(pulls).max() < 3.5
    assert np.all(error[1:] < 0.5 * flux[1:])
    for row in rows:
        empty = np.array(row["n_background_showers"]) == 0
        assert [limit in ("no background", "no signal") for limit in row["limited_by"]] == list(
            empty
        )
    for name in ("scaled_cuts", "trees"):
        numbers = found["discrimination"][name]
        assert numbers["signal_efficiency_reached"] == pytest.approx(0.8, abs=0.02)
        assert 0.0 < numbers["background_fraction"] < 0.5
        assert numbers["n_background_showers"] > 5
    widths = found["distributions"]["mean_scaled_width"]
    assert np.sum(widths["signal"]) == pytest.approx(1.0)
    centre = 0.5 * (widths["edges"][1:] + widths["edges"][:-1])
    assert np.sum(centre * widths["background"]) > np.sum(centre * widths["signal"]) + 1.0
    assert set(found["distributions"]) == {"mean_scaled_width", "mean_scaled_length", "gammaness"}


def test_rates_of_a_sensitivity_are_those_of_the_events(node):
    sample, background, cuts = node
    crab = SPECTRA["crab_hess"]
    signal, other = weigh_signal([sample], crab, (0.3, 0.7)), weigh_background([(background, None)])
    rows = sensitivity_at(signal, other, cuts, [0.5, 2.0], 0.5, crab)
    energy = signal.events["energy_tev"]
    kept = select(signal.events, cuts, with_direction=True) & (energy >= 0.5) & (energy < 2.0)
    assert rows["signal_rate_per_s"] == pytest.approx([signal.weight[kept].sum()])
    energy = other.events["energy_tev"]
    kept = select(other.events, cuts) & (energy >= 0.5) & (energy < 2.0)
    kept &= other.events["offset_deg"] < 1.0
    part = solid_angle_sr(0.0, np.sqrt(0.0125)) / solid_angle_sr(0.0, 1.0)
    assert rows["background_rate_per_s"] == pytest.approx([other.weight[kept].sum() * part])
    assert sensitivity_at(signal, other, Cuts("none", (CutBand(),)), [0.5, 2.0], 0.5, crab) is None


def test_undefined_quantities_have_no_distribution(node):
    sample, background, _ = node
    signal = weigh_signal([sample], SPECTRA["crab_hess"])
    events = {**signal.events, "gammaness": np.full(len(signal.weight), np.nan)}
    found = distributions(signal._replace(events=events), weigh_background([(background, None)]))
    assert set(found) == {"mean_scaled_width", "mean_scaled_length"}
