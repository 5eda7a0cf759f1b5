"""What a reflector is: facets, alignment, masts. See `iactflow.instrument.description`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Alignment", "Curve", "Cylinder", "Facets", "Optics"]


@dataclass(frozen=True)
class Curve:
    """A tabulated function, linear between its points and zero outside them.

    Attributes
    ----------
    x, y : ndarray of float64, shape (n,)
        Abscissa, ascending (wavelength in nm, angle in deg, time in ns, charge in p.e.); ordinate.
    """

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Facets:
    """Mirror facets.

    Attributes
    ----------
    x_m, y_m, z_m : ndarray of float64, shape (n,)
        Centres; z above the plane of the dish's centre, not a number: on the ideal dish shape.
    diameter_m : ndarray of float64, shape (n,)
        Diameter, or distance of flat sides.
    shape : ndarray of int64, shape (n,)
        0 circular, 1 hexagonal with a flat side parallel to y, 2 square, 3 hexagonal with a flat
        side parallel to x.
    focal_length_m : ndarray of float64, shape (n,)
        Focal length; 0: adapted to the distance from the focus.
    """

    x_m: np.ndarray
    y_m: np.ndarray
    z_m: np.ndarray
    diameter_m: np.ndarray
    shape: np.ndarray
    focal_length_m: np.ndarray


@dataclass(frozen=True)
class Alignment:
    """Random tilt of facets in one direction: ``sigma^2 = sigma_0^2 + sigma_c^2 + sigma_s^2``.

    ``sigma_c = (cos theta - cos theta_0) c_deg`` and ``sigma_s = (sin theta - sin theta_0) s_deg``
    in the zenith angle theta.

    Attributes
    ----------
    sigma_deg : float
        Rms tilt at the zenith angle of the alignment.
    zenith_deg : float
        theta_0.
    cosine_deg, sine_deg : float
        Coefficients of the deformation; 0: rigid.
    """

    sigma_deg: float
    zenith_deg: float = 0.0
    cosine_deg: float = 0.0
    sine_deg: float = 0.0


@dataclass(frozen=True)
class Cylinder:
    """A mast, tube or camera body that blocks light.

    Attributes
    ----------
    start_m, end_m : tuple of three float
        Ends of the axis in the telescope frame.
    diameter_m : float
        Diameter.
    transparency : float
        Fraction of light that passes; 0: opaque.
    """

    start_m: tuple[float, float, float]
    end_m: tuple[float, float, float]
    diameter_m: float
    transparency: float = 0.0


@dataclass(frozen=True)
class Optics:
    """Reflector of a telescope type.

    Attributes
    ----------
    shape : str
        ``davies_cotton``, ``modified_davies_cotton`` or ``parabolic``.
    focal_length_m, dish_shape_length_m, effective_focal_length_m : float
        Nominal focal length; radius (Davies-Cotton) or focal length (parabolic) of the dish shape;
        plate scale, for the conversion of camera positions to angles.
    mirror_focal_length_m, random_focal_length_m : float
        Focal length of facets that name none; rms of facets' focal lengths.
    mirror_offset_m, focus_offset_m : float
        Distance of the dish's centre behind the fixed point of the mount, along the axis; of the
        camera from the focal plane, away from the mirror.
    facets : Facets
        Facets.
    align_distance_m : float
        Rms error of the facets' distance to the focus.
    align_horizontal, align_vertical : Alignment
        Random tilts.
    reflection_sigma_deg, reflection_fraction_2, reflection_sigma_2_deg : float
        Rms scatter per axis of reflected rays; second component and its fraction.
    reflectivity : Curve
        Against wavelength in nm.
    degraded_reflection : float
        Factor on the reflectivity.
    transmission : tuple of float
        sim_telarray's ``telescope_transmission`` p0 ... p4 for light lost to structures that are
        not traced: p0 on axis; with p1 = 1, p0 / (1 + p2 (sin(theta) / r3)^p4), r3 being p3 deg in
        rad. See `iactflow.telescope.shadow`.
    camera_body_diameter_m, camera_body_shape : float, int
        Body of the camera; 0 circular, 1 and 3 hexagonal, 2 square. 0 m: none.
    camera_depth_m : float
        Length of the body behind the focal plane.
    masts : tuple of Cylinder
        Structures that are traced.
    sphere_radius_m : float
        Radius of a sphere around the telescope's position that holds the whole reflector.
    sphere_height_m : float
        Height of its centre above the telescope's position.
    """

    shape: str
    focal_length_m: float
    dish_shape_length_m: float
    effective_focal_length_m: float
    mirror_focal_length_m: float
    random_focal_length_m: float
    mirror_offset_m: float
    focus_offset_m: float
    facets: Facets
    align_distance_m: float
    align_horizontal: Alignment
    align_vertical: Alignment
    reflection_sigma_deg: float
    reflection_fraction_2: float
    reflection_sigma_2_deg: float
    reflectivity: Curve
    degraded_reflection: float
    transmission: tuple[float, ...]
    camera_body_diameter_m: float
    camera_body_shape: int
    camera_depth_m: float
    masts: tuple[Cylinder, ...]
    sphere_radius_m: float
    sphere_height_m: float = 0.0
