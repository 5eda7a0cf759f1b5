"""The check chain of the reconstruction: ctapipe repeats files, event by event.

What it makes is held against the product of the rule ``reconstruct_geometry``
(`iactflow.crosscheck.agreement`). The numbers of a part become verdicts in
`iactflow.crosscheck.compare`, and so belong to the gate.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import uproot

from iactflow.campaign.json_product import write_json
from iactflow.crosscheck.agreement import CALIBRATION_TYPES, EVENT, Tables, agreement, worst
from iactflow.crosscheck.ctapipe_process import process, read_processed
from iactflow.errors import InputError

__all__ = ["check_reconstruction", "read_product", "read_types"]


def check_reconstruction(inputs, outputs, params, wildcards) -> None:
    """Repeat the files of a part with ctapipe, and hold its numbers against ours.

    Parameters
    ----------
    inputs : namespace
        ``raw``: files of raw data, or the folder of a simulated chunk; ``geometry``: the folder of
        our products of these files.
    outputs : namespace
        ``check``: JSON of `agreement`, the worst of all files.
    params : namespace
        ``settings``: ``extraction``, ``cleaning``, ``stereo``.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If ctapipe cannot do what the campaign asks for, or a product is missing.
    """
    raw = [inputs.raw] if isinstance(inputs.raw, str) else list(inputs.raw)
    files = [file for path in raw for file in _files(Path(path))]
    products = {file.name.removesuffix(".root"): file for file in Path(inputs.geometry).iterdir()}
    found = []
    for file in files:
        name = _stem(file.name)
        if name not in products:
            raise InputError(inputs.geometry, "product", name, ", ".join(sorted(products)))
        product = products[name]
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "processed.h5"
            process(file, output, params.settings, read_types(product))
            ours = read_product(product, calibration=".simtel" not in file.name)
            found.append(agreement(ours, read_processed(output)))
    write_json(outputs.check, worst(found))


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.root")) if path.is_dir() else [path]


def _stem(name: str) -> str:
    for ending in (".root", ".simtel.zst", ".simtel.gz", ".simtel"):
        name = name.removesuffix(ending)
    return name


def read_types(path: str | Path) -> dict[int, str]:
    """Read the types of the telescopes of a product.

    Parameters
    ----------
    path : str or Path
        ROOT file of ``reconstruct_geometry``.

    Returns
    -------
    dict of int to str
        Names of types by telescope.
    """
    with uproot.open(path) as file:
        rows = file["array_telescopes"].arrays(["tel_id", "telescope_type"])
    return {int(row["tel_id"]): str(row["telescope_type"]) for row in rows.tolist()}


def read_product(path: str | Path, calibration: bool = True) -> Tables:
    """Read a product of the rule ``reconstruct_geometry``.

    Parameters
    ----------
    path : str or Path
        ROOT file.
    calibration : bool, optional
        Whether calibration events are among them.

    Returns
    -------
    Tables
        Events, images, and pixels where they were kept.
    """
    with uproot.open(path) as file:
        names = {name.split(";")[0] for name in file.keys()}  # noqa: SIM118 - no mapping
        geometry, rows = file["geometry"].arrays(), file["parameters"].arrays()
        kind = file["trigger"].arrays(["event_type"])["event_type"]
        wanted = calibration | ~np.isin(np.asarray(kind), CALIBRATION_TYPES)
        shown = _of_events(rows, geometry[wanted])
        geometry, rows = geometry[wanted], rows[shown]
        columns = ("is_valid", "alt_deg", "az_deg", "core_x_m", "core_y_m", "h_max_m")
        events = {name: np.asarray(geometry[name]) for name in (*EVENT, *columns)}
        used = [frozenset(row) for row in geometry["telescopes"].tolist()]
        images = {name: np.asarray(rows[name]) for name in rows.fields}
        pixels = None
        if "images" in names:
            kept = file["images"].arrays()[shown]
            pixels = {
                name: [np.asarray(row) for row in kept[name]]
                for name in ("image", "peak_time_ns", "image_mask")
            }
    return Tables(events, used, images, pixels)


def _of_events(rows, events) -> np.ndarray:
    """Which rows of telescopes belong to some of the events."""
    keys = set(zip(*(events[name].tolist() for name in EVENT), strict=True))
    return np.array([k in keys for k in zip(*(rows[n].tolist() for n in EVENT), strict=True)], bool)
