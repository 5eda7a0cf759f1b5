"""Telescopes as a file of sim_telarray describes them.

Objects 2002 to 2005 (camera, read-out, disabled pixels) and 75 (names, site), laid out as in the
hessio library of sim_telarray. What follows from them is the same as in ctapipe: pixels in the
frame of the camera after its rotation, the effective focal length for the plate scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from iactflow.io.simtel_fields import Fields
from iactflow.io.subarray import Camera, Subarray, TelescopeType

__all__ = ["DESCRIPTIONS", "TelescopeParts", "build_subarray", "read_description", "read_meta"]

CAMERA, ORGANISATION, PIXELS, DISABLED = 2002, 2003, 2004, 2005
#: Objects that must be there for each telescope before its first event.
DESCRIPTIONS = (CAMERA, ORGANISATION, PIXELS, DISABLED)

MAX_PIXELS, MAX_CHANNELS, MAX_SAMPLES = 200_000, 4, 32_767
PULSES = f"up to {MAX_CHANNELS} pulses"
# Shape by sim_telarray's number, and direction of a corner of hexagons from x towards y.
SHAPES = {0: ("circle", 0.0), 1: ("hexagon", 30.0), 2: ("square", 0.0), 3: ("hexagon", 0.0)}
UNKNOWN_SHAPE = ("hexagon", 30.0)

# Files without names: optics and camera by number of pixels and focal length in cm, and where two
# differ in that alone, by the number of mirror facets.
KNOWN = {
    (2048, 228): ("GCT", "CHEC"),
    (2368, 215): ("ASTRI", "ASTRICam"),
    (2048, 215): ("ASTRI", "CHEC"),
    (1296, 560): ("1M", "DigiCam"),
    (1764, 1600): ("MST", "FlashCam"),
    (1855, 1600): ("MST", "NectarCam"),
    (1855, 2800): ("LST", "LSTCam"),
    (11328, 559): ("SCT", "SCTCam"),
    (960, 1500): ("HESS-I", "HESS-I"),
    (2048, 3600): ("HESS-II", "HESS-II"),
    (1440, 489): ("FACT", "FACT"),
    (1039, 1697, 964): ("MAGIC-1", "MAGICCam"),
    (1039, 1697, 247): ("MAGIC-2", "MAGICCam"),
    (1039, 1700, 964): ("MAGIC-1", "MAGICCam"),
    (1039, 1700, 247): ("MAGIC-2", "MAGICCam"),
}


@dataclass
class TelescopeParts:
    """What is known of a telescope while its objects come in.

    Attributes
    ----------
    camera, readout : dict
        Fields of the objects 2002, and 2003 with 2004.
    disabled : ndarray of int32 or None
        Pixels without high voltage.
    meta : dict of str to str
        Names and settings.
    """

    camera: dict = field(default_factory=dict)
    readout: dict = field(default_factory=dict)
    disabled: np.ndarray | None = None
    meta: dict = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all objects have come.

        Returns
        -------
        bool
            Completeness.
        """
        known = self.camera and {"n_channels", "n_samples"} <= self.readout.keys()
        return bool(known) and self.disabled is not None


def read_meta(fields: Fields) -> dict[str, str]:
    """Names and settings (object 75).

    Parameters
    ----------
    fields : Fields
        Object.

    Returns
    -------
    dict of str to str
        Values by name.

    Raises
    ------
    InputError
        If it is damaged.
    """
    values = {}
    for _ in range(fields.unsigned_vint()):
        name = fields.text(fields.unsigned_vint())
        values[name] = fields.text(fields.unsigned_vint()).strip()
    return values


def read_description(fields: Fields, parts: TelescopeParts) -> None:
    """Take one of `DESCRIPTIONS` into what is known of its telescope.

    Parameters
    ----------
    fields : Fields
        Object.
    parts : TelescopeParts
        Filled.

    Raises
    ------
    InputError
        If it is damaged, of an unknown version, or contradicts another object.
    """
    kind = fields.header.type
    if kind == CAMERA:
        parts.camera = _read_camera(fields)
    elif kind == ORGANISATION:
        fields.need_version(1, 2)
        _same_pixels(fields, parts, fields.count(MAX_PIXELS))
        fields.int32()
        n_channels = fields.count(MAX_CHANNELS)
        if n_channels == 0:
            raise fields.fail("no gain channel", "at least one")
        parts.readout["n_channels"] = n_channels
    elif kind == PIXELS:
        parts.readout.update(_read_pixels(fields, parts))
    elif kind == DISABLED:
        fields.need_version(0)
        fields.array("i4", fields.count(MAX_PIXELS))
        parts.disabled = fields.array("i4", fields.count(MAX_PIXELS))
        n_pixels = parts.camera.get("n_pixels", MAX_PIXELS)
        if np.any((parts.disabled < 0) | (parts.disabled >= n_pixels)):
            raise fields.fail("a disabled pixel that there is not", f"from 0 to {n_pixels - 1}")


