"""Our chain and ctapipe's on the same files of raw data: agreement and CPU time.

Each file goes through both chains. Beside the two results as they are, each step is compared on
equal terms: our cleaning on ctapipe's charges, our parameters of ctapipe's cleaned images, our
geometry from ctapipe's parameters.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iactflow.campaign.directions import separation_deg
from iactflow.crosscheck.agreement import (
    CALIBRATION_TYPES,
    EVENT,
    HILLAS_ANGLES,
    TELESCOPE,
    Tables,
    agreement,
    parameter_differences,
)
from iactflow.errors import InputError
from iactflow.imaging.clean import clean_images
from iactflow.imaging.parameters import image_parameters
from iactflow.instrument.neighbours import camera_neighbours
from iactflow.io.reader import open_reader
from iactflow.io.subarray import Subarray
from iactflow.stereo.chain import (
    MEASURED,
    ChainSettings,
    chain_settings,
    iterate_file,
    reconstruct_events,
)
from iactflow.stereo.reconstruct import reconstruct_batch
from iactflow.stereo.stages.reconstruct_geometry import reconstruct_file

__all__ = ["MARKS", "compare_ctapipe", "compare_files"]

#: Largest allowed differences: images and events of one chain alone; charges in units of 0.5 % or
#: 0.05 photoelectrons; fraction of masks of the same charges; parameters of the same masks;
#: directions of the same images.
MARKS = {
    "alone": 0,
    "charge": 1.0,
    "mask_fraction": 0.0,
    "hillas_fraction": 1e-4,
    "hillas_angle_deg": 1e-3,
    "direction_deg": 0.01,
}
REPEATS = 3


class _Ours(NamedTuple):
    """Our chain's result on a file, and the pointing of its telescopes."""

    tables: Tables
    subarray: Subarray
    settings: ChainSettings
    pointing: dict[tuple, tuple[float, float]]
    event_pointing: dict[tuple, tuple[float, float]]


def compare_files(
    files: Iterable[str | Path], settings: Mapping | None = None, max_events: int | None = None
) -> dict:
    """Compare the chains on some files.

    Parameters
    ----------
    files : iterable of str or Path
        Raw data that both chains read.
    settings : mapping, optional
        ``extraction``, ``cleaning``, ``stereo`` of the campaign's block ``reconstruction``; the
        defaults are ctapipe's.
    max_events : int, optional
        Only so many events of each file.

    Returns
    -------
    dict
        ``files``: results of `compare_ctapipe`; ``passed``: whether all are within the marks.

    Raises
    ------
    InputError
        If a file is broken, or a setting is not allowed.
    """
    found = [compare_ctapipe(file, settings, max_events) for file in files]
    return {"files": found, "passed": all(block["passed"] for block in found)}


def compare_ctapipe(
    file: str | Path, settings: Mapping | None = None, max_events: int | None = None
) -> dict:
    """Compare the chains on a file.

    Parameters
    ----------
    file : str or Path
        Raw data that both chains read.
    settings : mapping, optional
        As in `compare_files`.
    max_events : int, optional
        Only so many events, at least 1.

    Returns
    -------
    dict
        ``file``; ``ctapipe_alone``: lines that say what ctapipe's own source takes for something
        else, which is made plain to it before (`iactflow.crosscheck.ctapipe_simtel`);
        ``marks``: `MARKS`; ``chains``: `iactflow.crosscheck.agreement.agreement` of the
        two results; ``same_charges``, ``same_masks``, ``same_images``: our steps on ctapipe's
        input;
        ``cpu_ms``: milliseconds of CPU per telescope event by chain and step, without imports and
        compilation, no images written; ``all``: from raw data to the file of events;
        ``n_images``: what they are of, ours of the whole file. ``judged``:
        quantity, value, largest allowed value; ``passed``.

    Raises
    ------
    InputError
        If the file is broken, or a setting is not allowed.
    """
    settings = {} if settings is None else dict(settings)
    ours = _reconstruct(file, settings, max_events)
    alone: list[str] = []
    check, clock, (cpu, n_ours) = _repeat(file, settings, ours.subarray, max_events, alone)
    n = max(len(check.images["tel_id"]), 1)
    chains = agreement(ours.tables, check)
    block = {
        "file": str(file),
        "ctapipe_alone": alone,
        "marks": MARKS,
        "chains": chains,
        "same_charges": _same_charges(ours, check),
        "same_masks": _same_masks(ours, check),
        "same_images": _same_images(ours, check),
        "cpu_ms": {
            "ours": cpu,
            "ctapipe": {key: 1e3 * value / n for key, value in clock.items()},
            "n_images": {"ours": n_ours, "ctapipe": n},
        },
    }
    judged = _judged(block)
    return {**block, "judged": judged, "passed": all(row["passed"] for row in judged)}


