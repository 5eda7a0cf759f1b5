"""Triggers of telescopes: analytic cases of each kind, and slow twins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iactflow.errors import InputError
from iactflow.instrument.description import Curve, TelescopeTrigger
from iactflow.telescope.camera import PhotoElectrons, no_photoelectrons
from iactflow.telescope.trigger import (
    fire_trigger,
    pixels_that_decide,
    trigger_sky,
    trigger_table,
)

TIME = np.linspace(-3.0, 6.0, 91)
# A triangle: rises from -1 to 0, falls to 2.
TRIANGLE = Curve(
    np.array([-3.0, -1.0, 0.0, 2.0, 6.0]),
    np.array([0.0, 0.0, 1.0, 0.0, 0.0]),
)
ROWS = np.array([[0, 1, 2, 3, -1], [3, 4, 5, 6, 7]])
DARK = np.zeros(8)
STEP = 0.05


def description(**changes):
    made = TelescopeTrigger("majority", TRIANGLE, 1.0, 4.0, 0.0, 3, 0.0, 0.0, 0.5, 0.0, ROWS, STEP)
    return replace(made, **changes)


def light(pixels, time_ns=0.0, amplitude=1.0):
    """One photoelectron a pixel, with the charge of many."""
    pixels = np.asarray(pixels, dtype=np.int32)
    full = np.ones(pixels.size, dtype=np.float32)
    times = (full * np.asarray(time_ns)).astype(np.float32)
    return PhotoElectrons(pixels, times, (full * np.asarray(amplitude)).astype(np.float32))


def fire(shower, night_sky=None, rate=DARK, mean=1.0, window=(-10.0, 30.0), **changes):
    table = trigger_table(description(**changes), 8)
    sky = no_photoelectrons() if night_sky is None else night_sky
    return fire_trigger(table, any_light(table, rate, mean), shower, sky, *window)


def any_light(table, rate=DARK, mean=1.0):
    """Night sky for which every group with light takes part."""
    sky = trigger_sky(table, rate, mean, 1.0)
    return sky._replace(least=np.zeros_like(sky.least))


@pytest.mark.parametrize(("rate_ghz", "part"), [(0.1, 0.75), (0.4, None), (1.6, None)])
def test_less_light_is_asked_for_under_a_bright_sky(rate_ghz, part):
    table = trigger_table(description(), 8)
    sky = trigger_sky(table, np.full(8, rate_ghz), 1.1, 1.2)
    # Integral of the square of a triangle with peak 1: a third of its base.
    sigma = np.sqrt(rate_ghz * 1.1**2 * 1.2 * 1.0)
    expected = 3 * 4.0 * part if part else 3 * 4.0 - 2.5 * np.sqrt(3.0) * sigma
    np.testing.assert_allclose(sky.least, expected, rtol=2e-3)


def test_enough_pixels_above_threshold_fire():
    result = fire(light([0, 1, 3], amplitude=8.0))
    assert result.fired
    assert result.n_pixels == 3
    # Half the peak is passed 0.5 ns before it; the overlap has lasted 0.5 ns then.
    assert result.time_ns == pytest.approx(0.0, abs=2 * STEP)


def test_amplitude_is_that_of_the_mean_photoelectron():
    assert fire(light([0, 1, 3], amplitude=2.1), amplitude=2.5).fired
    assert not fire(light([0, 1, 3], amplitude=1.5), amplitude=2.5).fired


def test_too_few_pixels_or_too_little_light_do_not_fire():
    assert not fire(light([0, 1], amplitude=8.0)).fired
    assert not fire(light([0, 1, 3], amplitude=3.9)).fired
    assert np.isnan(fire(light([0, 1], amplitude=8.0)).time_ns)
    assert not fire(no_photoelectrons()).fired


def test_pixels_of_two_sectors_do_not_add_up():
    assert not fire(light([1, 2, 4], amplitude=8.0)).fired
    # Pixel 3 belongs to both.
    assert fire(light([3, 4, 5], amplitude=8.0)).fired
    assert fire(light([3, 1, 2], amplitude=8.0)).fired


def test_pulses_must_overlap_for_long_enough():
    # Above half the peak for 1.5 ns: a delay of 0.9 ns leaves 0.6 ns, one of 1.1 ns 0.4 ns.
    assert fire(light([0, 1, 2], [0.0, 0.5, 0.9], 8.0)).fired
    assert not fire(light([0, 1, 2], [0.0, 0.5, 1.1], 8.0)).fired


def test_gate_of_fixed_length():
    late = light([0, 1, 2], [0.0, 0.5, 4.0], 8.0)
    assert not fire(late).fired
    result = fire(late, gate_length_ns=-5.0)
    assert result.fired
    # The third crosses at 3.5 ns; 0.5 ns of overlap follow.
    assert result.time_ns == pytest.approx(4.0, abs=2 * STEP)
    assert not fire(late, gate_length_ns=2 * STEP - 4.0).fired


def test_gate_that_extends_the_time_over_threshold():
    # The first is above until 1.0 ns, the last from 3.5 ns on.
    late = light([0, 1, 2], [0.0, 0.5, 4.0], 8.0)
    assert fire(late, gate_length_ns=3.2).fired
    assert not fire(late, gate_length_ns=2.8).fired


def test_time_over_threshold():
    assert fire(light([0, 1, 2], amplitude=8.0), time_over_threshold_ns=0.9).fired
    assert not fire(light([0, 1, 2], amplitude=8.0), time_over_threshold_ns=1.6).fired
    # The output goes on late, and stays on for as long as the signal only.
    assert not fire(light([0, 1, 2], amplitude=8.0), time_over_threshold_ns=1.2).fired


def test_next_neighbour_needs_its_first_pixel():
    changes = {"kind": "next_neighbour"}
    assert fire(light([0, 2, 3], amplitude=8.0), **changes).fired
    assert not fire(light([1, 2, 3], amplitude=8.0), **changes).fired
    assert fire(light([1, 2, 3], amplitude=8.0)).fired
    # The first pixel must be on while the others are.
    late = light([0, 1, 2, 3], [5.0, 0.0, 0.0, 0.0], 8.0)
    assert not fire(late, **changes).fired


def test_sum_adds_pixels_of_a_patch():
    changes = {"kind": "analogue_sum", "threshold": 20.0}
    result = fire(light([0, 1, 2, 3], amplitude=10.0), **changes)
    assert result.fired
    assert result.n_pixels == 4
    assert result.time_ns == pytest.approx(0.0, abs=2 * STEP)
    assert not fire(light([0, 1, 2], amplitude=6.5), **changes).fired
    assert not fire(light([1, 2, 4, 5], amplitude=9.0), **changes).fired
    # Both patches hold pixel 3.
    assert fire(light([3], amplitude=60.0), **changes).n_pixels == 8


def test_sum_is_clipped_pixel_by_pixel():
    changes = {"kind": "analogue_sum", "threshold": 20.0}
    assert fire(light([0], amplitude=100.0), **changes).fired
    assert not fire(light([0], amplitude=100.0), clipping=15.0, **changes).fired
    assert fire(light([0, 1], amplitude=100.0), clipping=15.0, **changes).fired


def test_sum_needs_its_excess_over_threshold():
    # A triangle of peak 40 over a threshold of 20 has an excess of 1/2 x 20 x 1.5 ns = 15.
    changes = {"kind": "analogue_sum", "threshold": 20.0, "coincidence_ns": 0.0}
    assert fire(light([0], amplitude=40.0), excess_over_threshold=14.0, **changes).fired
    assert not fire(light([0], amplitude=40.0), excess_over_threshold=16.0, **changes).fired


@pytest.mark.parametrize("kind", ["majority", "analogue_sum"])
def test_night_sky_adds_to_light_and_lowers_the_baseline(kind):
    threshold = {"majority": 4.0, "analogue_sum": 12.0}[kind]
    shower = light([0, 1, 2], amplitude=3.5)
    changes = {"kind": kind, "threshold": threshold}
    assert not fire(shower, **changes).fired
    sky = light([0, 1, 2], amplitude=3.5)
    assert fire(shower, sky, rate=np.full(8, 0.1), **changes).fired
    # Mean signal of the night sky: 2 per ns of photoelectrons of 1.5 ns each.
    assert not fire(shower, sky, rate=np.full(8, 2.0), **changes).fired


def test_night_sky_alone_does_not_fire():
    assert not fire(no_photoelectrons(), light([0, 1, 2], amplitude=50.0)).fired


def test_thresholds_of_pixels_follow_their_deviates():
    made = description(threshold_variation=0.5)
    deviates = np.array([0.0, 0.0, 2.0, 0.0, 0, 0, 0, 0])
    # Peaks of 4.9 pass thresholds of 4 for 0.27 ns, not that of 5.
    short = replace(made, coincidence_ns=0.1)
    for numbers, fired in ((None, True), (deviates, False)):
        table = trigger_table(short, 8, numbers)
        shower = light([0, 1, 2], amplitude=4.9)
        result = fire_trigger(table, any_light(table), shower, no_photoelectrons(), -5.0, 5.0)
        assert result.fired == fired


def test_groups_with_little_light_are_left_out():
    table = trigger_table(description(), 8)
    sky = trigger_sky(table, np.full(8, 0.1), 1.0, 1.2)
    # Three quarters of three pixels times four.
    np.testing.assert_allclose(sky.least, 9.0)
    assert pixels_that_decide(table, sky, light([0, 1, 2], amplitude=2.9)) is None
    decisive = pixels_that_decide(table, sky, light([0, 1, 2], amplitude=3.1))
    np.testing.assert_array_equal(np.flatnonzero(decisive), [0, 1, 2, 3])
    assert pixels_that_decide(table, sky, light([0, 1, 4], amplitude=4.0)) is None
    bright = light([0, 1, 2], amplitude=50.0)
    assert not fire_trigger(table, sky, light([0]), bright, -5.0, 5.0).fired
    assert fire_trigger(table, any_light(table), light([0]), bright, -5.0, 5.0).fired


def test_margin_of_a_sum_is_that_of_campbell():
    table = trigger_table(description(kind="analogue_sum", threshold=20.0), 8)
    sky = trigger_sky(table, np.full(8, 0.5), 1.1, 1.3)
    # The square of the triangle has the integral 3 / 3 = 1 ns; groups of 4 and 5 pixels.
    variance = 0.5 * 1.1**2 * 1.3 * np.array([4.0, 5.0])
    np.testing.assert_allclose(sky.least, 20.0 - 6.0 * np.sqrt(variance), rtol=1e-3)
    np.testing.assert_allclose(sky.baseline, 0.5 * 1.1 * 1.5, rtol=1e-3)


def slow_signal(trigger, electrons, pixel, times):
    """Signal of a pixel, one photoelectron after the other."""
    signal = np.zeros(times.size)
    for p, t, a in zip(*electrons, strict=True):
        if p == pixel:
            pulse = trigger.pulse
            signal += a * trigger.amplitude * np.interp(times - t, pulse.x, pulse.y, 0.0, 0.0)
    return signal


def slow_gate(above, n_over, n_gate):
    """Output of a discriminator: each step that is ripe opens the gate."""
    gate = np.zeros(above.size, dtype=bool)
    for i in range(above.size):
        if i + 1 < n_over or not above[i + 1 - n_over : i + 1].all():
            continue
        if n_gate >= 0:
            gate[i : i + 1 + n_gate] = True
        elif i + 1 == n_over or not above[i - n_over]:
            gate[i : i - n_gate] = True
    return gate


def slow_time(trigger, electrons, baseline, times, n_pixels=8):
    """First time at which a group fires."""
    first = []
    signals = [slow_signal(trigger, electrons, p, times) - baseline for p in range(n_pixels)]
    n_over = max(1, round(trigger.time_over_threshold_ns / STEP))
    n_overlap = max(1, round(trigger.coincidence_ns / STEP))
    for group in trigger.groups:
        members = group[group >= 0]
        if trigger.kind == "analogue_sum":
            clipped = [np.minimum(signals[p], trigger.clipping or np.inf) for p in members]
            good = np.sum(clipped, axis=0) > trigger.threshold
        else:
            n_gate = round(trigger.gate_length_ns / STEP)
            gates = [slow_gate(signals[p] > trigger.threshold, n_over, n_gate) for p in members]
            good = np.sum(gates, axis=0) >= trigger.multiplicity
            if trigger.kind == "next_neighbour":
                good &= gates[0]
        for i in range(n_overlap - 1, good.size):
            if good[i - n_overlap + 1 : i + 1].all():
                first.append(times[i])
                break
    return min(first, default=np.nan)


@pytest.mark.parametrize("kind", ["majority", "next_neighbour", "analogue_sum"])
@pytest.mark.parametrize("gate_ns", [0.0, -2.0, 1.5])
def test_random_light_equals_the_slow_twin(kind, gate_ns):
    random = np.random.default_rng(11)
    smooth = Curve(TIME, np.exp(-0.5 * ((TIME - 1.0) / 0.7) ** 2))
    trigger = description(
        kind=kind, pulse=smooth, gate_length_ns=gate_ns, time_over_threshold_ns=0.3,
        threshold=22.0 if kind == "analogue_sum" else 4.0, clipping=8.0,
    )  # fmt: skip
    table = trigger_table(trigger, 8)
    times = -3.0 + STEP * np.arange(int(12.0 / STEP) + 1)
    outcomes = []
    for _ in range(20):
        parts = [
            PhotoElectrons(
                random.integers(0, 8, n).astype(np.int32),
                random.normal(2.0, width, n).astype(np.float32),
                random.gamma(4.0, 0.25, n).astype(np.float32),
            )
            for n, width in ((70, 1.5), (30, 5.0))
        ]
        both = PhotoElectrons(*(np.concatenate(c) for c in zip(*parts, strict=True)))
        baseline = 0.2 * table.pulse_area
        sky = any_light(table, np.full(8, 0.2))
        result = fire_trigger(table, sky, *parts, -3.0, 9.0)
        expected = slow_time(trigger, both, baseline, times)
        # A pulse is placed to 1/32 of a step: a crossing moves by a step at most, and a signal
        # that only touches its threshold may miss it.
        outcomes.append((result.time_ns, expected))
    ours, expected = np.transpose(outcomes)
    agree = (np.abs(ours - expected) <= 1.01 * STEP) | (np.isnan(ours) & np.isnan(expected))
    assert np.count_nonzero(agree) >= 19
    assert 3 <= np.count_nonzero(np.isfinite(expected)) <= 19


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"kind": "digital"}, "trigger.kind"),
        ({"groups": np.array([[0, 8]])}, "trigger.groups"),
        ({"bandwidth_ns": 0.0}, "trigger.bandwidth_ns"),
        ({"threshold": float("nan")}, "trigger.threshold"),
        ({"pulse": Curve(np.zeros(1), np.zeros(1))}, "trigger.pulse"),
    ],
)
def test_bad_descriptions_are_refused(changes, key):
    with pytest.raises(InputError, match=key):
        trigger_table(description(**changes), 8)


def test_gate_shorter_than_the_overlap_of_comparators():
    """HESS-1U: outputs last 0.5 ns longer than the signals, 1 ns of overlap is asked for."""
    bright = light([0, 1, 2], amplitude=8.0)
    assert fire(bright, gate_length_ns=0.5, coincidence_ns=1.0).fired
    assert not fire(bright, gate_length_ns=-0.5, coincidence_ns=1.0).fired
