"""Reflector of a telescope as arrays: what the kernels of ray tracing read.

A square grid over the aperture lists, for each of its cells, the facets that a ray through that
cell of the ideal dish can meet; each facet lists the masts that can stand in the way of the light
towards it and from it to the camera. Both lists are conservative: they save tests, never light.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.errors import InputError
from iactflow.instrument.description import Optics
from iactflow.telescope.facets import FacetTable, dish_height, make_facet_table
from iactflow.telescope.frames import ground_to_telescope
from iactflow.telescope.raytrace import MIN_COS
from iactflow.telescope.shadow import MAST_COLUMNS

__all__ = ["CameraBody", "DishGrid", "OpticsTable", "Scatter", "make_optics_table", "pointing"]

_MAX_TANGENT = float(np.sqrt(1.0 - MIN_COS**2) / MIN_COS)
_CELL_M = 0.1
_CIRCUMSCRIBED = np.array([1.0, 2.0 / np.sqrt(3.0), np.sqrt(2.0), 2.0 / np.sqrt(3.0)])
_MAST_STEP_M = 0.1
_DEFAULT_FIELD = 0.09  # half field in rad where the body's diameter does not bound it


class DishGrid(NamedTuple):
    """Grid over the aperture.

    Attributes
    ----------
    parabolic : bool
        Ideal dish: paraboloid instead of sphere.
    length_m, radius_m : float
        Length of the dish's shape; no facet reaches beyond this distance from the axis.
    cell_m, n_cells : float, int
        Size of a cell; cells per side.
    """

    parabolic: bool
    length_m: float
    radius_m: float
    cell_m: float
    n_cells: int


class CameraBody(NamedTuple):
    """What stands in the focal plane.

    Attributes
    ----------
    plane_m : float
        Height of the camera's entrance plane above the dish's centre.
    half_width_m, shape, depth_m : float, int, float
        Body that casts a shadow.
    field : float
        Tangent of the angle from the axis up to which the lists of masts hold.
    """

    plane_m: float
    half_width_m: float
    shape: int
    depth_m: float
    field: float


class Scatter(NamedTuple):
    """Random angles of reflected light, in each projection.

    Attributes
    ----------
    sigma_rad, fraction_2, sigma_2_rad : float
        Rms; fraction and rms of the second component.
    """

    sigma_rad: float
    fraction_2: float
    sigma_2_rad: float


class OpticsTable(NamedTuple):
    """A reflector for kernels, in the telescope frame.

    Scalars stand in tuples of their own: a kernel that passes arrays on pays for counting their
    references, so that helpers are given only what they read.

    Attributes
    ----------
    facet : ndarray of float64, shape (n, 11)
        Vertex, normal, axis of the outline (x, y, z each), radius of curvature, half width.
    facet_shape : ndarray of int64, shape (n,)
        Outlines.
    grid : DishGrid
        Ideal dish and grid over the aperture.
    cell_start, cell_facet : ndarray of int32, shapes (n_cells**2 + 1,), (m,)
        Facets of cell i are ``cell_facet[cell_start[i]:cell_start[i + 1]]``.
    body : CameraBody
        Focal plane and camera body.
    scatter : Scatter
        Scatter of reflected rays.
    transmission : tuple of six float
        For `iactflow.telescope.shadow.telescope_transmission`.
    mast : ndarray of float64, shape (k, 12)
        Masts, see `iactflow.telescope.shadow.MAST_COLUMNS`.
    in_start, in_mast, out_start, out_mast : ndarray of int32
        Masts that can block light towards a facet, and from it, laid out as the cells.
    """

    facet: np.ndarray
    facet_shape: np.ndarray
    grid: DishGrid
    cell_start: np.ndarray
    cell_facet: np.ndarray
    body: CameraBody
    scatter: Scatter
    transmission: tuple
    mast: np.ndarray
    in_start: np.ndarray
    in_mast: np.ndarray
    out_start: np.ndarray
    out_mast: np.ndarray


def pointing(optics: Optics, alt_deg: float, az_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and origin of the telescope frame for a direction.

    The centre of the telescope's sphere is the fixed point of its mount.

    Parameters
    ----------
    optics : Optics
        Description of the reflector.
    alt_deg, az_deg : float
        Pointing: altitude; azimuth from north through east.

    Returns
    -------
    rotation : ndarray of float64, shape (3, 3)
        From the ground frame into the telescope frame.
    origin_m : ndarray of float64, shape (3,)
        Centre of the dish relative to the centre of the sphere, in the ground frame.

    Raises
    ------
    InputError
        If the altitude is outside [0, 90] deg.
    """
    rotation = ground_to_telescope(alt_deg, az_deg)
    return rotation, -optics.mirror_offset_m * rotation[2]


