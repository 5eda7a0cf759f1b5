"""Night-sky photoelectrons: a Poisson process with the right rates, times and amplitudes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from camera_samples import camera, hexagonal_pixels, key_words, single_pe_afterpulse
from scipy import stats

from iactflow._jit import jit
from iactflow.campaign import philox
from iactflow.errors import InputError
from iactflow.telescope.amplitude import amplitude_of, make_amplitude_table
from iactflow.telescope.camera import make_camera_table
from iactflow.telescope.night_sky import (
    airmass_factor,
    complete_night_sky,
    draw_night_sky,
    night_sky_rates,
    poisson,
)


@jit
def _many(mean, n, state):
    out = np.empty(n, dtype=np.int64)
    for i in range(n):
        out[i] = poisson(mean, state)
    return out


@pytest.mark.parametrize("mean", [0.02, 1.6, 9.6, 24.0, 64.0, 150.0])
def test_poisson_numbers(mean):
    n = 100000
    number = _many(mean, n, philox.new_state(key_words("poisson")))
    edges = np.unique(stats.poisson.ppf(np.linspace(0.0, 1.0, 15)[1:-1], mean)).astype(int)
    cumulative = np.concatenate([[0.0], stats.poisson.cdf(edges, mean), [1.0]])
    found = np.bincount(np.searchsorted(edges, number, side="left"), minlength=edges.size + 1)
    chi2 = np.sum((found - n * np.diff(cumulative)) ** 2 / (n * np.diff(cumulative)))
    assert stats.chi2.sf(chi2, edges.size) > 1e-3
    assert number.mean() == pytest.approx(mean, abs=4 * math.sqrt(mean / n))
    assert number.var() == pytest.approx(mean, abs=4 * math.sqrt((2 * mean**2 + mean) / n))


def test_no_mean_no_number():
    state = philox.new_state(key_words("poisson"))
    assert poisson(0.0, state) == 0
    np.testing.assert_array_equal(state, philox.new_state(key_words("poisson")))


def test_rates_follow_level_throughput_airmass_and_pixels():
    made = camera(qe_variation=0.05, nsb_rate_ghz=0.2, nsb_airmass=(0.84, 0.29))
    table = make_camera_table(made, key_words(), broken_pixels=[1])
    rates = night_sky_rates(made, table, 60.0, level=3.0, throughput=0.7)
    expected = 0.2 * 3.0 * 0.7 * 1.84 * 10 ** (-0.4 * 0.29) * table.qe
    np.testing.assert_allclose(rates, expected, rtol=1e-12)
    assert rates[1] == 0.0
    per_pixel = np.linspace(0.5, 2.0, 271)
    flat = night_sky_rates(made, table, 0.0, level=per_pixel)
    np.testing.assert_allclose(flat, 0.2 * per_pixel * table.qe, rtol=1e-12)
    assert airmass_factor((0.0, 0.0), 50.0) == 1.0


@pytest.mark.parametrize(
    ("zenith", "level"), [(90.0, 1.0), (-1.0, 1.0), (20.0, -0.1), (20.0, np.nan)]
)
def test_rates_of_what_cannot_be(zenith, level):
    made = camera()
    with pytest.raises(InputError, match="night sky"):
        night_sky_rates(made, make_camera_table(made, key_words()), zenith, level)


def test_the_window_is_filled_evenly():
    made = camera(hexagonal_pixels(1855), nsb_rate_ghz=0.24)
    table = make_camera_table(made, key_words(), broken_pixels=[5])
    rates = night_sky_rates(made, table, 20.0)
    amplitudes = make_amplitude_table(single_pe_afterpulse())
    sky = draw_night_sky(rates, -30.0, 100.0, amplitudes, philox.new_state(key_words("night_sky")))
    expected = rates.sum() * 100.0
    assert sky.pixel.size == pytest.approx(expected, abs=4 * math.sqrt(expected))
    assert np.all(np.diff(sky.pixel) >= 0)
    assert not np.any(sky.pixel == 5)
    assert sky.time_ns.min() >= -30.0
    assert sky.time_ns.max() <= 70.0
    assert stats.kstest((sky.time_ns + 30.0) / 100.0, "uniform").pvalue > 1e-3
    # Times, amplitudes and pixels know nothing of each other.
    for a, b in (
        (sky.time_ns, sky.amplitude),
        (sky.pixel, sky.amplitude),
        (sky.pixel, sky.time_ns),
    ):
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / math.sqrt(sky.pixel.size)
    counts = np.bincount(sky.pixel, minlength=1855)[rates > 0]
    assert np.var(counts) / np.mean(counts) == pytest.approx(1.0, abs=4 * math.sqrt(2 / 1854))


def test_drawing_is_that_of_its_slow_twin():
    rates = np.array([0.1, 0.0, 0.5])
    amplitudes = make_amplitude_table(single_pe_afterpulse())
    sky = draw_night_sky(rates, 5.0, 30.0, amplitudes, philox.new_state(key_words("twin")))
    state = philox.new_state(key_words("twin"))
    counts = [int(stats.poisson.ppf(philox.uniform(state), 30.0 * r)) if r else 0 for r in rates]
    pixel = np.repeat(np.arange(3), counts)
    words = [int(philox.next_uint64(state)) for _ in pixel]
    np.testing.assert_array_equal(sky.pixel, pixel)
    time = [5.0 + 30.0 * (word % 2**32) / 2**32 for word in words]
    np.testing.assert_allclose(sky.time_ns, time, rtol=1e-6)
    amplitude = [amplitude_of(np.uint64(word >> 32), amplitudes) for word in words]
    np.testing.assert_array_equal(sky.amplitude, np.array(amplitude, dtype=np.float32))


def test_levels_are_streams_of_their_own():
    rates = np.full(50, 0.3)
    amplitudes = make_amplitude_table(single_pe_afterpulse())
    one, two = (
        draw_night_sky(rates, 0.0, 50.0, amplitudes, philox.new_state(key_words("sky", n)))
        for n in (1, 2)
    )
    assert one.pixel.size != two.pixel.size or not np.array_equal(one.time_ns, two.time_ns)


@pytest.mark.parametrize(
    ("drawn_ns", "gap"),
    [
        ((10.0, 30.0), (10.0, 30.0)),
        ((-40.0, 20.0), (-20.0, 20.0)),
        ((25.0, 90.0), (25.0, 60.0)),
        ((-40.0, 90.0), (-20.0, 60.0)),
        ((70.0, 90.0), (60.0, 60.0)),
        ((-60.0, -30.0), (-20.0, -20.0)),
    ],
)
def test_the_rest_of_a_window_is_filled_once(drawn_ns, gap):
    window, n = (-20.0, 60.0), 4000
    rates = np.full(n, 0.1)
    rates[7] = 0.0
    drawn = np.arange(n) % 2 == 0
    amplitudes = make_amplitude_table(single_pe_afterpulse())
    state = philox.new_state(key_words("rest"))
    length = drawn_ns[1] - drawn_ns[0]
    part = draw_night_sky(np.where(drawn, rates, 0.0), drawn_ns[0], length, amplitudes, state)
    sky = complete_night_sky(part, drawn, drawn_ns, window, rates, amplitudes, state)
    assert np.all(np.diff(sky.pixel) >= 0)
    assert not np.any(sky.pixel == 7)
    rows, before = ({tuple(map(float, row)) for row in zip(*s, strict=True)} for s in (sky, part))
    assert before <= rows
    added = np.array(sorted(rows - before))
    assert len(added) == sky.pixel.size - part.pixel.size
    old = added[np.isin(added[:, 0], np.flatnonzero(drawn))]
    assert not np.any((old[:, 1] > gap[0] + 1e-5) & (old[:, 1] < gap[1] - 1e-5))
    inside = (sky.time_ns >= window[0]) & (sky.time_ns <= window[1])
    # In and out of the gap, where drawn before and where not: the same rate, evenly.
    for pixels in (drawn, ~drawn):
        chosen = inside & pixels[sky.pixel]
        expected = rates[pixels].sum() * 80.0
        assert np.count_nonzero(chosen) == pytest.approx(expected, abs=4 * math.sqrt(expected))
        assert stats.kstest((sky.time_ns[chosen] + 20.0) / 80.0, "uniform").pvalue > 1e-3
