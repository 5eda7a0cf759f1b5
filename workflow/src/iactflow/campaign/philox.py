"""Philox4x64-10 for compiled kernels, bit for bit the stream of ``numpy.random.Philox``.

Bijection, round constants and key schedule are those of Salmon, Moraes, Dror and Shaw, "Parallel
random numbers: as easy as 1, 2, 3", SC11 (2011), doi:10.1145/2063384.2063405, section 3.3 and
table 2. Normal deviates come from the inverse of the normal distribution by Wichura's algorithm
AS 241 (PPND16), Applied Statistics 37 (1988) 477: one uniform per normal deviate, so that the
place of a number in its stream never depends on values drawn before.

A stream's state is an array of 11 unsigned 64-bit words: counter (4), key (2), the block drawn
last (4), the number of words of it already used (1).
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit, jit_leaf

__all__ = [
    "fill_normal",
    "fill_uniform",
    "inverse_normal",
    "new_state",
    "next_uint64",
    "normal",
    "philox4x64",
    "uniform",
]

_LOW32 = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_SHIFT11 = np.uint64(11)
_MULTIPLIER_0 = np.uint64(0xD2E7470EE14C6C93)
_MULTIPLIER_1 = np.uint64(0xCA5A826395121157)
_WEYL_0 = np.uint64(0x9E3779B97F4A7C15)
_WEYL_1 = np.uint64(0xBB67AE8584CAA73B)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_FOUR = np.uint64(4)
_ROUNDS = 10
_UNIT = 1.0 / 9007199254740992.0

# Numerators and denominators of the rational approximations of AS 241, lowest power first.
_CENTRE_NUMERATOR = (
    3.3871328727963666080e0,
    1.3314166789178437745e2,
    1.9715909503065514427e3,
    1.3731693765509461125e4,
    4.5921953931549871457e4,
    6.7265770927008700853e4,
    3.3430575583588128105e4,
    2.5090809287301226727e3,
)
_CENTRE_DENOMINATOR = (
    1.0,
    4.2313330701600911252e1,
    6.8718700749205790830e2,
    5.3941960214247511077e3,
    2.1213794301586595867e4,
    3.9307895800092710610e4,
    2.8729085735721942674e4,
    5.2264952788528545610e3,
)
_MIDDLE_NUMERATOR = (
    1.42343711074968357734e0,
    4.63033784615654529590e0,
    5.76949722146069140550e0,
    3.64784832476320460504e0,
    1.27045825245236838258e0,
    2.41780725177450611770e-1,
    2.27238449892691845833e-2,
    7.74545014278341407640e-4,
)
_MIDDLE_DENOMINATOR = (
    1.0,
    2.05319162663775882187e0,
    1.67638483018380384940e0,
    6.89767334985100004550e-1,
    1.48103976427480074590e-1,
    1.51986665636164571966e-2,
    5.47593808499534494600e-4,
    1.05075007164441684324e-9,
)
_TAIL_NUMERATOR = (
    6.65790464350110377720e0,
    5.46378491116411436990e0,
    1.78482653991729133580e0,
    2.96560571828504891230e-1,
    2.65321895265761230930e-2,
    1.24266094738807843860e-3,
    2.71155556874348757815e-5,
    2.01033439929228813265e-7,
)
_TAIL_DENOMINATOR = (
    1.0,
    5.99832206555887937690e-1,
    1.36929880922735805310e-1,
    1.48753612908506148525e-2,
    7.86869131145613259100e-4,
    1.84631831751005468180e-5,
    1.42151175831644588870e-7,
    2.04426310338993978564e-15,
)


@jit_leaf
def _high_product(a, b):
    """Upper 64 bits of the 128-bit product of two 64-bit words, from 32-bit halves."""
    a_low, a_high = a & _LOW32, a >> _SHIFT32
    b_low, b_high = b & _LOW32, b >> _SHIFT32
    middle = a_high * b_low + ((a_low * b_low) >> _SHIFT32)
    carry = a_low * b_high + (middle & _LOW32)
    return a_high * b_high + (middle >> _SHIFT32) + (carry >> _SHIFT32)


@jit_leaf
def philox4x64(c0, c1, c2, c3, k0, k1):
    """Encrypt one 256-bit counter: ten rounds of Philox4x64.

    Parameters
    ----------
    c0, c1, c2, c3 : uint64
        Counter, lowest word first.
    k0, k1 : uint64
        Key.

    Returns
    -------
    tuple of four uint64
        Random words.
    """
    for _ in range(_ROUNDS):
        high_0 = _high_product(_MULTIPLIER_0, c0)
        low_0 = _MULTIPLIER_0 * c0
        high_1 = _high_product(_MULTIPLIER_1, c2)
        low_1 = _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = high_1 ^ c1 ^ k0, low_1, high_0 ^ c3 ^ k1, low_0
        k0 += _WEYL_0
        k1 += _WEYL_1
    return c0, c1, c2, c3


@jit
def new_state(key):
    """State of a stream at its beginning.

    Parameters
    ----------
    key : ndarray of uint64, shape (2,)
        ``StreamKey.words()``.

    Returns
    -------
    ndarray of uint64, shape (11,)
        State for `next_uint64`, `uniform` and `normal`, which advance it in place.
    """
    state = np.zeros(11, dtype=np.uint64)
    state[4] = key[0]
    state[5] = key[1]
    state[10] = _FOUR
    return state


@jit_leaf
def next_uint64(state):
    """Next random word; equals ``numpy.random.Philox.random_raw`` of the same key.

    Parameters
    ----------
    state : ndarray of uint64, shape (11,)
        Advanced in place.

    Returns
    -------
    uint64
        64 random bits.
    """
    if state[10] == _FOUR:
        # As in numpy, the counter moves on before each block: the first block has counter 1.
        for word in range(4):
            state[word] += _ONE
            if state[word] != _ZERO:
                break
        block = philox4x64(state[0], state[1], state[2], state[3], state[4], state[5])
        state[6], state[7], state[8], state[9] = block
        state[10] = _ZERO
    value = state[6 + state[10]]
    state[10] += _ONE
    return value


@jit_leaf
def uniform(state):
    """Next uniform deviate in [0, 1); equals ``Generator.random`` of the same key.

    Parameters
    ----------
    state : ndarray of uint64, shape (11,)
        Advanced in place by one word.

    Returns
    -------
    float
        A multiple of 2**-53.
    """
    return np.float64(next_uint64(state) >> _SHIFT11) * _UNIT


@jit_leaf
def _ratio(x, numerator, denominator):
    above, below = numerator[7], denominator[7]
    for i in range(6, -1, -1):
        above = above * x + numerator[i]
        below = below * x + denominator[i]
    return above / below


@jit_leaf
def inverse_normal(probability):
    """Quantile of the standard normal distribution (AS 241, relative error about 1e-16).

    Parameters
    ----------
    probability : float
        Inside (0, 1).

    Returns
    -------
    float
        The value below which a standard normal deviate lies with this probability.
    """
    q = probability - 0.5
    if abs(q) <= 0.425:
        return q * _ratio(0.180625 - q * q, _CENTRE_NUMERATOR, _CENTRE_DENOMINATOR)
    r = np.sqrt(-np.log(probability if q < 0.0 else 1.0 - probability))
    if r <= 5.0:
        value = _ratio(r - 1.6, _MIDDLE_NUMERATOR, _MIDDLE_DENOMINATOR)
    else:
        value = _ratio(r - 5.0, _TAIL_NUMERATOR, _TAIL_DENOMINATOR)
    return -value if q < 0.0 else value


@jit_leaf
def normal(state):
    """Next standard normal deviate.

    Parameters
    ----------
    state : ndarray of uint64, shape (11,)
        Advanced in place by one word.

    Returns
    -------
    float
        Mean 0, standard deviation 1.
    """
    # Half a step away from 0 and 1, where the quantile is infinite. One bit fewer than `uniform`
    # uses, so that the half is exact next to 1.
    return inverse_normal((np.float64(next_uint64(state) >> np.uint64(12)) + 0.5) * (2.0 * _UNIT))


@jit_leaf
def fill_uniform(state, out):
    """Fill an array with uniform deviates in [0, 1).

    Parameters
    ----------
    state : ndarray of uint64, shape (11,)
        Advanced in place.
    out : ndarray of float64, shape (n,)
        Filled in place.
    """
    for i in range(out.size):
        out[i] = uniform(state)


@jit_leaf
def fill_normal(state, out):
    """Fill an array with standard normal deviates.

    Parameters
    ----------
    state : ndarray of uint64, shape (11,)
        Advanced in place.
    out : ndarray of float64, shape (n,)
        Filled in place.
    """
    for i in range(out.size):
        out[i] = normal(state)
