"""Calibration that a file of sim_telarray carries: monitoring (object 2022), laser data (2023).

Layout as in the hessio library of sim_telarray. Pedestals stand there as sums over slices, their
noise as that of the sum; the laser calibration holds photoelectrons per count summed over the
pulse, flat-field factor included, and the delay of each pixel. The library takes the pedestal as
it stands off counts that are sums (``calibrate_pixel_amplitude`` in its ``reconstruct.c``), and of
samples by their number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from iactflow.io.batches import Coefficients
from iactflow.io.simtel_fields import Fields
from iactflow.io.simtel_instrument import TelescopeParts

__all__ = ["Calibration", "monitored_telescope"]

LASER, PEDESTAL = 2023, 0x04
STATUS, RATES = 0x01, 0x02


def monitored_telescope(identifier: int) -> int:
    """Telescope in the identifier of monitoring and tracking objects.

    Parameters
    ----------
    identifier : int
        Identifier.

    Returns
    -------
    int
        Telescope.
    """
    return (identifier & 0xFF) | ((identifier & 0x3F000000) >> 16)


@dataclass
class _Known:
    pedestal: np.ndarray | None = None
    noise: np.ndarray | None = None
    n_slices: int = 1
    factor: np.ndarray | None = None
    delay: np.ndarray | None = None


@dataclass
class Calibration:
    """Calibration of all telescopes at the present place of the file.

    Attributes
    ----------
    coefficients : dict of int to Coefficients
        By telescope; another dictionary after every change.
    """

    coefficients: dict[int, Coefficients] = field(default_factory=dict)
    _known: dict[int, _Known] = field(default_factory=dict)
    _changed: set[int] = field(default_factory=set)
    _charges: set[int] = field(default_factory=set)

    def read(self, fields: Fields, parts: dict[int, TelescopeParts]) -> None:
        """Take an object.

        Parameters
        ----------
        fields : Fields
            Object 2022 or 2023.
        parts : dict of int to TelescopeParts
            Descriptions.

        Raises
        ------
        InputError
            If it is damaged, of an unknown version, or of a telescope or size that there is not.
        """
        laser = fields.header.type == LASER
        tel_id = fields.header.id if laser else monitored_telescope(fields.header.id)
        if tel_id not in parts or not parts[tel_id].complete:
            raise fields.fail(f"telescope {tel_id}", "a telescope of the run")
        new = _read_laser(fields) if laser else _read_monitoring(fields)
        if new is None:
            return
        shape = parts[tel_id].readout["n_channels"], parts[tel_id].camera["n_pixels"]
        known = self._known.setdefault(tel_id, _Known())
        for name, values in new.items():
            if np.ndim(values) and values.shape != shape:
                raise fields.fail(f"{name} of {values.shape}", f"channels and pixels {shape}")
            if not np.array_equal(getattr(known, name), values):
                setattr(known, name, values)
                self._changed.add(tel_id)

    def update(self, parts: dict[int, TelescopeParts], charges: set[int]) -> None:
        """Bring `coefficients` up to what was read.

        Parameters
        ----------
        parts : dict of int to TelescopeParts
            Descriptions.
        charges : set of int
            Telescopes whose counts are sums over samples.
        """
        self._changed |= (charges ^ self._charges) & self._known.keys()
        self._charges = set(charges)
        if not self._changed:
            return
        made = dict(self.coefficients)
        for tel_id in sorted(self._changed):
            known = self._known[tel_id]
            if known.pedestal is not None and known.factor is not None:
                disabled = parts[tel_id].disabled
                made[tel_id] = _coefficients(known, disabled, tel_id in charges)
        self.coefficients = made
        self._changed.clear()


def _coefficients(known, disabled, charges):
    """What the arrays say of samples, or of charges: sums over the slices of the pedestal."""
    shape = known.pedestal.shape
    unusable = np.zeros(shape, dtype=bool)
    unusable[:, disabled] = True
    unusable |= ~(np.isfinite(known.factor) & np.isfinite(known.pedestal))
    n_slices = 1 if charges else known.n_slices
    # Bits that are no number stay so: their pixels are unusable.
    with np.errstate(invalid="ignore"):
        pedestal = known.pedestal / np.float32(n_slices)
        # The noise of independent samples adds in squares.
        noise = known.noise / np.float32(math.sqrt(n_slices))
    delay = np.zeros(shape, dtype=np.float32) if known.delay is None else known.delay
    return Coefficients(
        pedestal_adu=np.where(np.isfinite(pedestal), pedestal, 0.0).astype(np.float32),
        pe_per_adu=np.where(np.isfinite(known.factor), known.factor, 0.0).astype(np.float32),
        # The file holds delays, which are taken off.
        time_shift_ns=np.where(np.isfinite(delay), -delay, 0.0).astype(np.float32),
        unusable=unusable,
        pedestal_std_adu=noise,
        n_summed=known.n_slices if charges else 1,
    )


def _read_monitoring(fields):
    """Pedestals and their noise, if they are among what is monitored."""
    fields.need_version(0, 1)
    what = fields.header.id >> 8 & 0xFFFF
    fields.skip(16)
    sizes = [fields.int16() if fields.header.version == 0 else fields.vint() for _ in range(4)]
    n_sectors, n_pixels, _, n_channels = sizes
    if min(sizes) < 0:
        raise fields.fail(f"sizes {sizes}", "positive numbers")
    if not what & PEDESTAL:
        return None
    fields.skip(12 if what & STATUS else 0)
    fields.skip(32 + 4 * n_sectors if what & RATES else 0)
    fields.skip(8)
    n_slices = fields.int16()
    if n_slices < 1:
        raise fields.fail(f"pedestals of {n_slices} slices", "at least one")
    shape = n_channels, n_pixels
    pedestal = fields.array("f4", n_channels * n_pixels).reshape(shape)
    noise = fields.array("f4", n_channels * n_pixels).reshape(shape)
    return {"pedestal": pedestal, "noise": noise, "n_slices": n_slices}


def _read_laser(fields):
    """Factors and delays."""
    version = fields.header.version
    fields.need_version(0, 1, 2, 3)
    n_pixels, n_channels = fields.int16() & 0xFFFF, fields.short_count()
    fields.skip(4)
    shape = n_channels, n_pixels
    found = {"factor": fields.array("f4", n_channels * n_pixels).reshape(shape)}
    fields.skip(8 * n_channels if version >= 1 else 0)
    if version >= 2:
        found["delay"] = fields.array("f4", n_channels * n_pixels).reshape(shape)
    return found
