"""Air, settings and sums over steps for the tests of the cascade."""

from __future__ import annotations

import numpy as np

from iactflow.atmosphere.profile import from_corsika_layers
from iactflow.atmosphere.table import make_table
from iactflow.campaign.streams import StreamKey
from iactflow.shower.cascade import Primary, cascade_steps, step_buffer

LEVEL_M = 2000.0
FIELD_UT = (30.0, 0.0, -24.0)
# United States standard atmosphere as CORSIKA's five layers (user's guide, table D.1).
LAYERS = (
    (-186.555305, -94.919, 0.61289, 0.0, 0.01128292),
    (1222.6562, 1144.9069, 1305.5948, 540.1778, 1.0),
    (994186.38, 878153.55, 636143.04, 772170.16, 1.0e9),
)


def standard_table():
    """United States standard atmosphere above 2000 m."""
    return make_table(from_corsika_layers(*LAYERS), LEVEL_M)


def key(shower, stage="shower"):
    """Words of the key of a shower."""
    return StreamKey(7, stage, shower=shower).words()


def follow(primary, table, settings, shower=1):
    """All steps of a shower, and its summary."""
    cascade = cascade_steps(primary, table, settings, key(shower), step_buffer(20000))
    steps = [rows.copy() for rows in cascade]
    return (np.concatenate(steps) if steps else np.zeros((0, 11))), cascade.summary


def light(steps, table):
    """Light-weighted sums over steps.

    The track length times Frank and Tamm's sin^2(theta), at the middle of each step.

    Returns
    -------
    tuple of ndarray
        Weight, height above the level in m, angle to the vertical in rad, distance from the axis on
        the ground of light that the particle's direction carries there.
    """
    middle = steps[:, :3] + 0.5 * steps[:, 7:8] * steps[:, 4:7]
    height = np.linspace(table.bottom_m, table.top_m, table.refractivity.size)
    index = 1.0 + np.interp(middle[:, 2] + table.observation_level_m, height, table.refractivity)
    gamma = 0.5 * (steps[:, 8] + steps[:, 9])
    sine2 = np.maximum(1.0 - 1.0 / (index**2 * (1.0 - gamma**-2.0)), 0.0)
    angle = np.arccos(np.clip(-steps[:, 6], -1.0, 1.0))
    down = np.minimum(steps[:, 6], -0.2)
    x = middle[:, 0] - middle[:, 2] * steps[:, 4] / down
    y = middle[:, 1] - middle[:, 2] * steps[:, 5] / down
    return sine2 * steps[:, 7], middle[:, 2], angle, np.hypot(x, y)


def gamma_ray(energy_tev, **more):
    """A vertical photon."""
    return Primary(1, energy_tev, **more)
