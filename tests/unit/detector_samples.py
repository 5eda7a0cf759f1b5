"""Plane fronts of light on the telescopes of an array, for the tests of the detector."""

from __future__ import annotations

import numpy as np

from iactflow.shower.photons import empty_photons
from iactflow.telescope.array_trigger import front_delays_ns
from iactflow.telescope.frames import ground_to_telescope


def front(instrument, alt_deg, az_deg, n_photons, seed=1, spread_rad=0.002, time_rms_ns=1.5):
    """Photons of a distant source on each telescope's sphere; the image is a round blob."""
    random = np.random.default_rng(seed)
    axes = ground_to_telescope(alt_deg, az_deg)
    heights = [t.z_m + t.type.optics.sphere_height_m for t in instrument.telescopes]
    centres = [(t.x_m, t.y_m, z) for t, z in zip(instrument.telescopes, heights, strict=True)]
    delays = front_delays_ns(np.array(centres), alt_deg, az_deg)
    photons = {}
    for telescope, delay in zip(instrument.telescopes, delays, strict=True):
        radius = telescope.type.optics.sphere_radius_m * np.sqrt(random.random(n_photons))
        angle = 2.0 * np.pi * random.random(n_photons)
        place = np.outer(radius * np.cos(angle), axes[0])
        place += np.outer(radius * np.sin(angle), axes[1])
        flight = -axes[2] + spread_rad * random.normal(size=(n_photons, 2)) @ axes[:2]
        flight /= np.linalg.norm(flight, axis=1, keepdims=True)
        place -= flight * (place[:, 2] / flight[:, 2])[:, None]
        made = empty_photons(n_photons)
        made[:, :2] = place[:, :2]
        made[:, 2:4] = flight[:, :2]
        along = front_delays_ns(place, alt_deg, az_deg)
        made[:, 4] = delay + along + random.normal(0.0, time_rms_ns, n_photons)
        made[:, 5:] = 8000.0, 400.0, 1.0
        photons[telescope.tel_id] = made
    return photons
