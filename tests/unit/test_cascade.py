"""The cascade: energy, depths, frames, light that does not depend on steps and cuts, muons."""

from __future__ import annotations

import numpy as np
import pytest
from cascade_samples import FIELD_UT, LEVEL_M, follow, gamma_ray, key, light, standard_table

from iactflow.atmosphere.table import height_m, refractivity, thickness_g_cm2
from iactflow.errors import InputError
from iactflow.shower.air import ELECTRON_MASS_MEV, MUON_MASS_MEV, RADIATION_LENGTH_G_CM2
from iactflow.shower.cascade import (
    Cascade,
    available_energy_mev,
    cascade_steps,
    maximum,
    step_buffer,
)
from iactflow.shower.column import make_column
from iactflow.shower.physics_tables import SCREENING2
from iactflow.shower.settings import CascadeSettings, Primary

TABLE = standard_table()
DEFAULT = CascadeSettings(magnetic_field_ut=FIELD_UT)
C_M_NS = 0.299792458


@pytest.mark.parametrize("particle", [1, 2, 3, 5, 6])
def test_energy_is_conserved(particle):
    settings = CascadeSettings(magnetic_field_ut=FIELD_UT, electron_cut_mev=5.0, photon_cut_mev=5.0)
    primary = Primary(particle, 0.05, altitude_deg=60.0, azimuth_deg=30.0)
    for shower in range(3):
        _, summary = follow(primary, TABLE, settings, shower)
        total = sum(summary.energy_mev.values())
        assert total == pytest.approx(available_energy_mev(primary), rel=1e-9)
        assert min(summary.energy_mev.values()) >= 0.0


def test_steps_are_what_the_emission_expects():
    steps, summary = follow(gamma_ray(0.05, altitude_deg=70.0), TABLE, DEFAULT)
    assert len(steps) <= summary.n_steps
    np.testing.assert_allclose(np.linalg.norm(steps[:, 4:7], axis=1), 1.0, atol=1e-12)
    assert (steps[:, 7] > 0.0).all()
    assert (steps[:, 8] > steps[:, 9]).all()
    assert (steps[:, 9] > 20.0 / ELECTRON_MASS_MEV).all()
    assert set(steps[:, 10]) <= {2.0, 3.0}
    assert (steps[:, 2] >= 0.0).all()
    # Depth lost along a step agrees with its length: the table of the atmosphere is kept.
    lower = steps[:, 2] + steps[:, 7] * steps[:, 6]
    assert (lower > -1e-6).all()


def test_only_what_may_radiate_is_recorded():
    steps, summary = follow(gamma_ray(0.05), TABLE, DEFAULT)
    lowest = np.minimum(steps[:, 2], steps[:, 2] + steps[:, 7] * steps[:, 6]) + LEVEL_M
    index = 1.0 + np.array([refractivity(TABLE, h) for h in lowest])
    threshold = index / np.sqrt(index**2 - 1.0)
    assert (steps[:, 8] > 0.999 * threshold).all()
    everything = CascadeSettings(magnetic_field_ut=FIELD_UT, drop_dark=False, record_all=True)
    steps, summary = follow(gamma_ray(0.05), TABLE, everything)
    assert len(steps) == summary.n_steps


def test_a_small_buffer_gives_the_same_steps():
    whole, summary = follow(gamma_ray(0.02), TABLE, DEFAULT)
    cascade = cascade_steps(gamma_ray(0.02), TABLE, DEFAULT, key(1), step_buffer(16))
    parts = [rows.copy() for rows in cascade]
    assert len(parts) > 5
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert cascade.summary.energy_mev == summary.energy_mev
    assert list(cascade) == []


def test_streams_make_showers():
    first, _ = follow(gamma_ray(0.02), TABLE, DEFAULT, 1)
    again, _ = follow(gamma_ray(0.02), TABLE, DEFAULT, 1)
    other, _ = follow(gamma_ray(0.02), TABLE, DEFAULT, 2)
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape


