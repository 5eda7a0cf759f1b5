"""Figures of the counts behind a spectrum: per energy bin, and in squared distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.table import Table
from matplotlib.axes import Axes
from scipy.special import chdtri

from iactflow.figures.style import COLOURS, OURS, log_ticks, new_figure, note, save

__all__ = ["EnergyCounts", "deviance_residual", "draw_counts", "draw_theta_squared", "garwood"]

MAX_BINS = 32


@dataclass(frozen=True)
class EnergyCounts:
    """Counts per bin of reconstructed energy, summed over runs.

    Attributes
    ----------
    energy_edges_tev : ndarray, shape (n + 1,)
        Edges, TeV.
    n_on, background, signal : ndarray, shape (n,)
        On counts, expected background and predicted signal of the bins that the fit uses.
    n_on_unused : ndarray, shape (n,)
        On counts outside the safe range or the range of the fit.
    """

    energy_edges_tev: np.ndarray
    n_on: np.ndarray
    background: np.ndarray
    signal: np.ndarray
    n_on_unused: np.ndarray

    def grouped(self, max_bins: int = MAX_BINS) -> EnergyCounts:
        """Join neighbouring bins, so that the fit has at most ``max_bins``.

        Parameters
        ----------
        max_bins : int
            Largest number of bins that the fit uses.

        Returns
        -------
        EnergyCounts
            With edges from the first used bin on; bins outside any count are left out.
        """
        used = np.flatnonzero(self.signal + self.background + self.n_on > 0)
        counted = np.flatnonzero(self.n_on_unused > 0)
        if used.size == 0:
            return self
        size = int(np.ceil((used[-1] - used[0] + 1) / max_bins))
        low = min(used[0], counted[0]) if counted.size else used[0]
        high = max(used[-1], counted[-1]) if counted.size else used[-1]
        start = used[0] - size * int(np.ceil((used[0] - low) / size))
        starts = np.arange(start, high + 1, size)
        stops = np.minimum(starts + size, self.n_on.size)
        starts = np.maximum(starts, 0)

        def total(values: np.ndarray) -> np.ndarray:
            sums = np.concatenate([[0.0], np.cumsum(values)])
            return sums[stops] - sums[starts]

        edges = self.energy_edges_tev
        return EnergyCounts(
            np.append(edges[starts], edges[stops[-1]]),
            *map(total, (self.n_on, self.background, self.signal, self.n_on_unused)),
        )


def garwood(counts: np.ndarray) -> np.ndarray:
    """Central 68.3 % interval of a Poisson mean (Garwood 1936, Biometrika 28, 437).

    Parameters
    ----------
    counts : ndarray, shape (n,)
        Counts.

    Returns
    -------
    ndarray, shape (2, n)
        Distance down and up from the counts.
    """
    tail = 0.15865525393145707
    low = np.where(counts > 0, chdtri(np.maximum(2 * counts, 1), 1 - tail) / 2, 0.0)
    high = chdtri(2 * counts + 2, tail) / 2
    return np.array([counts - low, high - counts])


def deviance_residual(counts: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Signed root of the Poisson likelihood ratio of counts to their expectation.

    Near a normal distribution already for few counts (Pierce & Schafer 1986, J. Am. Stat. Assoc.
    81, 977), where (n - mu) / sqrt(mu) is not.

    Parameters
    ----------
    counts, expected : ndarray, shape (n,)
        Counts and their expectation.

    Returns
    -------
    ndarray, shape (n,)
        Residuals; NaN where nothing is expected.
    """
    good = expected > 0
    mu = np.where(good, expected, 1.0)
    log_ratio = np.log(np.where(counts > 0, counts, mu) / mu)
    deviance = 2.0 * (counts * log_ratio - counts + mu)
    return np.where(good, np.sign(counts - mu) * np.sqrt(np.maximum(deviance, 0.0)), np.nan)


