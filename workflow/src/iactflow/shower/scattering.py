"""Multiple scattering with tails that are right at any step length: soft part summed, hard singly.

Collisions follow the screened Rutherford cross-section with Moliere's screening angle (Moliere, Z.
Naturforsch. 3a (1948) 78; Bethe, Phys. Rev. 89 (1953) 1256), atomic electrons counted as Z (Z + 1):
dN/dw = chi_c^2 / (w + chi_a^2)^2 with w = 2 (1 - cos theta). Those below a cutoff, of which many
happen in a step, add up to a Gaussian with their exact mean of w; those above, HARD_NUMBER per step
on average, are drawn one by one with Mott's spin factor and the nuclear form factor, those with an
electron only below the transfer that is a knock-on of its own. It is the mixed algorithm of
Fernandez-Varea et al., Nucl. Instrum. Meth. B 73 (1993) 447.

A step is flown straight in a direction that the particle has at a random place of it: the
scattering up to there comes before the step, the rest after it. Directions along the track then
have their exact distribution at any step length, and so has the light. The displacement has its
right covariance with the angle; its mean square is too large by half in a single step, by 1 / (2
n^2) after n of them. Half of the magnetic deflection comes before and half after.
"""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.shower.air import ELECTRON_MASS_MEV
from iactflow.shower.particles import (
    CARRY,
    DEPTH,
    KIND,
    KINETIC,
    LOCAL_DENSITY,
    TURN,
    UX,
    UY,
    UZ,
    turned,
    two_uniforms,
    unit,
)
from iactflow.shower.physics_tables import (
    CHI2,
    ELECTRON_CUT,
    FIELD,
    FIELD_X,
    FIELD_Y,
    FIELD_Z,
    NUCLEAR_PART,
    NUCLEAR_SIZE2,
    SCREENING2,
)

__all__ = ["HARD_NUMBER", "bend", "deflect", "scatter", "settle", "soft_mean"]

HARD_NUMBER = 0.25
# Below this the logarithm and the fraction in `soft_mean` cancel; the next term of the series is
# 9/8 of the square of this.
_SMALL_RATIO = 1e-3


@jit
def soft_mean(chi_c2, chi_a2, number):
    """Mean of w = 2 (1 - cos theta) from the collisions below the cutoff chi_c^2 / number.

    Parameters
    ----------
    chi_c2, chi_a2 : float
        Moliere's characteristic and screening angle, squared.
    number : float
        Collisions above the cutoff, were there no screening.

    Returns
    -------
    float
        Mean of w, the square of the angle for small angles; never negative.
    """
    ratio = chi_c2 / (number * chi_a2)
    if ratio < _SMALL_RATIO:
        return chi_c2 * ratio * ratio * (0.5 - 2.0 / 3.0 * ratio)
    return chi_c2 * (np.log(1.0 + ratio) - ratio / (1.0 + ratio))


@jit
def _hard(work, chi_c2, chi_a2, momentum2):
    """Sum of the deflections by collisions above the cutoff, as a vector of length sqrt(w)."""
    constants, state = work.constants, work.state
    across_1, across_2 = 0.0, 0.0
    cutoff = chi_c2 / HARD_NUMBER
    # An electron gives at most half of its energy: by Moller's convention the slower of the two is
    # the one knocked on. A positron may give all.
    largest = constants[ELECTRON_CUT]
    if work.flying[KIND] < 4.0:
        largest = min(largest, (0.5 if work.flying[KIND] == 3.0 else 1.0) * work.flying[KINETIC])
    remaining = np.exp(-chi_c2 / (cutoff + chi_a2))
    chance = unit(state)
    while chance > remaining:
        chance *= unit(state)
        u, v = two_uniforms(state)
        w = (cutoff + chi_a2) / u - chi_a2
        if w >= 4.0:
            continue
        # Momentum transfer to an electron, as kinetic energy: knock-ons have a deflection already.
        electron = 1.0 - constants[NUCLEAR_PART]
        if momentum2 * w > 2.0 * ELECTRON_MASS_MEV * largest:
            electron = 0.0
        form = np.exp(-constants[NUCLEAR_SIZE2] * momentum2 * w)
        spin = 1.0 - 0.25 * w
        if v < electron + constants[NUCLEAR_PART] * spin * form * form:
            azimuth = 2.0 * np.pi * unit(state)
            across_1 += np.sqrt(w) * np.cos(azimuth)
            across_2 += np.sqrt(w) * np.sin(azimuth)
    return across_1, across_2


