"""Cross-sections, losses and sampling of secondaries against tables, integrals and histograms."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from cascade_samples import key
from scipy.integrate import quad

from iactflow.campaign.philox import new_state
from iactflow.shower import collisions, cross_sections, secondaries
from iactflow.shower.air import (
    ATOMIC_NUMBER,
    ATOMS_PER_GRAM,
    ELECTRON_MASS_MEV,
    MUON_MASS_MEV,
    RADIATION_LENGTH_G_CM2,
    density_effect,
)
from iactflow.shower.physics_tables import (
    CROSS_SECTION,
    LOG_LOW,
    MAJORANT,
    NODES_PER_E,
    make_physics_tables,
)
from iactflow.shower.settings import CascadeSettings

M = ELECTRON_MASS_MEV
CONSTANTS = make_physics_tables(CascadeSettings()).constants
N_DRAWS = 20000
Z = 7.35  # of air, weighted with Z^2


def test_attenuation_of_photons_is_that_of_nist():
    # Hubbell and Seltzer, NISTIR 5632, dry air: total with coherent scattering, cm2/g.
    energy = np.array([3.0, 5.0, 10.0, 20.0])
    table = np.array([3.581e-2, 2.751e-2, 2.045e-2, 1.705e-2])
    ours = cross_sections.pair(energy) + cross_sections.compton(energy)
    np.testing.assert_allclose(ours, table, rtol=0.01)


def test_pair_production_at_high_energy_is_that_of_xcom():
    # XCOM, nitrogen at 100 GeV: 0.4030 + 0.0677 barn per atom; air weighs 14.55 for 14.01 and has
    # 3.5 % more charge squared per gram.
    ours = cross_sections.pair(np.array([1e5]))[0]
    nitrogen = 0.4707e-24 * 6.02214e23 / 14.0067
    assert ours == pytest.approx(nitrogen * (37.99 / RADIATION_LENGTH_G_CM2), rel=0.01)
    assert ours == pytest.approx(7.0 / 9.0 / RADIATION_LENGTH_G_CM2, rel=0.02)


def _radiative_loss(kinetic):
    limits = np.array([1e-9, 1e-3, 0.1, 0.5, 0.9, 1.0])[:, None] * kinetic
    return sum(
        cross_sections.bremsstrahlung(kinetic, low, high, power=1) for low, high in pairwise(limits)
    )


def test_stopping_powers_are_those_of_estar():
    # NIST ESTAR, dry air: kinetic energy in MeV, collision and radiative stopping power, MeV cm2/g.
    kinetic = np.array([5.0, 20.0, 100.0, 1000.0])
    collision, radiative = [1.833, 2.134, 2.417, 2.674], [0.07838, 0.4042, 2.405, 26.46]
    momentum = np.sqrt(kinetic * (kinetic + 2.0 * M)) / M
    beta2 = 1.0 - 1.0 / (1.0 + kinetic / M) ** 2
    loss = collisions.collision_loss(kinetic, 1e9, False)
    loss -= collisions.COLLISION_CONSTANT * density_effect(np.log(momentum)) / beta2
    np.testing.assert_allclose(loss, collision, rtol=0.003)
    np.testing.assert_allclose(_radiative_loss(kinetic), radiative, rtol=0.006)


def test_radiative_loss_is_energy_over_radiation_length():
    kinetic = np.array([1e6])
    assert _radiative_loss(kinetic)[0] == pytest.approx(1e6 / RADIATION_LENGTH_G_CM2, rel=0.02)


def test_muon_losses_are_those_of_the_particle_data_group():
    # Table of muons in air, 10 and 100 GeV: ionisation 2.627, 3.014, all 2.640, 3.237 MeV cm2/g.
    # The exact density effect differs from Sternheimer's parameters by up to 2 %.
    kinetic = np.array([1e4, 1e5])
    gamma = 1.0 + kinetic / MUON_MASS_MEV
    loss = collisions.heavy_collision_loss(kinetic, MUON_MASS_MEV)
    loss -= collisions.COLLISION_CONSTANT * density_effect(0.5 * np.log(gamma**2 - 1.0))
    np.testing.assert_allclose(loss, [2.627, 3.014], rtol=0.025)
    np.testing.assert_allclose(
        collisions.muon_radiative_loss(kinetic), [0.01301, 0.2237], rtol=0.001
    )


@pytest.mark.parametrize("positron", [False, True])
def test_restricted_loss_and_knock_ons_share_all_collisions(positron):
    spectrum = collisions.bhabha_spectrum if positron else collisions.moller_spectrum
    kinetic = np.array([100.0])
    loss = collisions.collision_loss(kinetic, np.array([30.0]), positron)
    loss -= collisions.collision_loss(kinetic, np.array([20.0]), positron)
    assert loss[0] == pytest.approx(quad(lambda t: t * spectrum(t, 100.0), 20.0, 30.0)[0], rel=1e-6)
    number = collisions.knock_on(kinetic, 20.0, positron) - collisions.knock_on(
        kinetic, 30.0, positron
    )
    assert number[0] == pytest.approx(quad(lambda t: spectrum(t, 100.0), 20.0, 30.0)[0], rel=1e-6)


def test_totals_are_integrals_of_the_spectra():
    energy = 200.0
    expected = sum(
        n * quad(cross_sections.pair_spectrum, 0.0, 1.0, (energy, z), limit=200)[0]
        for n, z in zip(ATOMS_PER_GRAM, ATOMIC_NUMBER, strict=True)
    )
    ours = cross_sections.pair(np.array([energy]), scaled=False)[0]
    assert ours == pytest.approx(expected, rel=1e-3)
    forward = quad(_klein_nishina, -1.0, 1.0, (5.0,))[0]
    assert cross_sections.compton(5.0) == pytest.approx(forward, rel=1e-6)


def _klein_nishina(cosine, energy):
    ratio = 1.0 / (1.0 + energy / M * (1.0 - cosine))
    shape = ratio**2 * (ratio + 1.0 / ratio - 1.0 + cosine**2)
    return np.pi * 2.8179403262e-13**2 * shape * (ATOMS_PER_GRAM * ATOMIC_NUMBER).sum()


def test_muon_pairs_are_rarer_than_electron_pairs_by_the_masses_squared():
    energy = np.array([1e6])
    ratio = cross_sections.muon_pair(energy) / cross_sections.pair(energy)
    assert 0.9 < ratio[0] * (MUON_MASS_MEV / M) ** 2 < 1.3
    assert cross_sections.muon_pair(np.array([200.0]))[0] == 0.0


def test_majorants_hold_over_the_largest_loss_of_a_step():
    tables = make_physics_tables(CascadeSettings(max_loss_fraction=0.3))
    for table in tables.leptons:
        for i in range(NODES_PER_E, len(table)):
            energy = np.exp(LOG_LOW + i / NODES_PER_E)
            lowest = int((np.log(0.7 * energy) - LOG_LOW) * NODES_PER_E)
            assert table[i, MAJORANT] >= table[lowest : i + 1, CROSS_SECTION].max()


def _agrees(draws, density, low, high):
    """Chi-square of a histogram of draws against an unnormalised density."""
    edges = np.quantile(draws, np.linspace(0.0, 1.0, 21))
    edges[0], edges[-1] = low, high
    number = np.histogram(draws, edges)[0]
    parts = np.array([quad(density, a, b, limit=200)[0] for a, b in pairwise(edges)])
    expected = parts / parts.sum() * len(draws)
    # 20 bins whose edges follow the sample: half of the usual chi-square would do, 60 never comes.
    return ((number - expected) ** 2 / expected).sum() < 60.0 and len(draws) == number.sum()


def _draw(function, *arguments):
    state = new_state(key(1, "test"))
    return np.array([function(*arguments, state) for _ in range(N_DRAWS)])


def test_bremsstrahlung_follows_its_spectrum():
    draws = _draw(secondaries.bremsstrahlung_energy, 300.0, 20.0, CONSTANTS)
    spectrum = cross_sections.bremsstrahlung_spectrum
    assert _agrees(draws, lambda k: spectrum(k, 300.0 + M, Z) / k, 20.0, 300.0)
    assert not _agrees(draws, lambda k: 1.0 / k, 20.0, 300.0)


@pytest.mark.parametrize("energy", [30.0, 3000.0])
def test_pairs_follow_their_spectrum(energy):
    draws = _draw(secondaries.pair_part, energy, CONSTANTS)
    low = M / energy
    density = cross_sections.pair_spectrum
    assert _agrees(draws, lambda x: density(x, energy, Z), low, 1.0 - low)
    assert not _agrees(draws, lambda x: 1.0, low, 1.0 - low)


def test_compton_scattering_follows_klein_and_nishina():
    draws = _draw(secondaries.compton_energy, 5.0)
    cosine = 1.0 - M * (1.0 / draws - 1.0 / 5.0)
    assert _agrees(np.clip(cosine, -1.0, 1.0), lambda c: _klein_nishina(c, 5.0), -1.0, 1.0)


@pytest.mark.parametrize("positron", [False, True])
def test_knock_ons_follow_their_spectrum(positron):
    function = secondaries.bhabha_energy if positron else secondaries.moller_energy
    spectrum = collisions.bhabha_spectrum if positron else collisions.moller_spectrum
    high = 90.0 if positron else 45.0
    draws = _draw(function, 90.0, 5.0)
    assert _agrees(draws, lambda t: spectrum(t, 90.0), 5.0, high)
    assert not _agrees(draws, lambda t: t**-1.7, 5.0, high)


def test_annihilation_photons_share_the_energy():
    draws = _draw(secondaries.annihilation_energy, 50.0)
    gamma = 1.0 + 50.0 / M
    root = np.sqrt((gamma - 1.0) / (gamma + 1.0))
    total = 50.0 + 2.0 * M
    low, high = 0.5 * (1.0 - root) * total, 0.5 * (1.0 + root) * total
    assert draws.min() >= low
    assert draws.max() <= high
    # Heitler's spectrum in e = k / total.

    def density(k):
        e = k / total
        return (1.0 + 2.0 * gamma / (gamma + 1.0) ** 2 - e - 1.0 / ((gamma + 1.0) ** 2 * e)) / e

    assert _agrees(draws, density, low, high)


def test_muon_pairs_and_michel_electrons_follow_their_spectra():
    draws = _draw(secondaries.muon_part, 2000.0)
    low = 0.5 - np.sqrt(0.25 - MUON_MASS_MEV / 2000.0)

    def pair(x):
        log = cross_sections.muon_pair_log(x, 2000.0, 7.0, 14.0067)
        return (1.0 - 4.0 / 3.0 * x * (1.0 - x)) * log

    assert _agrees(draws, pair, low, 1.0 - low)
    x = 2.0 * _draw(secondaries.michel_energy) / MUON_MASS_MEV
    assert x.mean() == pytest.approx(0.7, abs=0.01)


def test_angles_to_the_parent_have_the_median_of_the_leading_term():
    # u du / (1 + u^2)^2 has its median at u = 1, an angle m / E.
    cosine = _draw(secondaries.cosine_of_pair, 100.0, M, 0.0)
    angle = np.arccos(cosine)
    assert np.median(angle) == pytest.approx(M / 100.0, rel=0.03)
    assert np.quantile(angle, 0.9) == pytest.approx(3.0 * M / 100.0, rel=0.05)
