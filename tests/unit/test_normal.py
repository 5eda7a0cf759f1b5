"""Normal deviates of the detector: the inverse distribution, ends included."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from iactflow._jit import jit
from iactflow.campaign import philox
from iactflow.campaign.streams import StreamKey
from iactflow.telescope.normal import normal_of


@jit
def _many(n, state):
    out = np.empty(n)
    for i in range(n):
        out[i] = normal_of(philox.next_uint64(state) >> np.uint64(32))
    return out


def test_it_is_the_inverse_of_the_distribution():
    probability = np.concatenate([np.geomspace(1e-9, 0.02, 200), np.linspace(0.02, 0.98, 5001)])
    probability = np.concatenate([probability, 1.0 - probability])
    word = np.unique((probability * 2**32).astype(np.uint64))
    ours = np.array([normal_of(w) for w in word])
    # Linear between the table's points: the largest error is next to the ends of the table.
    np.testing.assert_allclose(ours, stats.norm.ppf((word + 0.5) / 2**32), rtol=0.0, atol=2e-4)
    assert np.all(np.diff(ours) > 0.0)
    assert normal_of(np.uint64(0)) == pytest.approx(stats.norm.ppf(0.5 / 2**32), rel=1e-12)
    assert normal_of(np.uint64(2**32 - 1)) == -normal_of(np.uint64(0))


def test_deviates_are_normal():
    deviate = _many(400000, philox.new_state(StreamKey(1, "normal").words()))
    assert stats.kstest(deviate, "norm").pvalue > 1e-3
    assert deviate.var() == pytest.approx(1.0, abs=4.0 * np.sqrt(2.0 / deviate.size))
    assert np.mean(deviate**4) == pytest.approx(3.0, abs=4.0 * np.sqrt(96.0 / deviate.size))
