"""Tables of sim_telarray in the units and names of instrument descriptions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from iactflow.errors import InputError
from iactflow.instrument.tables import write_groups, write_table

__all__ = ["copy_camera", "copy_curve", "copy_mirrors", "copy_pulses", "copy_single_pe", "thin"]

# Largest departure of a thinned curve from the full one, as a fraction of its maximum.
CURVE_ACCURACY = 1e-3
PULSE_ACCURACY = 5e-4
TRIGGERS = {"AnalogSumTrigger": "analogue_sum", "MajorityTrigger": "majority"}


def thin(x: np.ndarray, columns: np.ndarray, accuracy: float) -> np.ndarray:
    """Points of curves that linear interpolation needs.

    The point farthest from the chord between two that are kept is kept in turn (Douglas and
    Peucker, Cartographica 10 (1973) 112, with vertical distances), until none departs by more than
    the accuracy times the largest ordinate.

    Parameters
    ----------
    x : ndarray of float64, shape (n,)
        Common abscissa, ascending.
    columns : ndarray of float64, shape (k, n)
        Ordinates.
    accuracy : float
        Relative to the maximum of each column.

    Returns
    -------
    ndarray of int64, shape (m,)
        Points to keep, both ends among them.
    """
    limits = accuracy * np.abs(columns).max(axis=1, keepdims=True)
    limits[limits == 0] = 1.0
    keep = {0, len(x) - 1}
    todo = [(0, len(x) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        weight = (x[first : last + 1] - x[first]) / (x[last] - x[first])
        chord = columns[:, [first]] + weight * (columns[:, [last]] - columns[:, [first]])
        departure = np.abs(columns[:, first : last + 1] - chord) / limits
        worst = departure.max(axis=0)
        middle = first + int(worst.argmax())
        if worst.max() > 1:
            keep.add(middle)
            todo += [(first, middle), (middle, last)]
    return np.array(sorted(keep), dtype=np.int64)


def _rows(file: Path, least: int, most: int) -> np.ndarray:
    """Leading numbers of the rows of a table; comments begin with # or %."""
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        raise InputError(file, "table", "no such file", "a table of sim_telarray") from None
    rows = []
    for line in lines:
        words = line.partition("#")[0].partition("%")[0].split()
        if words:
            rows.append([float(word) for word in words[:most]])
    if not rows or min(map(len, rows)) < least:
        raise InputError(file, "rows", len(rows), f"rows of at least {least} numbers")
    width = min(map(len, rows))
    return np.array([row[:width] for row in rows])


def _source(file: Path, source: str, note: str = "") -> str:
    return f"{source}, {file.name}{note}"


def copy_curve(file: Path, directory: Path, source: str, x_name: str, y_name: str) -> str:
    """Copy the first two columns of a table, thinned.

    Parameters
    ----------
    file : Path
        Table of sim_telarray.
    directory : Path
        Version directory.
    source : str
        Where the table comes from.
    x_name, y_name : str
        Names of the columns.

    Returns
    -------
    str
        Table relative to the version directory.
    """
    x, y = _rows(file, 2, 2).T
    kept = thin(x, y[np.newaxis], CURVE_ACCURACY)
    return _write(
        directory, file.stem, {x_name: x[kept], y_name: y[kept]}, _source(file, source, ", thinned")
    )


def _write(directory: Path, stem: str, columns: dict, source: str, decimals: int = 9) -> str:
    name = f"tables/{stem}.ecsv"
    write_table(directory / name, columns, source, decimals)
    return name


def copy_pulses(file: Path, directory: Path, source: str) -> str:
    """Copy pulses of both gains, peak set to 1; arguments and result as `copy_curve`."""
    rows = _rows(file, 2, 3)
    time, high, low = rows[:, 0], rows[:, 1], rows[:, -1]
    pulses = np.array([high / high.max(), low / low.max()])
    kept = thin(time, pulses, PULSE_ACCURACY)
    columns = {"time_ns": time[kept], "high": pulses[0, kept], "low": pulses[1, kept]}
    return _write(directory, file.stem, columns, _source(file, source, ", peak set to 1"), 6)


def copy_single_pe(file: Path, directory: Path, source: str) -> str:
    """Copy single-photoelectron spectra, prompt and with after-pulses, thinned.

    The tail of after-pulses is thinned in the logarithm: it is four orders below the peak.
    Arguments and result as `copy_curve`.
    """
    charge, prompt, after = _rows(file, 3, 3).T
    tail = np.log(np.maximum(after, after[after > 0].min()))
    kept = thin(charge, np.array([prompt, after, tail]), PULSE_ACCURACY)
    columns = {"charge_pe": charge[kept], "prompt": prompt[kept], "afterpulse": after[kept]}
    return _write(directory, file.stem, columns, _source(file, source, ", thinned"))