def test_frame_and_time_of_an_inclined_muon():
    # From the south-east, 30 deg off the zenith, so fast that it flies straight at light speed.
    primary = Primary(6, 10.0, altitude_deg=60.0, azimuth_deg=135.0)
    settings = CascadeSettings(record_all=True, muon_decay=False)
    steps, summary = follow(primary, TABLE, settings)
    start, end = steps[0], steps[-1]
    assert start[0] < 0.0  # south
    assert start[1] < 0.0  # east
    assert start[2] == pytest.approx(TABLE.top_m - LEVEL_M)
    np.testing.assert_allclose(
        start[4:7], [0.5 * 0.5**0.5, 0.5 * 0.5**0.5, -(0.75**0.5)], atol=1e-3
    )
    assert end[2] + end[7] * end[6] == pytest.approx(0.0, abs=1e-6)
    # Scattering of a 10 TeV muon moves it by some 10 cm.
    assert np.hypot(*(end[:2] + end[7] * end[4:6])) < 2.0
    # At the speed of light: where it was scattered to, the front of the shower arrives as it does.
    front = (end[:3] + end[7] * end[4:7]) @ primary.direction / C_M_NS
    assert end[3] + end[7] / C_M_NS == pytest.approx(front, abs=1e-3)
    assert summary.energy_mev["ground"] > 0.99e7


@pytest.mark.parametrize("particle", [5, 6])
def test_muons_lose_what_bethe_says(particle):
    settings = CascadeSettings(muon_decay=False, record_all=True)
    primary = Primary(particle, 0.01, start_height_m=LEVEL_M + 1000.0)
    steps, summary = follow(primary, TABLE, settings)
    path = thickness_g_cm2(TABLE, LEVEL_M) - thickness_g_cm2(TABLE, LEVEL_M + 1000.0)
    # 2.64 MeV cm2/g at 10 GeV and sea level, 1 % more in thinner air.
    assert summary.energy_mev["deposited"] == pytest.approx(2.65 * path, rel=0.02)
    assert steps[-1, 9] * MUON_MASS_MEV == pytest.approx(1e4 - 2.65 * path, rel=0.01)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("particle", [2, 3, 5, 6])
def test_field_bends_particles_to_their_side(particle, axis):
    """Lorentz force: d(u)/ds = (q B / p) u x B, as the mean over particles of 20 GeV."""
    field = np.zeros(3)
    field[axis] = 60.0
    settings = CascadeSettings(
        magnetic_field_ut=tuple(field), muon_decay=False, record_all=True,
        electron_cut_mev=1e4, photon_cut_mev=1e4,
    )  # fmt: skip
    # 45 deg off the vertical, from the north; electrons from so high that they keep their energy.
    length, z = (2000.0, 40000.0) if particle < 4 else (5000.0, 5000.0)
    u = np.array([-(0.5**0.5), 0.0, -(0.5**0.5)])
    n, kinetic = 150, 2e4
    start = [particle, kinetic, 0.0, 0.0, z, 0.0, *u]
    cascade = Cascade(np.tile(start, (n, 1)), TABLE, settings, key(particle), step_buffer())
    steps = np.concatenate([rows.copy() for rows in cascade])
    steps = steps[steps[:, 10] == particle]
    beyond = z - steps[:, 2] - steps[:, 7] * steps[:, 6] >= length * 0.5**0.5
    begins = z - steps[:, 2] < length * 0.5**0.5
    directions = steps[beyond & begins, 4:7]
    momentum = steps[beyond & begins, 8] * (MUON_MASS_MEV if particle > 4 else ELECTRON_MASS_MEV)
    assert len(directions) > 0.8 * n
    # The direction is that at a place inside the step that crosses the length.
    flown = (z - steps[beyond & begins, 2]) / 0.5**0.5 + 0.5 * steps[beyond & begins, 7]
    charge = 1.0 if particle in (2, 5) else -1.0
    turn = charge * 2.99792458e-4 * flown / np.sqrt(momentum * kinetic)
    turned = (directions - u) / turn[:, None]
    expected = np.cross(u, field)
    error = turned.std(axis=0) / np.sqrt(n)
    assert np.abs(expected).max() > 40.0
    assert (error < 4.0).all()
    np.testing.assert_allclose(turned.mean(axis=0), expected, atol=3.5 * error.max() + 1.0)


def test_mean_deflection_of_muons_in_the_field():
    settings = CascadeSettings(
        magnetic_field_ut=(60.0, 0.0, 0.0), muon_decay=False, record_all=True
    )
    ends = []
    for shower in range(200):
        primary = Primary(5, 0.02, start_height_m=LEVEL_M + 10000.0)
        steps, _ = follow(primary, TABLE, settings, shower)
        ends.append(steps[-1, 1] + steps[-1, 7] * steps[-1, 5])
    momentum = 20.0 - 0.5 * 0.00265 * 585.0  # GeV, in the middle
    expected = -0.299792458 * 60e-6 * 10000.0**2 / (2.0 * momentum)
    error = np.std(ends) / np.sqrt(len(ends))
    assert np.mean(ends) == pytest.approx(expected, abs=3.0 * error + 0.02 * abs(expected))
    assert error < 0.2 * abs(expected)


