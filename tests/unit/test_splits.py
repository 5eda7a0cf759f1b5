"""Parts of simulations: disjoint by shower, whatever the chunk; what was thrown in them."""

from __future__ import annotations

import numpy as np
import pytest

from iactflow.campaign.schema_reconstruction import SPLITS as IN_CAMPAIGNS
from iactflow.campaign.streams import StreamKey
from iactflow.discrimination.splits import (
    SPLITS,
    part_of_showers,
    shower_uniforms,
    showers_per_split,
    thrown_of_split,
)
from iactflow.errors import InputError

FRACTIONS = dict(zip(SPLITS, (0.25, 0.25, 0.15, 0.1, 0.2, 0.05), strict=True))


def test_names_are_those_of_campaigns():
    assert SPLITS == IN_CAMPAIGNS


def test_parts_belong_to_showers_alone():
    showers = np.arange(1, 5001)
    whole = part_of_showers(9, "1", 3, showers, FRACTIONS)
    # Chunks, re-uses and levels of the night sky: the part of a shower is one.
    repeated = np.repeat(showers, 4)[::-1]
    again = part_of_showers(9, "1", 3, repeated, FRACTIONS)
    assert np.array_equal(again, np.repeat(whole, 4)[::-1])
    members = [set(repeated[again == i].tolist()) for i in range(len(SPLITS))]
    for i, one in enumerate(members):
        assert one
        assert all(one.isdisjoint(other) for other in members[:i])
    assert sum(map(len, members)) == len(showers)


def test_fractions_are_met_and_streams_differ():
    showers = np.arange(100_000)
    part = part_of_showers(9, "1", 3, showers, FRACTIONS)
    for i, fraction in enumerate(FRACTIONS.values()):
        error = np.sqrt(fraction * (1 - fraction) * len(showers))
        assert abs(np.sum(part == i) - fraction * len(showers)) < 4 * error
    for seed, particle, run in ((8, "1", 3), (9, "14", 3), (9, "1", 4)):
        other = part_of_showers(seed, particle, run, showers, FRACTIONS)
        agreement = sum(f * f for f in FRACTIONS.values())
        assert abs(np.mean(other == part) - agreement) < 0.01


def test_uniform_numbers_are_philox_with_the_shower_as_counter():
    words = StreamKey(9, "split", "1", 3).words()
    found = shower_uniforms(9, "1", 3, [77])[0]
    # numpy moves its counter on before it draws.
    raw = np.random.Philox(key=words, counter=76).random_raw(2)
    assert np.array_equal(found, (raw >> np.uint64(11)) * 2.0**-53)


def test_thrown_events_scale_with_the_showers_thrown():
    counts = showers_per_split(9, "1", 3, 1, 5000, FRACTIONS)
    part = part_of_showers(9, "1", 3, np.arange(1, 5001), FRACTIONS)
    assert np.array_equal(counts, np.bincount(part, minlength=6))
    n_thrown = np.array([30_000, 20_000])
    thrown = thrown_of_split(n_thrown, counts)
    assert np.allclose(thrown.sum(axis=0), n_thrown)
    assert np.allclose(thrown[4], n_thrown * counts[4] / 5000)


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ({"train_energy": 0.5}, "sum 1"),
        ({"train_energy": 1.5, "mock": -0.5}, "not negative"),
        ({"train": 1.0}, "splits: train: got 1.0; allowed: train_energy"),
    ],
)
def test_bad_fractions_are_refused(fractions, message):
    with pytest.raises(InputError, match=message):
        part_of_showers(9, "1", 3, [1], fractions)


def test_a_part_alone_takes_all():
    part = part_of_showers(9, "1", 3, np.arange(1000), {"test_irfs": 1.0})
    assert set(part.tolist()) == {SPLITS.index("test_irfs")}
    with pytest.raises(InputError, match="shower_id"):
        shower_uniforms(9, "1", 3, [-1])
