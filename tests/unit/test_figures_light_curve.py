"""Figure of a light curve."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time
from figure_samples import settings, text_outside

from iactflow.figures import light_curve
from iactflow.figures.light_curve import plot_light_curve, split_nights
from iactflow.figures.style import style

NIGHT = 53945.85 + np.arange(12) * 10 / 1440


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Draw a light curve of given starts; the last bin is a limit, one has no data."""
    drawn = {}
    monkeypatch.setattr(light_curve, "save", lambda figure, path: drawn.update({path: figure}))

    def call(starts, width_d=10 / 1440, flux=None, **changes):
        n = len(starts)
        flux = 1e-11 * np.ones(n) if flux is None else flux
        points = [
            {
                "mjd_min": float(start),
                "mjd_max": float(start + width_d),
                "flux": float(value),
                "flux_err": 1e-12,
                "flux_ul": float(value + 2e-12),
            }
            for start, value in zip(starts, flux, strict=True)
        ]
        if n > 3:
            points[1].update(flux=None, flux_err=None, flux_ul=None)
        block = {
            "energy_min_tev": 1.0,
            "energy_max_tev": 20.0,
            "points": points,
            "fractional_variability": 0.42,
            "fractional_variability_error": 0.03,
            "chi2": 12.5,
            "ndf": max(n - 2, 0),
        } | changes
        (tmp_path / "summary.json").write_text(json.dumps({"run_wise": block}))
        is_ul = np.zeros((n, 1), bool)
        is_ul[-1] = n > 3
        path = tmp_path / "light_curve.ecsv"
        Table({"is_ul": is_ul}).write(path, format="ascii.ecsv", overwrite=True)
        plot_light_curve(
            SimpleNamespace(light_curve=str(path), summary=str(tmp_path / "summary.json")),
            SimpleNamespace(figure="figure"),
            SimpleNamespace(settings=settings()),
            SimpleNamespace(binning="run_wise"),
        )
        return drawn["figure"]

    return call


def _panels(figure):
    return [axes for axes in figure.axes if axes.get_label() != "<secondary_axis>"]


def test_nights_are_split_and_long_bins_bridge_gaps():
    start = np.array([0.0, 0.1, 1.2, 5.0])
    stop = np.array([0.05, 0.9, 1.3, 5.1])
    groups = split_nights(start, stop)
    assert [g.tolist() for g in groups] == [[0, 1, 2], [3]]
    stop[0] = 4.9  # the first bin reaches to the last one
    assert [g.tolist() for g in split_nights(start, stop)] == [[0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("starts", "width_d", "n_panels"),
    [
        (NIGHT, 10 / 1440, 1),
        (np.concatenate([NIGHT, NIGHT + 3.0]), 10 / 1440, 2),
        (np.concatenate([NIGHT[:3] + 2 * k for k in range(6)]), 0.005, 6),
        (53300.9 + 3.0 * np.arange(30), 0.08, 1),
        (53300.0 + 40.0 * np.arange(20), 0.08, 1),
        (NIGHT[:1], 0.01, 1),
    ],
)
def test_panels_and_nothing_cut_off(draw, starts, width_d, n_panels):
    with style():
        figure = draw(starts, width_d)
        assert len(_panels(figure)) == n_panels
        assert text_outside(figure) == []


def test_points_limits_and_gaps(draw):
    flux = 1e-11 * (1 + 0.3 * np.sin(np.arange(12)))
    axes = _panels(draw(NIGHT, flux=flux))[0]
    points, limits = axes.containers
    shown = np.ones(12, bool)
    shown[[1, 11]] = False  # no data; limit
    exponent = 10.0 ** np.floor(np.log10(np.max(flux[shown])))
    np.testing.assert_allclose(points[0].get_ydata(), flux[shown] / exponent)
    assert limits.has_yerr
    assert len(limits[2][1].get_segments()) == 1


def test_constant_is_the_weighted_mean_and_numbers_are_stated(draw):
    figure = draw(NIGHT)
    text = "\n".join(t.get_text() for t in figure.texts)
    error = 1e-12 / np.sqrt(11)
    assert rf"({1.0:.3f} \pm {error / 1e-11:.3f}) \times 10^{{-11}}" in text
    assert "= 12.5 / 10" in text
    assert "= 0.42 ± 0.03" in text


def test_no_variability_is_said(draw):
    figure = draw(NIGHT, fractional_variability=None, chi2=None)
    text = "\n".join(t.get_text() for t in figure.texts)
    assert "no scatter beyond the errors" in text
    assert "ndf" not in text


def test_upper_axis_is_utc(draw):
    """Bins are MJD in TT: 64 s or more before UTC shows the same number."""
    figure = draw(NIGHT)
    axes = _panels(figure)[0]
    (top,) = axes.child_axes
    figure.draw_without_rendering()
    low, _ = axes.get_xlim()
    days = top.get_xlim()[0]
    expected = Time(low, format="mjd", scale="tt").utc.mjd - 40587.0
    assert days == pytest.approx(expected, abs=0.1 / 86400)
    assert abs(days + 40587.0 - low) * 86400 > 60
    assert top.get_xlabel() == "UTC 2006-07-29"
