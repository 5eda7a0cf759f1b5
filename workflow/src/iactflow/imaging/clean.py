"""Cleaning of images: which pixels hold light of the shower.

``tailcuts``: two levels; a pixel above the upper one (picture) with enough neighbours above it is
kept when it has a neighbour above the lower one (boundary), and a pixel above the lower one when it
has a neighbour in the picture (Punch et al., Proc. 22nd ICRC 1 (1991) 464; Aharonian et al., A&A
457 (2006) 899, section 3.1).

``mars``: the same, and one more row of neighbours above the lower level.

``time_constrained``: pixels of the picture must be in time with the mean of the brightest island,
weighted with the square of the charge (twice the limit above twice the level), pixels of the
boundary with neighbours in the picture (Aliu et al., Astropart. Phys. 30 (2009) 293; Aleksic et
al., Astropart. Phys. 72 (2016) 76, section 3.3).

To all of them can be added: a limit on the time between neighbours (CTA-LST Project, ApJ 956 (2023)
80, section 4.2), the choice of one island, rows of neighbours whatever they hold (dilation), in
this order. Masks are those of ctapipe 0.28 (``ctapipe.image.cleaning``) for the same charges: as
there, levels and limits are rounded to the charges' and times' float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np

from iactflow._jit import jit, jit_leaf
from iactflow.errors import InputError
from iactflow.imaging.islands import best_island, label_islands

__all__ = ["ISLANDS", "METHODS", "CleaningSettings", "clean_images", "cleaning_of_type"]

METHODS = ("tailcuts", "mars", "time_constrained")
ISLANDS = ("all", "largest", "brightest")
_WHERE = "cleaning"


@dataclass(frozen=True)
class CleaningSettings:
    """How images are cleaned; the defaults are those of ctapipe.

    Attributes
    ----------
    method : {"tailcuts", "mars", "time_constrained"}
        Method.
    picture_threshold_pe, boundary_threshold_pe : float
        Upper and lower level.
    min_picture_neighbors : int
        Neighbours above the upper level that a pixel of the picture needs.
    keep_isolated_pixels : bool
        Whether pixels above the upper level are always kept; not with ``time_constrained``.
    time_limit_core_ns, time_limit_boundary_ns : float
        Limits of ``time_constrained``.
    time_limit_ns : float or None
        Largest difference of times to neighbours that are kept; None: any.
    time_num_neighbors : int
        Neighbours within this limit that a pixel needs.
    islands : {"all", "largest", "brightest"}
        Which islands are kept: that of the most pixels or of the most light, or all.
    dilations : int
        Rows of neighbours that are added at the end.

    Raises
    ------
    InputError
        If a value is not allowed.
    """

    method: str = "tailcuts"
    picture_threshold_pe: float = 10.0
    boundary_threshold_pe: float = 5.0
    min_picture_neighbors: int = 2
    keep_isolated_pixels: bool = False
    time_limit_core_ns: float = 4.5
    time_limit_boundary_ns: float = 1.5
    time_limit_ns: float | None = None
    time_num_neighbors: int = 1
    islands: str = "all"
    dilations: int = 0

    def __post_init__(self):
        for key, allowed in (("method", METHODS), ("islands", ISLANDS)):
            if getattr(self, key) not in allowed:
                raise InputError(_WHERE, key, getattr(self, key), ", ".join(allowed))
        for key in ("picture_threshold_pe", "boundary_threshold_pe"):
            if not math.isfinite(getattr(self, key)):
                raise InputError(_WHERE, key, getattr(self, key), "a finite number")
        for key in ("min_picture_neighbors", "time_num_neighbors", "dilations"):
            if getattr(self, key) < 0:
                raise InputError(_WHERE, key, getattr(self, key), "at least 0")
        for key in ("time_limit_core_ns", "time_limit_boundary_ns", "time_limit_ns"):
            limit = getattr(self, key)
            if limit is not None and not limit > 0.0:
                raise InputError(_WHERE, key, limit, "above 0")


class _Numbers(NamedTuple):
    """The settings as numbers for the kernel."""

    picture: np.float32
    boundary: np.float32
    bright: np.float32
    min_neighbors: int
    keep_isolated: bool
    method: int
    limit_core: float
    limit_boundary: np.float32
    limit: np.float32
    n_in_time: int
    islands: int
    dilations: int


def cleaning_of_type(block: Mapping, telescope_type: str) -> CleaningSettings:
    """Settings for one type of telescope.

    Parameters
    ----------
    block : mapping
        Keys of `CleaningSettings`, and ``per_type``: mapping of patterns of names (``*``, ``?``)
        to keys that differ; later patterns that match win. Keys that are left out or None change
        nothing.
    telescope_type : str
        Name of the type.

    Returns
    -------
    CleaningSettings
        Settings.

    Raises
    ------
    InputError
        If a key is unknown or a value is not allowed.
    """
    block = dict(block)
    settings = CleaningSettings()
    changes = [block] + [
        keys
        for pattern, keys in (block.pop("per_type", None) or {}).items()
        if fnmatchcase(telescope_type, pattern)
    ]
    known = [field.name for field in fields(CleaningSettings)]
    for keys in changes:
        for key in keys:
            if key not in known:
                raise InputError(_WHERE, key, keys[key], ", ".join([*known, "per_type"]))
        settings = replace(settings, **{k: v for k, v in keys.items() if v is not None})
    return settings


def clean_images(
    image_pe: np.ndarray,
    peak_time_ns: np.ndarray,
    neighbours: tuple[np.ndarray, np.ndarray],
    settings: CleaningSettings,
) -> np.ndarray:
    """Find the pixels of images that hold light of the shower.

    Parameters
    ----------
    image_pe : ndarray of float32, shape (n, n_pixels)
        Charges; not a number: never kept but by dilation.
    peak_time_ns : ndarray of float32, shape (n, n_pixels)
        Times; a pixel whose time is not a number is in time with nothing. Not used without limits.
    neighbours : tuple of two ndarray of int64
        Lists of `iactflow.instrument.neighbours.camera_neighbours`.
    settings : CleaningSettings
        Settings.

    Returns
    -------
    ndarray of bool, shape (n, n_pixels)
        Pixels that are kept.
    """
    limit = np.inf if settings.time_limit_ns is None else settings.time_limit_ns
    numbers = _Numbers(
        np.float32(settings.picture_threshold_pe),
        np.float32(settings.boundary_threshold_pe),
        np.float32(2.0 * settings.picture_threshold_pe),
        int(settings.min_picture_neighbors),
        bool(settings.keep_isolated_pixels),
        METHODS.index(settings.method),
        float(settings.time_limit_core_ns),
        np.float32(settings.time_limit_boundary_ns),
        np.float32(limit),
        0 if settings.time_limit_ns is None else int(settings.time_num_neighbors),
        ISLANDS.index(settings.islands),
        int(settings.dilations),
    )
    image = np.ascontiguousarray(image_pe, dtype=np.float32)
    time = np.ascontiguousarray(peak_time_ns, dtype=np.float32)
    return _clean(image, time, *neighbours, numbers)


@jit_leaf
def _count(mask, pixel, first, neighbour):
    """Neighbours of a pixel in a mask."""
    n = 0
    for j in range(first[pixel], first[pixel + 1]):
        n += mask[neighbour[j]]
    return n


@jit_leaf
def _count_in_time(mask, time, pixel, limit, first, neighbour):
    """Neighbours of a pixel in a mask, no later or earlier than a limit."""
    n = 0
    for j in range(first[pixel], first[pixel + 1]):
        other = neighbour[j]
        n += mask[other] and abs(time[other] - time[pixel]) < limit
    return n


@jit_leaf
def _two_levels(image, first, neighbour, numbers, above, core, keep, pixels):
    """Pixels above the levels, and among them the core: those of the picture with neighbours."""
    n_pixels = image.size
    n_above = 0
    for pixel in range(n_pixels):
        above[pixel] = image[pixel] >= numbers.boundary
        keep[pixel] = image[pixel] >= numbers.picture
        core[pixel] = keep[pixel]
        if above[pixel] or core[pixel]:
            pixels[n_above] = pixel
            n_above += 1
    # whatever is isolated, time-constrained cleaning asks for neighbours
    if numbers.min_neighbors > 0 and not (numbers.keep_isolated and numbers.method != 2):
        for k in range(n_above):
            pixel = pixels[k]
            if keep[pixel]:
                core[pixel] = _count(keep, pixel, first, neighbour) >= numbers.min_neighbors
    return n_above


@jit_leaf
def _with_boundary(first, neighbour, numbers, above, core, keep, pixels, n_above):
    """Pixels of the boundary that touch the core, and pixels of the core in company."""
    for k in range(n_above):
        pixel = pixels[k]
        keep[pixel] = (above[pixel] and _count(core, pixel, first, neighbour) > 0) or (
            core[pixel] and (numbers.keep_isolated or _count(above, pixel, first, neighbour) > 0)
        )


@jit_leaf
def _in_time(image, time, first, neighbour, numbers, above, core, keep, pixels, n_above, room):
    """Pixels of the picture in time with its mean, and of the boundary with the picture."""
    kept, label, stack, total = room
    n_core = 0
    for k in range(n_above):
        if core[pixels[k]]:
            kept[n_core] = pixels[k]
            n_core += 1
    if n_core > 0:
        n_islands = label_islands(kept, n_core, core, first, neighbour, label, stack)
        best = best_island(kept, n_core, label, n_islands, image, True, total)
        weight, mean = 0.0, 0.0
        for k in range(n_core):
            pixel = kept[k]
            if label[pixel] == best:
                square = np.float64(image[pixel]) ** 2
                weight += square
                mean += square * np.float64(time[pixel])
        mean = np.float32(mean / weight)
        for k in range(n_core):
            pixel = kept[k]
            limit = numbers.limit_core * (1.0 if image[pixel] < numbers.bright else 2.0)
            core[pixel] = np.float64(abs(time[pixel] - mean)) < limit
    for k in range(n_above):
        pixel = pixels[k]
        keep[pixel] = core[pixel]
        if above[pixel] and not core[pixel] and _count(core, pixel, first, neighbour) > 0:
            n = _count_in_time(core, time, pixel, numbers.limit_boundary, first, neighbour)
            keep[pixel] = n >= numbers.min_neighbors


@jit_leaf
def _near_in_time(time, first, neighbour, numbers, core, keep, pixels, n_above):
    """Only pixels with neighbours at about their time; ``core`` is used up."""
    for k in range(n_above):
        pixel = pixels[k]
        core[pixel] = keep[pixel] and (
            _count_in_time(keep, time, pixel, numbers.limit, first, neighbour) >= numbers.n_in_time
        )
    for k in range(n_above):
        keep[pixels[k]] = core[pixels[k]]


@jit_leaf
def _one_island(image, first, neighbour, numbers, keep, pixels, n_above, room):
    """Only one of the islands."""
    kept, label, stack, total = room
    n_kept = 0
    for k in range(n_above):
        if keep[pixels[k]]:
            kept[n_kept] = pixels[k]
            n_kept += 1
    if n_kept > 0:
        n_islands = label_islands(kept, n_kept, keep, first, neighbour, label, stack)
        best = best_island(kept, n_kept, label, n_islands, image, numbers.islands == 2, total)
        for k in range(n_kept):
            keep[kept[k]] = label[kept[k]] == best


@jit
def _clean(image, time, first, neighbour, numbers):
    """Clean images row by row."""
    n, n_pixels = image.shape
    mask = np.empty((n, n_pixels), dtype=np.bool_)
    above = np.empty(n_pixels, dtype=np.bool_)
    core = np.empty(n_pixels, dtype=np.bool_)
    pixels = np.empty(n_pixels, dtype=np.int64)
    kept, label = np.empty_like(pixels), np.empty_like(pixels)
    stack, total = np.empty_like(pixels), np.empty(n_pixels + 1, dtype=np.float64)
    room = (kept, label, stack, total)
    for row in range(n):
        charge, arrival, keep = image[row], time[row], mask[row]
        n_above = _two_levels(charge, first, neighbour, numbers, above, core, keep, pixels)
        if numbers.method == 2:
            _in_time(
                charge, arrival, first, neighbour, numbers, above, core, keep, pixels, n_above, room
            )
        else:
            # mars: the boundary of all that is kept the first time
            for again in range(1 + numbers.method):
                for k in range(again * n_above):
                    core[pixels[k]] = keep[pixels[k]]
                _with_boundary(first, neighbour, numbers, above, core, keep, pixels, n_above)
        if numbers.n_in_time > 0:
            _near_in_time(arrival, first, neighbour, numbers, core, keep, pixels, n_above)
        if numbers.islands > 0:
            _one_island(charge, first, neighbour, numbers, keep, pixels, n_above, room)
        for _ in range(numbers.dilations):
            core[:] = keep
            for pixel in range(n_pixels):
                keep[pixel] = core[pixel] or _count(core, pixel, first, neighbour) > 0
    return mask