def _ragged(lists):
    """Lists of numbers as one array and the places where they start."""
    start = np.zeros(len(lists) + 1, dtype=np.int64)
    start[1:] = np.cumsum([len(entry) for entry in lists])
    return start.astype(np.int32), np.array([i for entry in lists for i in entry], dtype=np.int32)


def _outer_radius(facets: FacetTable):
    return facets.half_width_m * _CIRCUMSCRIBED[facets.shape]


def _margins(optics: Optics, facets: FacetTable):
    """How far from a facet's outline a ray that meets it may cross the ideal dish.

    A ray moves sideways by the tangent of its angle from the axis, of which `MIN_COS` is the
    largest that is traced, times the distance of the facet's surface from the ideal dish, which is
    largest at the outline.
    """
    phi = np.linspace(0.0, 2.0 * np.pi, 25)[:-1]
    outer = _outer_radius(facets)
    v = np.cross(facets.normal, facets.axis_u)
    largest = np.zeros(len(outer))
    for fraction in (0.0, 1.0):
        r = fraction * outer
        sag = facets.curvature_radius_m - np.sqrt(facets.curvature_radius_m**2 - r**2)
        for angle in phi:
            point = (
                facets.centre_m
                + (r * np.cos(angle))[:, None] * facets.axis_u
                + (r * np.sin(angle))[:, None] * v
                + sag[:, None] * facets.normal
            )
            radius = np.hypot(point[:, 0], point[:, 1])
            ideal = dish_height(optics.shape, optics.dish_shape_length_m, radius)
            largest = np.maximum(largest, np.abs(point[:, 2] - ideal))
    return 1.1 * largest * _MAX_TANGENT + 0.002


def _grid(optics: Optics, facets: FacetTable):
    """Facets of each cell of the aperture: those whose circle, with its margin, overlaps it."""
    outer, margin = _outer_radius(facets), _margins(optics, facets)
    reach = outer + margin
    x, y = facets.centre_m[:, 0], facets.centre_m[:, 1]
    radius = float(np.max(np.hypot(x, y) + reach))
    # One cell more than the dish is wide: rounding at its rim stays inside.
    n = int(np.ceil(2.0 * radius / _CELL_M)) + 1
    lists = [[] for _ in range(n * n)]
    for i in range(len(outer)):
        low_x, high_x = ((x[i] + radius + np.array([-1, 1]) * reach[i]) / _CELL_M).astype(int)
        low_y, high_y = ((y[i] + radius + np.array([-1, 1]) * reach[i]) / _CELL_M).astype(int)
        for row in range(max(low_x, 0), min(high_x, n - 1) + 1):
            dx = max(abs((row + 0.5) * _CELL_M - radius - x[i]) - 0.5 * _CELL_M, 0.0)
            for column in range(max(low_y, 0), min(high_y, n - 1) + 1):
                dy = max(abs((column + 0.5) * _CELL_M - radius - y[i]) - 0.5 * _CELL_M, 0.0)
                if dx * dx + dy * dy <= reach[i] ** 2:
                    lists[row * n + column].append(i)
    return radius, n, *_ragged(lists)


def _masts(optics: Optics):
    rows = []
    for mast in optics.masts:
        start, end = np.array(mast.start_m), np.array(mast.end_m)
        length = float(np.linalg.norm(end - start))
        if length <= 0.0 or mast.diameter_m <= 0.0:
            value = (mast.start_m, mast.end_m, mast.diameter_m)
            raise InputError("optics", "masts", value, "length and diameter above 0 m")
        axis = (end - start) / length
        size = (length, 0.5 * mast.diameter_m, mast.transparency)
        rows.append([*start, *axis, *size, *np.cross(start, axis)])
    return np.array(rows, dtype=np.float64).reshape(-1, MAST_COLUMNS)


