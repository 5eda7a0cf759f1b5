"""Rows of the table ``calibration`` arranged by gain channel and pixel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from iactflow.io.batches import Coefficients

__all__ = ["arrange_coefficients"]


def arrange_coefficients(
    columns: Mapping[str, np.ndarray], rows: np.ndarray, shape: tuple[int, int]
) -> Coefficients:
    """Coefficients of a telescope.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Columns of the table ``calibration``.
    rows : ndarray of int64
        Rows of the telescope; of those that name the same pixel the last one counts.
    shape : tuple of two int
        Gain channels and pixels; those of the rows lie within.

    Returns
    -------
    Coefficients
        Photoelectrons per count have the flat-field factor in them. Pixels that no row names,
        with a status, without a finite pedestal or a factor above 0 are unusable and have 0.
    """
    place = columns["channel"][rows], columns["pixel_id"][rows]

    def arranged(name):
        result = np.full(shape, np.nan, dtype=np.float32)
        result[place] = columns[name][rows]
        return result

    unusable = np.ones(shape, dtype=bool)
    unusable[place] = columns["status"][rows] != 0
    with np.errstate(over="ignore", invalid="ignore"):
        factor = arranged("pe_per_adu") * arranged("flatfield")
    pedestal = arranged("pedestal_adu")
    unusable |= ~(np.isfinite(factor) & (factor > 0) & np.isfinite(pedestal))
    return Coefficients(
        pedestal_adu=np.nan_to_num(pedestal, posinf=0.0, neginf=0.0),
        pe_per_adu=np.where(unusable, np.float32(0.0), factor),
        time_shift_ns=np.nan_to_num(arranged("time_shift_ns"), posinf=0.0, neginf=0.0),
        unusable=unusable,
        pedestal_std_adu=arranged("pedestal_std_adu"),
    )