def test_muons_decay_on_time():
    settings = CascadeSettings(record_all=True)
    energy = 2e3
    path = 9000.0
    reached = 0
    for shower in range(300):
        primary = Primary(5, energy * 1e-6, start_height_m=LEVEL_M + path)
        steps, _ = follow(primary, TABLE, settings, shower)
        last = steps[steps[:, 10] == 5.0][-1]
        reached += last[2] + last[7] * last[6] < 1.0
    # Range integral of 1 / p along the path, with the loss in an exponential atmosphere.
    height = np.linspace(path, 0.0, 2001)
    above = thickness_g_cm2(TABLE, LEVEL_M + path)
    depth = np.array([thickness_g_cm2(TABLE, LEVEL_M + h) for h in height]) - above
    momentum = np.maximum(energy - 2.0 * depth, 110.0)
    expected = np.exp(-np.trapezoid(MUON_MASS_MEV / (658.6 * momentum), -height))
    assert reached / 300 == pytest.approx(expected, abs=3.5 * np.sqrt(expected / 300))
    assert 0.1 < expected < 0.5


def test_photons_fly_nine_sevenths_of_a_radiation_length():
    settings = CascadeSettings(photonuclear=False)
    depths = []
    for shower in range(400):
        cascade = cascade_steps(gamma_ray(100.0), TABLE, settings, key(shower), step_buffer(16))
        next(iter(cascade))
        depths.append(thickness_g_cm2(TABLE, cascade.summary.h_first_m))
    expected = 9.0 / 7.0 * RADIATION_LENGTH_G_CM2
    assert np.mean(depths) == pytest.approx(expected, abs=3.0 * expected / 20.0)


def test_shower_is_as_deep_and_large_as_rossi_says():
    settings = CascadeSettings(drop_dark=False, electron_cut_mev=20.0, photon_cut_mev=20.0)
    profiles = []
    for shower in range(120):
        _, summary = follow(gamma_ray(0.1), TABLE, settings, shower)
        profiles.append(summary.n_charged)
    depth, number = maximum(summary.depth_g_cm2, np.mean(profiles, axis=0))
    # Approximation B, photon primary: 245 g/cm2, 135 particles of all energies with E_c = 87.9 MeV;
    # 57 % of those above 1 MeV are above 20 MeV (Nerling et al. 2006).
    assert depth == pytest.approx(245.0, abs=20.0)
    assert number == pytest.approx(0.57 * 135.0, rel=0.15)


# Twenty electrons of 2.5 GeV that start together: they differ less than showers of one of 50 GeV.
ELECTRON_ROW = [3, 2500.0, 0.0, 0.0, 11500.0, 0.0, 0.0, 0.0, -1.0]
BUFFER = step_buffer(20000)


def _mean_light(settings, n, first):
    """Light: weight, mean angle and height; parts within 20 and 60 mrad, 200 m of the core."""
    sums = np.zeros((n, 6))
    for i in range(n):
        cascade = Cascade(np.tile(ELECTRON_ROW, (20, 1)), TABLE, settings, key(first + i), BUFFER)
        steps = np.concatenate([rows.copy() for rows in cascade])
        weight, height, angle, radius = light(steps, TABLE)
        parts = (weight, weight * np.minimum(angle, 1.0), weight * height)
        inside = (weight * (angle < 0.02), weight * (angle < 0.06), weight * (radius < 200.0))
        sums[i] = [part.sum() for part in (*parts, *inside)]
    mean, covariance = sums.mean(axis=0), np.cov(sums.T) / n
    # Ratios to the weight, and their errors.
    value = np.append(mean[0], mean[1:] / mean[0])
    slope = np.stack([-value[1:], np.ones(5)], axis=1)
    error = [np.sqrt(covariance[0, 0])]
    for k in range(1, 6):
        block = covariance[np.ix_([0, k], [0, k])]
        error.append(np.sqrt(slope[k - 1] @ block @ slope[k - 1]) / mean[0])
    return value, np.array(error)


def test_light_does_not_depend_on_steps_and_cuts():
    half = CascadeSettings(
        electron_cut_mev=0.5 * DEFAULT.electron_cut_mev,
        photon_cut_mev=0.5 * DEFAULT.photon_cut_mev,
        max_step_x0=0.5 * DEFAULT.max_step_x0,
        max_loss_fraction=0.5 * DEFAULT.max_loss_fraction,
        max_angle_rad=0.5 * DEFAULT.max_angle_rad,
        max_bend_rad=0.5 * DEFAULT.max_bend_rad,
        magnetic_field_ut=FIELD_UT,
        drop_dark=False,
    )
    usual, error_usual = _mean_light(DEFAULT, 240, 0)
    finer, error_finer = _mean_light(half, 160, 10000)
    error = np.hypot(error_usual, error_finer) / usual
    assert (error < 0.007).all(), error
    assert (np.abs(finer / usual - 1.0) < 0.02).all(), finer / usual