def _repeat(file, settings, subarray, max_events, alone) -> tuple[Tables, dict, tuple]:
    """ctapipe's tables and CPU seconds, and what `_cpu_ms` says of ours; `alone` is filled."""
    # ctapipe takes seconds to import
    from iactflow.crosscheck.ctapipe_process import process, read_processed

    types = {int(t): subarray.telescope_type(t).name for t in subarray.tel_ids}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "processed.h5"
        process(file, output, settings, types, True, max_events, alone)
        check = read_processed(output)
        # the first pass has compiled everything, on both sides
        clock = process(file, output, settings, types, False, max_events)
        return check, clock, _cpu_ms(file, settings, Path(folder) / "ours.root")


def _reconstruct(file, settings, max_events) -> _Ours:
    """Our chain in memory."""
    parts, pixels, pointing, event_pointing = [], [], {}, {}
    with open_reader(file) as reader:
        chosen = chain_settings(settings, reader.subarray)
        n_events = 0
        for batch, found in iterate_file(reader, chosen):
            parts.append((batch, found))
            rows = _in_order(found)
            pixels.append(rows)
            keys = list(zip(batch.obs_id.tolist(), batch.event_id.tolist(), strict=True))
            both = zip(batch.pointing_alt_deg, batch.pointing_az_deg, strict=True)
            event_pointing |= dict(zip(keys, both, strict=True))
            places = zip(found.event_index, found.tel_id.tolist(), strict=True)
            pointing |= {
                (*keys[event], tel_id): place
                for (event, tel_id), place in zip(places, rows["pointing"], strict=True)
            }
            n_events += int((~np.isin(batch.event_type, CALIBRATION_TYPES)).sum())
            if max_events is not None and n_events >= max_events:
                break
        subarray = reader.subarray
    is_simtel = ".simtel" in Path(file).name
    tables = _tables(parts, pixels, max_events, is_simtel)
    _refuse_twins(file, tables)
    return _Ours(tables, subarray, chosen, pointing, event_pointing)


def _refuse_twins(file, tables) -> None:
    """Events are told apart by run and number."""
    seen: set[tuple] = set()
    for key in zip(*(tables.events[name].tolist() for name in EVENT), strict=True):
        if key in seen:
            found = f"event {key[1]} of run {key[0]}, twice"
            raise InputError(file, "events", found, "each once")
        seen.add(key)


def _in_order(found) -> dict[str, list]:
    """Pixels and pointing of all cameras of a batch, by event and telescope."""
    cameras = found.cameras
    rows = {
        "image": [row for c in cameras for row in c.images.image_pe],
        "peak_time_ns": [row for c in cameras for row in c.images.peak_time_ns],
        "image_mask": [row for c in cameras for row in c.mask],
        "pointing": [
            place
            for c in cameras
            for place in zip(c.batch.pointing_alt_deg, c.batch.pointing_az_deg, strict=True)
        ],
    }
    return {name: [values[k] for k in found.row_order] for name, values in rows.items()}


