"""Inputs of the stereo reconstruction: images of real files by ctapipe, images of known showers."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from iactflow.io.subarray import Camera, Subarray, TelescopeType

PARAMETERS = {
    "hillas_intensity": ("hillas", "intensity", ""),
    "hillas_fov_lon_deg": ("hillas", "fov_lon", "deg"),
    "hillas_fov_lat_deg": ("hillas", "fov_lat", "deg"),
    "hillas_r_deg": ("hillas", "r", "deg"),
    "hillas_length_deg": ("hillas", "length", "deg"),
    "hillas_width_deg": ("hillas", "width", "deg"),
    "hillas_psi_deg": ("hillas", "psi", "deg"),
    "hillas_skewness": ("hillas", "skewness", ""),
    "leakage_intensity_width_2": ("leakage", "intensity_width_2", ""),
    "morphology_n_pixels": ("morphology", "n_pixels", ""),
}


class Batch(NamedTuple):
    """Arguments of `iactflow.stereo.reconstruct.reconstruct_batch`, and what is known besides."""

    event_index: np.ndarray
    tel_index: np.ndarray
    parameters: dict
    pointing_alt_deg: np.ndarray
    pointing_az_deg: np.ndarray
    event_pointing_alt_deg: np.ndarray
    event_pointing_az_deg: np.ndarray
    n_events: int
    subarray: Subarray
    known: dict

    @property
    def arguments(self):
        """What the function takes, without the settings."""
        return self[:-1]


def _kind(description):
    geometry = description.camera.geometry
    camera = Camera(
        geometry.name,
        geometry.pix_x.to_value("m"),
        geometry.pix_y.to_value("m"),
        geometry.pix_area.to_value("m2"),
        geometry.pix_type.value,
        geometry.pix_rotation.to_value("deg"),
        *(1, 1, 1.0, np.empty((1, 0)), 1.0),
    )
    focal = geometry.frame.focal_length.to_value("m")
    return TelescopeType(str(description), camera, focal, focal, 100.0)


def _subarray(source):
    types = {}
    for description in source.subarray.tel.values():
        types.setdefault(description, len(types))
    tel_ids = sorted(source.subarray.tel)
    indices = source.subarray.tel_ids_to_indices(tel_ids)
    return Subarray(
        "array",
        np.array(tel_ids),
        source.subarray.tel_coords.cartesian.xyz.to_value("m").T[indices],
        tuple(_kind(d) for d in types),
        np.array([types[source.subarray.tel[t]] for t in tel_ids]),
        source.subarray.reference_location.geodetic.height.to_value("m"),
        np.nan,
        np.nan,
    )


def _known(event, name):
    geometry, shower = event.dl2.stereo.geometry[name], event.simulation.shower
    impact = {
        tel: container.impact[name].distance.to_value("m")
        for tel, container in event.dl2.tel.items()
        if name in container.impact
    }
    return {
        "is_valid": geometry.is_valid,
        **{k: getattr(geometry, k).to_value("deg") for k in ("alt", "az")},
        **{k: getattr(geometry, k).to_value("m") for k in ("core_x", "core_y", "h_max")},
        "telescopes": [] if geometry.telescopes is None else list(geometry.telescopes),
        "impact": impact,
        "true_alt": shower.alt.to_value("deg"),
        "true_az": shower.az.to_value("deg"),
    }


def _pointing_deg(angle):
    """Degrees of an angle that simtel files give as radians of single precision."""
    return float(np.degrees(np.float64(angle.to_value("rad"))))


def batch_of_ctapipe(path):
    """Images, parameters and geometry of a simtel file as ctapipe makes them."""
    from ctapipe.calib import CameraCalibrator
    from ctapipe.image import ImageProcessor
    from ctapipe.io import EventSource
    from ctapipe.reco import HillasReconstructor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with EventSource(path, focal_length_choice="EQUIVALENT") as source:
            calibrate = CameraCalibrator(subarray=source.subarray)
            process = ImageProcessor(subarray=source.subarray)
            reconstruct = HillasReconstructor(subarray=source.subarray)
            rows, events, known = [], [], []
            subarray = _subarray(source)
            for event in source:
                calibrate(event)
                process(event)
                reconstruct(event)
                events.append(
                    [
                        _pointing_deg(event.monitoring.pointing.array_altitude),
                        _pointing_deg(event.monitoring.pointing.array_azimuth),
                    ]
                )
                known.append(_known(event, "HillasReconstructor"))
                rows += [
                    (len(events) - 1, tel, event.dl1.tel[tel].parameters, event.monitoring.tel[tel])
                    for tel in sorted(event.dl1.tel)
                ]
    return _batch(rows, events, subarray, known)


def _batch(rows, events, subarray, known):
    def column(group, name, unit):
        values = [getattr(getattr(row[2], group), name) for row in rows]
        return np.array([v.to_value(unit) if unit else v for v in values], dtype=float)

    pointings = [row[3].pointing for row in rows]
    events = np.array(events).reshape(-1, 2)
    return Batch(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.searchsorted(subarray.tel_ids, [row[1] for row in rows]),
        {name: column(*where) for name, where in PARAMETERS.items()},
        np.array([_pointing_deg(p.altitude) for p in pointings]),
        np.array([_pointing_deg(p.azimuth) for p in pointings]),
        events[:, 0].copy(),
        events[:, 1].copy(),
        len(events),
        subarray,
        {name: [event[name] for event in known] for name in (known[0] if known else ())},
    )


SQUARE_M = np.array([[-84.8, 0, 0], [0, -84.8, 5.0], [84.8, 0, -3.0], [0, 84.8, 0.0]])


class Toys(NamedTuple):
    """Images of showers whose axis and maximum are known; rows of an event follow each other."""

    first: np.ndarray
    centre: np.ndarray
    along: np.ndarray
    position_m: np.ndarray
    direction: np.ndarray
    core_m: np.ndarray
    maximum_m: np.ndarray
    start: np.ndarray
    axes: np.ndarray


def unit(vectors):
    """Vectors of length one."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def toy_showers(n_events, alt_deg=70.0, az_deg=180.0, errors_rad=None, rng=None, tels=SQUARE_M):
    """Images of showers around a pointing, moved by normal errors (across, angle, along)."""
    from iactflow.stereo.frames import sky_vectors, tilted_axes

    rng = np.random.default_rng(3) if rng is None else rng
    axes = tilted_axes(alt_deg, az_deg)
    offset = np.radians(rng.normal(0.0, 0.5, (n_events, 2)))
    direction = unit(sky_vectors(alt_deg, az_deg) + offset @ axes[:2])
    core = np.column_stack([rng.normal(0.0, 80.0, (n_events, 2)), np.zeros(n_events)])
    maximum = core + direction * rng.normal(9000.0, 1000.0, (n_events, 1))
    event, tel = np.divmod(np.arange(n_events * len(tels)), len(tels))
    position = tels[tel]
    centre = unit(maximum[event] - position)
    normal = unit(np.cross(direction[event], core[event] - position))
    along = np.cross(normal, centre)
    if errors_rad is not None:
        across, angle, ahead = (np.radians(0.0) + rng.normal(0.0, e, len(event))[:, None]
                                for e in errors_rad)  # fmt: skip
        along = np.cos(angle) * along + np.sin(angle) * normal
        centre = unit(centre + across * normal + ahead * along)
        along = unit(along - np.sum(along * centre, axis=1, keepdims=True) * centre)
    start = np.zeros((n_events, 3, 3))
    start[:, 0] = sky_vectors(alt_deg, az_deg)
    start[:, 1] = position.mean(axis=0)
    start[:, 2, 0] = 1e-4
    first = np.arange(n_events + 1) * len(tels)
    everywhere = np.ascontiguousarray(np.broadcast_to(axes, (n_events, 3, 3)))
    return Toys(first, centre, along, position, direction, core, maximum, start, everywhere)
