"""Limits of the comparison with CORSIKA: how many showers, which bins, when it holds."""

from __future__ import annotations

__all__ = [
    "EDGES_M",
    "LEAST_BINS",
    "LEAST_P_VALUE",
    "LEAST_SHOWERS",
    "LEAST_SHOWERS_OF_FILE",
    "MOST_BINS",
    "MOST_EXTRA_TEV",
    "MOST_PHOTONS",
    "MOST_SIGMA",
]

# Ours per one of theirs.
LEAST_SHOWERS = 100
# More of them for a file with few showers, so that its probabilities are resolved, too, but no
# more than this energy in all.
LEAST_SHOWERS_OF_FILE = 1000
MOST_EXTRA_TEV = 1000.0
# Photons that we draw for a shower, about: of more light, a part, with a larger weight.
MOST_PHOTONS = 1.0e5
# Bins of core distance; the last one reaches as far as needed.
EDGES_M = (*range(0, 200, 20), 200, 250, 300, 400, 600, 1000)
# Bins that must qualify; bins where the fixed ones do not do.
LEAST_BINS, MOST_BINS = 5, 10
LEAST_P_VALUE, MOST_SIGMA = 0.01, 3.0
