"""Decays of mesons: energy, momentum, branching ratios, spectra against the analytic ones."""

from __future__ import annotations

import numpy as np
import pytest
from cascade_samples import key, standard_table
from scipy import stats
from simple_hadrons import simple_models

from iactflow.campaign.philox import new_state
from iactflow.shower.cascade import Cascade, step_buffer
from iactflow.shower.decays import (
    KAON_CHARGED_MODES,
    KAON_LONG_MODES,
    decay_hadron,
    three_bodies,
)
from iactflow.shower.particles import DEPTH, KIND, KINETIC, N_STACK, NEUTRINO, UX, UY, UZ
from iactflow.shower.settings import CascadeSettings
from iactflow.shower.species import mass_mev, rest_energy_mev

FLIGHT = np.array([0.3, 0.2, -(0.87**0.5)])
MUON, PION = mass_mev(5.0), mass_mev(8.0)


@pytest.fixture(scope="module")
def work():
    """State of a cascade that flies nothing and drops nothing."""
    settings = CascadeSettings(electron_cut_mev=0.5, photon_cut_mev=0.5, drop_dark=False)
    start = np.array([[8, 1e4, 0.0, 0.0, 8000.0, 0.0, *FLIGHT]])
    generator = np.random.default_rng(1)
    cascade = Cascade(
        start, standard_table(), settings, key(9), step_buffer(16),
        simple_models(n_events=2), generator,
    )  # fmt: skip
    return cascade._works[0]


def decay(work, kind, kinetic):
    """Products of a decay: kind, kinetic energy, momentum vector; energy of neutrinos."""
    p = work["flying"]
    p[:] = 0.0
    p[KIND], p[KINETIC], p[DEPTH], p[[UX, UY, UZ]] = kind, kinetic, 300.0, FLIGHT
    work["counts"][N_STACK], work["tally"][:] = 0, 0.0
    decay_hadron(work)
    rows = work["stack"][: work["counts"][N_STACK]]
    mass = np.array([mass_mev(k) for k in rows[:, KIND]])
    momentum = np.sqrt(rows[:, KINETIC] * (rows[:, KINETIC] + 2.0 * mass))
    vectors = momentum[:, None] * rows[:, [UX, UY, UZ]]
    return rows[:, KIND].copy(), rows[:, KINETIC].copy(), vectors, work["tally"][NEUTRINO]


@pytest.mark.parametrize("kind", [8, 9, 10, 11, 12])
def test_energy_and_momentum_are_kept(work, kind):
    mass, kinetic = mass_mev(float(kind)), 3e4
    total = np.sqrt(kinetic * (kinetic + 2.0 * mass)) * FLIGHT
    charge = {2: 1, 3: -1, 5: 1, 6: -1, 8: 1, 9: -1, 11: 1, 12: -1}
    n_visible = 0
    for _ in range(400):
        kinds, energies, vectors, neutrinos = decay(work, kind, kinetic)
        taken = sum(t + rest_energy_mev(k) for k, t in zip(kinds, energies, strict=True))
        assert taken + neutrinos == pytest.approx(kinetic + mass, rel=1e-9)
        electrons = np.isin(kinds, [2, 3])
        leptons = electrons | np.isin(kinds, [5, 6])
        if leptons.any():
            # What is missing is a neutrino, whose mass is nothing.
            missing = total - vectors.sum(axis=0)
            electron_mass = np.where(kinds[electrons] == 2, 1.0, -1.0).sum() * mass_mev(3.0)
            assert np.linalg.norm(missing) == pytest.approx(neutrinos + electron_mass, abs=1e-3)
        else:
            n_visible += 1
            assert neutrinos == pytest.approx(0.0, abs=1e-5)
            np.testing.assert_allclose(vectors.sum(axis=0), total, atol=1e-3)
        assert sum(charge.get(int(k), 0) for k in kinds) == charge.get(kind, 0)
    assert (n_visible > 50) == (kind > 9)


