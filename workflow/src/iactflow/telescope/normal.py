"""Normal deviates for detectors, by a table of the inverse distribution.

Between the table's points the quantile is taken as linear, which is off by less than 2e-4 standard
deviations; beyond the ends, in three deviates of a hundred, it is that of
`iactflow.campaign.philox.inverse_normal` (Wichura's AS 241).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from iactflow._jit import jit_leaf
from iactflow.campaign.philox import inverse_normal

__all__ = ["normal_of"]

_UNIT32 = 1.0 / 4294967296.0
_N_STEPS = 1024
_END = 16
# Steps at the ends are not looked up.
_QUANTILE = ndtri(np.clip(np.arange(_N_STEPS + 1) / _N_STEPS, 0.5 / _N_STEPS, 1 - 0.5 / _N_STEPS))


@jit_leaf
def normal_of(word):
    """Normal deviate of a random word of 32 bits.

    Parameters
    ----------
    word : uint64
        Below 2**32, uniform.

    Returns
    -------
    float
        Mean 0, standard deviation 1; up to 6.3 of these.
    """
    probability = (np.float64(word) + 0.5) * _UNIT32
    place = probability * _N_STEPS
    k = np.int64(place)
    if k < _END or k >= _N_STEPS - _END:
        return inverse_normal(probability)
    return _QUANTILE[k] + (place - k) * (_QUANTILE[k + 1] - _QUANTILE[k])
