"""Stereo geometry of a batch of events: which images count, axes, pairs, fit, impact distances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import awkward
import numpy as np

from iactflow.errors import InputError
from iactflow.instrument.neighbours import camera_neighbours
from iactflow.io.subarray import Subarray, TelescopeType
from iactflow.stereo.fit import FitResult, fit_axis
from iactflow.stereo.frames import (
    axis_distance_m,
    image_axes,
    image_planes,
    tilted_axes,
    vectors_to_horizontal,
)
from iactflow.stereo.image_errors import ErrorModel, image_errors
from iactflow.stereo.pairs import intersect_pairs

__all__ = [
    "PARAMETERS",
    "StereoSettings",
    "camera_radius_deg",
    "reconstruct_batch",
    "usable_images",
]

#: Columns of the table ``parameters`` that the reconstruction reads.
PARAMETERS = (
    "hillas_intensity",
    "hillas_fov_lon_deg",
    "hillas_fov_lat_deg",
    "hillas_r_deg",
    "hillas_length_deg",
    "hillas_width_deg",
    "hillas_psi_deg",
    "leakage_intensity_width_2",
    "morphology_n_pixels",
)
#: Distance of the maximum at which the fit starts.
START_M = 1e4
#: Second point of an image's plane, in radii of the camera, as in ctapipe.
PLANE_STEP = 0.1


@dataclass(frozen=True)
class StereoSettings:
    """Which images and events are reconstructed.

    The defaults are the cuts of ctapipe 0.28 (``StereoQualityQuery``).

    Attributes
    ----------
    min_telescopes : int
        Least number of images of an event.
    min_size_pe : float
        Images must have more photoelectrons than this.
    min_pixels : int
        Least number of pixels of an image.
    max_distance_deg : float
        Largest distance of an image's centre of gravity from the optical axis.
    max_leakage : float
        Largest fraction of the intensity in the two outer rings of pixels.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    min_telescopes: int = 2
    min_size_pe: float = 50.0
    min_pixels: int = 4
    max_distance_deg: float = 90.0
    max_leakage: float = 1.0

    def __post_init__(self):
        for name, least in (
            ("min_telescopes", 2), ("min_size_pe", 0), ("min_pixels", 1),
            ("max_distance_deg", 0), ("max_leakage", 0),
        ):  # fmt: skip
            if not getattr(self, name) >= least:
                raise InputError("stereo", name, getattr(self, name), f"at least {least}")


def camera_radius_deg(telescope_type: TelescopeType) -> float:
    """Radius of a camera: mean distance of its border pixels from its centre.

    Parameters
    ----------
    telescope_type : TelescopeType
        Optics and camera.

    Returns
    -------
    float
        Radius, as ctapipe's ``CameraGeometry.guess_radius``.
    """
    camera = telescope_type.camera
    _, neighbour = camera_neighbours(camera)
    n_neighbours = np.bincount(neighbour, minlength=camera.n_pixels)
    border = n_neighbours < n_neighbours.max(initial=0)
    x_m, y_m = camera.pixel_x_m, camera.pixel_y_m
    radius_m = np.hypot(x_m[border] - x_m.mean(), y_m[border] - y_m.mean()).mean()
    return float(np.degrees(radius_m / telescope_type.focal_length_m))


def usable_images(parameters: Mapping[str, np.ndarray], settings: StereoSettings) -> np.ndarray:
    """Tell which images the reconstruction uses.

    Parameters
    ----------
    parameters : mapping of str to ndarray, each of shape (n,)
        Columns of the table ``parameters``, at least `PARAMETERS`.
    settings : StereoSettings
        Cuts.

    Returns
    -------
    ndarray of bool, shape (n,)
        Images that pass all cuts; those without a width or an axis never do.
    """
    # Written so that what is not a number fails; leakage needs pixels at the border.
    return (
        (parameters["hillas_intensity"] > settings.min_size_pe)
        & (parameters["morphology_n_pixels"] >= settings.min_pixels)
        & (parameters["hillas_width_deg"] > 0.0)
        & (parameters["hillas_length_deg"] > 0.0)
        & np.isfinite(parameters["hillas_psi_deg"])
        & (parameters["hillas_r_deg"] <= settings.max_distance_deg)
        & (parameters["leakage_intensity_width_2"] <= settings.max_leakage)
    )


