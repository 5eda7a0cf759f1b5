"""Rows of the table of calibrations as coefficients of a camera."""

from __future__ import annotations

import numpy as np

from iactflow.io.coefficients import arrange_coefficients

SHAPE = (2, 4)


def table():
    """Two rows of each of the pixels 0 to 2 in both channels; none of pixel 3."""
    channel, pixel = (v.ravel() for v in np.meshgrid([0, 1], [2, 0, 1], indexing="ij"))
    channel, pixel = np.tile(channel, 2), np.tile(pixel, 2)
    n = len(pixel)
    return {
        "channel": channel,
        "pixel_id": pixel,
        "pedestal_adu": np.repeat([100.0, 200.0], n // 2) + pixel,
        "pedestal_std_adu": np.full(n, 2.5),
        "pe_per_adu": 0.5 + channel,
        "flatfield": 1.0 + 0.1 * pixel,
        "time_shift_ns": 0.1 * pixel,
        "status": np.zeros(n, np.uint8),
    }


def arranged(columns):
    return arrange_coefficients(columns, np.arange(len(columns["pixel_id"])), SHAPE)


def test_last_rows_count_and_pixels_without_are_unusable():
    found = arranged(table())
    for channel in (0, 1):
        for pixel in range(3):
            at = channel, pixel
            assert found.pedestal_adu[at] == 200.0 + pixel
            assert found.pe_per_adu[at] == np.float32(0.5 + channel) * np.float32(1 + 0.1 * pixel)
            assert found.time_shift_ns[at] == np.float32(0.1 * pixel)
            assert not found.unusable[at]
        assert found.unusable[channel, 3]
        assert found.pe_per_adu[channel, 3] == 0.0


def test_numbers_that_do_not_exist_make_a_pixel_unusable():
    bad = (
        ("pedestal_adu", np.nan),
        ("pedestal_adu", np.inf),
        ("pe_per_adu", np.nan),
        ("pe_per_adu", np.inf),
        ("flatfield", np.nan),
        ("flatfield", 0.0),
        ("flatfield", -1.0),
        ("pe_per_adu", 3e38),
        ("status", 4),
    )
    for name, value in bad:
        columns = table()
        row = 9
        channel, pixel = columns["channel"][row], columns["pixel_id"][row]
        columns["flatfield"][row] = 1.9
        columns[name][row] = value
        found = arranged(columns)
        expected = np.zeros(SHAPE, bool)
        expected[:, 3] = expected[channel, pixel] = True
        np.testing.assert_array_equal(found.unusable, expected, err_msg=f"{name} {value}")
        assert np.isfinite(found.pedestal_adu).all()
        assert found.pe_per_adu[channel, pixel] == 0.0
