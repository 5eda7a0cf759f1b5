"""Scaled shapes and energies of events: slow twin, analytic cases."""

from __future__ import annotations

import numpy as np
import pytest

from iactflow.discrimination.scaled_shapes import event_starts, event_statistics, scale


def test_event_statistics_equal_a_slow_twin():
    rng = np.random.default_rng(1)
    event = np.sort(rng.integers(0, 40, 120))
    starts = event_starts(event, 41)
    width, length, ln_energy = rng.normal(size=(3, 120))
    scatter = rng.uniform(0.1, 0.4, 120)
    width[::7], ln_energy[::5], scatter[3], scatter[4] = np.nan, np.nan, 0.0, np.nan
    found = event_statistics(starts, width, length, ln_energy, scatter)
    for i in range(41):
        mine = event == i
        w, s, x, e = width[mine], length[mine], ln_energy[mine], scatter[mine]
        shaped = np.isfinite(w) & np.isfinite(s)
        many = shaped.sum() >= 2
        wanted = [w[shaped].mean() if many else np.nan, s[shaped].mean() if many else np.nan]
        good = np.isfinite(x) & (e > 0.0)
        x, e = x[good], e[good]
        if len(x):
            mean = np.average(x, weights=e**-2)
            wanted += [mean, np.sum(e**-2) ** -0.5]
            wanted += [np.sum(((x - mean) / e) ** 2) / (len(x) - 1) if len(x) > 1 else np.nan]
        else:
            wanted += [np.nan] * 3
        assert np.allclose(found[i], [*wanted, len(x)], equal_nan=True)


def test_two_equal_images_halve_the_variance():
    starts = np.array([0, 2])
    one = np.full(2, 0.5)
    found = event_statistics(starts, one, -one, np.array([1.0, 1.2]), np.full(2, 0.2))[0]
    assert np.allclose(found, [0.5, -0.5, 1.1, 0.2 / np.sqrt(2.0), 0.5, 2.0])


def test_scaling():
    mean, scatter = np.array([0.1, 0.1, 0.1, np.nan]), np.array([0.02, 0.0, np.nan, 0.1])
    value = np.full(4, 0.12)
    assert np.allclose(scale(value, mean, scatter), [1.0, *[np.nan] * 3], equal_nan=True)
    assert np.isclose(scale(value, mean, scatter, "hegra")[0], 1.2)
    with pytest.raises(ValueError, match="hess, hegra"):
        scale(value, mean, scatter, "other")
