"""Straight steps of charged particles: what a cascade leaves for the emission of light.

A step is one row of a float64 array of shape (n, N_COLUMNS). Coordinates are those of the shower:
x to the north, y to the west, z up, in metres; the axis of the primary passes through the origin,
which lies at the observation level. Times are in ns; the primary, moving at the speed of light in
vacuum along its axis, would reach the origin at time zero.
"""

from __future__ import annotations

__all__ = [
    "GAMMA_END",
    "GAMMA_START",
    "LENGTH_M",
    "N_COLUMNS",
    "PARTICLE",
    "TIME_NS",
    "UX",
    "UY",
    "UZ",
    "X_M",
    "Y_M",
    "Z_M",
]

X_M = 0  # start of the step
Y_M = 1
Z_M = 2
TIME_NS = 3  # at the start
UX = 4  # direction of flight, a unit vector; downward is negative UZ
UY = 5
UZ = 6
LENGTH_M = 7
GAMMA_START = 8  # Lorentz factor at the start, and at the end
GAMMA_END = 9
PARTICLE = 10  # 2 positron, 3 electron, 5 and 6 muons (CORSIKA's numbers)
N_COLUMNS = 11
