"""Parts of a figure of the sky: celestial axes, scale bar, resolution circles, regions."""

from __future__ import annotations

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

__all__ = [
    "add_resolution",
    "add_scale_bar",
    "add_sky_axes",
    "add_target",
    "pixel_scale_deg",
    "sky_circle",
]

HALO = [withStroke(linewidth=2.5, foreground="white")]
SCALE_BARS_DEG = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def pixel_scale_deg(wcs: WCS) -> float:
    """Size of a pixel at the reference point, deg."""
    return float(np.mean(proj_plane_pixel_scales(wcs.celestial)))


def add_sky_axes(figure: Figure, wcs: WCS, position, dec_labels: bool = True) -> Axes:
    """Add axes in right ascension and declination.

    Parameters
    ----------
    figure : Figure
        Where to add them.
    wcs : WCS
        Celestial projection of the image to be drawn.
    position : SubplotSpec or tuple
        Place in the figure, as for ``add_subplot``.
    dec_labels : bool
        Whether declinations are written beside the axes.

    Returns
    -------
    Axes
        The axes, with labels but no image.
    """
    axes = figure.add_subplot(position, projection=wcs.celestial)
    ra, dec = axes.coords[0], axes.coords[1]
    ra.set_axislabel("Right ascension (J2000)", minpad=0.7)
    dec.set_axislabel("Declination (J2000)" if dec_labels else "", minpad=0.5)
    ra.set_major_formatter("hh:mm")
    dec.set_major_formatter("dd")
    ra.set_ticks(number=5)
    dec.set_ticks(number=6)
    dec.set_ticklabel_visible(dec_labels)
    for coordinate in (ra, dec):
        coordinate.display_minor_ticks(True)
        coordinate.set_ticklabel(exclude_overlapping=True)
        coordinate.set_auto_axislabel(False)
    return axes


def sky_circle(axes: Axes, ra_deg: float, dec_deg: float, radius_deg: float, **keywords) -> None:
    """Draw a small circle of the sky in the projection of the axes.

    Parameters
    ----------
    axes : Axes
        Celestial axes.
    ra_deg, dec_deg : float
        Centre, deg.
    radius_deg : float
        Radius, deg.
    **keywords
        Passed on to `matplotlib.axes.Axes.plot`.
    """
    angle = np.linspace(0.0, 2 * np.pi, 181)
    dec, radius = np.radians(dec_deg), np.radians(radius_deg)
    sin_dec = np.sin(dec) * np.cos(radius) + np.cos(dec) * np.sin(radius) * np.cos(angle)
    delta_ra = np.arctan2(
        np.sin(angle) * np.sin(radius) * np.cos(dec), np.cos(radius) - np.sin(dec) * sin_dec
    )
    lon, lat = ra_deg + np.degrees(delta_ra), np.degrees(np.arcsin(sin_dec))
    axes.plot(lon, lat, transform=axes.get_transform("icrs"), **keywords)


def add_target(
    axes: Axes, label: str, ra_deg: float, dec_deg: float, clearance_deg: float = 0.0
) -> None:
    """Mark the target with a cross and its name.

    Parameters
    ----------
    axes : Axes
        Celestial axes.
    label : str
        Name of the target.
    ra_deg, dec_deg : float
        Position, deg.
    clearance_deg : float
        Distance from the position that the name leaves free, deg.
    """
    x, y = axes.wcs.world_to_pixel_values(ra_deg, dec_deg)
    axes.plot(x, y, "+", color="black", ms=8, mew=1.1, path_effects=HALO, zorder=6)
    axes.annotate(
        label,
        (float(x), float(y) + clearance_deg / pixel_scale_deg(axes.wcs)),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        fontsize=10.5,
        path_effects=HALO,
        zorder=7,
    )


def add_scale_bar(axes: Axes, width_px: int) -> None:
    """Draw a bar of a round number of degrees into the lower right corner.

    Parameters
    ----------
    axes : Axes
        Celestial axes.
    width_px : int
        Width of the image, pixels.
    """
    scale = pixel_scale_deg(axes.wcs)
    fitting = [bar for bar in SCALE_BARS_DEG if bar <= 0.25 * width_px * scale]
    bar_deg = fitting[-1] if fitting else SCALE_BARS_DEG[0]
    length = bar_deg / scale
    stop, y = 0.95 * width_px, 0.05 * width_px
    line = axes.plot([stop - length, stop], [y, y], color="black", lw=2.2, zorder=8)
    line[0].set_path_effects([withStroke(linewidth=4.5, foreground="white")])
    axes.text(
        stop - length / 2,
        y + 0.015 * width_px,
        f"{bar_deg:g}°",
        ha="center",
        va="bottom",
        fontsize=10.5,
        path_effects=HALO,
        zorder=8,
    )


def add_resolution(
    axes: Axes, width_px: int, psf68_deg: float, correlation_radius_deg: float
) -> None:
    """Draw the 68 % circle of the point spread function and the correlation circle.

    Both have their true size on the map; the filled one is the point spread function.

    Parameters
    ----------
    axes : Axes
        Celestial axes.
    width_px : int
        Width of the image, pixels.
    psf68_deg : float
        68 % containment radius, deg; nothing is drawn where it is not finite.
    correlation_radius_deg : float
        Radius of the top-hat, deg.
    """
    scale = pixel_scale_deg(axes.wcs)
    radii = [r for r in (psf68_deg, correlation_radius_deg) if np.isfinite(r)]
    half = max(max(radii) / scale, 0.012 * width_px)
    x = y = 0.035 * width_px + half
    lines = []
    if np.isfinite(psf68_deg):
        axes.add_patch(
            Circle((x, y), psf68_deg / scale, fc="#4d4d4d", ec="white", lw=0.8, zorder=8)
        )
        lines.append(f"filled: PSF 68 %, {psf68_deg:.2g}°")
    ring = Circle((x, y), correlation_radius_deg / scale, fc="none", ec="black", lw=1.1, zorder=9)
    ring.set_path_effects(HALO)
    axes.add_patch(ring)
    lines.append(f"open: correlation, {correlation_radius_deg:g}°")
    axes.text(
        x + half + 0.02 * width_px,
        y,
        "\n".join(lines),
        ha="left",
        va="center",
        fontsize=8.5,
        linespacing=1.3,
        path_effects=HALO,
        zorder=9,
    )
