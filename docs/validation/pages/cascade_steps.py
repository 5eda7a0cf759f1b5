"""Light of the cascade against its steps and cuts: the default over both halved."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from air import us_standard
from tables import compare, counted, table

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.figures.style import COLOURS, OURS, new_figure, save, style
from iactflow.shower.air import ELECTRON_MASS_MEV, RADIATION_LENGTH_G_CM2
from iactflow.shower.cascade import (
    Cascade,
    CascadeSettings,
    Primary,
    cascade_steps,
    step_buffer,
)

TITLE = "Light against steps and cuts of the cascade"
CONFIGS: list[str] = []
MODULES = [
    "iactflow.atmosphere.profile",
    "iactflow.atmosphere.table",
    "iactflow.campaign.atomic",
    "iactflow.campaign.streams",
    "iactflow.figures.style",
    "iactflow.shower.air",
    "iactflow.shower.cascade",
]
HERE = Path(__file__).resolve().parents[1]
SEED = campaign_seed("validation of steps and cuts")
LEVEL_M = 1800.0
X0 = RADIATION_LENGTH_G_CM2
RINGS_M = np.array([0.0, 30.0, 60.0, 90.0, 120.0, 150.0, 200.0, 300.0, 500.0])
N_STABLE, N_HALVED, STABLE_TEV = 4000, 2000, 0.1
FIELD_UT = (30.0, 0.0, -24.0)
HIGHLAND_X0, HIGHLAND, N_ELECTRONS = (0.02, 0.1, 0.3), 0.06, 6000
BUFFER = step_buffer(50000)
ABOUT = """\
Vertical photons of {energy:g} TeV in the field of La Palma: {n} showers with the default settings,
{m} with half of all limits on the step (radiation lengths, loss, scattering, bending) and half of
both cuts, and without leaving out what cannot radiate any more. Light is the track length with
Frank and Tamm's weight, its angle that of the track to the axis, its place where it meets the
ground. 2 % is allowed; where the error of these showers (in brackets) is above 0.7 %, twice that
error comes on top.
"""
ABOUT_WIDTH = """\
Electrons of 1 GeV in steps of a twentieth of the path, so that directions are those at its end: the
width of a Gaussian of the same median against Highland's formula in the form of Lynch and Dahl
(Nucl. Instrum. Meth. B 58 (1991) 6), good to some 5 % for light nuclei; 6 % is allowed.
"""


def _words(number):
    return StreamKey(SEED, "shower", "gamma", shower=number).words()


def _scattering_rows(air):
    """Width of multiple scattering against Highland's formula, by electrons of 1 GeV."""
    rows, kinetic = [], 1000.0
    height = 5000.0
    for path in HIGHLAND_X0:
        settings = CascadeSettings(
            photon_cut_mev=1e4, electron_cut_mev=400.0, record_all=True, drop_dark=False,
            max_step_x0=0.05 * path,
        )  # fmt: skip
        start = [3, kinetic, 0.0, 0.0, height - LEVEL_M, 0.0, 0.0, 0.0, -1.0]
        cascade = Cascade(
            np.tile(start, (N_ELECTRONS, 1)), air, settings, _words(int(1e6 * path)), BUFFER
        )
        heights = np.linspace(air.bottom_m, air.top_m, air.thickness.size)
        begin = np.interp(height, heights, air.thickness)
        angles, momenta = [], []
        for steps in cascade:
            top = np.interp(steps[:, 2] + LEVEL_M, heights, air.thickness)
            low = steps[:, 2] + steps[:, 7] * steps[:, 6] + LEVEL_M
            bottom = np.interp(low, heights, air.thickness)
            at = (top < begin + path * X0) & (bottom >= begin + path * X0)
            angles.append(2.0 * (1.0 + steps[at, 6]))
            momenta.append(steps[at, 8] * ELECTRON_MASS_MEV)
        # 1 / p^2 along a linear fall is one over the product of both ends.
        momentum = np.sqrt(kinetic * np.mean(np.concatenate(momenta)))
        width = 13.6 / momentum * np.sqrt(path) * (1.0 + 0.038 * np.log(path))
        ours = np.sqrt(np.median(np.concatenate(angles)) / (2.0 * np.log(2.0)))
        label = f"width of scattering by {path:g} X0 (Highland; Lynch and Dahl 1991), ratio"
        rows.append(compare(label, ours / width, 1.0, HIGHLAND))
    return rows


