"""Multiple scattering: single steps against a sum of collisions, tails, steps, magnetic bending."""

from __future__ import annotations

import decimal

import numpy as np
import pytest
from cascade_samples import FIELD_UT, key, standard_table
from scipy.spatial.transform import Rotation

from iactflow.shower.air import ELECTRON_MASS_MEV, RADIATION_LENGTH_G_CM2
from iactflow.shower.cascade import Cascade, step_buffer
from iactflow.shower.particles import (
    CARRY,
    DEPTH,
    KIND,
    KINETIC,
    LOCAL_DENSITY,
    TURN,
    UX,
    UY,
    UZ,
    turned,
)
from iactflow.shower.physics_tables import CHI2, NUCLEAR_PART, SCREENING2
from iactflow.shower.scattering import HARD_NUMBER, bend, deflect, scatter, settle, soft_mean
from iactflow.shower.settings import CascadeSettings

MOMENTUM = 100.0


@pytest.fixture(scope="module")
def work():
    """State of a cascade that flies nothing."""
    settings = CascadeSettings(magnetic_field_ut=FIELD_UT)
    start = np.array([[3, 100.0, 0.0, 0.0, 5000.0, 0.0, 0.0, 0.0, -1.0]])
    cascade = Cascade(start, standard_table(), settings, key(1), step_buffer(16))
    return cascade._works[0]


def _fly_down(work):
    p = work["flying"]
    p[:] = 0.0
    p[KIND], p[UZ], p[DEPTH], p[LOCAL_DENSITY] = 3.0, -1.0, 400.0, 0.05
    p[KINETIC] = MOMENTUM
    return p


def _scattered(work, path, n_steps, n):
    """Squares of the angles, w = 2 (1 - cos), after a path in a number of steps."""
    p, w = work["flying"], np.empty(n)
    chi_c2 = work["constants"][CHI2] * path / MOMENTUM**2
    for i in range(n):
        _fly_down(work)
        for _ in range(n_steps):
            scatter(work, chi_c2 / n_steps, MOMENTUM**2)
        w[i] = 2.0 * (1.0 + p[UZ])
    return w


def test_scattering_equals_the_sum_of_single_collisions(work):
    constants = work["constants"]
    path = 0.1
    chi_c2 = constants[CHI2] * path / MOMENTUM**2
    chi_a2 = constants[SCREENING2] / MOMENTUM**2
    draw = np.random.default_rng(1)
    n = 8000
    twin = np.zeros((n, 2))
    for i, number in enumerate(draw.poisson(chi_c2 / chi_a2, n)):
        w = chi_a2 / draw.uniform(size=number) - chi_a2
        phi = draw.uniform(0.0, 2.0 * np.pi, number)
        twin[i] = (np.sqrt(w) * np.cos(phi)).sum(), (np.sqrt(w) * np.sin(phi)).sum()
    expected = (twin**2).sum(axis=1)
    ours = _scattered(work, path, 1, n)
    parts = [0.1, 0.25, 0.5, 0.75, 0.9, 0.97]
    np.testing.assert_allclose(np.quantile(ours, parts), np.quantile(expected, parts), rtol=0.06)


def test_steps_do_not_change_the_angles(work):
    once, often = _scattered(work, 4.0, 1, 20000), _scattered(work, 4.0, 8, 20000)
    for part in (0.25, 0.5, 0.9, 0.98):
        assert np.quantile(often, part) == pytest.approx(np.quantile(once, part), rel=0.05)


def test_width_is_that_of_highland(work):
    # Lynch and Dahl, Nucl. Instrum. Meth. B 58 (1991) 6: central 98 % to 11 %, here to 5 %.
    for path in (0.05, 0.2):
        w = _scattered(work, path * RADIATION_LENGTH_G_CM2, 1, 10000)
        width = 13.6 / MOMENTUM * np.sqrt(path) * (1.0 + 0.038 * np.log(path))
        assert np.sqrt(np.median(w) / (2.0 * np.log(2.0))) == pytest.approx(width, rel=0.05)


