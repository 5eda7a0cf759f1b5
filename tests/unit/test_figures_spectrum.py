"""Figures of spectra."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from figure_samples import (
    fit_block,
    flux_points,
    settings,
    spectrum_block,
    text_outside,
    write_spectrum,
)
from scipy.stats import norm, poisson

from iactflow.errors import InputError
from iactflow.figures import counts, curves, profiles, regions, sed
from iactflow.figures.spectrum import energy_counts, plot_spectrum
from iactflow.figures.style import style

OUTPUTS = ("sed", "counts", "theta_squared", "profiles", "regions")


@pytest.fixture
def figures(tmp_path, monkeypatch):
    """Figures of the stage by output, drawn from files."""
    drawn = {}
    for module in (sed, counts, profiles, regions):
        monkeypatch.setattr(module, "save", lambda figure, path: drawn.update({path: figure}))
    plot_spectrum(
        write_spectrum(tmp_path / "spectrum"),
        SimpleNamespace(**{name: name for name in OUTPUTS}),
        SimpleNamespace(settings=settings()),
        SimpleNamespace(),
    )
    return drawn


def test_every_output_is_drawn_and_nothing_is_cut_off(figures):
    assert set(figures) == set(OUTPUTS)
    with style():
        outside = {name: text_outside(figure) for name, figure in figures.items()}
    assert outside == {name: [] for name in OUTPUTS}


def test_files_are_written(tmp_path):
    paths = {name: str(tmp_path / f"{name}.png") for name in OUTPUTS}
    inputs = write_spectrum(tmp_path / "spectrum")
    plot_spectrum(
        inputs, SimpleNamespace(**paths), SimpleNamespace(settings=settings()), SimpleNamespace()
    )
    for path in paths.values():
        with open(path, "rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"


def test_sed_shows_points_limit_fits_and_published_curve(figures):
    upper, lower = figures["sed"].axes
    labels = [text.get_text() for text in upper.get_legend().get_texts()]
    assert "earlier work" in labels
    assert any(label.startswith("pl: $\\Gamma$ = $2.600 \\pm 0.050$") for label in labels)
    assert any(label.startswith("lp: ") for label in labels)
    points = next(c for c in upper.containers if c.get_label() == "flux points (pl)")
    e_ref, flux = points[0].get_data()
    table = flux_points()[:-1]
    np.testing.assert_allclose(e_ref, table["e_ref"])
    np.testing.assert_allclose(flux, 1.602176634 * table["e_ref"] ** 2 * table["dnde"])
    pulls = lower.containers[0][0].get_ydata()
    np.testing.assert_allclose(pulls, 0.0, atol=1e-9)
    limit = next(c for c in upper.containers if c.get_label() == "upper limits")
    assert limit.has_yerr


def test_sed_limits_hold_every_point(figures):
    upper = figures["sed"].axes[0]
    low, high = upper.get_ylim()
    table = flux_points()
    flux = 1.602176634 * np.asarray(table["e_ref"]) ** 2 * np.asarray(table["dnde"])
    assert low < flux.min()
    assert flux.max() < high


def test_residual_uses_the_error_on_the_side_of_the_model(monkeypatch):
    drawn = {}
    monkeypatch.setattr(sed, "save", lambda figure, path: drawn.update({path: figure}))
    table = flux_points()
    factor = np.where(np.arange(len(table)) % 2, 1.1, 0.9)
    model = np.asarray(table["dnde"])
    for name, error in (("dnde", factor), ("dnde_errn", 0.05), ("dnde_errp", 0.2)):
        table[name] = model * error * table[name].unit
    sed.draw_sed(spectrum_block(), table, settings(), "sed")
    pulls = drawn["sed"].axes[1].containers[0][0].get_ydata()
    # above the model the lower error counts, below it the upper one
    expected = np.where(factor[:-1] > 1, 0.1 / 0.05, -0.1 / 0.2)
    np.testing.assert_allclose(pulls, expected, rtol=1e-9)


def test_counts_show_both_kinds_and_their_sum_is_kept(figures):
    block = fit_block()["counts"]
    full = energy_counts(fit_block())
    joined = full.grouped(10)
    assert joined.n_on.sum() == sum(block["n_on"])
    assert joined.signal.sum() == pytest.approx(sum(block["npred_signal"]))
    assert joined.background.sum() == pytest.approx(sum(block["background"]))
    assert joined.n_on_unused.sum() == sum(block["n_on_all"]) - sum(block["n_on"])
    used = np.flatnonzero(joined.signal)
    assert used.size <= 10
    assert joined.energy_edges_tev.size == joined.n_on.size + 1
    assert np.all(np.diff(joined.energy_edges_tev) > 0)
    drawn = next(c for c in figures["counts"].axes[0].containers if c.get_label() == "on")
    assert drawn[0].get_ydata().sum() == sum(block["n_on"])


@pytest.mark.parametrize("max_bins", [1, 5, 32, 100])
def test_grouped_bins_start_at_the_fit(max_bins):
    full = energy_counts(fit_block())
    joined = full.grouped(max_bins)
    first = full.energy_edges_tev[np.flatnonzero(full.signal)[0]]
    assert np.any(np.isclose(joined.energy_edges_tev, first))
    assert joined.n_on.sum() == full.n_on.sum()


def test_counts_of_a_fit_without_any():
    empty = counts.EnergyCounts(np.geomspace(1, 10, 4), *(np.zeros(3),) * 4)
    assert empty.grouped() is empty


def test_garwood_interval_holds_its_coverage_from_both_sides():
    n = np.array([0.0, 1.0, 4.0, 100.0])
    down, up = counts.garwood(n)
    tail = norm.sf(1.0)
    np.testing.assert_allclose(poisson.cdf(n, n + up), tail, rtol=1e-6)
    np.testing.assert_allclose(poisson.sf(n[1:] - 1, (n - down)[1:]), tail, rtol=1e-6)
    assert down[0] == 0.0
    assert up[0] == pytest.approx(1.8410, abs=1e-4)


def test_deviance_residual():
    n, mu = np.array([0.0, 10.0, 130.0, 3.0]), np.array([2.0, 10.0, 100.0, 0.0])
    residual = counts.deviance_residual(n, mu)
    assert residual[0] == pytest.approx(-2.0)  # -sqrt(2 mu)
    assert residual[1] == 0.0
    assert residual[2] == pytest.approx(np.sqrt(2 * (130 * np.log(1.3) - 30)))
    assert np.isnan(residual[3])


def test_theta_squared_states_the_numbers_of_the_spectrum(figures):
    axes = figures["theta_squared"].axes[0]
    text = "\n".join(t.get_text() for t in axes.texts)
    assert "on 300, off 800, α = 0.1000" in text
    assert "excess 220.0, 18.2 σ" in text
    assert any(np.allclose(line.get_xdata(), 0.11**2) for line in axes.lines)


def test_profiles_meet_the_parabola(figures):
    panels = [axes for axes in figures["profiles"].axes if axes.get_visible()]
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles.count("pl") == 2
    assert titles.count("lp") == 3
    assert titles.count("flux points") == 1
    for axes in panels[:5]:
        profile, parabola = axes.lines[:2]
        on_profile = np.interp(parabola.get_xdata(), *profile.get_data())
        # straight pieces between the profile's points lie above the parabola, by (step / 2)^2
        assert np.max(np.abs(on_profile - parabola.get_ydata())) < 0.0626


def test_profiles_without_any_row(tmp_path, monkeypatch):
    from figure_samples import profiles_table

    saved = []
    monkeypatch.setattr(profiles, "save", lambda figure, path: saved.append((figure, path)))
    profiles.draw_profiles(profiles_table()[:0], {}, settings(), "profiles")
    [(figure, path)] = saved
    assert path == "profiles"
    assert not any(axes.lines for axes in figure.axes)


def test_regions_of_dropped_runs_are_not_drawn_as_off(figures):
    axes = figures["regions"].axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "off regions (6)" in labels
    assert "pointings (1 runs)" in labels
    assert "dropped (1 runs)" in labels


def test_band_of_a_power_law_is_the_analytic_one():
    fit = fit_block()
    correlation = 2e-12 * 0.05 * 0.3
    fit["covariance"] = [[4e-24, correlation], [correlation, 0.0025]]
    energy = np.array([0.5, 1.0, 7.0])
    x = np.log(energy)
    variance = 4e-24 / 9e-22 + 0.0025 * x**2 - 2 * x * correlation / 3e-11
    low, high = curves.band(fit, energy)
    centre = 3e-11 * energy**-2.6
    np.testing.assert_allclose(curves.curve(fit, energy), centre, rtol=1e-12)
    np.testing.assert_allclose(high / centre, np.exp(np.sqrt(variance)), rtol=1e-9)
    np.testing.assert_allclose(low * high, centre**2, rtol=1e-9)


def test_order_of_parameters_does_not_matter():
    fit = fit_block("lp")
    turned = {**fit, "parameters": dict(reversed(fit["parameters"].items()))}
    turned["covariance"] = np.asarray(fit["covariance"])[::-1, ::-1].tolist()
    energy = np.geomspace(0.5, 20, 7)
    np.testing.assert_allclose(curves.curve(turned, energy), curves.curve(fit, energy))
    np.testing.assert_allclose(curves.band(turned, energy), curves.band(fit, energy))


def test_published_curves():
    (published,) = settings()["spectrum"]["published"]
    energy = np.array([0.5, 3.0])
    x = np.log(energy / 2.0)
    cut_off = 3.76e-11 * energy**-2.39 * np.exp(-energy / 14.3)
    bent = {**published, "model": "lp", "curvature": 0.2, "reference_tev": 2.0}
    straight = {**published, "model": "pl"}
    for block, expected in (
        (published, cut_off),
        (bent, 3.76e-11 * np.exp(-(2.39 + 0.2 * x) * x)),
        (straight, 3.76e-11 * energy**-2.39),
    ):
        np.testing.assert_allclose(curves.published_curve(block, energy), expected)


def test_unknown_parameters_are_bad_input():
    with pytest.raises(InputError, match="pl: amplitude, index"):
        curves.model_values({"parameters": {"norm": {"value": 1.0}}})