def _tables(parts, pixels, n_events, is_simtel) -> Tables:
    """Our results as the tables that are compared, of the first events."""
    columns = ("is_valid", "alt_deg", "az_deg", "core_x_m", "core_y_m", "h_max_m")
    events = {k: np.concatenate([[], *(getattr(b, k) for b, _ in parts)]) for k in EVENT}
    events |= {k: np.concatenate([[], *(f.geometry[k] for _, f in parts)]) for k in columns}
    events["is_valid"] = events["is_valid"].astype(bool)
    used = [frozenset(row) for _, f in parts for row in f.geometry["telescopes"].tolist()]
    # ctapipe leaves the calibration events of sim_telarray out: it cannot clean two gains.
    kinds = np.concatenate([[], *(b.event_type for b, _ in parts)])
    shown = np.flatnonzero(~np.isin(kinds, CALIBRATION_TYPES) | (not is_simtel))[:n_events]
    images = {
        k: np.concatenate([[], *(getattr(b, k)[f.event_index] for b, f in parts)]) for k in EVENT
    }
    images["tel_id"] = np.concatenate([[], *(f.tel_id for _, f in parts)])
    images |= {k: np.concatenate([[], *(f.parameters[k] for _, f in parts)]) for k in MEASURED}
    whole = (events, *EVENT), (images, *TELESCOPE)
    for table, *keys in whole:
        table |= {key: table[key].astype(np.int64) for key in keys}
    first = {k: v[shown] for k, v in events.items()}
    kept = set(zip(first["obs_id"].tolist(), first["event_id"].tolist(), strict=True))
    rows = zip(images["obs_id"].tolist(), images["event_id"].tolist(), strict=True)
    chosen = np.array([row for row, key in enumerate(rows) if key in kept], dtype=np.int64)
    joined = {k: [row for part in pixels for row in part[k]] for k in ("image", "peak_time_ns")}
    joined["image_mask"] = [row for part in pixels for row in part["image_mask"]]
    return Tables(
        first,
        [used[row] for row in shown],
        {k: v[chosen] for k, v in images.items()},
        {k: [v[row] for row in chosen] for k, v in joined.items()},
    )


def _cpu_ms(file, settings, out) -> tuple[dict[str, float], int]:
    """CPU time of our chain per telescope event, best of some passes over all of the file."""
    best = {"read": np.inf, "reconstruct": np.inf, "all": np.inf}
    for _ in range(REPEATS):
        read, made, n = 0.0, 0.0, 0
        with open_reader(file) as reader:
            chosen = chain_settings(settings, reader.subarray)
            batches = iter(reader.batches())
            while True:
                start = time.process_time()
                batch = next(batches, None)
                middle = time.process_time()
                read += middle - start
                if batch is None:
                    break
                n += len(reconstruct_events(batch, reader.subarray, chosen).tel_id)
                made += time.process_time() - middle
        start = time.process_time()
        reconstruct_file(file, out, settings)
        values = (read, made, time.process_time() - start)
        best = {k: min(best[k], 1e3 * v / max(n, 1)) for k, v in zip(best, values, strict=True)}
    return best, n


def _by_type(ours: _Ours, check: Tables):
    """Images of ctapipe by type of telescope: type, rows, charges, times, masks."""
    array = ours.subarray
    index = dict(zip(array.tel_ids.tolist(), array.type_index.tolist(), strict=True))
    kinds = np.array([index.get(int(t), -1) for t in check.images["tel_id"]], dtype=np.int64)
    for number in range(len(ours.subarray.types)):
        rows = np.flatnonzero(kinds == number)
        if len(rows):
            pixels = check.pixels
            yield number, rows, *(np.array([pixels[k][r] for r in rows]) for k in pixels)


def _same_charges(ours: _Ours, check: Tables) -> dict:
    """Our cleaning of ctapipe's charges."""
    n, different = 0, 0
    for number, rows, image, peak_time, mask in _by_type(ours, check):
        neighbours = camera_neighbours(ours.subarray.types[number].camera)
        found = clean_images(image, peak_time, neighbours, ours.settings.cleaning[number])
        n += len(rows)
        different += int((found != mask).any(axis=1).sum())
    return {"n_images": n, "n_different": different, "mask_fraction": different / max(n, 1)}


