"""State of the telescopes in a run, as it was simulated: a table, for runs differ in it."""

from __future__ import annotations

import numpy as np

from iactflow.telescope.night_sky import airmass_factor
from iactflow.telescope.stages.setup import Setup

__all__ = ["state_columns"]

TILTS = ("sigma_deg", "zenith_deg", "cosine_deg", "sine_deg")


def state_columns(setup: Setup) -> dict[str, object]:
    """Columns of the table ``telescope_states``.

    Parameters
    ----------
    setup : Setup
        Array of the run.

    Returns
    -------
    dict of str to array
        One row per telescope. The rate of the night sky is that of a pixel of mean quantum
        efficiency at level 1.
    """
    telescopes = setup.instrument.telescopes
    zenith_deg = 90.0 - setup.alt_deg
    cameras = [t.type.camera for t in telescopes]
    columns = {
        "obs_id": setup.run,
        "tel_id": np.array(setup.tel_ids),
        "altitude_deg": setup.alt_deg,
        "azimuth_deg": setup.az_deg,
        "throughput": np.array([t.throughput for t in telescopes]),
        "nsb_rate_ghz": np.array(
            [
                c.nsb_rate_ghz * airmass_factor(c.nsb_airmass, zenith_deg) * t.throughput
                for c, t in zip(cameras, telescopes, strict=True)
            ]
        ),
        "n_broken_pixels": np.array([len(setup.broken_pixels.get(i, ())) for i in setup.tel_ids]),
    }
    for direction in ("horizontal", "vertical"):
        alignments = [getattr(t.type.optics, f"align_{direction}") for t in telescopes]
        for tilt in TILTS:
            values = [getattr(alignment, tilt) for alignment in alignments]
            columns[f"align_{direction}_{tilt}"] = np.array(values)
    return columns