@jit
def scatter(work, chi_c2, momentum2):
    """Turn the flying particle by multiple scattering.

    Parameters
    ----------
    work : record of WORK
        The particle is changed.
    chi_c2 : float
        Moliere's characteristic angle squared of the path.
    momentum2 : float
        Momentum squared in MeV^2.
    """
    p, state = work.flying, work.state
    chi_a2 = work.constants[SCREENING2] / momentum2
    mean = soft_mean(chi_c2, chi_a2, HARD_NUMBER)
    square = 2.0
    first, second = 0.0, 0.0
    while square >= 1.0 or square == 0.0:
        first, second = two_uniforms(state)
        first, second = 2.0 * first - 1.0, 2.0 * second - 1.0
        square = first * first + second * second
    # Two normal deviates by Marsaglia's polar method, each of variance mean / 2.
    scale = np.sqrt(-mean * np.log(square) / square)
    hard_1, hard_2 = _hard(work, chi_c2, chi_a2, momentum2)
    across_1, across_2 = first * scale + hard_1, second * scale + hard_2
    w = min(across_1 * across_1 + across_2 * across_2, 3.999)
    shrink = np.sqrt(1.0 - 0.25 * w)
    p[UX], p[UY], p[UZ] = turned(
        p[UX], p[UY], p[UZ], 1.0 - 0.5 * w, across_1 * shrink, across_2 * shrink
    )


@jit
def bend(work, turn):
    """Turn the flying particle by the magnetic field.

    Parameters
    ----------
    work : record of WORK
        The particle is changed.
    turn : float
        Length over momentum, m / MeV, times the charge.
    """
    p, constants = work.flying, work.constants
    bx, by, bz = constants[FIELD_X] * turn, constants[FIELD_Y] * turn, constants[FIELD_Z] * turn
    ux, uy, uz = p[UX], p[UY], p[UZ]
    for _ in range(2):
        # Midpoint rule: the second pass turns with the direction halfway.
        vx, vy, vz = uy * bz - uz * by, uz * bx - ux * bz, ux * by - uy * bx
        ux, uy, uz = p[UX] + 0.5 * vx, p[UY] + 0.5 * vy, p[UZ] + 0.5 * vz
    x, y, z = 2.0 * ux - p[UX], 2.0 * uy - p[UY], 2.0 * uz - p[UZ]
    norm = 1.0 / np.sqrt(x * x + y * y + z * z)
    p[UX], p[UY], p[UZ] = x * norm, y * norm, z * norm


@jit
def deflect(work, path, momentum, momentum_end, mass, charge):
    """Turn the flying particle to the direction in which it flies the next step.

    Parameters
    ----------
    work : record of WORK
        The particle is changed.
    path : float
        Length of the step in g/cm2.
    momentum, momentum_end : float
        Momentum in MeV at both ends of the step.
    mass, charge : float
        Mass in MeV; charge in units of a proton's.
    """
    p, constants = work.flying, work.constants
    # Where momentum falls linearly, the integral of 1 / p^2 up to a part u of the path is
    # u / (p p(u)); the speed is that of light to 1e-4 above 30 MeV and enters at the start only.
    u = unit(work.state)
    total = constants[CHI2] * path / (momentum * momentum_end)
    total *= charge * charge * (1.0 + (mass / momentum) ** 2)
    now = total * u * momentum_end / (momentum - u * (momentum - momentum_end))
    scatter(work, p[CARRY] + now, momentum * momentum_end)
    p[CARRY] = total - now
    if constants[FIELD] > 0.0:
        # In an exponential atmosphere: height falls with the logarithm of the depth.
        ratio = -p[UZ] * path / p[DEPTH]
        length = path / p[LOCAL_DENSITY]
        if abs(ratio) > 1e-3:
            length *= np.log(max(1.0 + ratio, 0.1)) / ratio
        half = 0.5 * charge * length / np.sqrt(momentum * momentum_end)
        bend(work, p[TURN] + half)
        p[TURN] = half


@jit
def settle(work, momentum):
    """Turn the flying particle by what it carries: it is about to interact.

    Parameters
    ----------
    work : record of WORK
        The particle is changed.
    momentum : float
        Momentum in MeV.
    """
    p = work.flying
    if p[CARRY] > 0.0:
        scatter(work, p[CARRY], momentum * momentum)
    if p[TURN] != 0.0:
        bend(work, p[TURN])
    p[CARRY], p[TURN] = 0.0, 0.0