def _light(settings, n, air, first):
    """Light of showers: total, angle, height and what falls in rings, per shower."""
    heights = np.linspace(air.bottom_m, air.top_m, air.refractivity.size)
    sums = np.zeros((n, 3 + len(RINGS_M) - 1))
    draw = StreamKey(SEED, "azimuth", run=first).generator()
    for number in range(n):
        primary = Primary(1, STABLE_TEV)
        for steps in cascade_steps(primary, air, settings, _words(first + number), BUFFER):
            middle = steps[:, :3] + 0.5 * steps[:, 7:8] * steps[:, 4:7]
            index = 1.0 + np.interp(middle[:, 2] + LEVEL_M, heights, air.refractivity)
            gamma = 0.5 * (steps[:, 8] + steps[:, 9])
            sine2 = np.maximum(1.0 - 1.0 / (index**2 * (1.0 - gamma**-2.0)), 0.0)
            weight = sine2 * steps[:, 7]
            angle = np.arccos(np.clip(-steps[:, 6], -1.0, 1.0))
            # On the ground: along the track, plus the Cherenkov angle at a random azimuth.
            phi, tangent = draw.uniform(0.0, 2.0 * np.pi, len(steps)), np.sqrt(sine2 / (1 - sine2))
            down = np.maximum(-steps[:, 6], 0.2)
            x = middle[:, 0] + middle[:, 2] * (steps[:, 4] / down + tangent * np.cos(phi))
            y = middle[:, 1] + middle[:, 2] * (steps[:, 5] / down + tangent * np.sin(phi))
            sums[number, 0] += weight.sum()
            sums[number, 1] += (weight * np.minimum(angle, 1.0)).sum()
            sums[number, 2] += (weight * middle[:, 2]).sum()
            sums[number, 3:] += np.histogram(np.hypot(x, y), RINGS_M, weights=weight)[0]
    return sums


def _ratio(sums, k):
    """Mean of a column over that of the first, and its error."""
    mean = sums.mean(axis=0)
    if k == 0:
        return mean[0], sums[:, 0].std() / np.sqrt(len(sums))
    value = mean[k] / mean[0]
    return value, (sums[:, k] - value * sums[:, 0]).std() / mean[0] / np.sqrt(len(sums))


def _stability_rows(air):
    """Light with the default steps and cuts over light with both halved."""
    usual = CascadeSettings(magnetic_field_ut=FIELD_UT)
    half = CascadeSettings(
        electron_cut_mev=0.5 * usual.electron_cut_mev, photon_cut_mev=0.5 * usual.photon_cut_mev,
        max_step_x0=0.5 * usual.max_step_x0, max_loss_fraction=0.5 * usual.max_loss_fraction,
        max_angle_rad=0.5 * usual.max_angle_rad, max_bend_rad=0.5 * usual.max_bend_rad,
        magnetic_field_ut=FIELD_UT, drop_dark=False,
    )  # fmt: skip
    ours, finer = _light(usual, N_STABLE, air, 100000), _light(half, N_HALVED, air, 200000)
    names = ["light", "mean angle", "mean height"]
    names += [f"part of the light at {a:g} to {b:g} m" for a, b in pairwise(RINGS_M)]
    rows, ratios = [], []
    for k, name in enumerate(names):
        (a, a_error), (b, b_error) = _ratio(ours, k), _ratio(finer, k)
        error = np.hypot(a_error / a, b_error / b)
        ratios.append((a / b, error))
        tolerance = 0.02 if error < 0.007 else 0.02 + 2.0 * error
        rows.append(compare(f"{name}, ratio (error {error:.4f})", a / b, 1.0, tolerance))
    return rows, np.array(ratios[3:])


def _figure(ratios):
    with style():
        figure = new_figure()
        axes = figure.subplots()
        middle, half = 0.5 * (RINGS_M[1:] + RINGS_M[:-1]), 0.5 * np.diff(RINGS_M)
        axes.axhspan(0.98, 1.02, color=COLOURS["grey"], alpha=0.2, label="2 %")
        axes.axhline(1.0, color=COLOURS["grey"], lw=1)
        axes.errorbar(middle, ratios[:, 0], ratios[:, 1], half, fmt="o", ms=4, color=OURS)
        axes.set(ylim=(0.92, 1.08), xlim=(0.0, 500.0), xlabel="Core distance / m")
        axes.set(ylabel="Light, default over halved steps and cuts")
        axes.set_title(f"Vertical photons of {STABLE_TEV:g} TeV: part of the light per ring")
        axes.legend()
        with atomic_output(HERE / "cascade-steps.png") as path:
            save(figure, path)


def make() -> str:
    """Run the comparisons.

    Returns
    -------
    str
        The page in Markdown.
    """
    air = us_standard(LEVEL_M)
    rows, ratios = _stability_rows(air)
    widths = _scattering_rows(air)
    _figure(ratios)
    about = ABOUT.format(energy=STABLE_TEV, n=N_STABLE, m=N_HALVED)
    picture = "![Light on the ground against core distance](cascade-steps.png)"
    parts = [f"**{counted([*rows, *widths])}**", about.strip(), table(rows), picture]
    return "\n\n".join([*parts, "## Multiple scattering", ABOUT_WIDTH.strip(), table(widths)])
