"""Pedestals, gains, ratio, flat field, status: known input, and pulls of stated errors."""

from __future__ import annotations

import numpy as np
import pytest
from calibration_samples import EXCESS, SIGMA, charges, generator

from iactflow.calibration.coefficients import coefficients_of_table, read_coefficients
from iactflow.calibration.flatfield import flat_field, keep_inliers, time_shifts
from iactflow.calibration.gain_ratio import gain_ratio
from iactflow.calibration.moments import charge_moments, window_sums
from iactflow.calibration.pedestal import (
    nsb_rate_ghz,
    nsb_rate_of_current_ghz,
    pedestals,
    squared_window_ns,
)
from iactflow.calibration.photostatistics import (
    common_spread,
    photostatistics_gains,
    slope_gains,
)
from iactflow.calibration.pixel_status import (
    BRIGHT,
    DEAD,
    NO_GAIN,
    NOISY,
    PEDESTAL,
    StatusSettings,
    outliers,
    pixel_status,
)
from iactflow.errors import InputError

N = 600


def check_pulls(pulls, mean=0.2, width=0.1):
    assert abs(np.mean(pulls)) < mean
    assert abs(np.std(pulls) - 1.0) < width


def test_moments_are_those_of_numpy():
    values = generator("moments").gamma(2.0, 3.0, (50, 2, 5))
    values[3, 1, 2] = np.nan
    found = charge_moments(values)
    for channel, pixel in np.ndindex(2, 5):
        v = values[:, channel, pixel]
        v = v[np.isfinite(v)]
        away = v - v.mean()
        expected = [v.size, v.mean(), v.var(ddof=1), np.mean(away**3), np.mean(away**4)]
        np.testing.assert_allclose([part[channel, pixel] for part in found], expected)


def test_errors_of_moments_are_those_of_the_scatter_between_repetitions():
    draw = generator("errors of moments")
    means, variances, errors = [], [], []
    for _ in range(40):
        found = charge_moments(draw.gamma(1.5, 2.0, (300, 1, 100)))
        means.append(found.mean), variances.append(found.variance)
        errors.append([found.mean_variance, found.variance_variance, found.covariance])
    means, variances = np.ravel(means), np.ravel(variances)
    stated = np.mean(errors, axis=(0, 2, 3))
    both = np.cov(means, variances)
    np.testing.assert_allclose(stated, [both[0, 0], both[1, 1], both[0, 1]], rtol=0.06)


def test_few_events_are_refused():
    with pytest.raises(InputError, match="at least 4"):
        charge_moments(np.zeros((3, 1, 2)))


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_window_sums_against_loops(dtype):
    draw = generator("window sums")
    adc = draw.integers(0, 500, (4, 2, 3, 12)).astype(dtype)
    baseline, first = draw.random((2, 3)) * 100, draw.integers(0, 8, (2, 3))
    charge, centre = window_sums(adc, baseline, first, 4)
    for event, channel, pixel in np.ndindex(4, 2, 3):
        at = np.arange(first[channel, pixel], first[channel, pixel] + 4)
        signal = adc[event, channel, pixel, at] - baseline[channel, pixel]
        assert charge[event, channel, pixel] == pytest.approx(signal.sum())
        expected = (signal * at).sum() / signal.sum() if signal.sum() > 0 else np.nan
        assert centre[event, channel, pixel] == pytest.approx(expected, nan_ok=True)


def test_pedestals_and_their_errors():
    draw = generator("pedestals")
    common = 3.0 * draw.standard_normal((300, 2, N, 1))
    samples = 250.0 + common + 4.0 * draw.standard_normal((300, 2, N, 6))
    whole = charge_moments(samples.sum(axis=-1))
    found = pedestals(whole, (samples**2).mean(axis=(0, -1)), whole, 6)
    # Samples that are correlated: the scatter between events, not between samples, counts.
    check_pulls((found.level_adu - 250.0) / found.level_error_adu)
    np.testing.assert_allclose(found.sample_std_adu.mean(), 5.0, rtol=0.01)


def test_night_sky_from_pulses_that_are_short_against_the_window():
    short = squared_window_ns(np.ones(2), 0.01, 16.0)
    assert short == pytest.approx(16.0, rel=0.01)
    # A box as long as the window: parts inside rise and fall linearly, mean square 1/3 of 2 w.
    box = squared_window_ns(np.ones(1000), 0.016, 16.0)
    assert box == pytest.approx(2.0 * 16.0 / 3.0, rel=0.01)
    assert squared_window_ns(np.ones(2000), 0.016, 16.0, best=True) == pytest.approx(
        4.0 * squared_window_ns(np.ones(2000), 0.016, 16.0), rel=0.01
    )
    assert nsb_rate_ghz(400.0 + 64.0, 64.0, 10.0, 1.25, 16.0) == pytest.approx(0.2)
    # 1 nA at a multiplication of 1e5 is 1e-9 / 1.6e-14 per second.
    assert nsb_rate_of_current_ghz(1.2e-9, 0.2e-9, 1e5) == pytest.approx(6.2415e-5, rel=1e-4)
    with pytest.raises(InputError, match="pulse"):
        squared_window_ns(np.zeros(5), 0.1, 16.0)


