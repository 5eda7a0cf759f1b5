"""One walk through a file of sim_telarray: headers, calibration, showers, array events.

The order of objects is that of sim_telarray: headers and descriptions; monitoring and laser data
before the first event and wherever they change; calibration events; then for every shower (2020)
its re-uses (2021), each with photoelectrons (1204), their sums (2026) and, if it triggered, the
array event (2010); histograms at the end. Several runs may follow each other in a file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from iactflow.io.simtel_batches import RawEvent
from iactflow.io.simtel_calibration import Calibration
from iactflow.io.simtel_fields import Fields
from iactflow.io.simtel_instrument import (
    DESCRIPTIONS,
    MAX_SAMPLES,
    TelescopeParts,
    build_subarray,
    read_description,
    read_meta,
)
from iactflow.io.simtel_kernels import (
    CHARGES,
    ERRORS,
    NO_ADC,
)
from iactflow.io.simtel_run import (
    clip_altitude,
    read_core,
    read_histograms,
    read_run,
    read_shower,
    read_simulation,
)
from iactflow.io.simtel_stream import ALLOWED, MAX_OBJECT_BYTES, ObjectHeader, SimtelStream
from iactflow.io.simtel_thrown import Thrown
from iactflow.io.simtel_trigger import read_trigger
from iactflow.io.simtel_walk import walk_array_event, walk_telescope_data
from iactflow.io.subarray import Subarray

__all__ = ["SimtelScan"]

HISTORY, META, HISTOGRAMS = 70, 75, 100
TELESCOPE_DATA = 1204
RUN, SIMULATION, ARRAY_EVENT, SHOWER, CORE = 2000, 2001, 2010, 2020, 2021
MONITORING, LASER, SUMS, CALIBRATION_EVENT, CALIBRATION_LIGHT = 2022, 2023, 2026, 2028, 2034

# Settings in the history that keep photoelectrons: of photons, and for images up to some number.
SAVE_PHOTONS = re.compile(rb"save_photons[ =]+(\d+)")
STORE_LIGHT = re.compile(rb"store_photoelectrons[ =]+(\d+)")
# Kinds of calibration events: CTAO's numbers of sim_telarray's dark, pedestal, in-lid LED, laser.
CALIBRATION_TYPES = {0: 3, 1: 2, 2: 1, 3: 0}
OTHER, SHOWER_EVENT = 15, 32
# A telescope of more photoelectrons than sim_telarray keeps has no true image where the file has
# some: its event may be cut short, and ctapipe drops it.
BRIGHT = 1_000_000


class SimtelScan:
    """State of the walk.

    Parameters
    ----------
    path : str or Path
        File.
    true_images : bool
        Whether photoelectrons are kept for the batches.
    """

    def __init__(self, path, true_images: bool):
        self.path, self._true_images = path, true_images
        self.stream = SimtelStream(path)
        self.thrown: list[Thrown] = []
        self.subarray: Subarray | None = None
        self.run: dict | None = None
        self.simulation: dict | None = None
        self._key: tuple = ()
        self._has_true_images = True
        self._pseudo = 0
        self._new_run()

    def _new_run(self):
        self._parts: dict[int, TelescopeParts] = {}
        self._meta: dict[str, str] = {}
        self._calibration = Calibration()
        self._shower = self._core = self._last_core = None
        self._light = (None, {})
        self._light_telescopes, self._sums = set(), None
        self._charges = None

    def events(self) -> Iterator[RawEvent]:
        """Array events in the order of the file.

        Yields
        ------
        RawEvent
            Event; its bytes are valid until the next.

        Raises
        ------
        InputError
            Where the file is cut, damaged, or of an unknown version.
        """
        while (header := self.stream.next_header()) is not None:
            event = self._take(header)
            if event is not None:
                yield event
        end = Fields(self.path, ObjectHeader(0, 0, 0, self.stream.position, 0), np.empty(0, "u1"))
        if self.run is None:
            raise end.fail("no header of a run")
        self._describe(end, {})
        if self.simulation is not None:
            self._counter(end)

    def _take(self, header):
        """Take an object; the event, if it is one."""
        handler = HANDLERS.get(header.type)
        if handler is None:
            self.stream.skip(header)
            return None
        fields = Fields(self.path, header, self.stream.content(header))
        return handler(self, fields)

    def _take_history(self, fields):
        self._has_true_images = _promises_images(fields)

    def _take_meta(self, fields):
        if fields.header.id == -1:
            if self.run is not None and self._shower is not None:
                self._new_run()
            self._meta = read_meta(fields)
        else:
            self._telescope(fields.header.id).meta = read_meta(fields)

    def _telescope(self, tel_id):
        return self._parts.setdefault(tel_id, TelescopeParts())

    def _take_run(self, fields):
        meta, parts = self._meta, self._parts
        again = self.run is not None
        self.run = read_run(fields)
        if again:
            # Names came before the header; all else is that of the run before.
            self._new_run()
            self._meta = meta
            self._parts = {i: TelescopeParts(meta=parts[i].meta) for i in parts}
            self.simulation = None

    def _take_simulation(self, fields):
        self.simulation = read_simulation(fields)

    def _take_description(self, fields):
        read_description(fields, self._telescope(fields.header.id))

    def _take_calibration(self, fields):
        self._calibration.read(fields, self._parts)

    def _take_shower(self, fields):
        self._shower, self._last_core = read_shower(fields), None
        self._counter(fields).add_shower(self._shower)

    def _take_core(self, fields):
        core = read_core(fields)
        if self._shower is None:
            raise fields.fail("an event without shower", ALLOWED)
        number = core.pop("event")
        shower_id = core.pop("shower_id")
        if shower_id != self._shower["shower_id"]:
            found = f"an event of shower {shower_id} after shower {self._shower['shower_id']}"
            raise fields.fail(found, "events of the shower before them")
        reuse = number - 100 * shower_id
        if not 0 <= reuse < 100:
            reuse = 0 if self._last_core is None else self._last_core + 1
        self._last_core = reuse
        self._core = {**core, "reuse_id": reuse}
        self._light, self._light_telescopes, self._sums = (None, {}), set(), None
        self._counter(fields).add_event()

    def _counter(self, fields):
        """What counts the thrown events of the present run."""
        if self.run is None or self.simulation is None:
            raise fields.fail("a shower before the headers of its run", ALLOWED)
        if not self.thrown or self.thrown[-1].run is not self.run:
            self.thrown.append(Thrown(self.run, self.simulation))
        return self.thrown[-1]

    def _take_light(self, fields):
        n_tel = len(self.run["tel_id"]) if self.run else 0
        rows = np.empty((n_tel, 4), dtype=np.int64)
        data = fields.data.copy() if self._true_images else fields.data
        n, error, place = walk_telescope_data(data, rows)
        if error:
            raise fields.fail_at(ERRORS[error], place)
        # Telescopes are counted from 0 here.
        places = {i + 1: (version, *span) for i, version, *span in rows[:n].tolist()}
        self._light_telescopes = set(places)
        self._light = (data, places) if self._true_images else (None, {})

    def _take_calibration_light(self, fields):
        for item in fields.objects():
            if item.header.type == TELESCOPE_DATA:
                self._take_light(item)

    def _take_sums(self, fields):
        fields.need_version(0, 1, 2)
        fields.skip(4)
        n = fields.count(1000)
        if self.run is None or n > len(self.run["tel_id"]):
            raise fields.fail(f"photoelectrons of {n} telescopes", "as many as the run has")
        counts = fields.array("i4", n).tolist()
        self._sums = dict(zip(self.run["tel_id"].tolist(), counts, strict=False))

    def _take_histograms(self, fields):
        histograms = read_histograms(fields)
        if self.run is not None and self.simulation is not None:
            self._counter(fields).histograms = histograms

    def _take_calibration_event(self, fields):
        kind = CALIBRATION_TYPES.get(fields.header.id, OTHER)
        item = next(fields.objects(), None)
        if item is None or item.header.type != ARRAY_EVENT:
            raise fields.fail("no array event", f"an array event ({ARRAY_EVENT})")
        event = self._array_event(item, kind)
        self._light, self._light_telescopes = (None, {}), set()
        return event

    def _take_array_event(self, fields):
        return self._array_event(fields, OTHER if self._shower is None else SHOWER_EVENT)

    def _array_event(self, fields, event_type):
        """Event of an object 2010; None if no telescope was read out."""
        if self.run is None:
            raise fields.fail("an event before the header of its run", ALLOWED)
        n_tel = len(self.run["tel_id"])
        rows, tracking = np.empty((n_tel, 8), np.int64), np.empty((n_tel, 3), np.int64)
        trigger = np.empty(4, dtype=np.int64)
        n, n_tracking, error, place = walk_array_event(fields.data, rows, tracking, trigger)
        if error:
            raise fields.fail_at(ERRORS[error], place)
        rows = rows[:n][np.argsort(rows[:n, 0])]
        info = read_trigger(fields, trigger)
        self._check(fields, rows, info)
        directions = _directions(fields, tracking[:n_tracking])
        missing = sorted(set(rows[:, 0].tolist()) - directions.keys())
        if missing:
            raise fields.fail(f"no direction of telescopes {missing}", "directions of all")
        if not n:
            return None
        self._describe(fields, {row[0]: row[1] == CHARGES for row in rows.tolist()})
        return self._raw_event(fields, rows, info, directions, event_type)

    def _describe(self, fields, charges):
        """Subarray of the run, and which of its telescopes give charges."""
        if self._charges is None:
            ids = self.run["tel_id"].tolist()
            missing = [i for i in ids if i not in self._parts or not self._parts[i].complete]
            if missing:
                raise fields.fail(f"no description of telescopes {missing}", "that of all")
            height = math.nan if self.simulation is None else self.simulation["height_m"]
            made = build_subarray(self._parts, self.run, self._meta, height, charges)
            if self.subarray is None:
                self.subarray, self._charges, self._key = made
            elif made[2] != self._key:
                found = f"other telescopes in run {self.run['run']}"
                raise fields.fail(found, "runs of the same telescopes in one file")
            self._charges = made[1]
        for tel_id, value in charges.items():
            (self._charges.add if value else self._charges.discard)(tel_id)
        self._calibration.update(self._parts, self._charges)

    def _check(self, fields, rows, info):
        """Refuse what contradicts the descriptions or the trigger."""
        absent = sorted(set(info["data"]) - set(rows[:, 0].tolist()))
        if absent:
            raise fields.fail(f"no data of telescopes {absent}", "data of those it announces")
        # Suppressed pixels take no bytes in the file, but memory.
        size = int(np.prod(rows[:, 5:8], axis=1).sum()) * np.dtype(np.uint32).itemsize
        if size > MAX_OBJECT_BYTES:
            raise fields.fail(f"counts of {size} bytes", f"at most {MAX_OBJECT_BYTES}")
        for tel_id, kind, _, _, _, n_pixels, n_channels, n_samples in rows.tolist():
            parts = self._parts.get(tel_id)
            if parts is None or not parts.complete:
                raise fields.fail(f"telescope {tel_id}", "a telescope that was described")
            if kind == NO_ADC:
                raise fields.fail(f"telescope {tel_id} without counts", "samples or sums")
            expected = parts.camera["n_pixels"], parts.readout["n_channels"]
            if (n_pixels, n_channels) != expected or not 1 <= n_samples <= MAX_SAMPLES:
                found = f"{n_pixels} pixels, {n_channels} channels, {n_samples} samples"
                raise fields.fail(f"telescope {tel_id}: {found}", f"pixels, channels {expected}")

    def _raw_event(self, fields, rows, info, directions, event_type):
        """Event of the telescopes that ctapipe takes too."""
        keep = [self._taken(tel_id, info["offset_ns"]) for tel_id in rows[:, 0].tolist()]
        rows = rows[np.array(keep, dtype=bool)]
        tel_ids = rows[:, 0].tolist()
        index = np.searchsorted(self.subarray.tel_ids, tel_ids)
        event_id = info["event"] or fields.header.id
        if event_id == 0:
            self._pseudo -= 1
            event_id = self._pseudo
        is_shower = event_type == SHOWER_EVENT and self._core is not None
        if is_shower:
            self._counter(fields).n_triggered += 1
        return RawEvent(
            data=fields.data,
            fail=fields.fail_at,
            rows=rows,
            type_index=self.subarray.type_index[index].tolist(),
            pointing_rad=[directions[tel_id] for tel_id in tel_ids],
            time_offset_ns=[info["offset_ns"][tel_id] for tel_id in tel_ids],
            obs_id=self.run["run"],
            event_id=event_id,
            event_type=event_type,
            time=info["time"],
            array_rad=self._array_pointing(directions),
            truth={**self._shower, **self._core} if is_shower else {},
            photoelectrons=self._light,
            coefficients=self._calibration.coefficients,
        )

    def _taken(self, tel_id, triggered):
        """Whether ctapipe takes a telescope: in the array's trigger, true image not cut short."""
        bright = self._has_true_images and (self._sums or {}).get(tel_id, 0) > BRIGHT
        return tel_id in triggered and not (bright and tel_id not in self._light_telescopes)

    def _array_pointing(self, directions):
        """Altitude and azimuth of the run; where it follows a source, mean of the telescopes."""
        if not self.run["tracks"]:
            azimuth, altitude = self.run["direction"]
            return clip_altitude(altitude), azimuth
        altitude, azimuth = np.array(list(directions.values())).T
        x, y = np.cos(altitude) * np.cos(azimuth), np.cos(altitude) * np.sin(azimuth)
        x, y, z = x.mean(), y.mean(), np.sin(altitude).mean()
        return math.atan2(z, math.hypot(x, y)), math.atan2(y, x) % (2.0 * math.pi)


