"""Reflectors made up for tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from iactflow.campaign.philox import new_state
from iactflow.campaign.streams import StreamKey
from iactflow.instrument.description import Alignment, Curve, Facets, Optics

RIGID = Alignment(0.0)
WORDS = StreamKey(1, "mirror", telescope=1).words()


def make_facets(x_m, y_m, diameter_m, shape=0, focal_length_m=0.0, z_m=np.nan):
    """Facets of one kind at given places."""
    n = len(x_m)
    return Facets(
        x_m=np.asarray(x_m, dtype=float),
        y_m=np.asarray(y_m, dtype=float),
        z_m=np.full(n, z_m),
        diameter_m=np.full(n, diameter_m),
        shape=np.full(n, shape, dtype=np.int64),
        focal_length_m=np.full(n, focal_length_m),
    )


def ring_facets(radius_m, n_rings, diameter_m):
    """Small facets with equal area each, on circles out to a radius."""
    rings = (np.arange(n_rings) + 0.5) / n_rings
    phi = 2.0 * np.pi * np.arange(24) / 24
    r, angle = np.meshgrid(radius_m * np.sqrt(rings), phi)
    return make_facets((r * np.cos(angle)).ravel(), (r * np.sin(angle)).ravel(), diameter_m)


PERFECT = Optics(
    shape="davies_cotton",
    focal_length_m=15.0,
    dish_shape_length_m=15.0,
    effective_focal_length_m=15.0,
    mirror_focal_length_m=0.0,
    random_focal_length_m=0.0,
    mirror_offset_m=0.0,
    focus_offset_m=0.0,
    facets=make_facets([0.0], [0.0], 0.6),
    align_distance_m=0.0,
    align_horizontal=RIGID,
    align_vertical=RIGID,
    reflection_sigma_deg=0.0,
    reflection_fraction_2=0.0,
    reflection_sigma_2_deg=0.0,
    reflectivity=Curve(np.array([300.0, 600.0]), np.array([0.8, 0.8])),
    degraded_reflection=1.0,
    transmission=(1.0,),
    camera_body_diameter_m=0.0,
    camera_body_shape=0,
    camera_depth_m=0.0,
    masts=(),
    sphere_radius_m=7.5,
)


def perfect(facets, **changes) -> Optics:
    """Perfect reflector with given facets."""
    return replace(PERFECT, facets=facets, **changes)


def random_state(number=0):
    """State of a stream of its own."""
    return new_state(StreamKey(number, "test").words())
