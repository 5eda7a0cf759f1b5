"""Tables of cross-sections and losses against the logarithm of the energy, for the kernels."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from iactflow.shower import collisions, cross_sections
from iactflow.shower.air import (
    ATOMIC_NUMBER,
    ATOMS_PER_GRAM,
    ELECTRON_MASS_MEV,
    FINE_STRUCTURE,
    MUON_MASS_MEV,
    RADIATION_LENGTH_G_CM2,
    density_effect,
)
from iactflow.shower.settings import CascadeSettings
from iactflow.shower.species import PROTON, mass_mev

__all__ = ["PhysicsTables", "make_physics_tables"]

NODES_PER_E = 32
LOG_LOW = -2.3025850929940455  # 0.1 MeV
N_ENERGIES = 740  # up to 1.1e9 MeV
DELTA_LOW, DELTA_NODES_PER_E = 2.0, 32
N_DELTA = 24 * DELTA_NODES_PER_E
BACKWARD_NODES = NODES_PER_E // 2  # more than the largest loss in a step
# Columns of `leptons`: majorant and cross-section of all that is sampled, loss without density
# effect, probability of bremsstrahlung, of that or a knock-on. Columns of `photons`: cross-section,
# cumulative probabilities of pair production, Compton scattering, photonuclear reactions.
MAJORANT, CROSS_SECTION, LOSS, P_BREMSSTRAHLUNG, P_KNOCK_ON = range(5)
P_PAIR, P_COMPTON, P_NUCLEAR = 1, 2, 3
# Entries of `constants`.
(
    ELECTRON_CUT, PHOTON_CUT, MAX_STEP, MAX_LOSS, MAX_ANGLE2, MAX_BEND, FIELD_X, FIELD_Y, FIELD_Z,
    FIELD, CHI2, SCREENING2, NUCLEAR_PART, NUCLEAR_SIZE2, SCREEN_136, LOG_OFFSET, RECORD_ALL,
    MUON_DECAY, FIXED_ANGLE,
) = range(19)  # fmt: skip
N_CONSTANTS = 19
MEV_PER_UT_M = 2.99792458e-4  # momentum in MeV that bends with a radius of 1 m in 1 uT


class PhysicsTables(NamedTuple):
    """Arrays for the kernels.

    Attributes
    ----------
    leptons : ndarray, shape (2, 740, 5)
        Electrons, positrons against kinetic energy.
    photons : ndarray, shape (740, 4)
        Photons against energy.
    heavy : ndarray, shape (2, 740)
        Loss without density effect of muons, of hadrons of unit charge; against the kinetic energy
        of a muon of the same speed.
    delta : ndarray, shape (768,)
        Density effect, times 2 pi r_e^2 m n, against the logarithm of the momentum.
    constants : ndarray
        Cuts, limits of the steps, constants of the scattering.
    """

    leptons: np.ndarray
    photons: np.ndarray
    heavy: np.ndarray
    delta: np.ndarray
    constants: np.ndarray


@lru_cache(maxsize=16)
def make_physics_tables(settings: CascadeSettings) -> PhysicsTables:
    """Make the tables for cuts and channels.

    Parameters
    ----------
    settings : CascadeSettings
        Settings.

    Returns
    -------
    PhysicsTables
        Tables; the same object for equal settings.
    """
    energy = np.exp(LOG_LOW + np.arange(N_ENERGIES) / NODES_PER_E)
    leptons = np.stack([_lepton(energy, settings, positron) for positron in (False, True)])
    muons = collisions.heavy_collision_loss(energy, MUON_MASS_MEV)
    muons += collisions.muon_radiative_loss(energy)
    proton = mass_mev(float(PROTON))
    hadrons = collisions.heavy_collision_loss(energy * proton / MUON_MASS_MEV, proton)
    momentum = DELTA_LOW + np.arange(N_DELTA) / DELTA_NODES_PER_E
    delta = collisions.COLLISION_CONSTANT * density_effect(momentum)
    constants = _constants(settings)
    return PhysicsTables(
        leptons, _photon(energy, settings), np.stack([muons, hadrons]), delta, constants
    )


def _lepton(energy, settings, positron):
    cut, gamma_cut = settings.electron_cut_mev, settings.photon_cut_mev
    radiated = cross_sections.bremsstrahlung(energy, gamma_cut, energy)
    # Steps in the photon's energy, since the integrand is sharp at the end of the spectrum.
    limits = (1e-9 * energy, 1e-3 * energy, 0.1 * energy, 0.5 * energy, 0.9 * energy, energy)
    soft = sum(
        cross_sections.bremsstrahlung(
            energy, np.minimum(low, gamma_cut), np.minimum(high, gamma_cut), power=1
        )
        for low, high in pairwise(limits)
    )
    knocked = collisions.knock_on(energy, cut, positron)
    destroyed = cross_sections.annihilation(energy) * positron
    total = radiated + knocked + destroyed
    safe = np.maximum(total, 1e-300)
    backward = np.stack([np.roll(total, shift) for shift in range(BACKWARD_NODES)])
    for shift in range(1, BACKWARD_NODES):
        backward[shift, :shift] = total[:shift]
    loss = collisions.collision_loss(energy, cut, positron) + soft
    columns = (backward.max(axis=0), total, loss, radiated / safe, (radiated + knocked) / safe)
    return np.stack(columns, axis=1)


def _photon(energy, settings):
    channels = np.stack(
        [
            cross_sections.pair(energy),
            cross_sections.compton(energy),
            cross_sections.photonuclear(energy) * settings.photonuclear,
            cross_sections.muon_pair(energy) * settings.muon_pairs,
        ]
    )
    total = channels.sum(axis=0)
    return np.stack([total, *(channels.cumsum(axis=0)[:3] / total)], axis=1)


def _constants(settings):
    z = ATOMIC_NUMBER
    weight = ATOMS_PER_GRAM * z * (z + 1.0)
    # Moliere, Z. Naturforsch. 3a (1948) 78, and Bethe, Phys. Rev. 89 (1953) 1256, equation 12:
    # chi_c^2 = 4 pi r_e^2 m^2 n Z (Z + 1) per g/cm2 and (p beta)^2; the screening angle of a
    # mixture is the mean of the logarithms. ELECTRON_RADIUS is in the collision constant.
    chi2 = 2.0 * ELECTRON_MASS_MEV * collisions.COLLISION_CONSTANT
    chi2 *= weight.sum() / (ATOMS_PER_GRAM * z).sum()
    angle2 = (FINE_STRUCTURE * ELECTRON_MASS_MEV * z ** (1 / 3) / 0.885) ** 2
    angle2 *= 1.13 + 3.76 * (FINE_STRUCTURE * z) ** 2
    screening2 = np.exp((weight * np.log(angle2)).sum() / weight.sum())
    radiation = ATOMS_PER_GRAM * cross_sections.tsai_factor(z)
    mean_z = np.exp((radiation * np.log(z)).sum() / radiation.sum())
    offset = 4.0 / 3.0 * np.log(mean_z) + 4.0 * cross_sections.coulomb_correction(mean_z)
    # Charge radius of nitrogen 2.56 fm: form factor exp(-q^2 r^2 / 6).
    nuclear_size2 = 2.56**2 / 6.0 / 197.327**2
    nuclear_part = (ATOMS_PER_GRAM * z * z).sum() / weight.sum()
    field = np.array(settings.magnetic_field_ut, dtype=float) * MEV_PER_UT_M
    return np.array(
        [
            settings.electron_cut_mev,
            settings.photon_cut_mev,
            settings.max_step_x0 * RADIATION_LENGTH_G_CM2,
            settings.max_loss_fraction,
            settings.max_angle_rad**2,
            settings.max_bend_rad,
            *field,
            np.sqrt((field**2).sum()),
            chi2,
            screening2,
            nuclear_part,
            nuclear_size2,
            136.0 / mean_z ** (1 / 3),
            offset,
            float(settings.record_all),
            float(settings.muon_decay),
            float(settings.fixed_emission_angle),
        ]
    )