def reconstruct_batch(
    event_index: np.ndarray,
    tel_index: np.ndarray,
    parameters: Mapping[str, np.ndarray],
    pointing_alt_deg: np.ndarray,
    pointing_az_deg: np.ndarray,
    event_pointing_alt_deg: np.ndarray,
    event_pointing_az_deg: np.ndarray,
    n_events: int,
    subarray: Subarray,
    settings: StereoSettings,
) -> tuple[dict[str, np.ndarray | awkward.Array], np.ndarray]:
    """Reconstruct the geometry of the events of a batch.

    Parameters
    ----------
    event_index : ndarray of int64, shape (n,)
        Event of each telescope event, ascending, inside [0, n_events).
    tel_index : ndarray of int64, shape (n,)
        Its telescope, index in ``subarray.tel_ids``.
    parameters : mapping of str to ndarray, each of shape (n,)
        Columns of the table ``parameters``, at least `PARAMETERS`.
    pointing_alt_deg, pointing_az_deg : ndarray of float64, shape (n,)
        Pointing of each telescope; telescopes may point apart.
    event_pointing_alt_deg, event_pointing_az_deg : ndarray of float64, shape (n_events,)
        Pointing of the array: the plane in which the core is looked for is perpendicular to it.
    n_events : int
        Events.
    subarray : Subarray
        Telescopes.
    settings : StereoSettings
        Cuts.

    Returns
    -------
    geometry : dict of str to ndarray or awkward.Array, each with n_events rows
        Columns of the table ``geometry`` without keys and times. The errors are those of the fit,
        in one coordinate.
    impact_distance_m : ndarray of float64, shape (n,)
        Distance of each telescope from the axis of the shower, that of the fit where it has one;
        not a number where there is none.

    Raises
    ------
    InputError
        If rows do not follow the events.
    """
    if len(event_index) and (np.any(np.diff(event_index) < 0) or event_index[-1] >= n_events):
        raise InputError("stereo", "event_index", "not ascending", f"ascending below {n_events}")
    rows, multiplicity = _selected(event_index, parameters, n_events, settings)
    tel_of_row = tel_index[rows]
    column = {k: np.ascontiguousarray(parameters[k][rows], dtype=np.float64) for k in PARAMETERS}
    pointing = (
        np.ascontiguousarray(value[rows], dtype=np.float64)
        for value in (pointing_alt_deg, pointing_az_deg)
    )
    images, normal = _images(column, *pointing, tel_of_row, subarray)
    first = np.concatenate([[0], np.cumsum(multiplicity)]).astype(np.int64)
    axes = np.ascontiguousarray(tilted_axes(event_pointing_alt_deg, event_pointing_az_deg))
    weights = _weights(column, tel_of_row, subarray)
    pairs = intersect_pairs(first, *images[:2], normal, images[2], weights, axes)
    fit = _fit(first, images, column, pairs, axes)
    alt_deg, az_deg = vectors_to_horizontal(pairs.direction)
    alt_fit_deg, az_fit_deg = vectors_to_horizontal(fit.direction)
    geometry = {
        "is_valid": np.isfinite(alt_deg) & np.isfinite(pairs.core_m[:, 0]),
        "alt_deg": alt_deg,
        "az_deg": az_deg,
        "ang_distance_uncert_deg": np.degrees(_error(fit.covariance, 0)),
        "core_x_m": pairs.core_m[:, 0],
        "core_y_m": pairs.core_m[:, 1],
        "core_uncert_m": _error(fit.covariance, 2),
        "h_max_m": pairs.maximum_m[:, 2] + subarray.height_m,
        "alt_fit_deg": alt_fit_deg,
        "az_fit_deg": az_fit_deg,
        "core_x_fit_m": fit.core_m[:, 0],
        "core_y_fit_m": fit.core_m[:, 1],
        "fit_statistic": fit.chi2 / np.maximum(fit.n_dof, 1),
        "multiplicity": multiplicity.astype(np.int16),
        "telescopes": awkward.unflatten(
            subarray.tel_ids[tel_of_row].astype(np.int16), multiplicity
        ),
    }
    best = _best(pairs, fit)[event_index]
    impact = axis_distance_m(*best.T, subarray.positions_m[tel_index])
    return geometry, impact


def _selected(event_index, parameters, n_events, settings) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the images that are used, and how many there are of each event."""
    use = usable_images(parameters, settings)
    multiplicity = np.bincount(event_index[use], minlength=n_events)
    use &= (multiplicity >= settings.min_telescopes)[event_index]
    rows = np.flatnonzero(use)
    return rows, np.bincount(event_index[rows], minlength=n_events)


def _images(column, alt_deg, az_deg, tel_index, subarray):
    """Centres, axes and telescopes of images; normals of their planes."""
    lines = [column[f"hillas_{name}_deg"] for name in ("fov_lon", "fov_lat", "psi")]
    centre, along = image_axes(*lines, alt_deg, az_deg)
    step_deg = PLANE_STEP * _camera_radii_deg(tel_index, subarray)
    normal = image_planes(*lines, alt_deg, az_deg, step_deg)
    position = np.ascontiguousarray(subarray.positions_m[tel_index], dtype=np.float64)
    return (centre, along, position), normal


def _camera_radii_deg(tel_index, subarray) -> np.ndarray:
    radius = np.array([camera_radius_deg(kind) for kind in subarray.types])
    return radius[subarray.type_index[tel_index]]


def _weights(column, tel_index, subarray) -> np.ndarray:
    shape = column["hillas_length_deg"] / column["hillas_width_deg"]
    return column["hillas_intensity"] * shape * _camera_radii_deg(tel_index, subarray)


def _fit(first, images, column, pairs, axes) -> FitResult:
    """Fit, from where the pairs of images meet."""
    event = np.repeat(np.arange(len(axes)), np.diff(first))
    alt_az = vectors_to_horizontal(pairs.direction[event])
    errors = image_errors(
        column["hillas_intensity"],
        column["hillas_length_deg"],
        column["hillas_width_deg"],
        axis_distance_m(*pairs.core_m[event].T, *alt_az, images[2]),
        ErrorModel(),
    )
    start = np.zeros((len(axes), 3, 3))
    start[:, 0] = pairs.direction
    start[:, 1, :2] = pairs.core_m
    start[:, 2, 0] = 1.0 / START_M
    return fit_axis(first, *images, *errors, start, np.ascontiguousarray(axes[:, :2]))


def _error(covariance, first: int) -> np.ndarray:
    """Standard error in one of two coordinates, the mean of both variances."""
    variance = covariance[:, first, first] + covariance[:, first + 1, first + 1]
    return np.sqrt(0.5 * variance)


def _best(pairs, fit) -> np.ndarray:
    """Core and direction by the fit, where it has none by the pairs; shape (n_events, 4)."""
    found = [
        np.column_stack([result.core_m, *vectors_to_horizontal(result.direction)])
        for result in (fit, pairs)
    ]
    return np.where(np.isfinite(found[0]), *found)
