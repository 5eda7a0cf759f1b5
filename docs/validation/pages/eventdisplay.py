"""Resolution of an independent chain: Eventdisplay's events through our functions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from judged import compare, counted, table

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.directions import separation_deg
from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.figures.style import COLOURS, log_ticks, new_figure, save, style
from iactflow.response.resolution import MIN_EVENTS, angular_resolution, energy_resolution

TITLE = "Resolution: Eventdisplay's reconstruction of CTAO North"
HERE = Path(__file__).resolve().parents[1]
CONFIGS: list[str] = []
MODULES = [
    "iactflow.campaign.atomic",
    "iactflow.campaign.directions",
    "iactflow.campaign.streams",
    "iactflow.figures.style",
    "iactflow.response.resolution",
]
ZENITHS_DEG = (20, 40, 52, 60)
NAME = "prod6_LaPalma-{}deg_gamma_cone.N.Am-4LSTs09MSTs_ID0_reduced.fits"
CURVE = "CTA-Performance-prod3b-v2-{0}deg/CTA-Performance-prod3b-v2-North-{0}deg-50h-{1}.txt"
# Three to a decade, 1 TeV in the middle of one.
EDGES_TEV = 10.0 ** (np.arange(-11, 12, 2) / 6.0)
N_BOOTSTRAP = 400
ERROR_RATIO = 0.25
RISE_SIGMA = 3.0
TEXT = """\
Gamma rays of CTAO's prod6 simulation of the northern site (4 LSTs, 9 MSTs), within 1 deg of the
pointing, at zenith angles of 20, 40, 52 and 60 deg, reconstructed by Eventdisplay: {n} events
each. The files hold true and reconstructed directions and energies; nothing of them is ours but the
numbers below, made by `iactflow.response.resolution`. All reconstructed events are taken, without
any cut in gammaness, and two telescopes suffice: near the threshold the resolution is worse than
that of a selected sample.

The angular resolution is the radius that holds 68 % of the events of a bin of true energy; the
energy resolution is half the width of the interval that holds 68 % around the median of E_reco /
E_true - 1, which is the bias, in bins of true energy too. Events of one shower at several core
positions have the same true energy and are one cluster; bins have at least {least} events.

