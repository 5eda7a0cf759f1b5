"""Maps of a camera's calibration."""

from __future__ import annotations

import numpy as np
import pytest
from calibration_samples import generator, subarray

from iactflow.errors import InputError
from iactflow.figures.calibration import calibration_figure
from iactflow.figures.style import save, style

N = 200
KIND = subarray(N, 12).types[0]


def table():
    draw = generator("figure")
    pixel = np.tile(np.arange(N), 2)
    order = draw.permutation(2 * N)
    columns = {
        "channel": np.repeat([0, 1], N),
        "pixel_id": pixel,
        "pedestal_adu": 250.0 + 0.01 * pixel,
        "pedestal_std_adu": np.full(2 * N, 3.6),
        "pe_per_adu": np.repeat([1 / 58.0, 1 / 4.0], N),
        "flatfield": 1.0 + 0.05 * draw.standard_normal(2 * N),
        "time_shift_ns": 0.3 * draw.standard_normal(2 * N),
        "status": np.zeros(2 * N, np.uint8),
    }
    columns["status"][5] = 9
    columns["pe_per_adu"][5] = np.nan
    return {name: values[order] for name, values in columns.items()}


@pytest.mark.parametrize("channel", [0, 1])
def test_maps_show_the_channel_in_the_order_of_pixels(channel, tmp_path):
    with style():
        figure = calibration_figure(table(), KIND, channel, "CT 1")
        save(figure, tmp_path / "calibration.png")
    assert (tmp_path / "calibration.png").stat().st_size > 10_000
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes}
    pedestal = panels["Pedestal"].collections[0].get_array()
    np.testing.assert_array_equal(pedestal.mask, (np.arange(N) == 5) & (channel == 0))
    usable = ~pedestal.mask
    np.testing.assert_allclose(pedestal.data[usable], (250.0 + 0.01 * np.arange(N))[usable])
    gain = panels["Gain"].collections[0].get_array()
    np.testing.assert_allclose(gain.compressed(), (58.0, 4.0)[channel])
    status = panels["Status"].collections[0].get_array()
    assert status[5] == (1 if channel == 0 else 0)
    texts = [text.get_text() for axes in figure.axes for text in axes.get_yticklabels()]
    assert f"usable: {N - 1 + channel}" in texts
    assert f"dead: {1 - channel}" in texts


def test_a_camera_without_usable_pixels_is_drawn_as_well():
    columns = table()
    columns["status"][:] = 1
    with style():
        figure = calibration_figure(columns, KIND, 0, "CT 1")
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "no usable pixel" in texts


def test_rows_of_another_camera_are_refused():
    columns = table()
    keep = columns["pixel_id"] != 17
    columns = {name: values[keep] for name, values in columns.items()}
    with pytest.raises(InputError, match="one for each of 200 pixels"):
        calibration_figure(columns, KIND, 0, "CT 1")