def _same_pixels(fields, parts, n):
    known = parts.camera.get("n_pixels", n)
    if n != known:
        raise fields.fail(f"{n} pixels", f"{known}, as the camera has")


def _read_camera(fields):
    """Object 2002."""
    version = fields.header.version
    fields.need_version(*range(7))
    n = fields.count(MAX_PIXELS)
    if n == 0:
        raise fields.fail("no pixels", "at least one")
    camera = {"n_pixels": n, "nominal": fields.float32(), "effective": math.nan}
    if version >= 5:
        camera["effective"] = fields.float32()
    if version >= 6:
        fields.skip(16)
    camera["x"], camera["y"] = (fields.array("f4", n).astype(np.float64) for _ in "xy")
    shape = -1
    if version >= 4:
        shape, area = _read_shapes(fields, n)
    else:
        area = fields.array("f4", n)
        fields.skip(4 * n if version >= 1 else 0)
    camera["shape"], camera["area"] = shape, area.astype(np.float64)
    camera["n_mirrors"], camera["mirror_area"] = 0, 0.0
    if version >= 2:
        camera["n_mirrors"], camera["mirror_area"] = fields.int32(), fields.float32()
    camera["rotation"] = fields.float32() if version >= 3 else 0.0
    values = [camera["nominal"], camera["rotation"], camera["mirror_area"]]
    for name in ("x", "y", "area"):
        values += [float(np.abs(camera[name]).max())]
    if not np.all(np.isfinite(values)) or camera["nominal"] <= 0.0:
        raise fields.fail("a camera without finite sizes", "finite numbers")
    return camera


def _read_shapes(fields, n):
    """Curvature, normals, shapes and areas of pixels, from version 4 on."""
    curved, parallel = fields.vint(), fields.vint()
    fields.skip(4 * n if curved else 0)
    fields.skip(0 if parallel else 8 * n)
    if fields.vint():
        shape, area = fields.vint(), np.full(n, fields.float32(), dtype=np.float32)
        fields.skip(4)
        return shape, area
    shapes = [fields.vint() for _ in range(n)]
    area = fields.array("f4", n)
    fields.skip(4 * n)
    return shapes[0], area


def _read_pixels(fields, parts):
    """Object 2004: samples and reference pulses."""
    version = fields.header.version
    fields.need_version(0, 1, 2, 3)
    fields.skip(12)
    n = fields.count(MAX_PIXELS)
    _same_pixels(fields, parts, n)
    fields.skip(4 * n)
    n_drawers = fields.count(MAX_PIXELS)
    fields.skip(8 * n_drawers + 4)
    readout = {"step_ns": math.nan, "n_samples": 1}
    readout |= {"pulse": np.empty((0, 0)), "pulse_step": math.nan}
    if version >= 1:
        readout["step_ns"] = fields.float32()
        readout["n_samples"] = fields.count(MAX_SAMPLES)
        if not readout["step_ns"] > 0.0:
            raise fields.fail(f"samples of {readout['step_ns']} ns", "a positive length")
    if version >= 2:
        n_pulses, n_points = fields.vint(), fields.vint()
        if not (0 <= n_pulses <= MAX_CHANNELS and 0 <= n_points <= 1 << 20):
            raise fields.fail(f"{n_pulses} pulses of {n_points} points", PULSES)
        readout["pulse_step"] = fields.float32()
        pulse = fields.array("f2", n_pulses * n_points).astype(np.float64)
        readout["pulse"] = pulse.reshape(n_pulses, n_points)
    return readout


def build_subarray(
    parts: dict[int, TelescopeParts],
    run: dict,
    meta: dict[str, str],
    height_m: float,
    charges: dict[int, bool],
) -> tuple[Subarray, set[int], tuple]:
    """Subarray of a run.

    Parameters
    ----------
    parts : dict of int to TelescopeParts
        Complete parts by telescope.
    run : dict
        ``tel_id`` and ``tel_pos`` of the run's header.
    meta : dict of str to str
        Names and settings of the array.
    height_m : float
        Observation level of the simulation, for files that do not name their site.
    charges : dict of int to bool
        Whether telescopes gave charges instead of samples, of those that have been seen. The
        others do as those of their type; of types not seen, as all that were seen.

    Returns
    -------
    subarray : Subarray
        Telescopes, those that are alike with one type.
    charges : set of int
        Telescopes that give charges.
    key : tuple
        What makes two subarrays equal.
    """
    order = np.argsort(run["tel_id"], kind="stable")
    tel_ids = run["tel_id"][order].tolist()
    keys = {tel_id: _key(parts[tel_id]) for tel_id in tel_ids}
    seen = {keys[tel_id]: value for tel_id, value in charges.items()}
    rest = bool(seen) and all(seen.values())
    distinct = list(dict.fromkeys(keys.values()))
    first = {key: next(i for i in tel_ids if keys[i] == key) for key in distinct}
    latitude, longitude, height = _site(meta, height_m)
    subarray = Subarray(
        name=meta.get("ARRAY_CONFIG_NAME", "MonteCarloArray"),
        tel_ids=np.array(tel_ids, dtype=np.int64),
        positions_m=run["tel_pos"][order].astype(np.float64),
        types=tuple(_telescope_type(parts[first[k]], seen.get(k, rest)) for k in distinct),
        type_index=np.array([distinct.index(keys[i]) for i in tel_ids], dtype=np.int64),
        height_m=height,
        latitude_deg=latitude,
        longitude_deg=longitude,
    )
    charged = {i for i in tel_ids if seen.get(keys[i], rest)}
    return subarray, charged, (*tel_ids, subarray.positions_m.tobytes(), *keys.values())


