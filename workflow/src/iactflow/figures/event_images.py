"""Figure of one event: the images of all telescopes that were read out."""

from __future__ import annotations

import awkward
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from iactflow.figures.style import COLOURS, new_figure, note
from iactflow.instrument.description import Instrument, Pixels, Telescope
from iactflow.telescope.frames import camera_position

__all__ = ["draw_event"]

COLUMNS = 4


def _outlines_deg(pixels: Pixels, focal_m: float) -> np.ndarray:
    """Corners of all pixels, shape (n_pixels, n_corners, 2): to the right and upward."""
    n, apothem = (6, 2.0 * np.cos(np.pi / 6)) if pixels.shape == "hexagon" else (4, np.sqrt(2.0))
    radius = pixels.diameter_m / apothem
    angles = np.radians(pixels.rotation_deg) + (2.0 * np.arange(n) + 1.0) * np.pi / n
    x = pixels.x_m[:, None] + radius * np.cos(angles)
    y = pixels.y_m[:, None] + radius * np.sin(angles)
    return np.degrees(np.stack([y, -x], axis=-1) / focal_m)


def _draw_camera(
    axes: Axes, telescope: Telescope, image: np.ndarray, source: tuple[float, float], title: str
) -> None:
    camera, focal = telescope.type.camera, telescope.type.optics.effective_focal_length_m
    top = max(float(image.max()), 1.0)
    outlines = _outlines_deg(camera.pixels, focal)
    pixels = PolyCollection(
        outlines, array=image, cmap="viridis", norm=PowerNorm(0.5, 0.0, top), edgecolors="none"
    )
    axes.add_collection(pixels)
    half = 1.03 * np.abs(outlines).max()
    axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal")
    x, y = (np.degrees(c / focal) for c in source)
    axes.plot(y, -x, "+", ms=11, mew=1.6, color=COLOURS["vermilion"])
    axes.set_title(title, fontsize=10)
    axes.set_facecolor("0.93")
    bar = axes.figure.colorbar(pixels, ax=axes, shrink=0.8, pad=0.02)
    bar.ax.tick_params(labelsize=8)
    bar.set_label("p.e.", fontsize=9)


def draw_event(
    tables: dict[str, dict], instrument: Instrument, pointing_deg: tuple[float, float], title: str
) -> Figure:
    """Draw the true images of an event.

    Parameters
    ----------
    tables : dict of str to dict of str to array
        Tables ``simulated_events`` and ``true_images`` of one event; nothing to draw without.
    instrument : Instrument
        Array.
    pointing_deg : tuple of two float
        Altitude and azimuth of the pointing.
    title : str
        Title.

    Returns
    -------
    Figure
        A panel per telescope: photoelectrons per pixel, and where the primary came from.
    """
    images = tables.get("true_images")
    if images is None:
        figure = new_figure(7.2, 2.0)
        axes = figure.add_subplot()
        axes.set_axis_off()
        note(axes, "no event triggered")
        return figure
    truth = {key: values[0] for key, values in tables["simulated_events"].items()}
    telescopes = {t.tel_id: t for t in instrument.telescopes}
    n = len(images["tel_id"])
    columns = min(n, COLUMNS) if n != COLUMNS else 2
    rows = -(-n // columns)
    figure = new_figure(0.6 + 3.4 * columns, 0.8 + 3.0 * rows)
    panels = figure.subplots(rows, columns, squeeze=False)
    for i, axes in enumerate(panels.flat):
        if i >= n:
            axes.set_axis_off()
            continue
        telescope = telescopes[int(images["tel_id"][i])]
        focal = telescope.type.optics.effective_focal_length_m
        sky = float(truth["true_alt_deg"]), float(truth["true_az_deg"])
        source = camera_position(*sky, *pointing_deg, focal)
        image = awkward.to_numpy(images["true_image"][i]).astype(float)
        name = f"{telescope.name}: {int(images['true_image_sum'][i])} p.e."
        _draw_camera(axes, telescope, image, source, name)
    figure.supxlabel("y in the camera [deg]", fontsize=11)
    figure.supylabel("−x in the camera, upward [deg]", fontsize=11)
    core = np.hypot(truth["true_core_x_m"], truth["true_core_y_m"])
    what = f"{truth['true_energy_tev']:.2f} TeV, core at {core:.0f} m"
    figure.suptitle(f"{title}: {what}", fontsize=12, x=0.02, ha="left")
    return figure