def _same_masks(ours: _Ours, check: Tables) -> dict:
    """Our parameters of ctapipe's cleaned images."""
    n, worst, slopes = 0, {}, []
    for number, rows, image, peak_time, mask in _by_type(ours, check):
        found = image_parameters(image, peak_time, mask, ours.subarray.types[number])
        theirs = {k: v[rows] for k, v in check.images.items()}
        # an image that ctapipe could not measure has no number there
        measured = np.isfinite(theirs["hillas_intensity"])
        n += int(measured.sum())
        found = {k: v[measured] for k, v in found.items()}
        theirs = {k: v[measured] for k, v in theirs.items()}
        for name, value in parameter_differences(found, theirs).items():
            worst[name] = max(worst.get(name, 0.0), value)
        a, b = (side["timing_slope_ns_per_deg"] for side in (found, theirs))
        slopes += np.isclose(a, b, rtol=1e-4, atol=1e-4, equal_nan=True).tolist()
    equal = float(np.mean(slopes)) if slopes else 1.0
    return {"n_images": n, "hillas": worst, "equal_time_gradients": equal}


def _same_images(ours: _Ours, check: Tables) -> dict:
    """Our geometry from ctapipe's parameters."""
    images, events = check.images, check.events
    numbered = enumerate(zip(*(events[k].tolist() for k in EVENT), strict=True))
    row_of = {key: row for row, key in numbered}
    keys = list(zip(*(images[k].tolist() for k in TELESCOPE), strict=True))
    rows = [k for k, key in enumerate(keys) if key in ours.pointing]
    event = np.array([row_of[keys[k][:2]] for k in rows], dtype=np.int64)
    rows = np.array(rows, dtype=np.int64)[np.lexsort((images["tel_id"][rows], event))]
    place = np.array([ours.pointing[keys[k]] for k in rows]).reshape(-1, 2)
    known = [ours.event_pointing.get(key, (np.nan, np.nan)) for key in row_of]
    array = np.array(known).reshape(-1, 2)
    geometry, _ = reconstruct_batch(
        np.sort(event), np.searchsorted(ours.subarray.tel_ids, images["tel_id"][rows]),
        {k: v[rows] for k, v in images.items()}, *place.T, *array.T,
        len(row_of), ours.subarray, ours.settings.stereo,
    )  # fmt: skip
    mine, theirs = np.asarray(geometry["is_valid"]), events["is_valid"]
    both = mine & theirs
    apart = separation_deg(
        *(np.asarray(t[k])[both] for t in (geometry, events) for k in ("az_deg", "alt_deg"))
    )
    core = [np.asarray(geometry[k])[both] - events[k][both] for k in ("core_x_m", "core_y_m")]
    height = np.abs(np.asarray(geometry["h_max_m"])[both] - events["h_max_m"][both])
    return {
        "n_events": int(both.sum()),
        "n_different": int((mine != theirs).sum()),
        "direction_deg": float(np.max(apart, initial=0.0)),
        "core_m": float(np.max(np.hypot(*core), initial=0.0)),
        "h_max_m": float(np.max(height, initial=0.0)),
    }


def _judged(block) -> list[dict]:
    """What is held against the marks."""
    chains = block["chains"]
    rows = [
        ("events of one chain alone", chains["n_events"]["alone"], MARKS["alone"]),
        ("images of one chain alone", chains["n_telescope_events"]["alone"], MARKS["alone"]),
        ("charge", chains["charge"], MARKS["charge"]),
        ("mask, same charges", block["same_charges"]["mask_fraction"], MARKS["mask_fraction"]),
    ]
    for name, value in block["same_masks"]["hillas"].items():
        mark = "hillas_angle_deg" if name in HILLAS_ANGLES else "hillas_fraction"
        rows.append((f"{name}, same mask", value, MARKS[mark]))
    same = block["same_images"]
    rows.append(("events of one geometry alone, same images", same["n_different"], MARKS["alone"]))
    rows.append(("direction_deg, same images", same["direction_deg"], MARKS["direction_deg"]))
    return [
        {"quantity": name, "value": value, "allowed": allowed, "passed": bool(value <= allowed)}
        for name, value, allowed in rows
    ]
