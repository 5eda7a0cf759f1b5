"""Air of the pages that compare with numbers for the U.S. standard atmosphere."""

from __future__ import annotations

from iactflow.atmosphere.profile import from_corsika_layers
from iactflow.atmosphere.table import AtmosphereTable, make_table

# Linsley's layers (CORSIKA User's Guide, appendix D): a and b in g/cm2, c in cm.
LAYERS = (
    (-186.555305, -94.919, 0.61289, 0.0, 0.01128292),
    (1222.6562, 1144.9069, 1305.5948, 540.1778, 1.0),
    (994186.38, 878153.55, 636143.04, 772170.16, 1.0e9),
)


def us_standard(observation_level_m: float) -> AtmosphereTable:
    """U.S. standard atmosphere.

    Parameters
    ----------
    observation_level_m : float
        Height above sea level, m.

    Returns
    -------
    AtmosphereTable
        For kernels.
    """
    return make_table(from_corsika_layers(*LAYERS), observation_level_m)
