"""Figures of the reflectors of a production: stars traced at its zenith angle and alignment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from iactflow.figures.optics import RadiusCurve, draw_r80, draw_spots
from iactflow.figures.style import save, style
from iactflow.instrument.description import Telescope
from iactflow.instrument.load import load_instrument
from iactflow.telescope.spot import containment_radius, trace_star
from iactflow.telescope.stages.array_state import apply_alignment
from iactflow.telescope.stages.setup import instrument_folder

__all__ = ["plot_optics"]

SPOTS_DEG = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)
FIELD_DEG = (0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.5)
ELEVATIONS_DEG = (30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0)
N_RAYS = 30_000
# Where a production follows runs with pointings of their own.
ZENITH_DEG = 20.0


def plot_optics(inputs, outputs, params, wildcards) -> None:
    """Draw spot diagrams, and r80 against field angle and elevation, for each type of telescope.

    Parameters
    ----------
    inputs : namespace
        ``instrument``: files of the instrument.
    outputs : namespace
        ``optics``: folder of PNG files.
    params : namespace
        ``settings``: name, telescopes, alignment and zenith angle of the production.
    wildcards : namespace
        ``production``.
    """
    settings = params.settings
    name = f"simulations.{settings['name']}"
    instrument = load_instrument(instrument_folder(inputs.instrument))
    instrument = apply_alignment(instrument, settings["alignment"], name)
    zenith = ZENITH_DEG if settings["zenith_deg"] is None else settings["zenith_deg"]
    folder = Path(outputs.optics)
    folder.mkdir(parents=True)
    shown: dict[str, Telescope] = {}
    for telescope in instrument.telescopes:
        if telescope.tel_id not in (settings["tel_ids"] or [telescope.tel_id]):
            continue
        shown.setdefault(telescope.type.name, telescope)
    with style():
        for kind, telescope in shown.items():
            _draw(telescope, zenith, folder, f"{instrument.name} {instrument.version}, {kind}")


def _draw(telescope: Telescope, zenith_deg: float, folder: Path, title: str) -> None:
    optics, pixels = telescope.type.optics, telescope.type.camera.pixels
    kind = telescope.type.name
    focal = optics.focal_length_m
    spots = [trace_star(optics, zenith_deg, angle, n_rays=N_RAYS) for angle in SPOTS_DEG]
    pixel_deg = float(np.degrees(pixels.diameter_m / focal)) if pixels.shape == "hexagon" else 0.0
    figure = draw_spots(
        spots, focal, f"{title}, {zenith_deg:g}$\\degree$ from the zenith", pixel_deg
    )
    save(figure, folder / f"spots_{kind}.png")

    def r80(zenith: float, field: float) -> float:
        spot = trace_star(optics, zenith, field, n_rays=N_RAYS)
        return 1e3 * containment_radius(spot.x_m, spot.y_m) / focal

    field = RadiusCurve(
        f"{zenith_deg:g}$\\degree$ from the zenith",
        np.array(FIELD_DEG),
        np.array([r80(zenith_deg, angle) for angle in FIELD_DEG]),
    )
    elevation = RadiusCurve(
        "on axis",
        np.array(ELEVATIONS_DEG),
        np.array([r80(90.0 - angle, 0.0) for angle in ELEVATIONS_DEG]),
    )
    save(draw_r80([field], [elevation], title), folder / f"r80_{kind}.png")