def draw_counts(counts: EnergyCounts, model: str, settings: dict, path) -> None:
    """Draw on counts, background and prediction per energy bin, with residuals.

    Parameters
    ----------
    counts : EnergyCounts
        Counts of all runs.
    model : str
        Name of the fitted model.
    settings : dict
        The target.
    path : str or Path
        PNG file.
    """
    counts = counts.grouped()
    edges = counts.energy_edges_tev
    expected = counts.background + counts.signal
    used = expected + counts.n_on > 0
    figure = new_figure(7.6, 6.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    _draw_bins(upper, counts, expected, model)
    upper.set_xscale("log")
    _count_axis(upper, np.concatenate([counts.n_on, counts.n_on_unused]))
    upper.set_ylabel("Counts per bin")
    upper.set_title(settings["label"])
    upper.legend(loc="upper right")
    residual = deviance_residual(counts.n_on, expected)
    _residual_axis(lower, edges, np.where(used, residual, np.nan))
    save(figure, path)


def _bars(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Geometric centres of the bins, and their reach to either side."""
    centre = np.sqrt(edges[1:] * edges[:-1])
    return centre, np.array([centre - edges[:-1], edges[1:] - centre])


def _draw_bins(upper: Axes, counts: EnergyCounts, expected: np.ndarray, model: str) -> None:
    edges = counts.energy_edges_tev
    centre, width = _bars(edges)
    used = expected + counts.n_on > 0
    upper.stairs(counts.background, edges, fill=True, color="#c8c8c8", label="background (off × α)")
    label = f"background + {model}"
    upper.stairs(expected, edges, color=COLOURS["vermilion"], lw=1.7, label=label)
    unused = counts.n_on_unused > 0
    upper.plot(
        centre[unused],
        counts.n_on_unused[unused],
        "o",
        mfc="white",
        color=COLOURS["grey"],
        ms=4.5,
        label="on, not in the fit",
    )
    upper.errorbar(
        centre[used],
        counts.n_on[used],
        xerr=width[:, used],
        yerr=garwood(counts.n_on[used]),
        fmt="o",
        color="black",
        lw=1.1,
        ms=4.5,
        label="on",
    )


def _count_axis(axes: Axes, values: np.ndarray) -> None:
    """Linear below 1 count, logarithmic above: empty bins and bright ones both show."""
    axes.set_yscale("symlog", linthresh=1.0, linscale=0.5)
    axes.set_ylim(0, 4 * max(float(np.max(values, initial=1.0)), 2.0))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _residual_axis(axes: Axes, edges: np.ndarray, residual: np.ndarray) -> None:
    centre, width = _bars(edges)
    good = np.isfinite(residual)
    axes.axhspan(-1, 1, color=COLOURS["vermilion"], alpha=0.12, lw=0)
    axes.axhline(0, color=COLOURS["vermilion"], lw=1.2)
    axes.errorbar(
        centre[good], residual[good], xerr=width[:, good], fmt="o", color="black", lw=1.1, ms=4.5
    )
    reach = max(3.2, float(np.max(np.abs(residual[good]), initial=0.0)) + 0.5)
    axes.set_ylim(-reach, reach)
    axes.set_ylabel("Residual (σ)")
    axes.set_xlabel("Reconstructed energy (TeV)")
    log_ticks(axes)


def draw_theta_squared(table: Table, spectrum: dict, settings: dict, path) -> None:
    """Draw the distribution of squared distances from the target.

    Parameters
    ----------
    table : Table
        theta_squared_min_deg2, theta_squared_max_deg2, n_on, n_off, alpha.
    spectrum : dict
        Content of ``spectrum.json``: the numbers inside the on region.
    settings : dict
        The target.
    path : str or Path
        PNG file.
    """
    edges = np.append(table["theta_squared_min_deg2"], table["theta_squared_max_deg2"][-1])
    n_on, n_off, alpha = (np.asarray(table[c], float) for c in ("n_on", "n_off", "alpha"))
    background = np.nan_to_num(alpha * n_off)
    centre = 0.5 * (edges[1:] + edges[:-1])
    radius = settings["spectrum"]["on_radius_deg"]
    figure = new_figure(7.6, 5.2)
    axes = figure.add_subplot()
    axes.stairs(background, edges, fill=True, color="#c8c8c8", label="off × α")
    axes.errorbar(
        centre,
        background,
        yerr=np.nan_to_num(alpha) * np.sqrt(n_off),
        fmt="none",
        color=COLOURS["grey"],
        lw=1,
    )
    axes.errorbar(
        centre,
        n_on,
        xerr=0.5 * np.diff(edges),
        yerr=garwood(n_on),
        fmt="o",
        color=OURS,
        ms=4,
        lw=1.2,
        label="on",
    )
    axes.axvline(radius**2, color="black", ls="--", lw=1.2, label=f"on region, {radius:g}°")
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(0, 1.2 * float(np.max(n_on + garwood(n_on)[1], initial=1.0)))
    axes.set_xlabel(r"$\theta^2$ (deg$^2$)")
    axes.set_ylabel(f"Counts per {edges[1] - edges[0]:.2g} deg$^2$")
    axes.set_title(f"{settings['label']}, all energies")
    axes.legend(loc="upper right")
    note(axes, _inside_text(spectrum), "upper right", shift=0.24)
    save(figure, path)


def _inside_text(spectrum: dict) -> str:
    return (
        "inside the on region\n"
        f"on {spectrum['n_on']:.0f}, off {spectrum['n_off']:.0f}, α = {spectrum['alpha']:.4f}\n"
        f"excess {spectrum['excess']:.1f}, {spectrum['significance']:.1f} σ"
    )