def _mast_lists(mast, facets: FacetTable, body: CameraBody):
    """Masts that light of the field can meet on its way to each facet, and from it."""
    towards = [[] for _ in facets.half_width_m]
    from_it = [[] for _ in facets.half_width_m]
    outer = _outer_radius(facets)
    x, y, z = facets.centre_m.T
    for k in range(len(mast)):
        n = int(np.ceil(mast[k, 6] / _MAST_STEP_M)) + 1
        point = mast[k, :3] + np.linspace(0.0, mast[k, 6], n)[:, None] * mast[k, 3:6]
        # Half a step to either side, and the sag of a facet, are in the slack.
        slack = mast[k, 7] + _MAST_STEP_M + 0.05
        above = np.maximum(point[:, 2][:, None] - z, 0.0)
        distance = np.hypot(point[:, 0][:, None] - x, point[:, 1][:, None] - y)
        near = (distance <= outer + above * body.field + slack).any(axis=0)
        t = np.clip(above / (body.plane_m - z), 0.0, 1.0)
        distance = np.hypot(point[:, 0][:, None] - (1 - t) * x, point[:, 1][:, None] - (1 - t) * y)
        met = distance <= (1 - t) * outer + t * body.plane_m * body.field + slack
        # Light ends at the focal plane: what stands wholly behind it is not in its way.
        back = met[point[:, 2] <= body.plane_m + slack].any(axis=0)
        for i in np.flatnonzero(near):
            towards[i].append(k)
        for i in np.flatnonzero(back):
            from_it[i].append(k)
    return *_ragged(towards), *_ragged(from_it)


def _body(optics: Optics) -> CameraBody:
    width = 0.5 * float(optics.camera_body_diameter_m)
    shape = int(optics.camera_body_shape)
    outer = width * _CIRCUMSCRIBED[shape]
    return CameraBody(
        plane_m=float(optics.focal_length_m + optics.focus_offset_m),
        half_width_m=width,
        shape=shape,
        depth_m=float(optics.camera_depth_m),
        field=float(1.1 * outer / optics.focal_length_m) if outer > 0.0 else _DEFAULT_FIELD,
    )


def _transmission(optics: Optics):
    """Six parameters; those that sim_telarray takes by default when they are zero."""
    values = np.zeros(6)
    values[: len(optics.transmission)] = optics.transmission
    if not 0.0 < values[0] <= 1.0:
        raise InputError("optics", "transmission", optics.transmission, "p0 inside (0, 1]")
    if values[1] != 0.0 and values[2] != 0.0 and (values[3] <= 0.0 or values[4] <= 0.0):
        raise InputError("optics", "transmission", optics.transmission, "p3 and p4 above 0")
    return tuple(float(value) for value in values)


def _check(optics: Optics) -> None:
    shapes = {int(shape) for shape in np.unique(optics.facets.shape)} | {optics.camera_body_shape}
    if not shapes <= set(range(len(_CIRCUMSCRIBED))):
        raise InputError("optics", "shape of facets and camera body", sorted(shapes), "0 to 3")
    for key in ("reflection_sigma_deg", "reflection_sigma_2_deg", "camera_body_diameter_m"):
        if not getattr(optics, key) >= 0.0:
            raise InputError("optics", key, getattr(optics, key), "at least 0")
    if not 0.0 <= optics.reflection_fraction_2 <= 1.0:
        value = optics.reflection_fraction_2
        raise InputError("optics", "reflection_fraction_2", value, "inside [0, 1]")


def make_optics_table(optics: Optics, zenith_deg: float, seed_words: np.ndarray) -> OpticsTable:
    """Reflector of one telescope at one zenith angle.

    Parameters
    ----------
    optics : Optics
        Description of the reflector.
    zenith_deg : float
        Zenith angle of the telescope: the alignment deforms with it.
    seed_words : ndarray of uint64, shape (2,)
        ``StreamKey(seed, "mirror", telescope=tel_id).words()`` with the instrument's seed.

    Returns
    -------
    OpticsTable
        For `iactflow.telescope.raytrace.trace_photons`.

    Raises
    ------
    InputError
        If the description cannot be traced.
    """
    _check(optics)
    facets = make_facet_table(optics, zenith_deg, seed_words)
    radius, n_cells, cell_start, cell_facet = _grid(optics, facets)
    body = _body(optics)
    mast = _masts(optics)
    in_start, in_mast, out_start, out_mast = _mast_lists(mast, facets, body)
    sizes = [facets.curvature_radius_m, facets.half_width_m]
    scatter = (optics.reflection_sigma_deg, optics.reflection_sigma_2_deg)
    sigma, sigma_2 = (float(np.radians(value)) for value in scatter)
    parabolic = optics.shape == "parabolic"
    return OpticsTable(
        facet=np.column_stack([facets.centre_m, facets.normal, facets.axis_u, *sizes]),
        facet_shape=facets.shape,
        grid=DishGrid(parabolic, float(optics.dish_shape_length_m), radius, _CELL_M, n_cells),
        cell_start=cell_start,
        cell_facet=cell_facet,
        body=body,
        scatter=Scatter(sigma, float(optics.reflection_fraction_2), sigma_2),
        transmission=_transmission(optics),
        mast=mast,
        in_start=in_start,
        in_mast=in_mast,
        out_start=out_start,
        out_mast=out_mast,
    )