def test_tails_are_those_of_single_scattering(work):
    constants = work["constants"]
    w = _scattered(work, 1.0, 1, 40000)
    chi_c2 = constants[CHI2] / MOMENTUM**2
    # Four times the width in quadrature and beyond: Rutherford, nuclei only, Moliere's correction
    # 1 + 2 (4 / x) of the transition aside.
    limit = 120.0 * chi_c2
    expected = constants[NUCLEAR_PART] * chi_c2 / limit
    found = (w > limit).mean()
    error = np.sqrt(expected / len(w))
    assert expected - 3.0 * error < found < 1.35 * expected + 3.0 * error


def test_soft_mean_is_the_integral_below_the_cutoff():
    chi_c2, chi_a2 = 1e-4, 1e-9
    cutoff = chi_c2 / HARD_NUMBER
    w = np.geomspace(1e-14, cutoff, 200001)
    expected = np.trapezoid(w * chi_c2 / (w + chi_a2) ** 2, w)
    assert soft_mean(chi_c2, chi_a2, HARD_NUMBER) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("ratio", [1e-12, 1e-9, 1e-7, 1e-5, 0.9e-3, 1.1e-3, 0.1, 10.0])
def test_soft_mean_of_a_step_with_hardly_a_collision(ratio):
    # Ratio r of the cutoff to the screening: log(1 + r) - r / (1 + r), to 40 digits.
    with decimal.localcontext() as context:
        context.prec = 40
        r = decimal.Decimal(ratio)
        expected = float((1 + r).ln() - r / (1 + r))
    mean = soft_mean(1e-4, 1e-4 / (HARD_NUMBER * ratio), HARD_NUMBER)
    assert mean == pytest.approx(1e-4 * expected, rel=2e-6)
    assert mean >= 0.0


def test_the_shortest_steps_leave_a_unit_vector(work):
    p = _fly_down(work)
    for chi_c2 in np.geomspace(1e-30, 1e-12, 2000):
        scatter(work, chi_c2, MOMENTUM**2)
        assert np.linalg.norm(p[[UX, UY, UZ]]) == pytest.approx(1.0, abs=1e-12)


def test_directions_along_a_step_are_those_of_the_track(work):
    # Without loss the mean square along the track is half of that at its end, at once in one step.
    p, before, after = work["flying"], [], []
    for _ in range(8000):
        _fly_down(work)
        deflect(work, 2.0, MOMENTUM, MOMENTUM, ELECTRON_MASS_MEV, -1.0)
        before.append(min(2.0 * (1.0 + p[UZ]), 0.02))
        settle(work, MOMENTUM)
        after.append(min(2.0 * (1.0 + p[UZ]), 0.02))
        assert p[CARRY] == p[TURN] == 0.0
    assert np.mean(before) == pytest.approx(0.5 * np.mean(after), rel=0.08)


def test_turned_is_a_rotation():
    draw = np.random.default_rng(3)
    for _ in range(50):
        u = draw.normal(size=3)
        u /= np.linalg.norm(u)
        angle, phi = draw.uniform(0.0, np.pi), draw.uniform(0.0, 2.0 * np.pi)
        across = np.sin(angle) * np.cos(phi), np.sin(angle) * np.sin(phi)
        v = turned(*u, np.cos(angle), *across)
        assert np.dot(u, v) == pytest.approx(np.cos(angle), abs=1e-12)
        assert np.linalg.norm(v) == pytest.approx(1.0, abs=1e-12)


def test_field_bends_on_a_circle(work):
    p = _fly_down(work)
    # Positive charge, momentum 1 GeV, 1 km across 30 uT: 0.3 B L / p = 9.0 mrad to the east.
    bend(work, 1000.0 / 1000.0)
    assert p[UY] == pytest.approx(-np.sin(2.99792458e-4 * 30.0), rel=1e-3)
    turn = Rotation.from_rotvec(-2.99792458e-4 * np.array(FIELD_UT))
    np.testing.assert_allclose(p[[UX, UY, UZ]], turn.apply([0.0, 0.0, -1.0]), atol=1e-6)
