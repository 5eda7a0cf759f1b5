"""What a cascade asks of the atmosphere at a depth, in one look-up."""

from __future__ import annotations

import numpy as np

from iactflow._jit import jit
from iactflow.atmosphere.table import density_g_cm3, height_m, refractivity, thickness_g_cm2
from iactflow.shower.air import ELECTRON_MASS_MEV, REFERENCE_DENSITY_G_CM3

__all__ = ["make_column"]

N_NODES = 1024
LEAST_DEPTH_G_CM2 = 1e-5
LEAST_LOSS_MEV_CM2_G = 1.9
# A photon that may still convert where its electrons radiate: within this depth, four mean free
# paths at 25 MeV; what survives longer has an energy so near the threshold that it gives no light.
PHOTON_REACH_G_CM2 = 240.0
# Columns: height above the observation level in m, g/cm2 per m, half the logarithm of density over
# reference density, threshold of Cherenkov light as a Lorentz factor, kinetic energies in MeV below
# which electrons and photons are dropped.
HEIGHT, DENSITY, DENSITY_SHIFT, THRESHOLD, DARK_ELECTRON, DARK_PHOTON = range(6)
N_COLUMNS = 6


@jit
def make_column(table, electron_cut_mev, photon_cut_mev, drop_dark):
    """Tabulate the atmosphere above the observation level against the logarithm of the depth.

    Parameters
    ----------
    table : AtmosphereTable
        Atmosphere.
    electron_cut_mev, photon_cut_mev : float
        Energies below which nothing is followed anywhere.
    drop_dark : bool
        Also drop what cannot radiate any more.

    Returns
    -------
    tuple
        Array of shape (n, 6); logarithm of the first depth; nodes per unit of the logarithm.
    """
    ground = thickness_g_cm2(table, table.observation_level_m)
    log_low = np.log(max(LEAST_DEPTH_G_CM2, 1.001 * thickness_g_cm2(table, table.top_m)))
    step = (np.log(ground) - log_low) / (N_NODES - 1)
    column = np.empty((N_NODES, N_COLUMNS))
    reach = np.inf
    ahead = N_NODES - 1
    for i in range(N_NODES - 1, -1, -1):
        depth = np.exp(log_low + i * step)
        height = table.observation_level_m if i == N_NODES - 1 else height_m(table, depth)
        density = max(density_g_cm3(table, height), 1e-12)
        index = max(refractivity(table, height), 1e-10)
        threshold = (1.0 + index) / np.sqrt(2.0 * index + index * index)
        column[i, HEIGHT] = height - table.observation_level_m
        column[i, DENSITY] = 100.0 * density
        column[i, DENSITY_SHIFT] = 0.5 * np.log(density / REFERENCE_DENSITY_G_CM3)
        column[i, THRESHOLD] = threshold
        kinetic = (threshold - 1.0) * ELECTRON_MASS_MEV
        reach = min(reach, kinetic + LEAST_LOSS_MEV_CM2_G * depth)
        while ahead > i and np.exp(log_low + ahead * step) > depth + PHOTON_REACH_G_CM2:
            ahead -= 1
        at_best = (column[ahead, THRESHOLD] - 1.0) * ELECTRON_MASS_MEV
        dark_electron = reach - LEAST_LOSS_MEV_CM2_G * depth if drop_dark else 0.0
        dark_photon = at_best + ELECTRON_MASS_MEV if drop_dark else 0.0
        column[i, DARK_ELECTRON] = max(electron_cut_mev, dark_electron)
        column[i, DARK_PHOTON] = max(photon_cut_mev, dark_photon)
    return column, log_low, 1.0 / step