def _directions(fields, tracking):
    """Altitude and azimuth by telescope, corrected ones where there are."""
    directions = {}
    for tel_id, start, known in tracking.tolist():
        # Raw directions stand before corrected ones.
        place = start + (8 if known == 3 else 0)
        azimuth, altitude = np.frombuffer(fields.data, "<f4", 2, place).astype(float).tolist()
        if not math.isfinite(azimuth + altitude):
            raise fields.fail(f"telescope {tel_id} points to {azimuth}, {altitude}", "finite")
        directions[tel_id] = clip_altitude(altitude), azimuth
    return directions


def _promises_images(fields):
    """Whether the configuration of the simulation asks for photoelectrons to be kept."""
    first = next(fields.objects(), None)
    # Merged files hold no photoelectrons.
    if first is None or b"merge_simtel" in first.data.tobytes():
        return False
    lines = fields.data.tobytes().lower()
    common = lines.partition(b"# telescope-specific configuration follows")[0]
    bits = [int(number) for number in SAVE_PHOTONS.findall(common)]
    return any(n & 2 for n in bits) or any(int(n) > 0 for n in STORE_LIGHT.findall(lines))


HANDLERS = {
    HISTORY: SimtelScan._take_history,
    META: SimtelScan._take_meta,
    RUN: SimtelScan._take_run,
    SIMULATION: SimtelScan._take_simulation,
    **dict.fromkeys(DESCRIPTIONS, SimtelScan._take_description),
    MONITORING: SimtelScan._take_calibration,
    LASER: SimtelScan._take_calibration,
    SHOWER: SimtelScan._take_shower,
    CORE: SimtelScan._take_core,
    TELESCOPE_DATA: SimtelScan._take_light,
    SUMS: SimtelScan._take_sums,
    CALIBRATION_LIGHT: SimtelScan._take_calibration_light,
    CALIBRATION_EVENT: SimtelScan._take_calibration_event,
    ARRAY_EVENT: SimtelScan._take_array_event,
    HISTOGRAMS: SimtelScan._take_histograms,
}
