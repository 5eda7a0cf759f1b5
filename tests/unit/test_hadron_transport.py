"""Hadrons in the cascade: energy, paths, losses, the pool against its twin, light, streams."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from cascade_samples import FIELD_UT, LEVEL_M, follow, gamma_ray, key, light, standard_table
from scipy import stats
from simple_hadrons import LOST, SimpleModel, simple_models, simple_pool

from iactflow.atmosphere.table import thickness_g_cm2
from iactflow.campaign.philox import new_state, uniform
from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError
from iactflow.shower.cascade import Cascade, available_energy_mev, cascade_steps, step_buffer
from iactflow.shower.collide import collide, energy_scale, inelastic_per_g_cm2
from iactflow.shower.hadron_models import HadronModels
from iactflow.shower.light import add_emitted_light
from iactflow.shower.particles import (
    DEPTH,
    HADRONIC,
    KIND,
    KINETIC,
    N_FIELDS,
    N_STACK,
    UX,
    UY,
    UZ,
    turned,
)
from iactflow.shower.settings import CascadeSettings, Primary
from iactflow.shower.species import charge_squared, life_m, mass_mev, rest_energy_mev

TABLE = standard_table()
DEFAULT = CascadeSettings(magnetic_field_ut=FIELD_UT, photonuclear=True)
# Electrons and photons end at once: for what hadrons do alone.
NO_LIGHT = CascadeSettings(electron_cut_mev=1e4, photon_cut_mev=1e4, muon_decay=False)


@pytest.fixture(scope="module")
def models():
    """Simple interactions."""
    return simple_models()


def hadron_generator(shower):
    """Generator of a shower for interactions above the pool."""
    return StreamKey(7, "hadron_interactions", shower=shower).generator()


def follow_hadron(primary, settings, models, shower=1, rows=20000):
    """All steps of a shower, and its summary."""
    cascade = cascade_steps(
        primary, TABLE, settings, key(shower), step_buffer(rows), models, hadron_generator(shower)
    )
    steps = [part.copy() for part in cascade]
    return (np.concatenate(steps) if steps else np.zeros((0, 11))), cascade.summary


@pytest.mark.parametrize("particle", [8, 9, 10, 11, 12, 13, 14, 15, 25, 402, 1407, 5626])
def test_energy_is_conserved(particle, models):
    primary = Primary(particle, 0.5, altitude_deg=60.0, azimuth_deg=30.0, start_depth_g_cm2=20.0)
    for shower in range(2):
        _, summary = follow_hadron(primary, DEFAULT, models, shower)
        energy = summary.energy_mev
        assert sum(energy.values()) == pytest.approx(available_energy_mev(primary), rel=1e-9)
        assert min(energy.values()) >= 0.0
        # One to three interactions in a row lose a tenth each.
        assert energy["hadronic"] < 0.4 * available_energy_mev(primary)


def test_a_buffer_of_another_size_gives_the_same_shower(models):
    primary = Primary(14, 0.3, altitude_deg=70.0)
    whole, summary = follow_hadron(primary, DEFAULT, models)
    parts, other = follow_hadron(primary, DEFAULT, models, rows=16)
    np.testing.assert_array_equal(parts, whole)
    assert other.energy_mev == summary.energy_mev
    assert follow_hadron(primary, DEFAULT, models, 2)[0].shape != whole.shape


def test_gamma_rays_do_not_notice_that_there_are_hadrons(models):
    plain, summary = follow(gamma_ray(0.1), TABLE, CascadeSettings(magnetic_field_ut=FIELD_UT))
    settings = CascadeSettings(magnetic_field_ut=FIELD_UT, photonuclear=False)
    steps, other = follow_hadron(gamma_ray(0.1), settings, models)
    np.testing.assert_array_equal(steps, plain)
    assert other.energy_mev == summary.energy_mev


def test_photons_that_nuclei_absorb_make_hadrons(models):
    without, ours = [], []
    muons = 0
    for shower in range(12):
        without.append(follow(gamma_ray(3.0), TABLE, DEFAULT, shower)[1].energy_mev)
        steps, summary = follow_hadron(gamma_ray(3.0), DEFAULT, models, shower)
        ours.append(summary.energy_mev)
        assert sum(ours[-1].values()) == pytest.approx(3e6, rel=1e-9)
        muons += (steps[:, 10] > 3.0).sum()
    lost = np.mean([e["hadronic"] for e in without])
    kept = np.mean([e["hadronic"] for e in ours])
    assert muons > 0
    assert 0.012 < lost / 3e6 < 0.03
    assert kept < 0.7 * lost
    assert np.mean([e["neutrinos"] for e in ours]) > 10.0 * np.mean(
        [e["neutrinos"] for e in without]
    )


@pytest.mark.parametrize(
    ("particle", "altitude_deg", "length"),
    [(13, 90.0, 90.0), (14, 90.0, 90.0), (14, 50.0, 90.0), (402, 70.0, 40.0)],
)
def test_first_interactions_are_exponential_in_depth(particle, altitude_deg, length, models):
    few = HadronModels(models.pool, SimpleModel(), 15e3)
    total = (20e3 + mass_mev(float(particle)) if particle < 100 else 200e3) * 1e-6
    primary = Primary(particle, total, altitude_deg=altitude_deg)
    depths = []
    for shower in range(800):
        _, summary = follow_hadron(primary, NO_LIGHT, few, shower, rows=2000)
        depth = thickness_g_cm2(TABLE, summary.h_first_m) / np.sin(np.radians(altitude_deg))
        depths.append(depth)
    assert np.mean(depths) == pytest.approx(length, abs=3.5 * length / np.sqrt(len(depths)))
    assert stats.kstest(depths, stats.expon(scale=length).cdf).pvalue > 1e-3


@pytest.mark.parametrize(("particle", "kinetic"), [(8, 1e3), (9, 1e4), (10, 5e3), (12, 2e4)])
def test_lives_are_exponential(particle, kinetic):
    models = simple_models(length={"meson": 1e9, "baryon": 1e9, "nucleus": 1e9}, n_events=2)
    mass = mass_mev(float(particle))
    momentum = np.sqrt(kinetic * (kinetic + 2.0 * mass))
    length = life_m(float(particle)) * momentum / mass
    start = LEVEL_M + 8000.0
    primary = Primary(particle, (kinetic + mass) * 1e-6, start_height_m=start)
    flown = [
        start - follow_hadron(primary, NO_LIGHT, models, shower, rows=2000)[1].h_first_m
        for shower in range(600)
    ]
    assert np.mean(flown) == pytest.approx(length, abs=3.5 * length / np.sqrt(len(flown)))
    assert stats.kstest(flown, stats.expon(scale=length).cdf).pvalue > 1e-3


def test_losses_follow_the_speed_and_the_square_of_the_charge():
    models = simple_models(length={"meson": 1e9, "baryon": 1e9, "nucleus": 1e9}, n_events=2)
    lost = {}
    for particle, kinetic in ((14, 9e3), (402, 36e3), (15, 9e3)):
        total = (kinetic + mass_mev(float(particle))) * 1e-6
        primary = Primary(particle, total, start_height_m=LEVEL_M + 1000.0)
        steps, summary = follow_hadron(primary, CascadeSettings(record_all=True), models)
        path = thickness_g_cm2(TABLE, LEVEL_M) - thickness_g_cm2(TABLE, LEVEL_M + 1000.0)
        lost[particle] = summary.energy_mev["deposited"] / path
        assert set(steps[:, 10]) == {float(particle)}
        end = 1.0 + (kinetic - lost[particle] * path) / mass_mev(float(particle))
        assert steps[-1, 9] == pytest.approx(end, rel=1e-6)
    # Bethe for beta gamma = 10.5 in air, which has no density effect yet.
    beta2, largest = 1.0 - 1.0 / 10.55**2, 1.022 * 110.3 / (1.0 + 2.0 * 10.55 / 1836.0)
    bethe = 0.1535 / beta2 * (0.5 * np.log(1.022 * 110.3 * largest / 85.7e-6**2) - beta2)
    assert lost[14] == pytest.approx(bethe, rel=0.005)
    assert lost[402] == pytest.approx(4.0 * lost[14], rel=0.01)
    assert lost[15] == pytest.approx(lost[14], rel=1e-3)


@pytest.mark.parametrize(("particle", "charge"), [(14, 1.0), (15, -1.0), (402, 2.0), (9, -1.0)])
def test_fields_bend_with_the_charge_over_the_momentum(particle, charge):
    models = simple_models(length={"meson": 1e9, "baryon": 1e9, "nucleus": 1e9}, n_events=2)
    settings = CascadeSettings(magnetic_field_ut=(90.0, 0.0, 0.0), record_all=True)
    momentum, mass = 1e5, mass_mev(float(particle))
    kinetic = np.sqrt(momentum**2 + mass**2) - mass
    start = [particle, kinetic, 0.0, 0.0, 15000.0, 0.0, 0.0, 0.0, -1.0]
    cascade = Cascade(
        np.tile(start, (400, 1)),
        TABLE,
        settings,
        key(3),
        step_buffer(),
        models,
        hadron_generator(1),
    )
    steps = np.concatenate([rows.copy() for rows in cascade])
    steps = steps[(steps[:, 10] == particle) & (steps[:, 2] < 13000.0) & (steps[:, 2] > 12000.0)]
    # A particle that flies down bends to the west (y): d(u)/ds = (q B / p) u x B.
    flown = 15000.0 - steps[:, 2] + 0.5 * steps[:, 7]
    turn = charge * 2.99792458e-4 * flown / momentum
    assert np.mean(steps[:, 5] / turn) == pytest.approx(-90.0, rel=0.04)


def _work(models, kind, kinetic, state=5):
    start = np.array([[kind, kinetic, 0.0, 0.0, 8000.0, 0.0, 0.3, 0.2, -(0.87**0.5)]])
    settings = CascadeSettings(electron_cut_mev=0.5, photon_cut_mev=0.5, drop_dark=False)
    cascade = Cascade(
        start, TABLE, settings, key(state), step_buffer(16), models, hadron_generator(1)
    )
    work = cascade._works[0]
    p = work["flying"]
    p[:] = 0.0
    p[KIND], p[KINETIC], p[DEPTH] = kind, kinetic, 300.0
    p[[UX, UY, UZ]] = 0.3, 0.2, -(0.87**0.5)
    return work


def _twin(pool, kind, kinetic, direction, state):
    """`collide` in plain numpy: rows of kind, kinetic energy, direction."""
    row = pool.rows[kind]
    position = (np.log(kinetic) - pool.log_kinetic[0]) / np.diff(pool.log_kinetic[:2])[0]
    node = int(np.clip(np.floor(position), 0, len(pool.log_kinetic) - 2))
    # As the kernels: inside (0, 1).
    draws = [uniform(state) + 0.5 / 2**53 for _ in range(3)]
    node += draws[0] < position - node
    event = int(draws[1] * (pool.starts.shape[2] - 1))
    part = pool.secondaries[pool.starts[row, node, event] : pool.starts[row, node, event + 1]]
    part = part.astype(float)
    mass = np.array([mass_mev(k) for k in part[:, 0]])
    energy = np.sqrt((part[:, 1:] ** 2).sum(axis=1) + mass**2) - mass
    difference = kinetic - np.exp(pool.log_kinetic[node])
    scale = 1.0 + difference / energy.sum()
    if not 0.5 <= scale <= 2.0:
        scale = kinetic / np.exp(pool.log_kinetic[node])
    unit = part[:, 1:] / np.linalg.norm(part[:, 1:], axis=1)[:, None]
    c, s = np.cos(2.0 * np.pi * draws[2]), np.sin(2.0 * np.pi * draws[2])
    flown = [turned(*direction, u[2], c * u[0] - s * u[1], s * u[0] + c * u[1]) for u in unit]
    return np.column_stack([part[:, 0], scale * energy, flown])


@pytest.mark.parametrize("kind", [14, 9, 11])
def test_the_draw_from_the_pool_is_its_twin(kind, models):
    state = new_state(key(5))
    work = _work(models, kind, 2000.0)
    direction = tuple(work["flying"][[UX, UY, UZ]])
    for kinetic in np.geomspace(310.0, 79e3, 60):
        work["flying"][KINETIC], work["counts"][N_STACK] = kinetic, 0
        work["tally"][:] = 0.0
        collide(work, models.pool)
        rows = work["stack"][: work["counts"][N_STACK], :]
        expected = _twin(models.pool, kind, kinetic, direction, state)
        fly = [i for i, (k, t) in enumerate(expected[:, :2]) if not (13 <= k <= 25 and t < 300.0)]
        assert rows.shape == (len(fly), N_FIELDS)
        np.testing.assert_allclose(rows[:, [KIND, KINETIC]], expected[fly, :2], rtol=1e-6)
        np.testing.assert_allclose(rows[:, [UX, UY, UZ]], expected[fly, 2:], atol=1e-6)
        taken = expected[:, 1].sum() + sum(rest_energy_mev(k) for k in expected[:, 0])
        left = kinetic + rest_energy_mev(float(kind)) - taken
        assert work["tally"][HADRONIC] == pytest.approx(left, abs=1e-2)


def _lost(pool, kind, node):
    """What the events of a node do not give back."""
    starts, lost = pool.starts[pool.rows[kind], node], []
    for first, last in pairwise(starts):
        rows = pool.secondaries[first:last].astype(float)
        mass = np.array([mass_mev(k) for k in rows[:, 0]])
        energy = np.sqrt((rows[:, 1:] ** 2).sum(axis=1) + mass**2) - mass
        energy += [rest_energy_mev(k) for k in rows[:, 0]]
        lost.append(np.exp(pool.log_kinetic[node]) + rest_energy_mev(kind) - energy.sum())
    return np.array(lost)


def test_the_pool_keeps_the_energy_between_its_nodes(models):
    pool = models.pool
    grid = np.exp(pool.log_kinetic)
    kinetic = np.sqrt(grid[5] * grid[6])
    work = _work(models, 14, kinetic)
    for _ in range(2000):
        work["counts"][N_STACK] = 0
        collide(work, pool)
    # What an event of a node has lost is lost again; each node has half of the interactions.
    mean = [_lost(pool, 14, node) for node in (5, 6)]
    error = np.hypot(mean[0].std(), mean[1].std()) / np.sqrt(2000)
    found = work["tally"][HADRONIC] / 2000
    assert found == pytest.approx(0.5 * (mean[0].mean() + mean[1].mean()), abs=3.5 * error)
    assert found > LOST * grid[5]


def test_scales_share_the_difference():
    assert energy_scale(1100.0, 1000.0, 500.0) == pytest.approx(1.2)
    assert energy_scale(1100.0, 1000.0, 50.0) == pytest.approx(1.1)
    assert energy_scale(900.0, 1000.0, 0.0) == pytest.approx(0.9)


def test_cross_sections_are_interpolated_in_the_logarithm():
    pool = simple_pool(n_events=2)
    pool.cross_section[:] = 0.01 * np.arange(pool.cross_section.shape[1])
    for kind in (8.0, 14.0, 402.0, 5626.0):
        for kinetic in (100.0, 1e3, 3e6, 1e9):
            expected = min(0.01 * np.log(kinetic / 100.0), 0.17)
            assert inelastic_per_g_cm2(pool, kind, kinetic) == pytest.approx(expected)


class _Burst:
    """A model that makes more of one interaction than the stack has room for."""

    n = 9000

    def interact(self, kind, kinetic_mev, generator):
        """Muons, as many as fit into the energy."""
        rows = np.zeros((self.n, 4))
        rows[:, 0], rows[:, 3] = 5.0, kinetic_mev / self.n - mass_mev(5.0)
        return rows


def test_more_secondaries_than_the_stack_has_room_for(models):
    burst = HadronModels(models.pool, _Burst(), 300.0)
    primary = Primary(14, 9.0, start_height_m=LEVEL_M + 3000.0)
    settings = CascadeSettings(record_all=True, muon_decay=False)
    while True:
        steps, summary = follow_hadron(primary, settings, burst, rows=4096)
        if summary.energy_mev["ground"] < 8e6:
            break
    assert sum(summary.energy_mev.values()) == pytest.approx(available_energy_mev(primary))
    last = steps[(steps[:, 10] == 5.0) & (steps[:, 2] + steps[:, 7] * steps[:, 6] < 1e-3)]
    assert len(last) == _Burst.n


def test_iron_of_100_tev_has_room():
    models = simple_models(n_events=10)
    primary = Primary(5626, 100.0, altitude_deg=70.0)
    settings = CascadeSettings(electron_cut_mev=500.0, photon_cut_mev=500.0)
    _, summary = follow_hadron(primary, settings, models)
    assert sum(summary.energy_mev.values()) == pytest.approx(available_energy_mev(primary))
    assert 200.0 < summary.x_max_g_cm2 < 700.0


def test_the_pool_and_the_model_above_it_make_the_same_showers():
    primary = Primary(14, 0.3, altitude_deg=70.0)
    settings = CascadeSettings(electron_cut_mev=100.0, photon_cut_mev=100.0)
    sums = []
    for max_kinetic_mev in (20e3, 80e3):
        models = simple_models(n_events=200, max_kinetic_mev=max_kinetic_mev)
        values = []
        for shower in range(100):
            steps, summary = follow_hadron(primary, settings, models, shower)
            weight, height, _, _ = light(steps, TABLE)
            share = summary.energy_mev["neutrinos"] / 3e5
            values.append((weight.sum(), (weight * height).sum() / weight.sum(), share))
        sums.append(np.array(values))
    for quantity in range(3):
        a, b = sums[0][:, quantity], sums[1][:, quantity]
        error = np.hypot(a.std(), b.std()) / np.sqrt(len(a))
        assert abs(a.mean() - b.mean()) < 3.0 * error
        assert stats.ks_2samp(a, b).pvalue > 1e-3


def test_nuclei_shine_with_the_square_of_their_charge():
    assert [charge_squared(float(k)) for k in (3, 14, 402, 5626)] == [1.0, 1.0, 4.0, 676.0]
    step = np.array([[0.0, 0.0, 9000.0, 0.0, 0.0, 0.0, -1.0, 100.0, 200.0, 199.0, 14.0]])
    counts = np.zeros((2, 1))
    for row, kind in enumerate((14.0, 2814.0)):
        step[0, 10] = kind
        add_emitted_light(step, TABLE, 1000.0, 0.0, 1e6, counts[row])
    assert counts[0, 0] > 0.0
    assert counts[1, 0] == pytest.approx(196.0 * counts[0, 0])


def test_hadrons_need_their_models():
    with pytest.raises(InputError, match="models of hadronic interactions"):
        cascade_steps(Primary(14, 1.0), TABLE, DEFAULT, key(1), step_buffer())
    pool = simple_pool(n_events=2)
    pool.rows[10] = -1
    with pytest.raises(InputError, match="all hadrons and nuclei"):
        HadronModels(pool, SimpleModel())


class _Strange:
    def interact(self, kind, kinetic_mev, generator):
        """A particle that the cascade does not know."""
        return np.array([[18.0, 0.0, 0.0, 1000.0]])


def test_a_model_that_gives_what_does_not_fly_ends_the_cascade(models):
    strange = HadronModels(models.pool, _Strange())
    with pytest.raises(RuntimeError, match="the model gave"):
        strange.interact(14, 1e6, hadron_generator(1))
