"""Quality of a camera's calibration: pedestals, gains, flat field, times and status as maps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize
from matplotlib.figure import Figure

from iactflow.calibration.pixel_status import BITS
from iactflow.errors import InputError
from iactflow.figures.camera import draw_camera, pixel_outlines_deg
from iactflow.figures.style import COLOURS, new_figure, note, save, style
from iactflow.io.root import read_table
from iactflow.io.subarray import TelescopeType
from iactflow.io.subarray_tables import read_subarray

__all__ = ["calibration_figure", "plot_calibration"]

# Colours of maps leave out this part of the pixels at either end.
TAIL = 0.01
STATUS_COLOURS = ("vermilion", "orange", "purple", "sky", "black")


GAINS = ("high gain", "low gain")


def plot_calibration(inputs, outputs, params, wildcards) -> None:
    """Draw the calibration of every camera of a sample, a figure per gain channel.

    Parameters
    ----------
    inputs : namespace
        ``calibration``: ROOT file with the table ``calibration`` and the array.
    outputs : namespace
        ``figures``: a folder of PNG files.
    params : namespace
        Not used.
    wildcards : namespace
        ``sample``.

    Raises
    ------
    InputError
        If the file is broken, or rows are not those of the cameras.
    """
    columns = read_table(inputs.calibration, "calibration")
    subarray = read_subarray(inputs.calibration)
    folder = Path(outputs.figures)
    folder.mkdir(parents=True)
    with style():
        for tel_id in np.unique(columns["tel_id"]).tolist():
            rows = columns["tel_id"] == tel_id
            mine = {name: values[rows] for name, values in columns.items()}
            kind = subarray.telescope_type(tel_id)
            title = f"{wildcards.sample}: telescope {tel_id}, {kind.name}"
            for channel in np.unique(mine["channel"]).tolist():
                figure = calibration_figure(mine, kind, channel, title)
                name = f"telescope_{tel_id:03d}_{GAINS[channel].replace(' ', '_')}.png"
                save(figure, folder / name)


def calibration_figure(
    columns: Mapping[str, np.ndarray], kind: TelescopeType, channel: int, title: str
) -> Figure:
    """Draw the calibration of a camera.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Rows of the table ``calibration`` of one telescope and one time.
    kind : TelescopeType
        Telescope.
    channel : int
        Gain channel.
    title : str
        Title.

    Returns
    -------
    Figure
        Maps of pedestal, its standard deviation, gain, flat-field factor, time shift and status;
        pixels with a status are grey in all but the last.

    Raises
    ------
    InputError
        If the rows of the channel are not those of the camera's pixels.
    """
    rows = np.flatnonzero(columns["channel"] == channel)
    rows = rows[np.argsort(columns["pixel_id"][rows], kind="stable")]
    pixels = np.arange(kind.camera.n_pixels)
    if not np.array_equal(columns["pixel_id"][rows], pixels):
        key = f"calibration, channel {channel}"
        raise InputError(
            "figure", key, f"{rows.size} rows", f"one for each of {pixels.size} pixels"
        )
    table = {name: np.asarray(values)[rows] for name, values in columns.items()}
    status = table["status"]
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = 1.0 / table["pe_per_adu"].astype(np.float64)
    maps = (
        ("Pedestal", table["pedestal_adu"], "counts"),
        ("Its standard deviation", table["pedestal_std_adu"], "counts"),
        ("Gain", gain, "counts / p.e."),
        ("Flat field", table["flatfield"], "factor"),
        ("Time shift", table["time_shift_ns"], "ns"),
    )
    figure = new_figure(11.0, 6.6)
    panels = figure.subplots(2, 3).ravel()
    for axes, (name, values, unit) in zip(panels, maps, strict=False):
        _map(axes, kind, np.where(status == 0, values, np.nan), name, unit)
    _status(panels[-1], kind, status)
    figure.supxlabel("longitude [deg]", fontsize=11)
    figure.supylabel("latitude [deg]", fontsize=11)
    figure.suptitle(f"{title}, {GAINS[channel]}", fontsize=12, x=0.02, ha="left")
    return figure


def _map(axes: Axes, kind: TelescopeType, values: np.ndarray, name: str, unit: str) -> None:
    known = values[np.isfinite(values)]
    norm = None
    if known.size:
        low, high = np.quantile(known, [TAIL, 1.0 - TAIL])
        norm = Normalize(low, high if high > low else low + 1.0)
        spread = f"median {np.median(known):.4g}\nrms {np.std(known):.3g}"
    else:
        spread = "no usable pixel"
    draw_camera(axes, kind, values, unit, norm)
    axes.set_title(name, fontsize=10, loc="left")
    note(axes, spread, "lower left", fontsize=7.5)


def _status(axes: Axes, kind: TelescopeType, status: np.ndarray) -> None:
    """Lowest bit of each pixel in a colour, and how many pixels have each bit."""
    lowest = np.zeros(status.size)
    for place, bit in reversed(list(enumerate(BITS.values(), 1))):
        lowest[status & bit > 0] = place
    palette = ListedColormap(["0.85", *(COLOURS[name] for name in STATUS_COLOURS)])
    norm = BoundaryNorm(np.arange(-0.5, len(BITS) + 1.0), palette.N)
    outlines = pixel_outlines_deg(kind)
    shown = PolyCollection(outlines, array=lowest, cmap=palette, norm=norm, edgecolors="none")
    axes.add_collection(shown)
    half = 1.03 * np.abs(outlines).max()
    axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
    bar = axes.figure.colorbar(shown, ax=axes, shrink=0.85, pad=0.02, ticks=range(len(BITS) + 1))
    counts = [int(np.sum(status & bit > 0)) for bit in BITS.values()]
    labels = [f"{name}: {n}" for name, n in zip(BITS, counts, strict=True)]
    bar.ax.set_yticklabels([f"usable: {int(np.sum(status == 0))}", *labels], fontsize=8)
    axes.set_title("Status", fontsize=10, loc="left")
