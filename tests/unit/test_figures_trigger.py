"""Figures of the trigger: what is drawn is what was given."""

from __future__ import annotations

import numpy as np
import pytest

from iactflow.figures.style import save, style
from iactflow.figures.trigger import (
    TriggerArea,
    TriggerLight,
    draw_area_and_rate,
    draw_probability,
)

EDGES = np.geomspace(0.1, 10.0, 5)


def flat(energy):
    return 1e-12 / np.asarray(energy)


def test_area_and_rate(tmp_path):
    first = TriggerArea("new", EDGES, np.array([0.0, 1e4, 1e5, 2e5]), np.full(4, 1e3))
    second = TriggerArea("worn", EDGES, np.array([0.0, 5e3, 8e4, 2e5]), np.full(4, 1e3))
    with style():
        figure = draw_area_and_rate([first, second], {"flat": flat}, "Array trigger")
        save(figure, tmp_path / "area.png")
    left, right = figure.axes
    # An empty bin has no place on a logarithmic axis.
    np.testing.assert_allclose(left.containers[0].lines[0].get_ydata(), [1e4, 1e5, 2e5])
    steps = [patch for patch in right.patches if hasattr(patch, "get_data")]
    # dN/dE = 1e-12 / E has 1e-12 per logarithm of energy; 1e4 cm2 a m2; 60 s a minute.
    expected = 60.0 * 1e-12 * 1e4 * first.area_m2
    np.testing.assert_allclose(steps[0].get_data().values, expected, rtol=1e-9)
    total = float(np.sum(expected * np.diff(np.log(EDGES))))
    label = right.get_legend().get_texts()[0].get_text()
    assert label.startswith("flat, new: ")
    assert float(label.split()[2]) == pytest.approx(total, abs=0.5)
    assert (tmp_path / "area.png").stat().st_size > 5000


def test_probability():
    panel = TriggerLight(
        "LST", np.array([20, 50, 300, 400]), np.array([0, 0.4, 1, 1]), np.array([-1, 0, 1, 1])
    )
    with style():
        figure = draw_probability([panel, panel], "Two types")
    axes = figure.axes[1]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[20], [50], [300, 400]]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["no event recorded (1)", "not read out there (1)", "read out there (2)"]
