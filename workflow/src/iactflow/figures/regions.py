"""Figure of the on and off regions of a spectrum on the sky."""

from __future__ import annotations

import numpy as np
from astropy.table import Table
from astropy.wcs import WCS
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from iactflow.campaign.directions import separation_deg
from iactflow.figures import sky_axes
from iactflow.figures.style import COLOURS, new_figure, save

__all__ = ["draw_regions"]

PIXEL_DEG = 0.01
MARGIN_DEG = 0.2


def draw_regions(regions: Table, runs: Table, settings: dict, path) -> None:
    """Draw on and off regions, pointings and exclusion regions.

    Parameters
    ----------
    regions : Table
        Circles of all runs: obs_id, kind (on, off), ra_deg, dec_deg, radius_deg.
    runs : Table
        Runs: ra_pnt_deg, dec_pnt_deg, status (kept, dropped).
    settings : dict
        The target.
    path : str or Path
        PNG file.
    """
    position, exclusion = settings["position"], settings["exclusion_regions"]
    wcs, width = _projection(regions, runs, position, exclusion)
    figure = new_figure(7.4, 6.9)
    axes = sky_axes.add_sky_axes(figure, wcs, 111)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(-0.5, width - 0.5)
    axes.set_aspect("equal")
    kept = np.asarray(runs["status"]) == "kept"
    dropped = set(np.asarray(runs["obs_id"])[~kept].tolist())
    n_off = 0
    for row in regions:
        if row["kind"] == "off" and int(row["obs_id"]) not in dropped:
            _circle(axes, row, color=COLOURS["orange"], lw=0.9, alpha=0.8)
            n_off += 1
    for circle in exclusion:
        sky_axes.sky_circle(axes, **circle, color=COLOURS["black"], ls="--", lw=1.2)
    on = {**position, "radius_deg": settings["spectrum"]["on_radius_deg"]}
    sky_axes.sky_circle(axes, **on, color=COLOURS["blue"], lw=2)
    for chosen, marker, colour in ((kept, "+", "black"), (~kept, "x", COLOURS["grey"])):
        if not chosen.any():
            continue
        axes.plot(
            np.asarray(runs["ra_pnt_deg"])[chosen],
            np.asarray(runs["dec_pnt_deg"])[chosen],
            marker,
            transform=axes.get_transform("icrs"),
            color=colour,
            ms=9,
            mew=1.5,
        )
    sky_axes.add_scale_bar(axes, width)
    axes.set_title(f"{settings['label']}, regions of the spectrum")
    _legend(axes, int(kept.sum()), int((~kept).sum()), n_off, bool(exclusion))
    save(figure, path)


def _projection(regions: Table, runs: Table, position: dict, exclusion: list) -> tuple[WCS, int]:
    """Tangential projection about the target that holds everything to be drawn."""
    centre = position["ra_deg"], position["dec_deg"]
    reach = [0.5]
    if len(runs):
        distance = separation_deg(
            np.asarray(runs["ra_pnt_deg"]), np.asarray(runs["dec_pnt_deg"]), *centre
        )
        reach.append(float(np.max(distance)))
    if len(regions):
        distance = separation_deg(
            np.asarray(regions["ra_deg"]), np.asarray(regions["dec_deg"]), *centre
        )
        reach.append(float(np.max(distance + np.asarray(regions["radius_deg"]))))
    # Exclusion regions beyond the pointings are cut off: they say nothing of these regions.
    near = [c["radius_deg"] for c in exclusion if separation_deg(*_centre(c), *centre) < max(reach)]
    width = int(np.ceil(2 * (max(reach + near) + MARGIN_DEG) / PIXEL_DEG))
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = centre
    wcs.wcs.crpix = [0.5 * (width + 1)] * 2
    wcs.wcs.cdelt = [-PIXEL_DEG, PIXEL_DEG]
    wcs.wcs.radesys = "ICRS"
    return wcs, width


def _centre(circle) -> tuple[float, float]:
    return float(circle["ra_deg"]), float(circle["dec_deg"])


def _circle(axes: Axes, row, **keywords) -> None:
    sky_axes.sky_circle(axes, *_centre(row), float(row["radius_deg"]), **keywords)


def _legend(axes: Axes, n_kept: int, n_dropped: int, n_off: int, exclusion: bool) -> None:
    handles = [
        Line2D([], [], color=COLOURS["blue"], lw=2, label="on region"),
        Line2D([], [], color=COLOURS["orange"], lw=1, label=f"off regions ({n_off})"),
        Line2D([], [], color="black", marker="+", ms=9, ls="", label=f"pointings ({n_kept} runs)"),
    ]
    if n_dropped:
        text = f"dropped ({n_dropped} runs)"
        grey = COLOURS["grey"]
        handles.append(Line2D([], [], color=grey, marker="x", ms=9, ls="", label=text))
    if exclusion:
        handles.append(Line2D([], [], color="black", ls="--", lw=1.2, label="excluded"))
    axes.legend(handles=handles, loc="upper left", frameon=True, framealpha=0.9, edgecolor="none")
