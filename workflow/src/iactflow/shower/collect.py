"""Light of a shower, collected buffer by buffer and grouped by re-use and telescope.

Photons are the largest thing that a simulation keeps. They stand in one array that grows by a
quarter when it is full, and are brought in order in place: their places are counted (Knuth, The Art
of Computer Programming 3 (1998), algorithm 5.2D) and the permutation is walked along its cycles.
That takes 36 to 45 bytes per photon at its peak. A collector with a limit lets go of its photons
beyond it and only counts them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from iactflow._jit import jit_leaf
from iactflow.errors import InputError
from iactflow.shower.emission import RESUME_SIZE, emit_to_spheres
from iactflow.shower.photons import empty_photons
from iactflow.shower.steps import N_COLUMNS

__all__ = [
    "CollectedPhotons",
    "LightCollector",
    "collect_photons",
    "group_photons",
    "reuse_groups",
]

CAPACITY = 65536
GROWTH = 1.25


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
    most_photons : int, optional
        Beyond so many, photons are counted but no longer kept; None: all are kept.

    Attributes
    ----------
    counts : ndarray of int64, shape (n_spheres,)
        Photons at each sphere so far.

    Raises
    ------
    InputError
        If there is not one stream per sphere, or a type of telescope without a yield.
    """

    def __init__(
        self,
        spheres,
        light,
        atmosphere,
        states,
        refraction=True,
        capacity=CAPACITY,
        most_photons=None,
    ):
        if states.shape != (spheres.x_m.size, 11):
            allowed = f"one stream per sphere, shape ({spheres.x_m.size}, 11)"
            raise InputError("light", "states", states.shape, allowed)
        n_types = light.photons_per_m.size
        if spheres.kind.min() < 0 or spheres.kind.max() >= n_types:
            raise InputError("spheres", "kinds", int(spheres.kind.max()), f"0 to {n_types - 1}")
        self.spheres, self.light, self.atmosphere = spheres, light, atmosphere
        self.states, self.refraction = states, bool(refraction)
        self._room = empty_photons(capacity), np.empty(capacity, dtype=np.int32)
        self._most = np.inf if most_photons is None else most_photons
        self._start()

    def _start(self):
        self.counts = np.zeros(self.spheres.x_m.size, dtype=np.int64)
        self._photons, self._owners = empty_photons(0), np.empty(0, dtype=np.int32)

    @property
    def complete(self) -> bool:
        """Whether all photons so far are kept."""
        return bool(self.counts.sum() <= self._most)

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
            self._keep(photons[:n], owners[:n])
            total += n
        return total

    def _keep(self, photons, owners):
        first = int(self.counts.sum())
        self.counts += np.bincount(owners, minlength=self.counts.size)
        if not self.complete:
            self._photons, self._owners = empty_photons(0), np.empty(0, dtype=np.int32)
            return
        last = first + len(photons)
        if last > len(self._photons):
            rows = max(last, int(GROWTH * len(self._photons)))
            # In place, without a copy; nothing else refers to these arrays.
            self._photons.resize((rows, photons.shape[1]), refcheck=False)
            self._owners.resize(rows, refcheck=False)
        self._photons[first:last], self._owners[first:last] = photons, owners

    def collected(self) -> CollectedPhotons:
        """All photons so far, grouped; the collector is empty afterwards.

        Returns
        -------
        CollectedPhotons
            Photons by sphere.

        Raises
        ------
        InputError
            If there were more than it keeps.
        """
        n = int(self.counts.sum())
        if not self.complete:
            raise InputError("light", "most_photons", self._most, f"at least {n}, what was drawn")
        photons, owners = self._photons, self._owners
        photons.resize((n, photons.shape[1]), refcheck=False)
        offsets = _offsets(self.counts)
        _put_in_order(photons, owners[:n], offsets[:-1].copy())
        self._start()
        return CollectedPhotons(photons, offsets, self.spheres.n_telescopes)


def _offsets(counts):
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


@jit_leaf
def _put_in_order(photons, owners, following):
    """Sort photons by owner, stably and in place.

    ``following``, shape (n_spheres,), is the place of the next photon of each sphere; `owners`
    becomes the place of each photon. Both are used up.
    """
    for i in range(owners.size):
        k = owners[i]
        owners[i] = following[k]
        following[k] += 1
    for i in range(owners.size):
        while owners[i] != i:
            j = owners[i]
            for column in range(photons.shape[1]):
                moved = photons[j, column]
                photons[j, column] = photons[i, column]
                photons[i, column] = moved
            owners[i] = owners[j]
            owners[j] = j


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
    offsets = _offsets(np.bincount(owners, minlength=spheres.x_m.size))
    _put_in_order(photons, owners, offsets[:-1].copy())
    return CollectedPhotons(photons, offsets, spheres.n_telescopes)


def reuse_groups(counts, most_photons: int) -> list[slice]:
    """Divide the re-uses of a shower into groups whose photons fit into memory together.

    Parameters
    ----------
    counts : array_like of int, shape (n_reuse,)
        Photons of each re-use.
    most_photons : int
        Photons of a group; a re-use with more of them is a group of its own.

    Returns
    -------
    list of slice
        Groups of neighbours, in order, as few as this order allows.
    """
    groups, first, total = [], 0, 0
    for reuse, count in enumerate(counts):
        if reuse > first and total + count > most_photons:
            groups.append(slice(first, reuse))
            first, total = reuse, 0
        total += count
    groups.append(slice(first, len(counts)))
    return groups


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
