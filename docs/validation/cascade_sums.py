"""Showers of the page on the cascade: crossings of levels, profiles, losses along tracks."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.shower.air import ELECTRON_MASS_MEV, density_effect
from iactflow.shower.cascade import (
    CascadeSettings,
    Primary,
    available_energy_mev,
    cascade_steps,
    step_buffer,
)
from iactflow.shower.collisions import COLLISION_CONSTANT, collision_loss
from iactflow.shower.cross_sections import bremsstrahlung

SEED = campaign_seed("validation of the cascade")
LEVEL_M = 1800.0
LOW_MEV = 1.0
THRESHOLDS_MEV = (LOW_MEV, 20.0, 50.0)
STEP_G_CM2 = 20.0
TRACK_TEV, N_TRACK = 0.1, 40
# What is not lost along tracks that are followed.
NOT_ALONG_TRACKS = ("below_cut_electrons", "below_cut_photons", "ground", "top")
BUFFER = step_buffer(50000)


class Crossings(NamedTuple):
    """Charged particles through levels of depth."""

    profiles: np.ndarray  # shower, threshold, level
    kinetic_mev: np.ndarray  # at each shower's maximum
    angle_deg: np.ndarray
    balance: float  # largest relative error of the energy


def _settings(cut_mev, **more):
    return CascadeSettings(
        electron_cut_mev=cut_mev, photon_cut_mev=cut_mev, drop_dark=False, **more
    )  # fmt: skip


def words(number, stage="shower"):
    return StreamKey(SEED, stage, "gamma", shower=number).words()


def _at_levels(steps, heights, thickness, level_m):
    """Level, kinetic energy and angle of the steps that cross a level of depth."""
    top = np.interp(steps[:, 2] + level_m, heights, thickness) / STEP_G_CM2
    low = steps[:, 2] + steps[:, 7] * steps[:, 6] + level_m
    bottom = np.interp(low, heights, thickness) / STEP_G_CM2
    rows = np.flatnonzero(np.floor(bottom) > np.floor(top))
    level = np.floor(bottom[rows])
    part = (level - top[rows]) / (bottom[rows] - top[rows])
    gamma = steps[rows, 8] + part * (steps[rows, 9] - steps[rows, 8])
    angle = np.degrees(np.arccos(np.clip(-steps[rows, 6], -1.0, 1.0)))
    return np.stack([level, (gamma - 1.0) * ELECTRON_MASS_MEV, angle])


def _continuous_loss(steps, path, density, cut_mev):
    """Energy lost along steps in transfers and photons below a cut, MeV."""
    gamma = 0.5 * (steps[:, 8] + steps[:, 9])
    log_kinetic = np.log((gamma - 1.0) * ELECTRON_MASS_MEV)
    nodes = np.geomspace(0.4, 1.1e6, 500)
    parts = [1e-9, 1e-3, 0.1, 0.5, 0.9, 1.0]
    limits = [np.minimum(part * nodes, cut_mev) for part in parts]
    soft = sum(bremsstrahlung(nodes, low, high, 1) for low, high in pairwise(limits))
    loss = np.zeros(len(steps))
    for kind, positron in ((2.0, True), (3.0, False)):
        mine = steps[:, 10] == kind
        values = collision_loss(nodes, cut_mev, positron) + soft
        loss[mine] = np.interp(log_kinetic[mine], np.log(nodes), values)
    momentum = 0.5 * np.log(gamma**2 - 1.0) + 0.5 * np.log(density / 1.20479e-3)
    effect = COLLISION_CONSTANT * density_effect(momentum) / (1.0 - gamma**-2.0)
    return ((loss - effect) * path).sum()


def _recorded(cut_mev, energy_tev, number, air, **more):
    """Cascade of a vertical photon with all its steps, path and density along them with each."""
    settings = _settings(cut_mev, record_all=True, muon_pairs=False, **more)
    return cascade_steps(Primary(1, energy_tev), air, settings, words(number), BUFFER)


def follow_low(energy_tev, n, air, **more):
    """Follow vertical photons with everything above 1 MeV recorded.

    Parameters
    ----------
    energy_tev : float
        Energy.
    n : int
        Number of showers.
    air : AtmosphereTable
        Atmosphere.
    **more
        Further settings of the cascade.

    Returns
    -------
    Crossings
        Profiles, and the particles at each maximum.
    """
    heights = np.linspace(air.bottom_m, air.top_m, air.thickness.size)
    profiles = np.zeros((n, len(THRESHOLDS_MEV), 45))
    spectra, worst = [], 0.0
    for number in range(n):
        cascade = _recorded(LOW_MEV, energy_tev, number, air, **more)
        mine = [_at_levels(s, heights, air.thickness, air.observation_level_m) for s in cascade]
        level, kinetic, angle = np.concatenate(mine, axis=1)
        for row, threshold in zip(profiles[number], THRESHOLDS_MEV, strict=True):
            row += np.bincount(level[kinetic > threshold].astype(int), minlength=45)
        summary = cascade.summary
        at = level == round(summary.x_max_g_cm2 / STEP_G_CM2)
        spectra.append([kinetic[at], angle[at]])
        available = available_energy_mev(Primary(1, energy_tev))
        worst = max(worst, abs(sum(summary.energy_mev.values()) / available - 1.0))
    kinetic, angle = np.concatenate(spectra, axis=1)
    return Crossings(profiles, kinetic, angle, worst)


def track(cut_mev, air):
    """Compare the loss along all tracks with the energy that is left for it.

    Parameters
    ----------
    cut_mev : float
        Everything above it is followed.
    air : AtmosphereTable
        Atmosphere.

    Returns
    -------
    tuple of float
        Loss, integrated along the tracks, over the energy less what falls below the cut or leaves
        the air; track length above 4 MeV and its error, g/cm2 per shower; mean loss, MeV cm2/g.
    """
    heights = np.linspace(air.bottom_m, air.top_m, air.thickness.size)
    ratios, track, mean = [], [], []
    for number in range(N_TRACK):
        cascade = _recorded(cut_mev, TRACK_TEV, number, air)
        lost = above = whole = 0.0
        for steps in cascade:
            middle = steps[:, 2] + 0.5 * steps[:, 7] * steps[:, 6] + air.observation_level_m
            density = np.interp(middle, heights, air.density)
            path = 100.0 * density * steps[:, 7]
            kinetic = (0.5 * (steps[:, 8] + steps[:, 9]) - 1.0) * ELECTRON_MASS_MEV
            above += path[kinetic > 4.0].sum()
            whole += path.sum()
            lost += _continuous_loss(steps, path, density, cut_mev)
        tally = cascade.summary.energy_mev
        left = 1e6 * TRACK_TEV - sum(tally[name] for name in NOT_ALONG_TRACKS)
        ratios.append(lost / left)
        track.append(above)
        mean.append(lost / whole)
    return np.mean(ratios), np.mean(track), np.std(track) / np.sqrt(N_TRACK), np.mean(mean)


def many_profiles(energy_tev, cut_mev, n, air):
    """Count charged particles of vertical photons.

    Parameters
    ----------
    energy_tev, cut_mev : float
        Energy; cut of the cascade.
    n : int
        Number of showers.
    air : AtmosphereTable
        Atmosphere.

    Returns
    -------
    tuple
        Depths in g/cm2; profiles, shape (n, depths); largest relative error of the energy.
    """
    profiles, worst = [], 0.0
    settings, primary = _settings(cut_mev, profile_step_g_cm2=STEP_G_CM2), Primary(1, energy_tev)
    for number in range(n):
        cascade = cascade_steps(primary, air, settings, words(number), BUFFER)
        for _ in cascade:
            pass
        summary = cascade.summary
        profiles.append(summary.n_charged)
        total = sum(summary.energy_mev.values())
        worst = max(worst, abs(total / available_energy_mev(primary) - 1.0))
    return summary.depth_g_cm2, np.array(profiles), worst
