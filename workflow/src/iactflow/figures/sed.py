"""Figure of a spectral energy distribution: fits, flux points, published spectra, residuals."""

from __future__ import annotations

import numpy as np
from astropy.table import Table
from matplotlib.axes import Axes

from iactflow.figures.curves import band, curve, describe, published_curve
from iactflow.figures.style import COLOURS, log_ticks, new_figure, save

__all__ = ["draw_sed", "main_model"]

ERG_PER_TEV = 1.602176634
FITS = [COLOURS[c] for c in ("blue", "green", "purple", "sky", "orange")]
PUBLISHED = [
    (COLOURS["black"], (0, (6, 2))),
    (COLOURS["vermilion"], (0, (6, 2, 1.5, 2))),
    (COLOURS["orange"], (0, (1.5, 1.5))),
]


def draw_sed(spectrum: dict, points: Table, settings: dict, path) -> None:
    """Draw E^2 dN/dE with the fits, the points, published spectra and the residuals.

    Parameters
    ----------
    spectrum : dict
        Content of ``spectrum.json``.
    points : Table
        Flux points with e_ref, e_min, e_max, dnde, dnde_errn, dnde_errp, dnde_ul and is_ul.
    settings : dict
        The target.
    path : str or Path
        PNG file.
    """
    figure = new_figure(7.6, 6.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    main = main_model(settings)
    columns = _columns(points)
    shown = (columns["e_min"].min(), columns["e_max"].max()) if len(points) else (0.0, np.inf)
    drawn = _fits(upper, spectrum["models"], main, shown)
    for i, published in enumerate(settings["spectrum"]["published"]):
        colour, dashes = PUBLISHED[i % len(PUBLISHED)]
        energy = np.geomspace(published["energy_min_tev"], published["energy_max_tev"], 200)
        flux = ERG_PER_TEV * energy**2 * published_curve(published, energy)
        upper.plot(energy, flux, color=colour, ls=dashes, lw=1.4, label=published["label"])
        drawn.append(flux)
    drawn.append(_points(upper, columns, f"flux points ({main})"))
    _limits(upper, drawn)
    _residuals(lower, columns, spectrum["models"][main], main)
    upper.set_ylabel(r"$E^2\,\mathrm{d}N/\mathrm{d}E$  (erg cm$^{-2}$ s$^{-1}$)")
    upper.set_title(settings["label"])
    upper.legend(loc="lower left", fontsize=9)
    save(figure, path)


def main_model(settings: dict) -> str:
    """Name the fit that the flux points belong to.

    Parameters
    ----------
    settings : dict
        The target.

    Returns
    -------
    str
        Name in the products.
    """
    spectrum = settings["spectrum"]
    first = spectrum["models"][0]
    return spectrum["flux_points"]["model"] or first["name"] or first["model"]


def _fits(axes: Axes, models: dict, main: str, shown: tuple[float, float]) -> list[np.ndarray]:
    """Draw the fits where there are points: elsewhere they are extrapolations."""
    fluxes = []
    ordered = [main] + [name for name in models if name != main]
    for i, name in enumerate(ordered):
        fit = models[name]
        low_tev = max(fit["energy_min_tev"], shown[0])
        high_tev = max(min(fit["energy_max_tev"], shown[1]), low_tev)
        energy = np.geomspace(low_tev, high_tev, 200)
        scale = ERG_PER_TEV * energy**2
        flux = scale * curve(fit, energy)
        colour = FITS[i % len(FITS)]
        if name == main:
            low, high = band(fit, energy)
            axes.fill_between(energy, scale * low, scale * high, color=colour, alpha=0.22, lw=0)
        style = {"lw": 1.8} if name == main else {"lw": 1.2, "ls": (0, (3, 1.2))}
        axes.plot(energy, flux, color=colour, label=describe(name, fit), **style)
        fluxes.append(flux)
    return fluxes


def _columns(points: Table) -> dict[str, np.ndarray]:
    """Columns as plain arrays, TeV and cm-2 s-1 TeV-1."""
    units = {"e_ref": "TeV", "e_min": "TeV", "e_max": "TeV"}
    flux = "cm-2 s-1 TeV-1"
    names = ["dnde", "dnde_errn", "dnde_errp", "dnde_ul"]
    out = {n: np.asarray(points[n].quantity.to_value(u), float) for n, u in units.items()}
    out |= {n: np.asarray(points[n].quantity.to_value(flux), float) for n in names}
    out["is_ul"] = np.asarray(points["is_ul"], bool)
    return out


def _points(axes: Axes, c: dict, label: str) -> np.ndarray:
    scale = ERG_PER_TEV * c["e_ref"] ** 2
    width = np.array([c["e_ref"] - c["e_min"], c["e_max"] - c["e_ref"]])
    seen = ~c["is_ul"] & np.isfinite(c["dnde"])
    errors = np.array([scale * c["dnde_errn"], scale * c["dnde_errp"]])
    axes.errorbar(
        c["e_ref"][seen],
        (scale * c["dnde"])[seen],
        xerr=width[:, seen],
        yerr=errors[:, seen],
        fmt="o",
        color=COLOURS["black"],
        lw=1.2,
        ms=4.5,
        label=label,
        zorder=5,
    )
    limit = c["is_ul"] & np.isfinite(c["dnde_ul"])
    if np.any(limit):
        ul = (scale * c["dnde_ul"])[limit]
        axes.errorbar(
            c["e_ref"][limit],
            ul,
            xerr=width[:, limit],
            yerr=0.38 * ul,
            uplims=True,
            fmt="none",
            color=COLOURS["black"],
            lw=1.2,
            capsize=2.5,
            label="upper limits",
            zorder=5,
        )
    shown = [(scale * c["dnde"])[seen], (scale * c["dnde_ul"])[limit]]
    return np.concatenate(shown)


def _limits(axes: Axes, fluxes: list[np.ndarray]) -> None:
    """Show every point and curve with room for the legend, at most five decades."""
    values = np.concatenate(fluxes)
    values = values[np.isfinite(values) & (values > 0)]
    if not values.size:
        return
    axes.set_xscale("log")
    axes.set_yscale("log")
    high = 2.5 * values.max()
    low = max(0.12 * values.min(), high / 1e5)
    axes.set_ylim(low, high)


def _residuals(axes: Axes, c: dict, fit: dict, name: str) -> None:
    seen = ~c["is_ul"] & np.isfinite(c["dnde"])
    e_ref = c["e_ref"][seen]
    difference = c["dnde"][seen] - curve(fit, e_ref)
    error = np.where(difference > 0, c["dnde_errn"][seen], c["dnde_errp"][seen])
    pull = difference / error
    width = np.array([e_ref - c["e_min"][seen], c["e_max"][seen] - e_ref])
    axes.axhline(0, color=COLOURS["blue"], lw=1.2)
    axes.axhspan(-1, 1, color=COLOURS["blue"], alpha=0.12, lw=0)
    axes.errorbar(
        e_ref, pull, xerr=width, yerr=np.ones_like(pull), fmt="o", color="black", lw=1.2, ms=4.5
    )
    reach = max(3.0, np.ceil(np.max(np.abs(pull), initial=0.0) + 1.2))
    axes.set_ylim(-reach, reach)
    axes.set_ylabel(f"(points − {name}) / σ")
    axes.set_xlabel("Energy (TeV)")
    log_ticks(axes)