Judged: radii and widths against astropy's separations and order statistics counted here, to the
last digits; errors against the scatter of {bootstrap} samples of showers drawn anew with
replacement (the mean of the ratios over the bins, {ratio:.0%} allowed: quantiles of some ten events
scatter), and that no radius rises by more than {sigma:g} standard errors from one bin to the next.
What Eventdisplay's resolution ought to be is no
matter of ours: CTAO's published curves (prod3b-v2, 50 h, best cuts for sensitivity) stand beside it
as information, with 0.05 deg and 7 to 8 % at 1 TeV and 20 deg.
"""


class Sample(NamedTuple):
    """Events of a zenith angle."""

    columns: dict
    separation_deg: np.ndarray
    shower: np.ndarray


def _read(zenith_deg: int) -> Sample:
    path = Path(os.environ["IACTFLOW_DATA"]) / "sim" / "eventdisplay_dl2_prod6"
    with fits.open(path / NAME.format(zenith_deg)) as file:
        data = file["EVENTS"].data
        columns = {name: np.asarray(data[name], dtype=np.float64) for name in data.names}
    away = separation_deg(*(columns[k] for k in ("MC_AZ", "MC_ALT", "AZ", "ALT")))
    # Energies of different showers are never the same number.
    return Sample(columns, away, np.unique(columns["MC_ENERGY"], return_inverse=True)[1])


def _curve(zenith_deg: int, quantity: str) -> np.ndarray:
    folder = Path(os.environ["IACTFLOW_DATA"]) / "reference/ctaplot/share/CTA_Performance"
    lines = (folder / CURVE.format(zenith_deg, quantity)).read_text().splitlines()
    start = max(i for i, line in enumerate(lines) if line.startswith("---"))
    return np.array([line.split() for line in lines[start + 1 :] if line.strip()], dtype=float).T


def _half(estimate):
    return 0.5 * (estimate.high - estimate.low)


def _order(values, fraction):
    """Quantile from the sorted sample, linear between its values."""
    values = np.sort(values)
    place = fraction * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (place - low) * (values[high] - values[low])


def _independent(sample: Sample, good):
    """Radii and widths of the bins by other means."""
    c = sample.columns
    true, found = (
        SkyCoord(c[az] * u.deg, c[alt] * u.deg) for az, alt in (("MC_AZ", "MC_ALT"), ("AZ", "ALT"))
    )
    away, x = true.separation(found).deg, c["ENERGY"] / c["MC_ENERGY"] - 1.0
    radii, widths = [], []
    for i in np.flatnonzero(good):
        mine = (c["MC_ENERGY"] >= EDGES_TEV[i]) & (c["MC_ENERGY"] < EDGES_TEV[i + 1])
        radii.append(_order(away[mine], 0.68))
        widths.append(_order(np.abs(x[mine] - _order(x[mine], 0.5)), 0.68))
    return np.array(radii), np.array(widths)


def _drawn(sample: Sample, zenith_deg: int, good):
    """Scatter of radii and widths over samples of showers drawn with replacement."""
    rows = np.argsort(sample.shower, kind="stable")
    first = np.searchsorted(sample.shower[rows], np.arange(sample.shower.max() + 2))
    random = StreamKey(campaign_seed("eventdisplay"), "bootstrap", run=zenith_deg).generator()
    true, energy = (sample.columns[k] for k in ("MC_ENERGY", "ENERGY"))
    found = []
    for _ in range(N_BOOTSTRAP):
        drawn = random.integers(0, len(first) - 1, len(first) - 1)
        take = np.concatenate([rows[first[k] : first[k + 1]] for k in drawn])
        radius = angular_resolution(sample.separation_deg[take], true[take], EDGES_TEV)
        width = energy_resolution(energy[take], true[take], EDGES_TEV)
        found.append([radius.radius_deg.value[good], width.half_width.value[good]])
    return np.nanstd(found, axis=0)


def _rises(estimate, good) -> int:
    value, error = estimate.value[good], _half(estimate)[good]
    known = np.isfinite(error)
    value, error = value[known], error[known]
    return int(np.sum(np.diff(value) > RISE_SIGMA * np.hypot(error[1:], error[:-1])))


def _rows(zenith_deg, sample, angular, energy):
    good = angular.n_events >= MIN_EVENTS
    radii, widths = _independent(sample, good)
    ours = angular.radius_deg.value[good], energy.half_width.value[good]
    label = f"{zenith_deg} deg"
    rows = [
        compare(f"{label}: radii, largest difference, deg", np.abs(ours[0] - radii).max(), 0, 1e-9),
        compare(f"{label}: widths, largest difference", np.abs(ours[1] - widths).max(), 0, 1e-12),
    ]
    many = good & (angular.n_showers >= 3 * MIN_EVENTS)
    scatter = _drawn(sample, zenith_deg, many)
    for name, estimate, drawn in (
        ("radii", angular.radius_deg, scatter[0]),
        ("widths", energy.half_width, scatter[1]),
    ):
        ratio = np.mean(_half(estimate)[many] / drawn)
        rows.append(compare(f"{label}: errors of {name} over scatter", ratio, 1.0, ERROR_RATIO))
    rises = _rises(angular.radius_deg, good)
    rows.append(compare(f"{label}: rises of the radius with energy", rises, 0, 0))
    return rows


def _information(zenith_deg, angular, energy):
    """Numbers at 1 TeV beside CTAO's curves."""
    at = np.searchsorted(EDGES_TEV, 1.0, side="right") - 1
    rows = []
    for name, value, quantity in (
        ("radius, deg", angular.radius_deg, "Angres"),
        ("energy resolution", energy.half_width, "Eres"),
    ):
        published = None
        if zenith_deg in (20, 40, 60):
            curve = _curve(zenith_deg, quantity)
            middle = np.sqrt(EDGES_TEV[at] * EDGES_TEV[at + 1])
            published = np.interp(np.log(middle), np.log(curve[0]), curve[1])
        label = f"{zenith_deg} deg: {name}, error {_half(value)[at]:.2g}"
        rows.append(compare(label, value.value[at], published, None))
    bias = energy.median
    label = f"{zenith_deg} deg: energy bias, error {_half(bias)[at]:.2g}"
    rows.append(compare(label, bias.value[at], None, None))
    return rows