def test_column_is_the_table():
    column, log_low, per_unit = make_column(TABLE, 20.0, 20.0, True)
    for depth in (1.0, 30.0, 300.0, 700.0):
        position = (np.log(depth) - log_low) * per_unit
        i = int(position)
        row = column[i] + (position - i) * (column[i + 1] - column[i])
        height = height_m(TABLE, depth)
        assert row[0] + LEVEL_M == pytest.approx(height, abs=2.0)
        index = refractivity(TABLE, height)
        assert row[3] == pytest.approx(1.0 / np.sqrt(1.0 - (1.0 + index) ** -2.0), rel=1e-3)
        # What is dropped cannot radiate at any lower height it may reach.
        assert 20.0 <= row[4] <= (row[3] - 1.0) * ELECTRON_MASS_MEV + 1e-6
    assert (np.diff(column[:, 4]) <= 1e-9).all()


@pytest.mark.parametrize("column", range(1, 9))
def test_a_particle_that_is_nowhere_is_refused(column):
    particle = np.array([[1, 1000.0, 0.0, 0.0, 5000.0, 0.0, 0.0, 0.0, -1.0]])
    particle[0, column] = np.nan
    with pytest.raises(InputError, match="particles"):
        Cascade(particle, TABLE, DEFAULT, key(1), step_buffer())


@pytest.mark.parametrize("kind", [1.0, 2.0, 3.0, 5.0])
@pytest.mark.parametrize("column", [1, 4, 6, 8])
def test_a_particle_gone_astray_ends_the_cascade(kind, column):
    particle = np.array([[kind, 1000.0, 0.0, 0.0, 5000.0, 0.0, 0.0, 0.0, -1.0]])
    cascade = Cascade(particle, TABLE, DEFAULT, key(1), step_buffer())
    cascade._waiting[0, column] = np.nan
    with pytest.raises(RuntimeError, match="lost its way"):
        list(cascade)


@pytest.mark.parametrize("kind", [2.0, 3.0, 5.0])
def test_scattering_gone_astray_ends_the_cascade(kind):
    particle = np.array([[kind, 1000.0, 0.0, 0.0, 5000.0, 0.0, 0.0, 0.0, -1.0]])
    cascade = Cascade(particle, TABLE, DEFAULT, key(1), step_buffer())
    cascade._works[0]["constants"][SCREENING2] = np.nan
    with pytest.raises(RuntimeError, match="lost its way"):
        list(cascade)


def test_a_cascade_may_start_with_many_particles():
    down = [0.0, 0.0, 0.0, 0.0, -1.0]
    particles = np.array([[k, 1000.0, 0.0, 0.0, 5000.0, *down[1:]] for k in [1, 2, 3] * 200])
    cascade = Cascade(particles, TABLE, DEFAULT, key(1), step_buffer())
    for _ in cascade:
        pass
    expected = 600 * 1000.0 + 200 * 2.0 * ELECTRON_MASS_MEV
    assert sum(cascade.summary.energy_mev.values()) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("what", "values"),
    [
        (Primary, {"particle_id": 7, "energy_tev": 1.0}),
        (Primary, {"particle_id": 1, "energy_tev": 0.0}),
        (Primary, {"particle_id": 5, "energy_tev": 1e-5}),
        (Primary, {"particle_id": 1, "energy_tev": 1.0, "altitude_deg": 20.0}),
        (Primary, {"particle_id": 1, "energy_tev": 1.0, "start_depth_g_cm2": -1.0}),
        (CascadeSettings, {"electron_cut_mev": 0.1}),
        (CascadeSettings, {"max_step_x0": 0.0}),
        (CascadeSettings, {"magnetic_field_ut": (1.0, 2.0)}),
        (CascadeSettings, {"drop_dark": 1}),
    ],
)
def test_bad_input_is_refused(what, values):
    with pytest.raises(InputError):
        what(**values)


def test_starts_outside_the_air_and_bad_buffers_are_refused():
    for more in ({"start_height_m": LEVEL_M - 1.0}, {"start_depth_g_cm2": 5000.0}):
        with pytest.raises(InputError, match="start_"):
            follow(gamma_ray(0.1, **more), TABLE, DEFAULT)
    with pytest.raises(InputError, match="buffer"):
        cascade_steps(gamma_ray(0.1), TABLE, DEFAULT, key(1), np.zeros((4, 11)))
