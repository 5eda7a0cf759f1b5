"""The array of a file of ours as ctapipe describes arrays."""

from __future__ import annotations

from collections.abc import Mapping

import astropy.units as u
import numpy as np
from astropy.coordinates import EarthLocation
from ctapipe.coordinates import CameraFrame
from ctapipe.instrument import (
    CameraDescription,
    CameraGeometry,
    CameraReadout,
    OpticsDescription,
    ReflectorShape,
    SizeType,
    SubarrayDescription,
    TelescopeDescription,
)

__all__ = ["describe_subarray"]

# ctapipe counts the rotation of hexagons from a corner on the y axis.
CORNER_ON_Y_DEG = {"hexagon": 30.0}
# Charges have no rate; ctapipe wants a number, which nothing uses.
NO_RATE_GHZ = 1.0


def describe_subarray(tables: Mapping[str, Mapping]) -> SubarrayDescription:
    """Array from the tables of a file.

    Parameters
    ----------
    tables : mapping of str to mapping of str to ndarray
        Tables ``array``, ``array_telescopes``, ``camera_readouts``, ``camera_pixels``,
        ``camera_pulses``.

    Returns
    -------
    SubarrayDescription
        Array; where its place on earth is not told, on the equator.
    """
    array, telescopes = tables["array"], tables["array_telescopes"]
    descriptions = {}
    for index in np.unique(telescopes["type_index"]):
        first = int(np.flatnonzero(telescopes["type_index"] == index)[0])
        descriptions[int(index)] = _telescope(tables, int(index), first)
    positions = np.column_stack([telescopes[f"position_{axis}_m"] for axis in "xyz"]) * u.m
    longitude, latitude = (
        np.nan_to_num(float(array[key][0])) * u.deg for key in ("longitude_deg", "latitude_deg")
    )
    height = float(array["height_m"][0]) * u.m
    return SubarrayDescription(
        name=str(array["array_name"][0]),
        tel_positions={int(t): positions[i] for i, t in enumerate(telescopes["tel_id"])},
        tel_descriptions={
            int(t): descriptions[int(i)]
            for t, i in zip(telescopes["tel_id"], telescopes["type_index"], strict=True)
        },
        reference_location=EarthLocation(lon=longitude, lat=latitude, height=height),
    )


def _telescope(tables: Mapping[str, Mapping], index: int, row: int) -> TelescopeDescription:
    telescope = {name: column[row] for name, column in tables["array_telescopes"].items()}
    name, focal = str(telescope["telescope_type"]), float(telescope["focal_length_m"]) * u.m
    optics = OpticsDescription(
        name=name,
        size_type=SizeType.UNKNOWN,
        n_mirrors=1,
        equivalent_focal_length=float(telescope["nominal_focal_length_m"]) * u.m,
        effective_focal_length=focal,
        mirror_area=float(telescope["mirror_area_m2"]) * u.m**2,
        n_mirror_tiles=1,
        reflector_shape=ReflectorShape.UNKNOWN,
    )
    return TelescopeDescription(name=name, optics=optics, camera=_camera(tables, index, focal))


def _camera(tables: Mapping[str, Mapping], index: int, focal: u.Quantity) -> CameraDescription:
    def of_type(table):
        columns = tables[table]
        return {k: v[columns["type_index"] == index] for k, v in columns.items()}

    readout = {name: column[0] for name, column in of_type("camera_readouts").items()}
    pixels, pulses = of_type("camera_pixels"), of_type("camera_pulses")
    name, shape = str(readout["camera_name"]), str(readout["pixel_shape"])
    rate = float(readout["sampling_rate_ghz"])
    rotation = float(readout["pixel_rotation_deg"]) - CORNER_ON_Y_DEG.get(shape, 0.0)
    order = np.argsort(pixels["pixel_id"])
    pulse = pulses["pulse"][np.lexsort([pulses["point"], pulses["channel"]])]
    geometry = CameraGeometry(
        name=name,
        pix_id=np.arange(len(order)),
        pix_x=pixels["pixel_x_m"][order] * u.m,
        pix_y=pixels["pixel_y_m"][order] * u.m,
        pix_area=pixels["pixel_area_m2"][order] * u.m**2,
        pix_type=shape,
        pix_rotation=rotation * u.deg,
        cam_rotation=0.0 * u.deg,
        frame=CameraFrame(focal_length=focal),
    )
    return CameraDescription(
        name=name,
        geometry=geometry,
        readout=CameraReadout(
            name=name,
            sampling_rate=(rate if np.isfinite(rate) else NO_RATE_GHZ) * u.GHz,
            reference_pulse_shape=pulse.reshape(int(readout["n_channels"]), -1),
            reference_pulse_sample_width=float(readout["pulse_step_ns"]) * u.ns,
            n_channels=int(readout["n_channels"]),
            n_pixels=len(order),
            n_samples=int(readout["n_samples"]),
        ),
    )