def test_muons_of_pions_have_a_flat_spectrum_and_its_angle(work):
    kinetic = 2e4
    energy = kinetic + PION
    momentum = np.sqrt(energy**2 - PION**2)
    own_energy = (PION**2 + MUON**2) / (2.0 * PION)
    own_momentum = (PION**2 - MUON**2) / (2.0 * PION)
    found, error = [], []
    for _ in range(3000):
        kinds, energies, vectors, _ = decay(work, 8, kinetic)
        assert kinds.tolist() == [5.0]
        found.append(energies[0] + MUON)
        cosine = (found[-1] * PION / energy - own_energy) / (own_momentum * momentum / energy)
        along = energy / PION * own_momentum * cosine + momentum / PION * own_energy
        across = own_momentum * np.sqrt(max(1.0 - cosine**2, 0.0))
        v = vectors[0]
        error.append((v @ FLIGHT - along, np.linalg.norm(np.cross(v, FLIGHT)) - across))
    low = energy / PION * own_energy - momentum / PION * own_momentum
    high = energy / PION * own_energy + momentum / PION * own_momentum
    assert stats.kstest(found, stats.uniform(low, high - low).cdf).pvalue > 1e-3
    assert low / energy == pytest.approx((MUON / PION) ** 2, rel=2e-3)
    np.testing.assert_allclose(error, 0.0, atol=2e-2)


def test_azimuths_of_products_are_uniform(work):
    across = np.cross(FLIGHT, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    angles = []
    for _ in range(2000):
        v = decay(work, 9, 2000.0)[2][0]
        angles.append(np.arctan2(v @ np.cross(FLIGHT, across), v @ across) / (2.0 * np.pi) + 0.5)
    assert stats.kstest(angles, "uniform").pvalue > 1e-3


def test_two_bodies_share_evenly_and_three_by_phase_space():
    mass, masses = mass_mev(11.0), (mass_mev(8.0), mass_mev(8.0), mass_mev(9.0))
    state = new_state(key(4))
    both = np.array([three_bodies(mass, *masses, state)[0] for _ in range(4000)])
    # The Dalitz plot is evenly filled: its length along m12 squared, at each m12.
    grid = np.linspace(masses[0] + masses[1], mass - masses[2], 2001)[1:-1]
    own = np.sqrt((grid**2 / 4.0) - masses[0] ** 2)
    other = (mass**2 - grid**2 - masses[2] ** 2) / (2.0 * grid)
    density = 2.0 * grid * 4.0 * own * np.sqrt(other**2 - masses[2] ** 2)
    cumulative = np.concatenate([[0.0], np.cumsum(density)])[:-1] / density.sum()
    assert stats.kstest(both, lambda m: np.interp(m, grid, cumulative)).pvalue > 1e-3


@pytest.mark.parametrize(("kind", "modes"), [(11, KAON_CHARGED_MODES), (10, KAON_LONG_MODES)])
def test_branching_ratios(work, kind, modes):
    n, counts = 6000, {}
    for _ in range(n):
        kinds, *_ = decay(work, kind, 1e5)
        flavours = {5: "mu", 6: "mu", 2: "e", 3: "e", 8: "pi", 9: "pi", 1: "gamma"}
        found = tuple(sorted(flavours[int(k)] for k in kinds))
        counts[found] = counts.get(found, 0) + 1
    total = sum(mode[0] for mode in modes)
    assert 0.98 < total <= 1.0
    names = {2: ["e"], 5: ["mu"], 7: ["gamma"] * 2, 8: ["pi"], 9: ["pi"], 66: [], -1: []}
    assert len(counts) == len(modes)
    for ratio, *products in modes:
        found = counts[tuple(sorted(name for k in products for name in names[int(k)]))]
        expected = n * ratio / total
        assert found == pytest.approx(expected, abs=4.0 * np.sqrt(expected))
