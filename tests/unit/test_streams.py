"""Random streams: keys, the kernel against published vectors and numpy, sanity of deviates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from iactflow._jit import jit
from iactflow.campaign import philox
from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.errors import InputError

MASK = 2**64 - 1
# Random123 1.x, file kat_vectors, lines "philox4x64 10": counter, key, result.
KNOWN_ANSWERS = [
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B),
    ),
    (
        (MASK, MASK, MASK, MASK),
        (MASK, MASK),
        (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0),
    ),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6),
    ),
]
BASE = StreamKey(campaign_seed("demo"), "shower", "gamma", 1, 2, 3, 4, 5)


def philox_twin(counter, key):
    """Philox4x64-10 in Python integers, after Salmon et al. 2011."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(second >> 64) ^ c[1] ^ k[0], second & MASK, (first >> 64) ^ c[3] ^ k[1], first & MASK]
        k = [(k[0] + 0x9E3779B97F4A7C15) & MASK, (k[1] + 0xBB67AE8584CAA73B) & MASK]
    return tuple(c)


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_known_answers(counter, key, expected):
    words = [np.uint64(word) for word in (*counter, *key)]
    assert tuple(int(word) for word in philox.philox4x64(*words)) == expected
    assert philox_twin(counter, key) == expected


def test_kernel_equals_the_twin():
    words = np.random.default_rng(1).integers(0, MASK, (200, 6), dtype=np.uint64, endpoint=True)
    for row in words:
        twin = philox_twin([int(w) for w in row[:4]], [int(w) for w in row[4:]])
        assert tuple(int(w) for w in philox.philox4x64(*row)) == twin


def test_kernel_stream_equals_numpy():
    state = philox.new_state(BASE.words())
    raw = BASE.generator().bit_generator.random_raw(1001)
    assert [int(philox.next_uint64(state)) for _ in range(1001)] == raw.tolist()
    out = np.empty(77)
    philox.fill_uniform(philox.new_state(BASE.words()), out)
    np.testing.assert_array_equal(out, BASE.generator().random(77))


def test_counter_carries_into_the_next_word():
    state = philox.new_state(BASE.words())
    state[0] = state[1] = np.uint64(MASK)
    word = philox.next_uint64(state)
    assert state[:4].tolist() == [0, 0, 1, 0]
    assert int(word) == philox_twin([0, 0, 1, 0], BASE.key())[0]


def test_inverse_normal_against_scipy():
    p = np.concatenate([np.logspace(-300, -1, 500), np.linspace(0.01, 0.99, 501), [1 - 2.0**-53]])
    got = np.array([philox.inverse_normal(x) for x in p])
    np.testing.assert_allclose(got, special.ndtri(p), rtol=5e-15, atol=1e-16)
    assert philox.inverse_normal(0.5) == 0.0


def test_normal_is_finite_at_the_ends_and_uses_one_word():
    for word in (0, MASK):
        state = philox.new_state(BASE.words())
        state[6], state[10] = np.uint64(word), np.uint64(0)
        assert 8 < abs(philox.normal(state)) < 9
        assert state[10] == 1


@jit
def draw_in_kernel(key, out):
    state = philox.new_state(key)
    for i in range(out.shape[0]):
        out[i, 0] = philox.uniform(state)
        out[i, 1] = philox.normal(state)


def test_derived_draws_work_inside_kernels():
    out = np.empty((4, 2))
    draw_in_kernel(BASE.words(), out)
    raw = BASE.generator().bit_generator.random_raw(8)
    np.testing.assert_array_equal(out[:, 0], (raw[::2] >> 11) * 2.0**-53)
    np.testing.assert_allclose(
        out[:, 1], special.ndtri(((raw[1::2] >> 12) + 0.5) * 2.0**-52), rtol=1e-13
    )


def test_key_is_pinned():
    # A change of the encoding changes every simulation: it must be meant.
    assert campaign_seed("demo") == 1856457009027911607
    assert BASE.key() == (9227193411227065782, 13079803562275751327)


@pytest.mark.parametrize(
    "change",
    [
        {"campaign_seed": 1},
        {"stage": "detector"},
        {"particle": "proton"},
        {"run": 9},
        {"shower": 9},
        {"reuse": 9},
        {"telescope": 9},
        {"nsb_level": 9},
        {"stage": "showergamma", "particle": ""},
        {"run": 2, "shower": 1},
    ],
)
def test_every_field_makes_another_stream(change):
    other = replace(BASE, **change)
    assert other.key() != BASE.key()
    assert other.generator().random() != BASE.generator().random()


def test_keys_do_not_collide():
    keys = {
        StreamKey(1, "s", run=run, shower=shower, telescope=telescope).key()
        for run in range(20)
        for shower in range(30)
        for telescope in range(5)
    }
    assert len(keys) == 20 * 30 * 5


def test_numpy_integers_make_the_same_key():
    assert StreamKey(1, "s", run=np.int64(3)).key() == StreamKey(1, "s", run=3).key()


@pytest.mark.parametrize(
    ("field", "value"),
    [("run", -1), ("run", 2**63), ("shower", 1.0), ("reuse", True), ("stage", 3)],
)
def test_bad_fields_are_named(field, value):
    with pytest.raises(InputError, match=f"random stream: {field}"):
        StreamKey(**{"campaign_seed": 1, "stage": "s", field: value})


def test_content_of_a_shower_does_not_depend_on_chunks():
    def simulate(showers):
        return {i: StreamKey(7, "shower", run=1, shower=i).generator().random(3) for i in showers}

    whole = simulate(range(10))
    parts = {**simulate(range(5, 10)), **simulate([4]), **simulate(reversed(range(4)))}
    for shower in whole:
        np.testing.assert_array_equal(whole[shower], parts[shower])


def test_streams_are_uniform_and_uncorrelated():
    streams = np.array(
        [StreamKey(7, "shower", shower=i).generator().random(4000) for i in range(20)]
    )
    assert stats.kstest(streams.ravel(), "uniform").pvalue > 1e-3
    # First draws of neighbouring streams: the weak point of bad keys.
    first = np.array([StreamKey(7, "s", shower=i).generator().random() for i in range(2000)])
    assert stats.kstest(first, "uniform").pvalue > 1e-3
    correlation = np.corrcoef(streams)[np.triu_indices(20, 1)] * np.sqrt(4000)
    assert abs(correlation).max() < 4.5
    assert 0.8 < correlation.std() < 1.2


def test_normal_deviates_are_normal():
    out = np.empty(100_000)
    philox.fill_normal(philox.new_state(BASE.words()), out)
    assert stats.kstest(out, "norm").pvalue > 1e-3
    assert abs(np.mean(out**4) - 3.0) < 5 * np.sqrt(96 / out.size)
