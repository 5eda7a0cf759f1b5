"""Figure of likelihood profiles of the parameters of the fitted models."""

from __future__ import annotations

import numpy as np
from astropy.table import Table
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm

from iactflow.figures.curves import NAMES
from iactflow.figures.style import COLOURS, OURS, new_figure, save, unit_text

__all__ = ["draw_profiles"]

COLUMNS = 3
HIGHEST = 9.5


def draw_profiles(table: Table, models: dict, settings: dict, path) -> None:
    """Draw the rise of the statistic along each parameter.

    Parameters
    ----------
    table : Table
        One row per value: kind (parameter, flux_point), model, parameter, e_ref_tev, value and
        delta_stat, the statistic above its minimum with all other parameters fitted again.
    models : dict
        ``models`` of ``spectrum.json``.
    settings : dict
        The target.
    path : str or Path
        PNG file.
    """
    kinds = np.asarray(table["kind"])
    points, table = table[kinds == "flux_point"], table[kinds == "parameter"]
    names = list(zip(table["model"].tolist(), table["parameter"].tolist(), strict=True))
    pairs = list(dict.fromkeys(names))
    keys = np.array([pairs.index(name) for name in names], dtype=int)
    n_panels = len(pairs) + bool(len(points))
    n_rows = max(1, int(np.ceil(n_panels / COLUMNS)))
    figure = new_figure(9.6, 0.6 + 2.7 * n_rows)
    panels = figure.subplots(n_rows, COLUMNS, sharey=True, squeeze=False).ravel()
    for i, (model, parameter) in enumerate(pairs):
        fitted = models[model]["parameters"][parameter]
        _profile(panels[i], table[keys == i], fitted)
        panels[i].set_title(model, fontsize=10.5)
        panels[i].set_xlabel(_label(parameter, fitted), fontsize=11)
    if len(points):
        # In the last column, where its colour bar narrows no other panel.
        _flux_points(panels[-1], points)
    for i, axes in enumerate(panels):
        last = i == panels.size - 1
        axes.set_visible(i < len(pairs) or (last and len(points) > 0))
        axes.set_ylim(0, HIGHEST)
        if i % COLUMNS == 0:
            axes.set_ylabel(r"$\Delta W$")
    figure.suptitle(f"{settings['label']}, likelihood profiles", x=0.02, ha="left", fontsize=12)
    save(figure, path)


def _flux_points(axes: Axes, points: Table) -> None:
    """Draw the profile of the norm of every flux point, coloured by energy."""
    energies = np.unique(points["e_ref_tev"])
    scale = LogNorm(energies[0], energies[-1]) if energies.size > 1 else None
    colours = ScalarMappable(scale, "viridis")
    for energy in energies:
        rows = points[points["e_ref_tev"] == energy]
        axes.plot(rows["value"], rows["delta_stat"], color=colours.to_rgba(energy), lw=1.2)
    _levels(axes)
    axes.set_xlim(0, float(np.percentile(points["value"], 97)))
    axes.set_title("flux points", fontsize=10.5)
    axes.set_xlabel("norm", fontsize=11)
    if scale is not None:
        bar = axes.figure.colorbar(colours, ax=axes, pad=0.02, fraction=0.06)
        bar.set_label("TeV", labelpad=-2)
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        bar.ax.minorticks_off()


def _profile(axes: Axes, rows: Table, fitted: dict) -> None:
    value, rise = np.asarray(rows["value"], float), np.asarray(rows["delta_stat"], float)
    scale = _scale(fitted["value"])
    axes.plot(value / scale, rise, color=OURS, lw=1.8)
    best, error = fitted["value"], fitted["error"]
    if error is not None and error > 0:
        x = np.linspace(value.min(), value.max(), 200)
        parabola = ((x - best) / error) ** 2
        axes.plot(x / scale, parabola, color=COLOURS["black"], ls=":", lw=1.3)
    _levels(axes)
    axes.axvline(best / scale, color=OURS, lw=0.9, ls="--")


def _levels(axes: Axes) -> None:
    """Mark where one parameter has its 68 % and 95 % intervals."""
    for level, text in ((1, "68 %"), (4, "95 %")):
        axes.axhline(level, color=COLOURS["grey"], lw=0.8)
        axes.text(
            0.98,
            level + 0.12,
            text,
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="bottom",
            fontsize=8.5,
            color="#5f5f5f",
        )


def _scale(value: float) -> float:
    """Power of ten that is taken out of very small or large values."""
    exponent = int(np.floor(np.log10(abs(value)))) if value else 0
    return 10.0**exponent if abs(exponent) > 3 else 1.0


def _label(parameter: str, fitted: dict) -> str:
    scale = _scale(fitted["value"])
    power = f"$10^{{{round(np.log10(scale))}}}$" if scale != 1.0 else ""
    inside = " ".join(part for part in (power, unit_text(fitted["unit"])) if part)
    return NAMES.get(parameter, parameter) + (f"  ({inside})" if inside else "")
