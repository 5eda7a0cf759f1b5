"""Tables of the array that took the data: telescopes, cameras, read-out.

Together they hold what `iactflow.io.subarray.Subarray` holds; ``array`` and ``array_telescopes``
alone are the part that travels with reconstructed events. A type of telescope is known by its
number: files of sim_telarray may give one name to types that differ.
"""

from __future__ import annotations

from iactflow.io.datamodel import Column, Table
from iactflow.io.tables_simulation import TEL_ID

__all__ = ["SUBARRAY_TABLES"]

TYPE = Column("type_index", "i2", "", "type of telescope, counted from 0")
NO_RATE = "not a number for charges"

SUBARRAY_TABLES = (
    Table(
        "array",
        "R0",
        "The array that took the data; its reference point is the origin of ground coordinates.",
        (
            Column("array_name", "U", "", "name"),
            Column("height_m", "f8", "m", "observation level above sea level"),
            Column("latitude_deg", "f8", "deg", "north; not a number where unknown"),
            Column("longitude_deg", "f8", "deg", "east; not a number where unknown"),
        ),
        ("array_name",),
        shared=True,
    ),
    Table(
        "array_telescopes",
        "R0",
        "A telescope of the array, whether it took part in a run or not.",
        (
            TEL_ID,
            TYPE,
            Column("telescope_type", "U", "", "name of its type"),
            Column("position_x_m", "f8", "m", "position, to the north"),
            Column("position_y_m", "f8", "m", "position, to the west"),
            Column("position_z_m", "f8", "m", "position above the observation level"),
            Column("focal_length_m", "f8", "m", "effective focal length: gives the plate scale"),
            Column("nominal_focal_length_m", "f8", "m", "distance of the focal plane"),
            Column("mirror_area_m2", "f8", "m2", "area of the mirrors"),
        ),
        ("tel_id",),
        shared=True,
    ),
    Table(
        "camera_readouts",
        "R0",
        "Camera and read-out of a type of telescope.",
        (
            TYPE,
            Column("camera_name", "U", "", "name"),
            Column("pixel_shape", "U", "", "hexagon, square or circle"),
            Column("pixel_rotation_deg", "f8", "deg", "direction of a corner, from x towards y"),
            Column("n_channels", "i2", "", "gain channels: 0 high, 1 low"),
            Column("n_samples", "i4", "", "samples of a waveform; 1 for charges"),
            Column("sampling_rate_ghz", "f8", "GHz", f"samples per nanosecond; {NO_RATE}"),
            Column("pulse_step_ns", "f8", "ns", "distance of the points of the pulse"),
        ),
        ("type_index",),
        shared=True,
    ),
    Table(
        "camera_pixels",
        "R0",
        "A pixel of the camera of a type of telescope; x: light from above the pointing, y: light "
        "from larger azimuth.",
        (
            TYPE,
            Column("pixel_id", "i4", "", "pixel"),
            Column("pixel_x_m", "f8", "m", "centre in the focal plane"),
            Column("pixel_y_m", "f8", "m", "centre in the focal plane"),
            Column("pixel_area_m2", "f8", "m2", "area"),
        ),
        ("type_index", "pixel_id"),
        shared=True,
    ),
    Table(
        "camera_pulses",
        "R0",
        "Pulse of a photoelectron in a channel of a camera; no rows where it is unknown.",
        (
            TYPE,
            Column("channel", "i2", "", "gain channel: 0 high, 1 low"),
            Column("point", "i4", "", "point, counted in steps of the pulse"),
            Column("pulse", "f8", "", "height, in any unit"),
        ),
        ("type_index", "channel", "point"),
        shared=True,
    ),
)