@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_photostatistics(spread):
    draw = generator(f"photostatistics {spread}")
    gain = 80.0 * (1.0 + 0.1 * draw.standard_normal(N))
    light = charges(draw, 1000, gain, 50.0, 1000.0, spread=spread)
    dark = charges(draw, 1000, gain, 0.5, 1000.0)
    moments = [charge_moments(values[:, None]) for values in (light, dark)]
    # Light that is there in the dark as well is no part of the pulse.
    light_pe = 50.0 - 0.5
    common = common_spread(light - dark.mean(axis=0), np.ones(N, bool))
    assert common == pytest.approx((50.0 * spread / light_pe) ** 2, rel=0.15, abs=2e-5)
    found = photostatistics_gains(*moments, 0, EXCESS, common)
    if spread == 0.0:
        check_pulls((found.gain_adu - gain) / found.error_adu)
    assert np.mean(found.gain_adu / gain) == pytest.approx(1.0, abs=0.015)
    assert np.mean(found.light_pe) == pytest.approx(light_pe, rel=0.015)


def test_photostatistics_over_intensities():
    draw = generator("intensities")
    gain = 60.0 * (1.0 + 0.05 * draw.standard_normal(N))
    dark = charge_moments(charges(draw, 800, gain, 0.0, 500.0)[:, None])
    levels = [
        charge_moments(charges(draw, 800, gain, pe, 500.0)[:, None]) for pe in (5.0, 20.0, 60.0)
    ]
    found = slope_gains(levels, dark, 0, EXCESS)
    check_pulls((found.gain_adu - gain) / found.error_adu, mean=0.25)
    assert found.light_pe.mean() == pytest.approx(60.0, rel=0.02)


def test_gains_refuse_what_cannot_be():
    moments = charge_moments(np.arange(40.0).reshape(10, 1, 4))
    with pytest.raises(InputError, match="excess_noise"):
        photostatistics_gains(moments, moments, 0, 0.9)
    with pytest.raises(InputError, match="intensities"):
        slope_gains([moments], moments, 0, 1.2)
    # No signal: no gain, and no error of one.
    assert np.isnan(photostatistics_gains(moments, moments, 0, 1.2).gain_adu).all()


def test_gain_ratio_with_outliers_and_pedestal_errors():
    draw = generator("ratio")
    truth = 13.0 * (1.0 + 0.05 * draw.standard_normal(N))
    n_dark = 200
    high = 60.0 * draw.poisson(60.0, (200, N)) + 10.0 * draw.standard_normal((200, N))
    low = high / truth + 15.0 * draw.standard_normal((200, N))
    low += 15.0 / np.sqrt(n_dark) * draw.standard_normal(N)
    limits = np.full(N, 600.0), np.full(N, 12000.0)
    found = gain_ratio(high, low, limits, n_dark)
    check_pulls((found.ratio - truth) / found.error)
    wild = low.copy()
    wild[:4] += 4000.0
    robust = gain_ratio(high, wild, limits, n_dark)
    assert abs(np.mean(robust.ratio / truth) - 1.0) < 0.01
    few = gain_ratio(high[:5], low[:5], limits, n_dark)
    assert np.isnan(few.ratio).all()
    assert np.all(few.n == 5)


def test_flat_field_has_mean_1_and_makes_pixels_equal():
    draw = generator("flat field")
    gain = 80.0 * (1.0 + 0.1 * draw.standard_normal(N))
    efficiency = 1.0 + 0.05 * draw.standard_normal(N)
    efficiency[5] = 4.0
    usable = np.ones(N, bool)
    usable[7] = False
    signal = 50.0 * gain * efficiency
    signal[7] = 0.0
    found = flat_field(signal, 0.01 * signal, gain, usable)
    assert not found.used[[5, 7]].any()
    assert found.used.sum() == N - 2
    assert np.mean(found.factor[found.used]) == pytest.approx(1.0)
    equal = (signal / gain * found.factor)[usable]
    np.testing.assert_allclose(equal, equal[0])
    assert np.isnan(found.factor[7])
    np.testing.assert_allclose(found.error[usable], 0.01 * found.factor[usable])
    with pytest.raises(InputError, match="usable"):
        keep_inliers(signal, np.zeros(N, bool), 5.0)


