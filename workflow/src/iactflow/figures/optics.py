"""Figures of a reflector: images of stars over the field, their size against angles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Circle, RegularPolygon

from iactflow.errors import InputError
from iactflow.figures.style import COLOURS, OURS, new_figure, note
from iactflow.telescope.spot import Spot, containment_radius

__all__ = ["RadiusCurve", "draw_r80", "draw_spots"]

_N_BINS = 61
_REFERENCE_COLOURS = ("vermilion", "green", "purple", "orange")


class RadiusCurve(NamedTuple):
    """Size of the image against an angle.

    Attributes
    ----------
    label : str
        For the legend.
    angle_deg : ndarray of float64, shape (n,)
        Field angle or elevation.
    radius_mrad : ndarray of float64, shape (n,)
        Radius of 80 % containment over the focal length.
    reference : bool
        Drawn as a line that ours are held against.
    """

    label: str
    angle_deg: np.ndarray
    radius_mrad: np.ndarray
    reference: bool = False


def _draw_spot(axes: Axes, spot: Spot, focal_length_m: float, half_mrad: float, pixel_deg: float):
    radius = 1e3 * containment_radius(spot.x_m, spot.y_m) / focal_length_m
    x = 1e3 * (spot.x_m - np.mean(spot.x_m)) / focal_length_m
    y = 1e3 * (spot.y_m - np.mean(spot.y_m)) / focal_length_m
    edges = np.linspace(-half_mrad, half_mrad, _N_BINS + 1)
    counts, _, _ = np.histogram2d(x, y, bins=(edges, edges))
    density = np.ma.masked_less_equal(counts.T / counts.max(), 0.0)
    image = axes.pcolormesh(edges, edges, density, cmap="viridis", norm=LogNorm(1e-3, 1.0))
    axes.add_patch(Circle((0, 0), radius, fill=False, color=COLOURS["vermilion"], lw=1.4))
    if pixel_deg > 0.0:
        outer = 1e3 * np.radians(pixel_deg) / np.sqrt(3.0)
        pixel = RegularPolygon((0, 0), 6, radius=outer, fill=False, ls="--", lw=0.9, color="0.35")
        axes.add_patch(pixel)
    axes.set(xlim=(-half_mrad, half_mrad), ylim=(-half_mrad, half_mrad), aspect="equal")
    note(axes, f"{spot.field_angle_deg:g}$\\degree$\n$r_{{80}}$ = {radius:.2f} mrad", fontsize=9)
    return image


def draw_spots(
    spots: Sequence[Spot], focal_length_m: float, title: str = "", pixel_deg: float = 0.0
) -> Figure:
    """Images of stars at several field angles, each about its centroid, on one scale.

    Parameters
    ----------
    spots : sequence of Spot
        Images, in the order in which they are shown.
    focal_length_m : float
        Turns positions into angles.
    title : str
        Name of the telescope.
    pixel_deg : float
        Distance of flat sides of a hexagonal pixel, drawn for scale; 0: none.

    Returns
    -------
    Figure
        A panel per image: density of light, circle of 80 % containment.

    Raises
    ------
    InputError
        If there is no image, or one without light.
    """
    if len(spots) == 0:
        raise InputError("spot diagrams", "spots", 0, "at least one image")
    radii = [1e3 * containment_radius(s.x_m, s.y_m) / focal_length_m for s in spots]
    half = max(2.6 * max(radii), 650.0 * np.radians(pixel_deg))
    columns = min(3, len(spots))
    rows = -(-len(spots) // columns)
    figure = new_figure(0.9 + 2.7 * columns, 0.7 + 2.55 * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, spot in zip(panels.flat, spots, strict=False):
        image = _draw_spot(axes, spot, focal_length_m, half, pixel_deg)
    for axes in panels.flat[len(spots) :]:
        axes.set_axis_off()
    figure.supxlabel("x in the camera, downward [mrad]", fontsize=12)
    figure.supylabel("y in the camera [mrad]", fontsize=12)
    bar = figure.colorbar(image, ax=panels, shrink=0.85, pad=0.02)
    bar.set_label("Light per area, relative to the brightest bin")
    if title:
        figure.suptitle(title, fontsize=12)
    return figure


def _draw_curves(axes: Axes, curves: Sequence[RadiusCurve], label: str) -> None:
    references, markers = iter(_REFERENCE_COLOURS), iter("osD")
    ours = iter((OURS, COLOURS["sky"], COLOURS["black"]))
    for curve in curves:
        marker = "-" if curve.reference else next(markers)
        colour = COLOURS[next(references)] if curve.reference else next(ours)
        axes.plot(curve.angle_deg, curve.radius_mrad, marker, color=colour, label=curve.label)
    axes.set(xlabel=label, ylabel="$r_{80}$ [mrad]")
    axes.set_ylim(0.0, 1.12 * max(np.max(curve.radius_mrad) for curve in curves))
    axes.legend(loc="best")


def draw_r80(
    against_field: Sequence[RadiusCurve],
    against_elevation: Sequence[RadiusCurve] = (),
    title: str = "",
) -> Figure:
    """Radius of 80 % containment against field angle and, if given, against elevation.

    Parameters
    ----------
    against_field, against_elevation : sequence of RadiusCurve
        Points and reference lines of the two panels: up to three of ours and four references in
        each.
    title : str
        Name of the telescope.

    Returns
    -------
    Figure
        One panel or two.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    panels = [
        (curves, label)
        for curves, label in (
            (against_field, "Field angle [deg]"),
            (against_elevation, "Elevation [deg]"),
        )
        if len(curves) > 0
    ]
    if not panels:
        raise InputError("r80", "curves", 0, "at least one")
    figure = new_figure(5.2 * len(panels), 4.0)
    for axes, (curves, label) in zip(
        figure.subplots(1, len(panels), squeeze=False).flat, panels, strict=True
    ):
        _draw_curves(axes, curves, label)
    if title:
        figure.suptitle(title, fontsize=12)
    return figure