def _site(meta, height_m):
    """Latitude, longitude, height: all of them from the file, or its level and no place."""
    site = [_number(meta.get(name)) for name in ("*LATITUDE", "*LONGITUDE", "ALTITUDE")]
    return site if all(map(math.isfinite, site)) else (math.nan, math.nan, height_m)


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def _key(parts):
    """What telescopes of one type have in common."""
    camera, readout = parts.camera, parts.readout
    numbers = [camera[k] for k in ("nominal", "rotation", "shape", "n_mirrors", "mirror_area")]
    numbers += [_effective(camera), *(readout[k] for k in ("n_channels", "n_samples"))]
    steps = [None if math.isnan(readout[k]) else readout[k] for k in ("step_ns", "pulse_step")]
    arrays = (camera["x"], camera["y"], camera["area"], readout["pulse"])
    return (*_names(parts), *numbers, *steps, *(array.tobytes() for array in arrays))


def _effective(camera):
    """Effective focal length, or the nominal one."""
    value = camera["effective"]
    return value if math.isfinite(value) and value > 0.0 else camera["nominal"]


def _telescope_type(parts, charges):
    camera, readout = parts.camera, parts.readout
    shape, corner = SHAPES.get(camera["shape"], UNKNOWN_SHAPE)
    sine, cosine = math.sin(camera["rotation"]), math.cos(camera["rotation"])
    optics, name = _names(parts)
    n_channels, pulse = readout["n_channels"], readout["pulse"]
    # One reference pulse stands for all channels.
    pulse = pulse[np.minimum(np.arange(n_channels), len(pulse) - 1)] if len(pulse) else None
    made = Camera(
        name=name,
        pixel_x_m=camera["x"] * cosine - camera["y"] * sine,
        pixel_y_m=camera["x"] * sine + camera["y"] * cosine,
        pixel_area_m2=camera["area"],
        pixel_shape=shape,
        pixel_rotation_deg=_reduced(corner + math.degrees(camera["rotation"]), shape),
        n_channels=n_channels,
        n_samples=1 if charges else readout["n_samples"],
        sampling_rate_ghz=math.nan if charges else 1.0 / readout["step_ns"],
        pulse=np.empty((n_channels, 0)) if pulse is None else pulse,
        pulse_step_ns=readout["pulse_step"],
    )
    return TelescopeType(
        name=f"{_size(camera['mirror_area'])}_{optics}_{name}",
        camera=made,
        focal_length_m=_effective(camera),
        nominal_focal_length_m=camera["nominal"],
        mirror_area_m2=camera["mirror_area"],
    )


def _reduced(angle_deg, shape):
    return angle_deg % {"hexagon": 60.0, "square": 90.0}.get(shape, 360.0)


def _names(parts):
    """Names of optics and camera: from the file, from its numbers, or none."""
    keys = ("OPTICS_CONFIG_NAME", "CAMERA_CONFIG_NAME", "MIRROR_CLASS")
    if all(key in parts.meta for key in keys):
        return parts.meta[keys[0]], parts.meta[keys[1]]
    camera = parts.camera
    key = (camera["n_pixels"], round(100.0 * round(camera["nominal"], 2)))
    known = KNOWN.get((*key, camera["n_mirrors"]), KNOWN.get(key))
    unknown = f"UNKNOWN-{camera['mirror_area']:.0f}M2", f"UNKNOWN-{camera['n_pixels']}PX"
    return known or unknown


def _size(mirror_area_m2):
    """Class of a telescope by the diameter of a disk of its mirror's area."""
    diameter = 2.0 * math.sqrt(max(mirror_area_m2, 0.0) / math.pi)
    return "SST" if diameter < 8.0 else "MST" if diameter < 16.0 else "LST"
