"""What a file of raw data says of the array that it was simulated with.

The plate scale is that of the light that is traced: the mean place of a star's image, over the
tangent of its angle from the axis. Masts shadow the dish unevenly, so that the place differs from
side to side by a fraction of a percent; the mean over four sides is taken. Descriptions quote
effective focal lengths of sim_telarray, which differ from it by up to 0.24 % (see the validation
page on ray tracing); a direction 2 deg off axis would be wrong by 0.005 deg.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from iactflow.instrument import description
from iactflow.instrument.compare import mirror_area_m2
from iactflow.instrument.describe_optics import Alignment, Optics
from iactflow.io.subarray import Camera, Subarray, TelescopeType
from iactflow.telescope.spot import trace_star

__all__ = ["make_subarray", "traced_focal_length_m"]

PULSE_STEP_NS = 0.05
STAR_DEG, SIDES_DEG, N_RAYS = 1.0, (0.0, 90.0, 180.0, 270.0), 50_000
# Relative difference of focal lengths that is the statistics of the rays.
SAME_FOCAL_LENGTH = 1e-4
# From the normal of a side to what the rotation is counted by: a corner of hexagons, a side of
# squares.
TURN_DEG = {"hexagon": 30.0, "square": 0.0}
AREA = {"hexagon": np.sqrt(3.0) / 2.0, "square": 1.0}


def traced_focal_length_m(optics: Optics) -> float:
    """Effective focal length of a reflector, from rays of a star 1 deg off axis.

    Parameters
    ----------
    optics : Optics
        Reflector. Its random misalignment is left out: it scatters light about the same place.

    Returns
    -------
    float
        Mean over four sides, in m; its statistical error is below 0.01 %.
    """
    rigid = Alignment(0.0)
    optics = replace(
        optics,
        align_horizontal=rigid,
        align_vertical=rigid,
        align_distance_m=0.0,
        random_focal_length_m=0.0,
    )
    stars = [trace_star(optics, 0.0, STAR_DEG, side, n_rays=N_RAYS) for side in SIDES_DEG]
    return float(np.mean([star.effective_focal_length_m for star in stars]))


def make_subarray(instrument: description.Instrument) -> Subarray:
    """Subarray of an instrument.

    Parameters
    ----------
    instrument : Instrument
        Description of the whole array.

    Returns
    -------
    Subarray
        All its telescopes; types in the order of their first telescope. Types of the description
        that tell a reconstruction the same (mirrors may differ in their reflectivity) are one,
        which has the name of the first.

    Raises
    ------
    InputError
        If the description cannot be traced.
    """
    types: list[TelescopeType] = []
    place: dict[int, int] = {}
    for telescope in instrument.telescopes:
        if id(telescope.type) not in place:
            made = _telescope_type(telescope.type)
            same = [i for i, known in enumerate(types) if _alike(known, made)]
            place[id(telescope.type)] = same[0] if same else len(types)
            types += [] if same else [made]
    site = instrument.site
    return Subarray(
        name=f"{instrument.name}/{instrument.version}",
        tel_ids=np.array([t.tel_id for t in instrument.telescopes], dtype=np.int64),
        positions_m=np.array([(t.x_m, t.y_m, t.z_m) for t in instrument.telescopes], dtype=float),
        types=tuple(types),
        type_index=np.array([place[id(t.type)] for t in instrument.telescopes], dtype=np.int64),
        height_m=float(site.altitude_m),
        latitude_deg=float(site.latitude_deg),
        longitude_deg=float(site.longitude_deg),
    )


def _alike(a: TelescopeType, b: TelescopeType) -> bool:
    """Whether a reconstruction could not tell two types from each other."""
    if (a.nominal_focal_length_m, a.mirror_area_m2) != (b.nominal_focal_length_m, b.mirror_area_m2):
        return False
    if abs(a.focal_length_m / b.focal_length_m - 1.0) > SAME_FOCAL_LENGTH:
        return False
    return all(
        _equal(value, vars(b.camera)[name])
        for name, value in vars(a.camera).items()
        if name != "name"
    )


def _equal(one, other) -> bool:
    numbers = np.asarray(one).dtype.kind == "f"
    return np.array_equal(one, other, equal_nan=numbers)


def _telescope_type(kind: description.TelescopeType) -> TelescopeType:
    return TelescopeType(
        name=kind.name,
        camera=_camera(kind.name, kind.camera),
        focal_length_m=traced_focal_length_m(kind.optics),
        nominal_focal_length_m=float(kind.optics.focal_length_m),
        mirror_area_m2=mirror_area_m2(kind.optics.facets),
    )


def _camera(name: str, camera: description.Camera) -> Camera:
    pixels, readout = camera.pixels, camera.readout
    charge = readout.mode == "charge"
    pulses = (readout.pulse_high, readout.pulse_low)[: readout.n_gains]
    begin = min(pulse.x[0] for pulse in pulses)
    end = max(pulse.x[-1] for pulse in pulses)
    time = begin + PULSE_STEP_NS * np.arange(int(np.ceil((end - begin) / PULSE_STEP_NS)) + 1)
    full_turn = 60.0 if pixels.shape == "hexagon" else 90.0
    return Camera(
        name=name,
        pixel_x_m=np.ascontiguousarray(pixels.x_m, dtype=np.float64),
        pixel_y_m=np.ascontiguousarray(pixels.y_m, dtype=np.float64),
        pixel_area_m2=np.full(len(pixels.x_m), AREA[pixels.shape] * pixels.diameter_m**2),
        pixel_shape=pixels.shape,
        pixel_rotation_deg=float((pixels.rotation_deg + TURN_DEG[pixels.shape]) % full_turn),
        n_channels=readout.n_gains,
        n_samples=1 if charge else readout.n_samples,
        sampling_rate_ghz=float("nan") if charge else float(readout.sampling_ghz),
        pulse=np.array([np.interp(time, p.x, p.y, left=0.0, right=0.0) for p in pulses]),
        pulse_step_ns=PULSE_STEP_NS,
    )