def copy_mirrors(file: Path, directory: Path, name: str, source: str) -> str:
    """Copy a mirror list; arguments and result as `copy_curve`, ``name`` is the telescope type.

    Columns of sim_telarray: x, y, diameter, focal length in cm, shape, height in cm; a height that
    is missing or 0 means: on the ideal dish.
    """
    rows = _rows(file, 5, 6)
    z = rows[:, 5] / 100 if rows.shape[1] > 5 else np.zeros(len(rows))
    columns = {
        "x_m": rows[:, 0] / 100,
        "y_m": rows[:, 1] / 100,
        "z_m": np.where(z == 0, np.nan, z),
        "diameter_m": rows[:, 2] / 100,
        "shape": rows[:, 4].astype(np.int64),
        "focal_length_m": rows[:, 3] / 100,
    }
    return _write(directory, f"facets-{name}", columns, _source(file, source))


def copy_camera(file: Path, directory: Path, name: str, source: str) -> dict:
    """Copy pixels and trigger groups of a camera definition.

    Parameters
    ----------
    file : Path
        Camera definition of sim_telarray.
    directory : Path
        Version directory.
    name : str
        Telescope type, for the names of the tables.
    source : str
        Where the definition comes from.

    Returns
    -------
    dict
        Tables ``pixels`` and ``groups``, ``funnel`` (file of the light guide), ``diameter_m``,
        ``shape``, ``rotation_deg``, ``trigger_kind``.

    Raises
    ------
    InputError
        Pixels of several types, or a trigger that has no counterpart here.
    """
    lines = [line.partition("#")[0].split() for line in file.read_text("utf-8").splitlines()]
    words = {key: [w for w in lines if w and w[0] == key] for key in ("PixType", "Rotate", "Pixel")}
    if len(words["PixType"]) != 1 or words["PixType"][0][5] not in ("1", "2", "3"):
        raise InputError(file, "PixType", words["PixType"], "one type, shape 1, 2 or 3")
    pixel_type = words["PixType"][0]
    angle = float(words["Rotate"][0][1]) if words["Rotate"] else 0.0
    columns = _pixels(words["Pixel"], angle)
    # Shape 1 has flat sides to the left and right, shape 3 above and below (x downward).
    normal = {"1": 0.0, "2": 0.0, "3": 30.0}[pixel_type[5]]
    kind, groups = _groups(file, lines)
    tables = {"pixels": f"tables/pixels-{name}.ecsv", "groups": f"tables/groups-{name}.txt"}
    write_table(directory / tables["pixels"], columns, _source(file, source), 9)
    write_groups(directory / tables["groups"], groups, _source(file, source))
    return tables | {
        "funnel": pixel_type[8].strip('"'),
        "diameter_m": float(pixel_type[6]) / 100,
        "shape": "square" if pixel_type[5] == "2" else "hexagon",
        "rotation_deg": round(normal + angle, 9),
        "trigger_kind": kind,
    }


def _pixels(rows: list[list[str]], angle_deg: float) -> dict[str, np.ndarray]:
    """Columns of the table of pixels, rotation of the camera applied."""
    x, y = np.array([[float(w[3]), float(w[4])] for w in rows]).T / 100
    cosine, sine = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return {
        "x_m": np.round(cosine * x - sine * y, 9),
        "y_m": np.round(sine * x + cosine * y, 9),
        "relative_efficiency": np.array([float(w[10]) if len(w) > 10 else 1.0 for w in rows]),
    }


def _groups(file: Path, lines: list[list[str]]) -> tuple[str, list[list[int]]]:
    """Kind of trigger and its groups; a pixel with a plus sign must take part."""
    triggers = [words for words in lines if words and words[0].endswith("Trigger")]
    kinds = {words[0] for words in triggers}
    if len(kinds) != 1 or not kinds <= set(TRIGGERS):
        raise InputError(file, "trigger", sorted(kinds), f"one of {', '.join(TRIGGERS)}")
    kind = TRIGGERS[kinds.pop()]
    members = [words[words.index("of") + 1 :] for words in triggers]
    required = [group[0].startswith("+") for group in members]
    if any(required):
        others = [pixel for group in members for pixel in group[1:] if pixel.startswith("+")]
        if not all(required) or others or kind != "majority":
            raise InputError(file, "trigger", "+", "a plus on the first pixel of each group")
        kind = "next_neighbour"
    return kind, [[int(pixel) for pixel in group] for group in members]
