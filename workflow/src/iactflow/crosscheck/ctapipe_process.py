"""ctapipe's process tool on a file of raw data, and what it wrote, as tables under our names.

The tool is ctapipe's own (``ctapipe-process``, ctapipe 0.28), with a clock around its components;
its configuration comes from the campaign (`iactflow.crosscheck.ctapipe_settings`).
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ctapipe.core import run_tool
from ctapipe.io import SimTelEventSource, read_table
from ctapipe.tools.process import ProcessorTool
from tables import open_file
from traitlets.config import Config

from iactflow.crosscheck.agreement import COMPARED, EVENT, TELESCOPE, Tables
from iactflow.crosscheck.ctapipe_settings import ctapipe_settings
from iactflow.crosscheck.ctapipe_simtel import describe_runs
from iactflow.errors import InputError

__all__ = ["process", "read_processed"]

STAGES = ("calibrate", "process_images", "process_shower", "write")
RECONSTRUCTOR = "HillasReconstructor"
TRIGGER = "/dl1/event/subarray/trigger"
GEOMETRY = f"/dl2/event/subarray/geometry/{RECONSTRUCTOR}"
PARAMETERS, IMAGES = "/dl1/event/telescope/parameters", "/dl1/event/telescope/images"
# Ours by theirs; parameters with other names than their units make.
OF_EVENTS = {
    "alt": "alt_deg", "az": "az_deg", "core_x": "core_x_m", "core_y": "core_y_m",
    "h_max": "h_max_m", "is_valid": "is_valid",
}  # fmt: skip
GROUPS = ("hillas_", "timing_", "leakage_", "concentration_", "morphology_")
ENDINGS = {"deg": "_deg", "1 / deg": "_ns_per_deg"}
IN_NS = ("timing_intercept", "timing_deviation")


class _Timed:
    """A component of the tool with a clock."""

    def __init__(self, component, clock, stage):
        self.component, self.clock, self.stage = component, clock, stage

    def __getattr__(self, name):
        return getattr(self.component, name)

    def __call__(self, event):
        start = time.process_time()
        result = self.component(event)
        self.clock[self.stage] += time.process_time() - start
        return result


class _TimedTool(ProcessorTool):
    """ctapipe's process tool; ``clock`` holds CPU seconds by stage."""

    def setup(self):
        """Set the tool up, with clocks around its components."""
        start = time.process_time()
        super().setup()
        self.clock = dict.fromkeys(("open", *STAGES, "events", "close"), 0.0)
        for stage in STAGES:
            setattr(self, stage, _Timed(getattr(self, stage), self.clock, stage))
        self.clock["open"] = time.process_time() - start

    def start(self):
        """Process events."""
        start = time.process_time()
        super().start()
        self.clock["events"] = time.process_time() - start

    def finish(self):
        """Write what belongs to the file."""
        start = time.process_time()
        super().finish()
        self.clock["close"] = time.process_time() - start


def process(
    path: str | Path,
    output: str | Path,
    settings: Mapping,
    telescope_types: Mapping[int, str],
    keep_images: bool = True,
    max_events: int | None = None,
    differences: list[str] | None = None,
) -> dict[str, float]:
    """Run ctapipe's process tool on a file.

    Parameters
    ----------
    path : str or Path
        Raw data that ctapipe reads: sim_telarray's, or ours.
    output : str or Path
        HDF5 file to write; its log stands beside it.
    settings : mapping
        ``extraction``, ``cleaning``, ``stereo`` of the campaign's block ``reconstruction``.
    telescope_types : mapping of int to str
        Types of all telescopes.
    keep_images : bool, optional
        Whether images are written, too.
    max_events : int, optional
        Only so many events.
    differences : list of str, optional
        Filled: what ctapipe's own source takes for something else
        (`iactflow.crosscheck.ctapipe_simtel`).

    Returns
    -------
    dict of str to float
        CPU seconds over all events, without imports: ``open`` the files, ``read`` events, the
        components (``calibrate``, ``process_images``, ``process_shower``, ``write``), ``close``,
        and ``all``, the sum.

    Raises
    ------
    InputError
        If ctapipe cannot do what is asked for, or cannot read the file.
    """
    # ctapipe runs its tools in a folder of their own.
    path, output = Path(path).resolve(), Path(output).resolve()
    config = ctapipe_settings(settings, telescope_types)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        simtel = SimTelEventSource.is_compatible(path)
        source = describe_runs(path, folder) if simtel else path
        config |= _files(source, output, keep_images, max_events)
        tool = _TimedTool(config=Config(config))
        try:
            run_tool(tool, argv=[], raises=True)
        except NotImplementedError as error:
            raise InputError(path, "check chain", error, "what ctapipe reads") from None
    clock = tool.clock
    if simtel and differences is not None:
        differences += tool.event_source.differences
    clock["read"] = clock.pop("events") - sum(clock[stage] for stage in STAGES)
    return {**clock, "all": sum(clock.values())}


