"""Amplitudes of single photoelectrons against the distribution that they are drawn from."""

from __future__ import annotations

import numpy as np
import pytest
from camera_samples import key_words, single_pe, single_pe_afterpulse
from scipy import integrate

from iactflow.campaign import philox
from iactflow.errors import InputError
from iactflow.instrument.description import Curve
from iactflow.telescope.amplitude import amplitude_of, draw_amplitudes, make_amplitude_table


def _fraction_below(curve, x):
    whole = integrate.trapezoid(curve.y, curve.x)
    fine = np.linspace(curve.x[0], x, 200001)
    return integrate.trapezoid(np.interp(fine, curve.x, curve.y), fine) / whole


def test_a_word_is_a_probability():
    curve = single_pe_afterpulse()
    table = make_amplitude_table(curve)
    words = [0, 1 << 20, 1 << 30, 1 << 31, 3 << 30, (1 << 32) - (1 << 20), (1 << 32) - 5000]
    for word in words:
        amplitude = float(amplitude_of(np.uint64(word), table))
        # 4096 steps, linear between: 2e-5 in the middle of the density.
        assert _fraction_below(curve, amplitude) == pytest.approx(word / 2**32, abs=3e-6)


def test_triangle():
    # Density 2 (1 - x): the inverse of its integral is 1 - sqrt(1 - p).
    table = make_amplitude_table(Curve(np.array([0.0, 1.0]), np.array([2.0, 0.0])))
    for probability in (0.0, 0.1, 0.5, 0.9, 0.9999):
        word = np.uint64(int(probability * 2**32))
        assert amplitude_of(word, table) == pytest.approx(1 - np.sqrt(1 - probability), abs=1e-4)
    assert table.mean == pytest.approx(1 / 3, rel=1e-12)
    assert table.excess_noise == pytest.approx((1 / 6) / (1 / 9), rel=1e-12)


def test_densities_with_a_gap():
    x = np.array([0.0, 1.0, 1.0001, 3.0, 3.0001, 4.0])
    table = make_amplitude_table(Curve(x, np.array([1.0, 1.0, 0.0, 0.0, 1.0, 1.0])))
    amplitude = draw_amplitudes(table, philox.new_state(key_words("a")), 20000)
    assert np.mean(amplitude < 2.0) == pytest.approx(0.5, abs=0.015)
    # One step of 1/4096 goes across the gap.
    assert np.mean((amplitude > 1.01) & (amplitude < 2.99)) < 1e-3


@pytest.mark.parametrize("make", [single_pe, single_pe_afterpulse])
def test_moments_of_drawn_amplitudes(make):
    curve = make()
    table = make_amplitude_table(curve)
    n = 1_000_001
    amplitude = draw_amplitudes(table, philox.new_state(key_words("b")), n).astype(float)
    whole = integrate.trapezoid(curve.y, curve.x)
    mean = integrate.trapezoid(curve.x * curve.y, curve.x) / whole
    square = integrate.trapezoid(curve.x**2 * curve.y, curve.x) / whole
    assert table.mean == pytest.approx(mean, rel=1e-4)
    assert table.excess_noise == pytest.approx(square / mean**2, rel=1e-4)
    assert amplitude.mean() == pytest.approx(mean, abs=4 * amplitude.std() / np.sqrt(n))
    error = (amplitude**2).std() / np.sqrt(n)
    assert (amplitude**2).mean() == pytest.approx(square, abs=4 * error)


def test_after_pulses_are_as_many_as_they_should_be():
    curve = single_pe_afterpulse()
    n = 3_000_000
    state = philox.new_state(key_words("c"))
    amplitude = draw_amplitudes(make_amplitude_table(curve), state, n)
    for bound in (4.0, 20.0, 35.0):
        expected = n * (1 - _fraction_below(curve, bound))
        assert np.sum(amplitude > bound) == pytest.approx(expected, abs=4 * np.sqrt(expected))
    assert amplitude.max() <= 40.0


def test_two_amplitudes_from_a_word():
    table = make_amplitude_table(single_pe())
    state = philox.new_state(key_words("d"))
    amplitude = draw_amplitudes(table, state, 5)
    again = philox.new_state(key_words("d"))
    words = [int(philox.next_uint64(again)) for _ in range(3)]
    halves = [half for word in words for half in (word & 0xFFFFFFFF, word >> 32)][:5]
    expected = [amplitude_of(np.uint64(half), table) for half in halves]
    np.testing.assert_array_equal(amplitude, np.array(expected, dtype=np.float32))
    np.testing.assert_array_equal(state, again)


@pytest.mark.parametrize("y", [[0.0, 0.0, 0.0], [1.0, -0.1, 1.0]])
def test_no_density(y):
    with pytest.raises(InputError, match="single_pe"):
        make_amplitude_table(Curve(np.array([0.0, 1.0, 2.0]), np.array(y)))
