"""Facets of a segmented reflector: where they stand, where they look, how they are curved.

Dish shapes, with r the distance from the optical axis and L the length of the dish's shape:
Davies-Cotton, z = L - sqrt(L^2 - r^2) with L the focal length (Davies and Cotton, Solar Energy 1
(1957) 16); modified Davies-Cotton, the same with L longer than the focal length; parabolic,
z = r^2 / (4 L). Every facet is aimed so that a ray parallel to the axis through its centre goes to
the nominal focus. Random errors follow the parameters of sim_telarray (Bernlöhr, Astropart. Phys.
30 (2008) 149): tilts in the vertical plane and across, whose rms depends on the zenith angle;
distance from the focus; focal length.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.campaign.philox import fill_normal, new_state
from iactflow.errors import InputError
from iactflow.instrument.description import Alignment, Facets, Optics

__all__ = ["FacetTable", "alignment_sigma_deg", "dish_height", "make_facet_table"]

SHAPES = ("davies_cotton", "modified_davies_cotton", "parabolic")
_N_DEVIATES = 4  # per facet: tilt in the vertical plane, tilt across, distance, focal length


class FacetTable(NamedTuple):
    """Facets as they stand, in the telescope frame.

    Attributes
    ----------
    centre_m, normal, axis_u : ndarray of float64, shape (n, 3)
        Vertex; unit normal there, towards the focus; unit vector in the tangent plane to which the
        outline refers, along x of the telescope as nearly as the tilt allows.
    curvature_radius_m, half_width_m : ndarray of float64, shape (n,)
        Radius of curvature; half the diameter, or half the distance of flat sides.
    shape : ndarray of int64, shape (n,)
        Outline, as in `iactflow.instrument.description.Facets`.
    """

    centre_m: np.ndarray
    normal: np.ndarray
    axis_u: np.ndarray
    curvature_radius_m: np.ndarray
    half_width_m: np.ndarray
    shape: np.ndarray


def alignment_sigma_deg(alignment: Alignment, zenith_deg: float) -> float:
    """Rms of the random tilt at a zenith angle.

    Parameters
    ----------
    alignment : Alignment
        Coefficients.
    zenith_deg : float
        Zenith angle of the telescope.

    Returns
    -------
    float
        Rms of the tilt of the facets' normals in deg. The image of a facet moves by twice that.
    """
    theta, theta_0 = np.radians([zenith_deg, alignment.zenith_deg])
    cosine = alignment.cosine_deg * (np.cos(theta) - np.cos(theta_0))
    sine = alignment.sine_deg * (np.sin(theta) - np.sin(theta_0))
    return float(np.sqrt(alignment.sigma_deg**2 + cosine**2 + sine**2))


def dish_height(shape: str, length_m: float, radius_m: np.ndarray) -> np.ndarray:
    """Height of the ideal dish above the plane of its centre.

    Parameters
    ----------
    shape : str
        ``davies_cotton``, ``modified_davies_cotton`` or ``parabolic``.
    length_m : float
        Radius of the sphere, or focal length of the paraboloid.
    radius_m : ndarray of float64
        Distances from the axis.

    Returns
    -------
    ndarray of float64
        Heights in m.

    Raises
    ------
    InputError
        If the shape is not known, or a radius exceeds that of the sphere.
    """
    if shape not in SHAPES:
        raise InputError("optics", "shape", shape, ", ".join(SHAPES))
    radius_m = np.asarray(radius_m, dtype=np.float64)
    if shape == "parabolic":
        return radius_m**2 / (4.0 * length_m)
    if np.any(radius_m >= length_m):
        allowed = f"less than the radius of the dish's sphere, {length_m} m"
        raise InputError("optics", "facets: distance from the axis", radius_m.max(), allowed)
    return length_m - np.sqrt(length_m**2 - radius_m**2)


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _centres(optics: Optics) -> np.ndarray:
    facets = optics.facets
    radius = np.hypot(facets.x_m, facets.y_m)
    ideal = dish_height(optics.shape, optics.dish_shape_length_m, radius)
    z = np.asarray(facets.z_m, dtype=np.float64)
    return np.column_stack([facets.x_m, facets.y_m, np.where(np.isnan(z), ideal, z)])


def _focal_lengths(facets: Facets, optics: Optics, distance, deviate):
    """Listed focal lengths are exact; others have the random error."""
    nominal = optics.mirror_focal_length_m
    free = nominal if nominal > 0.0 else distance
    listed = np.asarray(facets.focal_length_m, dtype=np.float64)
    return np.where(listed > 0.0, listed, free + optics.random_focal_length_m * deviate)


def _axes(normal, tilt_x, tilt_y):
    """Tilt normals by two small angles; the axis in the tangent plane nearest to x."""
    along_x = _unit(np.array([1.0, 0.0, 0.0]) - normal * normal[:, :1])
    along_y = np.cross(normal, along_x)
    tilted = _unit(normal + np.tan(tilt_x)[:, None] * along_x + np.tan(tilt_y)[:, None] * along_y)
    return tilted, _unit(np.array([1.0, 0.0, 0.0]) - tilted * tilted[:, :1])


def make_facet_table(optics: Optics, zenith_deg: float, seed_words: np.ndarray) -> FacetTable:
    """Place, aim and misalign the facets of a telescope.

    The deviates belong to the telescope, not to the zenith angle: only their scale depends on it,
    so that the image deforms continuously while the telescope moves.

    Parameters
    ----------
    optics : Optics
        Description of the reflector.
    zenith_deg : float
        Zenith angle of the telescope.
    seed_words : ndarray of uint64, shape (2,)
        Words of the stream ``mirror`` of the telescope.

    Returns
    -------
    FacetTable
        Facets in the order of the description.

    Raises
    ------
    InputError
        If there are no facets, or their dish has no known shape.
    """
    facets = optics.facets
    n = len(facets.x_m)
    if n == 0:
        raise InputError("optics", "facets", n, "at least one")
    deviates = np.empty(n * _N_DEVIATES)
    fill_normal(new_state(seed_words), deviates)
    vertical, horizontal, distance_error, focal_error = deviates.reshape(n, _N_DEVIATES).T
    centre = _centres(optics)
    to_focus = np.array([0.0, 0.0, optics.focal_length_m]) - centre
    distance = np.linalg.norm(to_focus, axis=1)
    to_focus /= distance[:, None]
    focal = _focal_lengths(facets, optics, distance, focal_error)
    if np.any(focal <= 0.0):
        raise InputError("optics", "focal length of a facet", focal.min(), "above 0 m")
    # The mirror law: half way between the axis and the direction of the focus.
    aimed = _unit(to_focus + np.array([0.0, 0.0, 1.0]))
    tilt_x = np.radians(alignment_sigma_deg(optics.align_vertical, zenith_deg)) * vertical
    tilt_y = np.radians(alignment_sigma_deg(optics.align_horizontal, zenith_deg)) * horizontal
    normal, axis_u = _axes(aimed, tilt_x, tilt_y)
    return FacetTable(
        centre_m=np.ascontiguousarray(
            centre + to_focus * (optics.align_distance_m * distance_error)[:, None]
        ),
        normal=np.ascontiguousarray(normal),
        axis_u=np.ascontiguousarray(axis_u),
        curvature_radius_m=np.ascontiguousarray(2.0 * focal),
        half_width_m=np.ascontiguousarray(0.5 * np.asarray(facets.diameter_m, dtype=np.float64)),
        shape=np.ascontiguousarray(facets.shape, dtype=np.int64),
    )
