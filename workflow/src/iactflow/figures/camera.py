"""Cameras of any file as maps: a value per pixel, in the telescope frame."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.patches import Ellipse

from iactflow.figures.style import COLOURS
from iactflow.io.subarray import TelescopeType

__all__ = ["draw_camera", "draw_ellipse", "pixel_outlines_deg"]

# Corners of a pixel, and the distance of its sides over that of its corners.
CORNERS = {"hexagon": 6, "square": 4, "circle": 24}


def pixel_outlines_deg(kind: TelescopeType) -> np.ndarray:
    """Corners of the pixels of a camera in the telescope frame.

    Parameters
    ----------
    kind : TelescopeType
        Optics and camera.

    Returns
    -------
    ndarray of float64, shape (n_pixels, n_corners, 2)
        Longitude and latitude, deg. Of equal area as the pixels.
    """
    camera = kind.camera
    n = CORNERS[camera.pixel_shape]
    radius_m = np.sqrt(2.0 * camera.pixel_area_m2 / (n * np.sin(2.0 * np.pi / n)))
    # The rotation of squares is that of a side, that of hexagons of a corner.
    first = np.pi / n if camera.pixel_shape == "square" else 0.0
    angles = np.radians(camera.pixel_rotation_deg) + first + 2.0 * np.pi * np.arange(n) / n
    x_m = camera.pixel_x_m[:, None] + radius_m[:, None] * np.cos(angles)
    y_m = camera.pixel_y_m[:, None] + radius_m[:, None] * np.sin(angles)
    return np.degrees(np.stack([y_m, x_m], axis=-1) / kind.focal_length_m)


def draw_camera(
    axes: Axes,
    kind: TelescopeType,
    values: np.ndarray,
    label: str,
    norm: Normalize | None = None,
    cmap: str = "viridis",
) -> None:
    """Draw a camera with a value per pixel.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    kind : TelescopeType
        Optics and camera.
    values : ndarray of shape (n_pixels,)
        Values; pixels that are not a number stay grey.
    label : str
        Quantity and unit, at the colour bar.
    norm : Normalize, optional
        Range of colours; by default that of the values.
    cmap : str, optional
        Colours.
    """
    outlines = pixel_outlines_deg(kind)
    shown = np.ma.masked_invalid(np.asarray(values, dtype=np.float64))
    colours = colormaps[cmap].with_extremes(bad="0.85")
    pixels = PolyCollection(outlines, array=shown, cmap=colours, norm=norm, edgecolors="none")
    axes.add_collection(pixels)
    half = 1.03 * np.abs(outlines).max()
    axes.set(xlim=(-half, half), ylim=(-half, half), aspect="equal", facecolor="0.95")
    bar = axes.figure.colorbar(pixels, ax=axes, shrink=0.85, pad=0.02)
    bar.ax.tick_params(labelsize=8)
    bar.set_label(label, fontsize=9)


def draw_ellipse(axes: Axes, parameters: dict[str, float]) -> None:
    """Draw the ellipse of an image: one rms along and across, and its axis.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    parameters : dict of str to float
        ``hillas_fov_lon_deg``, ``hillas_fov_lat_deg``, ``hillas_length_deg``,
        ``hillas_width_deg``, ``hillas_psi_deg``.
    """
    centre = parameters["hillas_fov_lon_deg"], parameters["hillas_fov_lat_deg"]
    length, width, psi_deg = (
        parameters[f"hillas_{name}_deg"] for name in ("length", "width", "psi")
    )
    if not np.isfinite([*centre, length, width, psi_deg]).all():
        return
    colour = COLOURS["vermilion"]
    axes.add_patch(
        Ellipse(centre, 2 * length, 2 * width, angle=psi_deg, fill=False, color=colour, lw=1.4)
    )
    along = np.array([np.cos(np.radians(psi_deg)), np.sin(np.radians(psi_deg))])
    reach = 2.0 * np.abs(axes.get_xlim()).max()
    ends = np.array(centre) + np.outer([-reach, reach], along)
    limits = axes.get_xlim(), axes.get_ylim()
    axes.plot(*ends.T, color=colour, lw=0.7, ls="--")
    axes.set(xlim=limits[0], ylim=limits[1])
