"""Raw camera data in zfits, read in batches through protozfits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import numpy as np
from astropy.time import Time
from google.protobuf.message import DecodeError
from protozfits import File

from iactflow.errors import InputError
from iactflow.io.batches import BATCH_BYTES, CameraBatch, Coefficients, EventBatch
from iactflow.io.root_open import first_line
from iactflow.io.subarray import Camera, Subarray, TelescopeType
from iactflow.io.zfits_check import check_zfits
from iactflow.io.zfits_events import RawEvent, decode_event, read_layout

__all__ = ["ZfitsReader"]

# What protozfits raises on messages that it cannot read.
BROKEN = (DecodeError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, OSError)
NO_PLACE = float("nan")


class ZfitsReader(AbstractContextManager):
    """Reader of raw camera data; see `iactflow.io.reader.Reader`.

    Files hold one telescope and no geometry. With an array (that of a file of ours, or of a
    description of the instrument) pixels stand where its camera has them; without one the camera
    has the pixels of the file, at unknown positions, and what needs positions refuses it.

    Parameters
    ----------
    path : str or Path
        File ``*.fits.fz``.
    true_images : bool, optional
        Without effect: the data are real.
    batch_bytes : int, optional
        Size of the samples in a batch.
    subarray : Subarray, optional
        Array that the telescope belongs to.
    tel_id : int, optional
        Which telescope of the array it is; by default the one that the file says.

    Attributes
    ----------
    subarray : Subarray
        Array; the telescope alone, where none is given.
    is_simulation : bool
        False.
    level : str
        ``R0``, or ``R1`` if the camera calibrated the samples itself.
    layout : CameraLayout
        What the file says of its events.

    Raises
    ------
    InputError
        If the file is missing, empty, cut off, damaged, of an unknown data model or without
        events, or the camera of the array is another one.
    """

    is_simulation = False

    def __init__(
        self,
        path: str | Path,
        true_images: bool = False,
        batch_bytes: int = BATCH_BYTES,
        subarray: Subarray | None = None,
        tel_id: int | None = None,
    ) -> None:
        self.path, self.batch_bytes = path, batch_bytes
        units = {unit.name: unit for unit in check_zfits(path)}
        if "Events" not in units or units["Events"].cards.get("ZNAXIS2", "0") == "0":
            raise InputError(path, "Events", "no events", "a table of events")
        message = units["Events"].cards.get("PBFHEAD", "")
        with ExitStack() as stack:
            self._file = self._ask(lambda: stack.enter_context(File(str(path), True)))
            others = [name for name in units if name not in ("", "Events")]
            rows = {name: self._ask(lambda n=name: getattr(self._file, n)[0]) for name in others}
            first = self._ask(lambda: self._file.Events[0])
            self.layout = self._ask(lambda: read_layout(path, message, rows, first))
            self._place(subarray, tel_id, units["Events"].cards.get("TARGET", ""))
            stack.pop_all()
        self.level = self.layout.level

    def _ask(self, what):
        """What protozfits says; its errors as ours."""
        try:
            return what()
        except InputError:
            raise
        except BROKEN as error:
            raise InputError(self.path, "message", first_line(error), "readable events") from None

    def _place(self, subarray: Subarray | None, tel_id: int | None, name: str) -> None:
        """Telescope in the array, and where its pixels go."""
        layout = self.layout
        self.tel_id = layout.tel_id if tel_id is None else tel_id
        self.subarray = subarray or _alone(layout, self.tel_id, name)
        if self.tel_id not in self.subarray.tel_ids:
            allowed = ", ".join(map(str, self.subarray.tel_ids))
            raise InputError(self.path, "tel_id", self.tel_id, allowed)
        camera = self.subarray.telescope_type(self.tel_id).camera
        n_channels, n_pixels, n_samples = layout.shape
        pixels = layout.pixel_ids
        if pixels is None and n_pixels != camera.n_pixels:
            allowed = f"{camera.n_pixels}, all of {camera.name}, where no numbers are told"
            raise InputError(self.path, "pixels", n_pixels, allowed)
        if (n_channels, n_samples) != (camera.n_channels, camera.n_samples):
            got = f"{n_channels} channels, {n_samples} samples"
            allowed = f"{camera.n_channels} channels, {camera.n_samples} samples of {camera.name}"
            raise InputError(self.path, "waveforms", got, allowed)
        self._pixels = np.arange(n_pixels) if pixels is None else pixels
        if len(np.unique(self._pixels)) != n_pixels or np.any(self._pixels >= camera.n_pixels):
            allowed = f"each of 0 to {camera.n_pixels - 1} at most once"
            raise InputError(self.path, "pixels", int(self._pixels.max()), allowed)
        self._n_pixels = camera.n_pixels

    def __exit__(self, *_):
        self._file.close()

    def run_tables(self) -> dict[str, dict]:
        """Tables of the run: none, for the data are real.

        Returns
        -------
        dict of str to dict
            Empty.
        """
        return {}

    def batches(self) -> Iterator[EventBatch]:
        """Read the events, batch by batch, in the order of the file.

        Yields
        ------
        EventBatch
            Events of one telescope; the pointing is not in such files, so it is not a number.

        Raises
        ------
        InputError
            Where a message cannot be read, or has another layout than the first.
        """
        n_channels, _, n_samples = self.layout.shape
        size = max(self.batch_bytes // (2 * n_channels * self._n_pixels * n_samples), 1)
        n_events, last = len(self._file.Events), -1
        for start in range(0, n_events, size):
            numbers = range(start, min(start + size, n_events))
            events = [self._event(number) for number in numbers]
            for event in events:
                if event.event_id <= last:
                    allowed = f"above {last}: each event once, ascending"
                    raise InputError(self.path, "event_id", event.event_id, allowed)
                last = event.event_id
            yield self._batch(events)

    def _event(self, number: int) -> RawEvent:
        message = self._ask(lambda: self._file.Events[number])
        return self._ask(lambda: decode_event(self.path, self.layout, message))

    def _batch(self, events: list[RawEvent]) -> EventBatch:
        n, n_channels, n_samples = len(events), self.layout.shape[0], self.layout.shape[2]
        adc = np.zeros((n, n_channels, self._n_pixels, n_samples), dtype=np.uint16)
        read_out = np.zeros(adc.shape[:3], dtype=bool)
        for i, event in enumerate(events):
            adc[i, :, self._pixels] = event.adc.transpose(1, 0, 2)
            kept = True if event.read_out is None else event.read_out.T
            read_out[i, :, self._pixels] = kept
        index = int(np.flatnonzero(self.subarray.tel_ids == self.tel_id)[0])
        seconds, quarters = _times(events)
        nowhere = np.full(n, np.nan)
        camera = CameraBatch(
            type_index=int(self.subarray.type_index[index]),
            event_index=np.arange(n),
            tel_id=np.full(n, self.tel_id, dtype=np.int64),
            adc=adc,
            read_out=None if read_out.all() else read_out,
            pointing_alt_deg=nowhere,
            pointing_az_deg=nowhere,
            time_offset_ns=nowhere,
        )
        return EventBatch(
            obs_id=np.full(n, self.layout.obs_id, dtype=np.int64),
            event_id=np.array([event.event_id for event in events], dtype=np.int64),
            time_s=seconds,
            time_qns=quarters,
            event_type=np.array([event.event_type for event in events], dtype=np.uint8),
            pointing_alt_deg=nowhere,
            pointing_az_deg=nowhere,
            cameras=(camera,),
            coefficients=self._coefficients(),
        )

    def _coefficients(self) -> dict[int, Coefficients]:
        """Calibration of samples that the camera calibrated itself, and scaled to whole numbers."""
        if self.level == "R0" or self.layout.scale == 1.0:
            return {}
        shape = (self.layout.shape[0], self._n_pixels)
        scale, offset = self.layout.scale, self.layout.offset
        unusable = np.ones(shape, dtype=bool)
        unusable[:, self._pixels] = False
        return {
            self.tel_id: Coefficients(
                pedestal_adu=np.full(shape, offset * scale, dtype=np.float32),
                pe_per_adu=np.where(unusable, 0.0, 1.0 / scale).astype(np.float32),
                time_shift_ns=np.zeros(shape, dtype=np.float32),
                unusable=unusable,
                pedestal_std_adu=np.full(shape, np.nan, dtype=np.float32),
            )
        }


def _times(events: list[RawEvent]) -> tuple[np.ndarray, np.ndarray]:
    """TAI seconds and quarters of a nanosecond."""
    seconds = np.array([event.time_s for event in events], dtype=np.int64)
    utc = np.array([event.utc and event.time_s > 0 for event in events])
    if utc.any():
        tai = Time(seconds[utc], format="unix", scale="utc").unix_tai
        seconds[utc] = np.round(tai).astype(np.int64)
    quarters = np.array([round(4.0 * event.time_ns) for event in events], dtype=np.uint32)
    return seconds, quarters


def _alone(layout, tel_id: int, name: str) -> Subarray:
    """The telescope of a file as an array, its pixels at unknown positions."""
    n_channels, n_pixels, n_samples = layout.shape
    count = n_pixels if layout.pixel_ids is None else int(layout.pixel_ids.max()) + 1
    unknown = np.full(count, np.nan)
    camera = Camera(
        name=name or layout.message,
        pixel_x_m=unknown,
        pixel_y_m=unknown,
        pixel_area_m2=unknown,
        pixel_shape="hexagon",
        pixel_rotation_deg=NO_PLACE,
        n_channels=n_channels,
        n_samples=n_samples,
        sampling_rate_ghz=NO_PLACE,
        pulse=np.empty((n_channels, 0)),
        pulse_step_ns=NO_PLACE,
    )
    return Subarray(
        name=camera.name,
        tel_ids=np.array([tel_id], dtype=np.int64),
        positions_m=np.full((1, 3), np.nan),
        types=(TelescopeType(camera.name, camera, NO_PLACE, NO_PLACE, NO_PLACE),),
        type_index=np.zeros(1, dtype=np.int64),
        height_m=NO_PLACE,
        latitude_deg=NO_PLACE,
        longitude_deg=NO_PLACE,
    )
