"""Figures of star images."""

from __future__ import annotations

import numpy as np
import pytest
from figure_samples import text_outside
from matplotlib.patches import Circle
from optics_samples import make_facets, perfect

from iactflow.errors import InputError
from iactflow.figures.optics import RadiusCurve, draw_r80, draw_spots
from iactflow.figures.style import style
from iactflow.telescope.spot import containment_radius, trace_star


@pytest.fixture(scope="module")
def spots():
    """Images at four field angles."""
    optics = perfect(make_facets([0.0, 1.0], [0.0, 2.0], 0.6), reflection_sigma_deg=0.01)
    return [trace_star(optics, 0.0, angle, n_rays=5000) for angle in (0.0, 1.0, 2.0, 3.0)]


def test_spot_diagrams(spots):
    with style():
        figure = draw_spots(spots, 15.0, "Two facets", 0.16)
        assert text_outside(figure) == []
    panels = [axes for axes in figure.axes if any(isinstance(p, Circle) for p in axes.patches)]
    assert len(panels) == 4
    for axes, spot in zip(panels, spots, strict=True):
        (circle,) = (p for p in axes.patches if isinstance(p, Circle))
        expected = 1e3 * containment_radius(spot.x_m, spot.y_m) / 15.0
        assert circle.radius == pytest.approx(expected)
        assert circle.radius < axes.get_xlim()[1]
    assert len({axes.get_xlim() for axes in panels}) == 1


def test_sizes_against_angles():
    angle = np.array([0.0, 1.0, 2.0])
    ours = RadiusCurve("ray tracing", angle, np.array([0.4, 0.8, 1.5]))
    reference = RadiusCurve("measured", angle, np.array([0.42, 0.82, 1.48]), True)
    with style():
        figure = draw_r80([ours, reference], [ours], "H.E.S.S. I")
        assert text_outside(figure) == []
    left, right = figure.axes
    assert [len(axes.lines) for axes in (left, right)] == [2, 1]
    assert left.get_ylim()[0] == 0.0
    assert left.get_ylim()[1] > 1.5


def test_nothing_to_draw():
    for call in (lambda: draw_spots([], 15.0), lambda: draw_r80([])):
        with pytest.raises(InputError):
            call()
