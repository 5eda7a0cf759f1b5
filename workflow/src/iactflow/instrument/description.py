"""What a telescope array is: positions, optics, cameras, read-out, triggers.

The names and meanings of the parameters follow sim_telarray (Bernlöhr, Astropart. Phys. 30 (2008)
149, and the parameter schemas of the CTAO simulation models), in SI units with the unit in the
name. Telescope frame: z along the optical axis away from the mirror, x downward, y to the right
when looking from the camera to the dish, as in sim_telarray's mirror and camera lists; origin in
the plane of the dish's centre.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = [
    "Alignment",
    "ArrayTrigger",
    "Camera",
    "Curve",
    "Cylinder",
    "Facets",
    "Instrument",
    "Optics",
    "Pixels",
    "Readout",
    "Site",
    "Telescope",
    "TelescopeTrigger",
    "TelescopeType",
]


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
class Site:
    """Where the array stands.

    Attributes
    ----------
    name, atmosphere : str
        Name; name of the standard atmosphere (a folder of ``config/atmospheres``).
    latitude_deg, longitude_deg : float
        Position, north and east positive.
    altitude_m : float
        Observation level above sea level; z = 0 of all coordinates.
    magnetic_north_ut, magnetic_west_ut, magnetic_up_ut : float
        Geomagnetic field in microtesla, in the frame of the telescope positions.
    """

    name: str
    atmosphere: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    magnetic_north_ut: float
    magnetic_west_ut: float
    magnetic_up_ut: float


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
        Offset of the mirror from the elevation axis; of the camera from the focal plane, away from
        the mirror.
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
        not traced: p0 on axis; with p1 = 1, p0 / (1 + p2 (tan(theta) / tan(p3 deg))^p4). See
        `iactflow.telescope.shadow`.
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


@dataclass(frozen=True)
class Pixels:
    """Pixels of a camera, in its focal plane.

    Attributes
    ----------
    x_m, y_m : ndarray of float64, shape (n,)
        Centres in the telescope frame, rotation of the camera applied.
    diameter_m : float
        Distance of flat sides (hexagon, square).
    shape : str
        ``hexagon`` or ``square``.
    rotation_deg : float
        Direction of the normal to one flat side, from x to y.
    relative_efficiency : ndarray of float64, shape (n,), or None
        Factor on the quantum efficiency of each pixel; None: 1 everywhere.
    """

    x_m: np.ndarray
    y_m: np.ndarray
    diameter_m: float
    shape: str
    rotation_deg: float
    relative_efficiency: np.ndarray | None = None


@dataclass(frozen=True)
class Readout:
    """From photoelectrons to digital counts.

    Attributes
    ----------
    mode : str
        ``charge`` (integrated in ``window_ns``) or ``waveform``.
    window_ns : float
        Integration window of mode ``charge``.
    sampling_ghz, n_samples, simulated_samples, sample_offset : float, int, int, int
        Rate; samples read out; samples simulated; read-out samples before the trigger.
    pulse_high, pulse_low : Curve
        Pulse of one photoelectron in the two gains, peak 1, time in ns.
    amplitude_high, amplitude_low : float
        Counts at the peak of one mean photoelectron (waveform); counts per photoelectron (charge).
    pedestal_high, pedestal_low, noise_high, noise_low : float
        Counts per sample (per window for charge): pedestal, rms of the electronic noise.
    pedestal_variation, max_signal_high, max_signal_low : float, int, int
        Rms of pedestals between pixels; saturation.
    n_gains : int
        Gain channels, 1 or 2.
    photon_delay_ns : float
        Delay between the light's arrival and the read-out's clock.
    reduction : dict
        Data-volume reduction: ``{}`` for none, or method and its parameters.
    """

    mode: str
    window_ns: float
    sampling_ghz: float
    n_samples: int
    simulated_samples: int
    sample_offset: int
    pulse_high: Curve
    pulse_low: Curve
    amplitude_high: float
    amplitude_low: float
    pedestal_high: float
    pedestal_low: float
    noise_high: float
    noise_low: float
    pedestal_variation: float
    max_signal_high: int
    max_signal_low: int
    n_gains: int
    photon_delay_ns: float
    reduction: dict = field(default_factory=dict)


@dataclass(frozen=True)
class TelescopeTrigger:
    """Trigger of a telescope.

    Attributes
    ----------
    kind : str
        ``majority`` (groups of pixels: sectors), ``next_neighbour`` or ``analogue_sum``.
    pulse : Curve
        Pulse of one photoelectron at the discriminator, time in ns.
    amplitude, threshold, threshold_variation : float
        Peak of a mean photoelectron; threshold and its rms between pixels, in the same unit.
    multiplicity : int
        Pixels above threshold.
    time_over_threshold_ns, gate_length_ns : float
        Least time above the threshold; length of the discriminator's output, negative: as long as
        the signal is above the threshold, plus its magnitude.
    coincidence_ns : float
        Least overlap.
    clipping : float
        Largest signal of a pixel in an analogue sum; 0: none.
    groups : ndarray of int64, shape (n_groups, n_max)
        Pixels of each group (sector, neighbourhood, patch), padded with -1.
    bandwidth_ns : float
        Time step of the simulation of the trigger.
    excess_over_threshold : float
        Analogue sum: least integral of the signal's excess over the threshold, in its unit times
        ns (sim_telarray's ``teltrig_min_sigsum``).
    """

    kind: str
    pulse: Curve
    amplitude: float
    threshold: float
    threshold_variation: float
    multiplicity: int
    time_over_threshold_ns: float
    gate_length_ns: float
    coincidence_ns: float
    clipping: float
    groups: np.ndarray
    bandwidth_ns: float
    excess_over_threshold: float = 0.0


@dataclass(frozen=True)
class Camera:
    """Camera of a telescope type.

    Attributes
    ----------
    pixels : Pixels
        Pixels.
    light_guide : Curve
        Efficiency of the light guides against the angle of incidence in deg; referred to the whole
        entrance area of a pixel.
    light_guide_wavelength : Curve or None
        Relative efficiency against wavelength in nm.
    window : Curve or None
        Transmission of the entrance window or filter against wavelength in nm.
    transmission : float
        Further factor on the transmission.
    quantum_efficiency : Curve
        Against wavelength in nm.
    collection_efficiency, qe_variation : float
        Factor on it; rms of its relative variation between pixels.
    single_pe : Curve
        Distribution of the amplitude of one photoelectron, prompt, mean 1.
    single_pe_afterpulse : Curve
        The same with after-pulses, for the night-sky background.
    gain_variation, transit_time_jitter_ns, transit_time_error_ns : float
        Rms of relative gains after flat-fielding; rms transit-time spread of photoelectrons; rms
        between pixels.
    nsb_rate_ghz : float
        Night-sky photoelectrons per ns and pixel in a dark field, at the zenith, with the
        reflectivity as degraded as described.
    nsb_airmass : tuple of two float
        (f, k): part of the rate that is airglow, which grows with the air mass, and extinction in
        magnitudes per air mass; (0, 0): flat. See `iactflow.telescope.night_sky.airmass_factor`.
    readout : Readout
        Read-out.
    trigger : TelescopeTrigger
        Trigger.
    """

    pixels: Pixels
    light_guide: Curve
    light_guide_wavelength: Curve | None
    window: Curve | None
    transmission: float
    quantum_efficiency: Curve
    collection_efficiency: float
    qe_variation: float
    single_pe: Curve
    single_pe_afterpulse: Curve
    gain_variation: float
    transit_time_jitter_ns: float
    transit_time_error_ns: float
    nsb_rate_ghz: float
    nsb_airmass: tuple[float, float]
    readout: Readout
    trigger: TelescopeTrigger


@dataclass(frozen=True)
class TelescopeType:
    """A type of telescope.

    Attributes
    ----------
    name : str
        ``HESS-I``, ``LST``, ``MST-NectarCam`` ...
    optics : Optics
        Reflector.
    camera : Camera
        Camera.
    """

    name: str
    optics: Optics
    camera: Camera


@dataclass(frozen=True)
class Telescope:
    """A telescope of the array.

    Attributes
    ----------
    tel_id, name : int, str
        Number and name.
    x_m, y_m, z_m : float
        Position: north, west, up; z from the observation level.
    type : TelescopeType
        What it is.
    throughput : float
        Factor on all efficiencies, 1 for the description itself.
    """

    tel_id: int
    name: str
    x_m: float
    y_m: float
    z_m: float
    type: TelescopeType
    throughput: float = 1.0


@dataclass(frozen=True)
class ArrayTrigger:
    """Coincidence of telescopes.

    Attributes
    ----------
    tel_ids : tuple of int
        Telescopes that take part.
    multiplicity, window_ns : int, float
        Telescopes in coincidence; width of the window after the light's expected delay.
    min_separation_m : float
        At least two of them are this far apart.
    hard_stereo : bool
        A telescope of this group is never read out alone.
    """

    tel_ids: tuple[int, ...]
    multiplicity: int
    window_ns: float
    min_separation_m: float = 0.0
    hard_stereo: bool = False


@dataclass(frozen=True)
class Instrument:
    """An array, as one version describes it.

    Attributes
    ----------
    name, version, digest : str
        Name; version; SHA-256 over all its numbers.
    site : Site
        Where it stands.
    telescopes : tuple of Telescope
        Telescopes, by ascending number.
    triggers : tuple of ArrayTrigger
        Any one of them makes an event.
    dead_time_s : float
        Dead time per read-out.
    """

    name: str
    version: str
    digest: str
    site: Site
    telescopes: tuple[Telescope, ...]
    triggers: tuple[ArrayTrigger, ...]
    dead_time_s: float