def _files(path, output, keep_images, max_events) -> dict:
    """Configuration of what is read and written."""
    return {
        "EventSource": {"input_url": str(path), "max_events": max_events},
        "DataWriter": {
            "output_path": str(output),
            "overwrite": True,
            "write_dl1_images": keep_images,
            "write_dl1_parameters": True,
            "write_dl2": True,
        },
        "ProcessorTool": {
            "log_level": "ERROR",
            "quiet": True,
            "provenance_log": f"{output}.provenance.log",
        },
    }


def read_processed(path: str | Path) -> Tables:
    """Read what ctapipe's process tool wrote.

    Parameters
    ----------
    path : str or Path
        HDF5 file.

    Returns
    -------
    Tables
        Events and images under our names.
    """
    with warnings.catch_warnings(), open_file(str(path)) as file:
        warnings.simplefilter("ignore")
        events = {name: np.empty(0, dtype=np.int64) for name in EVENT}
        if TRIGGER in file:
            events = _columns(read_table(file, TRIGGER), EVENT)
        used = [frozenset()] * len(events["event_id"])
        for name in OF_EVENTS.values():
            blank = False if name == "is_valid" else np.nan
            events[name] = np.full(len(used), blank)
        if GEOMETRY in file:
            _add_geometry(events, used, read_table(file, GEOMETRY), _tel_ids(file))
        images = _joined([_parameters(read_table(file, node)) for node in _nodes(file, PARAMETERS)])
        pixels = None
        if IMAGES in file:
            pixels = _pixels([read_table(file, node) for node in _nodes(file, IMAGES)])
    return Tables(events, used, images, pixels)


def _columns(table, names) -> dict[str, np.ndarray]:
    return {name: np.asarray(table[name], dtype=np.int64) for name in names}


def _nodes(file, group) -> list[str]:
    """Tables of a group, by telescope."""
    if group not in file:
        return []
    return [node._v_pathname for node in file.iter_nodes(group, "Table")]


def _tel_ids(file) -> np.ndarray:
    """Telescopes in the order of masks over the array."""
    return np.asarray(file.root.configuration.instrument.subarray.layout.col("tel_id"))


def _add_geometry(events, used, table, tel_ids) -> None:
    """Put the rows of the geometry where the events are."""
    row_of = {
        key: row for row, key in enumerate(zip(*_columns(table, EVENT).values(), strict=True))
    }
    keys = zip(events["obs_id"], events["event_id"], strict=True)
    for event, key in enumerate(keys):
        row = row_of.get(key)
        if row is None:
            continue
        for theirs, ours in OF_EVENTS.items():
            events[ours][event] = table[f"{RECONSTRUCTOR}_{theirs}"][row]
        chosen = np.asarray(table[f"{RECONSTRUCTOR}_telescopes"][row], dtype=bool)
        used[event] = frozenset(tel_ids[chosen].tolist())


def _parameters(table) -> dict[str, np.ndarray]:
    """Parameters of a telescope under our names."""
    columns = _columns(table, TELESCOPE)
    for name in table.colnames:
        if name.startswith(GROUPS):
            unit = table[name].unit
            ending = "_ns" if name in IN_NS else ENDINGS.get(str(unit), "")
            columns[f"{name}{ending}"] = np.asarray(table[name], dtype=np.float64)
    return columns


def _joined(parts) -> dict[str, np.ndarray]:
    names = parts[0] if parts else (*TELESCOPE, *COMPARED)
    return {name: np.concatenate([[], *(p[name] for p in parts)]) for name in names} | {
        name: np.concatenate([np.empty(0, np.int64), *(p[name] for p in parts)])
        for name in TELESCOPE
    }


def _pixels(tables) -> dict[str, list]:
    names = {"image": "image", "peak_time_ns": "peak_time", "image_mask": "image_mask"}
    return {
        ours: [np.asarray(row) for table in tables for row in table[theirs]]
        for ours, theirs in names.items()
    }