def test_times_of_pixels_without_the_jitter_of_the_pulser():
    draw = generator("times")
    offset = 0.5 * draw.standard_normal(N)
    time = 20.0 + offset + 5.0 * draw.random((200, 1)) + 0.3 * draw.standard_normal((200, N))
    time[::3, 4] = np.nan
    usable = np.ones(N, bool)
    found = time_shifts(time, usable)
    pulls = (found.shift_ns + offset - offset.mean()) / found.error_ns
    check_pulls(pulls)
    with pytest.raises(InputError, match="pulse"):
        time_shifts(np.full((3, N), np.nan), usable)


def _dark(draw, std, n_events=400):
    return charge_moments(draw.standard_normal((n_events, 2, N)) * std)


def test_status_of_dead_bright_and_noisy_pixels():
    draw = generator("status")
    std = np.stack([np.full(N, 100.0), np.full(N, 10.0)])
    std[:, 3] = 1e-3
    # Light shows in both channels by their gains; noise of the low gain in one.
    std[0, 8] = 1000.0
    std[1, 8] = np.hypot(10.0, 1000.0 / 13.0)
    std[1, 9] = 40.0
    signal, gain = np.full(N, 4000.0), np.stack([np.full(N, 80.0), np.full(N, 80.0 / 13.0)])
    signal[3] = 2.0
    gain[0, 11] = np.nan
    gain[1, 12] *= 5.0
    status = pixel_status(signal, np.full(N, 20.0), gain, _dark(draw, std), StatusSettings())
    expected = np.zeros((2, N), np.uint8)
    expected[:, 3] = DEAD | PEDESTAL
    expected[:, 8], expected[:, 9] = BRIGHT, NOISY
    expected[0, 11], expected[1, 12] = NO_GAIN, NO_GAIN
    np.testing.assert_array_equal(status, expected)


def test_false_alarms_are_as_rare_as_stated():
    draw = generator("false alarms")
    lost = 0
    for _ in range(2000):
        above, below = outliers(draw.standard_normal(300), np.zeros(300), 0.1)
        lost += (above | below).any()
    # The width from 300 values is itself uncertain, which makes some more.
    assert 0.08 < lost / 2000 < 0.16
    with pytest.raises(InputError, match="false_alarm"):
        outliers(np.zeros(3), np.zeros(3), 1.5)
    assert not np.any(outliers(np.full(4, np.nan), np.zeros(4), 0.1))


def test_one_large_afterpulse_is_no_bright_pixel():
    draw = generator("after-pulse")
    dark = draw.standard_normal((400, 1, N)) * 100.0
    dark[7, 0, 5] += 3000.0
    gain, signal = np.full((1, N), 80.0), np.full(N, 4000.0)
    status = pixel_status(signal, np.ones(N), gain, charge_moments(dark), StatusSettings())
    assert not status.any()


def _table(**changes):
    pixel = np.tile(np.arange(3), 4)
    columns = {
        "tel_id": np.full(12, 2), "channel": np.tile(np.repeat([0, 1], 3), 2), "pixel_id": pixel,
        "time_s": np.repeat([10, 20], 6), "time_qns": np.zeros(12),
        "pedestal_adu": np.repeat([100.0, 200.0], 6), "pedestal_std_adu": np.ones(12),
        "pe_per_adu": np.full(12, 0.5), "flatfield": np.full(12, 1.1),
        "time_shift_ns": 0.1 * pixel, "status": np.zeros(12, np.uint8),
    }  # fmt: skip
    return columns | changes


def test_coefficients_are_the_latest_that_are_valid():
    found = coefficients_of_table(_table(), "file")[2]
    assert found.pedestal_adu.shape == (2, 3)
    assert np.all(found.pedestal_adu == 200.0)
    np.testing.assert_allclose(found.pe_per_adu, 0.55)
    np.testing.assert_allclose(found.time_shift_ns[0], [0.0, 0.1, 0.2])
    assert np.all(coefficients_of_table(_table(), "file", 15)[2].pedestal_adu == 100.0)
    with pytest.raises(InputError, match="telescope 2"):
        coefficients_of_table(_table(), "file", 5)


def test_coefficients_of_pixels_that_cannot_be_used():
    status = np.zeros(12, np.uint8)
    status[7] = 1
    factor = np.full(12, 0.5)
    factor[8] = np.nan
    found = coefficients_of_table(_table(status=status, pe_per_adu=factor), "file")[2]
    np.testing.assert_array_equal(found.unusable, [[False, True, True], [False] * 3])
    assert np.all(found.pe_per_adu[0, 1:] == 0.0)


def test_a_pixel_without_a_row_is_named():
    columns = {key: np.delete(values, [4, 10]) for key, values in _table().items()}
    with pytest.raises(InputError, match="pixel 1"):
        coefficients_of_table(columns, "file")
    with pytest.raises(InputError, match="missing"):
        read_coefficients("nowhere.root")


def test_amplitudes_of_the_samples_have_the_excess_noise_stated():
    assert pytest.approx(1.0 + SIGMA**2) == EXCESS
