"""Figures of sky maps and the parts of celestial axes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from figure_samples import DEC_DEG, RA_DEG, settings, text_outside, write_maps

from iactflow.campaign.directions import separation_deg
from iactflow.errors import InputError
from iactflow.figures import sky_axes, sky_map
from iactflow.figures.style import new_figure, style
from iactflow.science.map_products import fit_normal


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Figures that a call of the stage draws, by output."""
    figures = {}
    monkeypatch.setattr(sky_map, "save", lambda figure, path: figures.update({path: figure}))

    def draw(peak=12.0, leave_out="", band="1-10", **changes):
        path = tmp_path / f"maps{peak}{leave_out}.fits"
        significance = write_maps(path, peak, leave_out)
        sky_map.plot_sky_map(
            SimpleNamespace(maps=str(path)),
            SimpleNamespace(sky_map="sky", significance="histogram"),
            SimpleNamespace(settings=settings(**changes)),
            SimpleNamespace(target="test", band=band),
        )
        return figures["sky"], figures["histogram"], significance

    return draw


def _texts(axes) -> str:
    return "\n".join(text.get_text() for text in axes.texts)


@pytest.mark.parametrize("peak", [0.0, 12.0, 60.0])
def test_nothing_is_cut_off(drawn, peak):
    with style():
        sky, histogram, _ = drawn(peak)
        assert text_outside(sky) == []
        assert text_outside(histogram) == []


@pytest.mark.parametrize("peak", [0.0, 12.0, 60.0])
def test_significance_colours_are_centred_on_zero(drawn, peak):
    sky, _, significance = drawn(peak)
    norm = sky.axes[0].images[0].norm
    assert norm(0.0) == pytest.approx(0.5)
    assert norm(3.0) - 0.5 == pytest.approx(0.5 - norm(-3.0))
    assert norm.vmax == pytest.approx(max(5.0, np.nanmax(significance)))


def test_map_shows_scale_bar_resolution_target_and_exclusion(drawn):
    sky, _, _ = drawn()
    left = sky.axes[0]
    text = _texts(left)
    assert "Test source" in text
    assert "0.5°" in text
    assert "PSF 68 %, 0.09°" in text
    assert "correlation, 0.1°" in text
    assert "Test source, 1 – 10 TeV" in [left.get_title(loc) for loc in ("left", "center")]
    dashed = [line for line in left.lines if line.get_linestyle() == "--"]
    assert len(dashed) == 1
    radius = separation_deg(*dashed[0].get_data(), RA_DEG, DEC_DEG)
    np.testing.assert_allclose(radius, 0.4, atol=1e-9)


def test_exclusion_of_the_map_goes_before_that_of_the_target(drawn):
    circles = [{"ra_deg": RA_DEG + 1, "dec_deg": DEC_DEG, "radius_deg": 0.2}] * 2
    block = {"energy_bands_tev": [[1.0, 10.0]], "exclusion_regions": circles}
    sky, _, _ = drawn(sky_maps=[block])
    assert sum(line.get_linestyle() == "--" for line in sky.axes[0].lines) == 2


def test_histogram_states_the_fit_of_the_off_source_bins(drawn):
    _, histogram, significance = drawn()
    y, x = np.mgrid[:100, :100] - 49.5
    off = significance[(np.hypot(x, y) * 0.02 > 0.4) & np.isfinite(significance)]
    fit = fit_normal(off, 0.02, 0.1)
    text = _texts(histogram.axes[0])
    assert f"off-source bins: {off.size}" in text
    assert f"{fit['mean']:+.3f}".replace("-", "−") in text
    assert f"{fit['std']:.3f} ± {fit['std_error']:.3f}" in text
    assert f"{np.nanmax(significance):.1f} σ" in text


def test_unknown_band_and_missing_layer_are_bad_input(drawn):
    with pytest.raises(InputError, match=r"energy_bands_tev.*'0\.5-2'.*1-10"):
        drawn(band="0.5-2")
    with pytest.raises(InputError, match="EXCESS"):
        drawn(leave_out="EXCESS")


def test_empty_map_is_drawn(tmp_path, drawn, monkeypatch):
    monkeypatch.setattr(
        sky_map, "read_maps", lambda path, read=sky_map.read_maps: _blank(read(path))
    )
    with style():
        sky, histogram, _ = drawn()
        assert text_outside(sky) == []
    assert "off-source bins: 0" in _texts(histogram.axes[0])


def _blank(maps):
    nothing = np.full_like(maps.significance, np.nan)
    return sky_map.SkyMaps(maps.wcs, nothing, nothing, maps.source_free, np.nan)


@pytest.mark.parametrize("dec_deg", [0.0, -59.0, 89.5])
def test_sky_circle_keeps_its_distance(tmp_path, dec_deg):
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [0.3, dec_deg], [50, 50], [-0.02, 0.02]
    axes = sky_axes.add_sky_axes(new_figure(), wcs, 111)
    sky_axes.sky_circle(axes, 0.3, dec_deg, 0.7)
    distance = separation_deg(*axes.lines[0].get_data(), 0.3, dec_deg)
    np.testing.assert_allclose(distance, 0.7, atol=1e-9)
    assert sky_axes.pixel_scale_deg(wcs) == pytest.approx(0.02)
