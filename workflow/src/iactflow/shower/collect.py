"""Light of a shower, collected buffer by buffer and grouped by re-use and telescope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iactflow.errors import InputError
from iactflow.shower.emission import RESUME_SIZE, emit_to_spheres
from iactflow.shower.photons import empty_photons
from iactflow.shower.steps import N_COLUMNS

__all__ = ["CollectedPhotons", "LightCollector", "collect_photons"]

CAPACITY = 65536


@dataclass(frozen=True)
class CollectedPhotons:
    """Photons of a shower at all its spheres.

    Attributes
    ----------
    photons : ndarray of float32, shape (n, 8)
        Photons (`iactflow.shower.photons`), by ascending sphere, in the order of emission in it.
    offsets : ndarray of int64, shape (n_spheres + 1,)
        Photons of sphere k are ``offsets[k]`` to ``offsets[k + 1]``.
    n_telescopes : int
        Telescopes; sphere ``reuse * n_telescopes + telescope``.
    """

    photons: np.ndarray
    offsets: np.ndarray
    n_telescopes: int

    def at(self, reuse: int, telescope: int) -> np.ndarray:
        """Photons at a telescope.

        Parameters
        ----------
        reuse : int
            Re-use of the shower.
        telescope : int
            Place of the telescope in the array, from 0.

        Returns
        -------
        ndarray of float32, shape (m, 8)
            A view.
        """
        k = reuse * self.n_telescopes + telescope
        return self.photons[self.offsets[k] : self.offsets[k + 1]]

    def counts(self) -> np.ndarray:
        """Numbers of photons.

        Returns
        -------
        ndarray of int64, shape (n_reuse, n_telescopes)
            At each telescope in each re-use.
        """
        return np.diff(self.offsets).reshape(-1, self.n_telescopes)


class LightCollector:
    """Draws the light of one shower and keeps what hits its spheres.

    Parameters
    ----------
    spheres : Spheres
        Spheres of all telescopes and re-uses.
    light : LightYield
        Yield, with a row for every type of telescope.
    atmosphere : AtmosphereTable
        Atmosphere.
    states : ndarray of uint64, shape (n_spheres, 11)
        Random streams (`iactflow.shower.spheres.sphere_states`), advanced in place.
    refraction : bool, optional
        Whether light is bent.
    capacity : int, optional
        Photons that the kernel writes in one call; without influence on the result.

    Raises
    ------
    InputError
        If there is not one stream per sphere, or a type of telescope without a yield.
    """

    def __init__(self, spheres, light, atmosphere, states, refraction=True, capacity=CAPACITY):
        if states.shape != (spheres.x_m.size, 11):
            allowed = f"one stream per sphere, shape ({spheres.x_m.size}, 11)"
            raise InputError("light", "states", states.shape, allowed)
        n_types = light.photons_per_m.size
        if spheres.kind.min() < 0 or spheres.kind.max() >= n_types:
            raise InputError("spheres", "kinds", int(spheres.kind.max()), f"0 to {n_types - 1}")
        self.spheres, self.light, self.atmosphere = spheres, light, atmosphere
        self.states, self.refraction = states, bool(refraction)
        self._room = empty_photons(capacity), np.empty(capacity, dtype=np.int32)
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, steps) -> int:
        """Draw the light of a buffer of steps.

        Parameters
        ----------
        steps : ndarray of float64, shape (n, 11)
            Steps (`iactflow.shower.steps`).

        Returns
        -------
        int
            Photons that hit spheres.
        """
        if steps.ndim != 2 or steps.shape[1] != N_COLUMNS:
            raise InputError("light", "steps", steps.shape, f"shape (n, {N_COLUMNS})")
        photons, owners = self._room
        resume = np.zeros(RESUME_SIZE)
        resume[2] = -1.0
        total = 0
        while resume[0] < len(steps):
            n = emit_to_spheres(
                steps, self.atmosphere, self.light, self.spheres, self.refraction, self.states,
                resume, photons, owners,
            )  # fmt: skip
            self._parts.append((photons[:n].copy(), owners[:n].copy()))
            total += n
        return total

    def collected(self) -> CollectedPhotons:
        """All photons so far, grouped.

        Returns
        -------
        CollectedPhotons
            Photons by sphere.
        """
        return group_photons(self._parts, self.spheres)


def group_photons(parts, spheres) -> CollectedPhotons:
    """Group photons by sphere.

    Parameters
    ----------
    parts : list of tuple
        Photons and their spheres, in the order of emission.
    spheres : Spheres
        Spheres.

    Returns
    -------
    CollectedPhotons
        Photons by sphere.
    """
    photons = np.concatenate([part[0] for part in parts] or [empty_photons(0)])
    owners = np.concatenate([part[1] for part in parts] or [np.empty(0, dtype=np.int32)])
    order = np.argsort(owners, kind="stable")
    counts = np.bincount(owners, minlength=spheres.x_m.size)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return CollectedPhotons(photons[order], offsets, spheres.n_telescopes)


def collect_photons(
    buffers, spheres, light, atmosphere, states, refraction=True
) -> CollectedPhotons:
    """Draw the light of a shower.

    Parameters
    ----------
    buffers : iterable of ndarray of float64, shape (n, 11)
        Buffers of steps, as the cascade fills them; each is used before the next is asked for.
    spheres, light, atmosphere, states, refraction
        As in `LightCollector`.

    Returns
    -------
    CollectedPhotons
        Photons by sphere.
    """
    collector = LightCollector(spheres, light, atmosphere, states, refraction)
    for steps in buffers:
        collector.add(steps)
    return collector.collected()