def _draw(found):
    figure = new_figure(7.2, 8.6)
    axes = figure.subplots(3, 1, sharex=True, height_ratios=[1.3, 1.3, 1.0])
    colours = [COLOURS[name] for name in ("blue", "vermilion", "green", "purple")]
    for shift, (zenith_deg, (angular, energy)), colour in zip(
        (-0.045, -0.015, 0.015, 0.045), found.items(), colours, strict=True
    ):
        middle = np.sqrt(angular.energy_min_tev * angular.energy_max_tev) * np.exp(3 * shift)
        for panel, estimate in zip(
            axes, (angular.radius_deg, energy.half_width, energy.median), strict=True
        ):
            known = np.isfinite(estimate.low + estimate.high)
            bars = [(estimate.value - estimate.low), (estimate.high - estimate.value)]
            panel.errorbar(
                middle[known], estimate.value[known], [bar[known] for bar in bars],
                fmt="o-", lw=1.0, ms=4.5, color=colour, label=f"zenith {zenith_deg} deg",
            )  # fmt: skip
        if zenith_deg in (20, 60):
            for panel, quantity in zip(axes, ("Angres", "Eres"), strict=False):
                panel.plot(*_curve(zenith_deg, quantity), color=colour, ls="--", lw=1.2)
    axes[0].plot([], [], color="0.4", ls="--", lw=1.2, label="CTAO prod3b-v2, cuts, 20 and 60 deg")
    axes[0].set(yscale="log", ylabel="68 % containment [deg]", ylim=(0.02, 0.6))
    axes[1].set(ylabel="Energy resolution (68 %)", ylim=(0.0, 0.5))
    axes[2].set(ylabel="Energy bias (median)", ylim=(-0.2, 0.5), xlabel="True energy [TeV]")
    axes[2].axhline(0.0, color="0.5", lw=0.8)
    axes[2].set(xscale="log", xlim=(0.012, 80.0))
    axes[0].set_title("Eventdisplay, CTAO North prod6, gamma rays, all reconstructed events")
    axes[0].legend(loc="upper right", ncols=1)
    log_ticks(axes[2])
    log_ticks(axes[0], "y")
    return figure


def make() -> str:
    """Write the page.

    Returns
    -------
    str
        Markdown; the figure is written beside it.
    """
    found, rows, information = {}, [], []
    for zenith_deg in ZENITHS_DEG:
        sample = _read(zenith_deg)
        true, energy = (sample.columns[k] for k in ("MC_ENERGY", "ENERGY"))
        angular = angular_resolution(sample.separation_deg, true, EDGES_TEV, sample.shower)
        of_energy = energy_resolution(energy, true, EDGES_TEV, sample.shower)
        found[zenith_deg] = angular, of_energy
        rows += _rows(zenith_deg, sample, angular, of_energy)
        information += _information(zenith_deg, angular, of_energy)
    with style(), atomic_output(HERE / "eventdisplay.png") as path:
        save(_draw(found), path)
    text = TEXT.format(
        n=len(sample.shower), least=MIN_EVENTS, bootstrap=N_BOOTSTRAP, ratio=ERROR_RATIO,
        sigma=RISE_SIGMA,
    )  # fmt: skip
    parts = [
        f"**{counted(rows)}**",
        text.strip(),
        "![Angular and energy resolution and energy bias against true energy](eventdisplay.png)",
        table(rows),
        "## At 1 TeV, beside CTAO's published curves",
        table(information),
    ]
    return "\n\n".join(parts)
