"""Light of the cascade against its steps and cuts: the default over both halved."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from air import us_standard
from judged import compare, counted, table

from iactflow._jit import jit
from iactflow.atmosphere.table import height_m, refractivity
from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.figures.style import COLOURS, OURS, new_figure, save, style
from iactflow.shower.air import ELECTRON_MASS_MEV, RADIATION_LENGTH_G_CM2
from iactflow.shower.cascade import (
    Cascade,
    CascadeSettings,
    Primary,
    step_buffer,
)
from iactflow.shower.flight import across, ray

TITLE = "Light against steps and cuts of the cascade"
CONFIGS: list[str] = []
MODULES = [
    "iactflow._jit",
    "iactflow.atmosphere.profile",
    "iactflow.atmosphere.table",
    "iactflow.campaign.atomic",
    "iactflow.campaign.streams",
    "iactflow.figures.style",
    "iactflow.shower.air",
    "iactflow.shower.cascade",
    "iactflow.shower.flight",
]
HERE = Path(__file__).resolve().parents[1]
SEED = campaign_seed("validation of steps and cuts")
LEVEL_M = 1800.0
X0 = RADIATION_LENGTH_G_CM2
RINGS_M = np.array([0.0, 50.0, 100.0, 150.0, 200.0, 300.0, 500.0])
ALLOWED, LARGEST_ERROR = 0.02, 0.007
SINGLE_G_CM2, BUNDLE_G_CM2 = 60.0, 150.0
NARROW_RAD, WIDE_RAD, LOWEST_COSINE = np.radians(5.0), 0.3, 0.1
AZIMUTHS = 8
FIELD_UT = (30.0, 0.0, -24.0)
HIGHLAND_X0, HIGHLAND, N_ELECTRONS = (0.02, 0.1, 0.3), 0.06, 6000
BUFFER = step_buffer(50000)


class Case(NamedTuple):
    """Showers whose light is compared: electrons that share an energy and start together."""

    name: str
    energy_tev: float
    zenith_deg: float
    n: int
    electrons: int
    start_g_cm2: float

    def start(self, air, settings, words):
        """Cascade of the electrons, which fly to the origin."""
        axis = np.array(Primary(3, self.energy_tev, 90.0 - self.zenith_deg).direction)
        kinetic = 1e6 * self.energy_tev / self.electrons - ELECTRON_MASS_MEV
        height = height_m(air, self.start_g_cm2 * -axis[2]) - LEVEL_M
        one = [3, kinetic, *(axis * height / axis[2]), 0.0, *axis]
        return Cascade(np.tile(one, (self.electrons, 1)), air, settings, words, BUFFER)


CASES = (
    Case("100 GeV, vertical", 0.1, 0.0, 350, 40, BUNDLE_G_CM2),
    Case("1 TeV at 50 deg", 1.0, 50.0, 75, 400, BUNDLE_G_CM2),
    Case("single electrons of 100 GeV, vertical", 0.1, 0.0, 150, 1, SINGLE_G_CM2),
)


ABOUT = """\
Light with the default settings over light with half of all limits on the step (radiation lengths,
loss, scattering, bending) and half of both cuts, and without leaving out what cannot radiate any
more, in the field of La Palma. Light is the track length with Frank and Tamm's weight, sent out at
the Cherenkov angle around the track; its angle is that to the shower's axis, its place the distance
from the axis where it meets the ground. 2 % is allowed in everything, and the errors of these
showers, in brackets, must stay below 0.7 %.

Showers differ most by where they begin, which has nothing to do with steps and cuts. To see 2 % in
the light per ring, most showers here are many electrons that start together on the axis, {start:g}
g/cm2 along it, with equal parts of the energy: above 2.5 GeV nothing is tested. Single electrons of
100 GeV, from {single:g} g/cm2, are judged in the total and the angles.
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


@jit
def _add_light(steps, air, axis, angle_start, rings, sums):
    """Add the light of steps to the sums of a shower; columns as in `_stability_rows`."""
    for row in steps:
        middle = row[:3] + 0.5 * row[7] * row[4:7]
        index = 1.0 + refractivity(air, middle[2] + LEVEL_M)
        gamma = 0.5 * (row[8] + row[9])
        sine2 = max(1.0 - 1.0 / (index * index * (1.0 - 1.0 / (gamma * gamma))), 0.0)
        for k in range(AZIMUTHS):
            # The Cherenkov angle around the track; azimuths far from each other's multiples.
            phi = angle_start + 2.0 * np.pi * k / AZIMUTHS + 2.399963 * row[3]
            light = np.array(
                ray(row[4], row[5], row[6], across(row[4], row[5], row[6]), sine2, phi)
            )
            if -light[2] < LOWEST_COSINE:
                continue
            ground = middle - light * (middle[2] / light[2])
            along = (ground * axis).sum()
            distance = np.sqrt(max((ground * ground).sum() - along * along, 0.0))
            angle = np.arccos(min((light * axis).sum(), 1.0))
            weight = sine2 * row[7] / AZIMUTHS
            sums[0] += weight
            sums[1] += weight * angle
            sums[2] += weight * middle[2]
            sums[3] += weight * (angle < NARROW_RAD)
            sums[4] += weight * angle * angle * (angle < NARROW_RAD)
            sums[5] += weight * (angle > WIDE_RAD)
            if distance < rings[-1]:
                sums[5 + np.searchsorted(rings, distance, side="right")] += weight


def _light(case, settings, n, air, first):
    """Sums over the light of each of n showers."""
    axis = np.array(Primary(3, case.energy_tev, 90.0 - case.zenith_deg).direction)
    draw = StreamKey(SEED, "azimuth", run=first).generator()
    sums = np.zeros((n, 6 + len(RINGS_M) - 1))
    for number in range(n):
        for steps in case.start(air, settings, _words(first + number)):
            _add_light(steps, air, axis, draw.uniform(0.0, 2.0 * np.pi), RINGS_M, sums[number])
    return sums


def _ratio(sums, over, under):
    """Ratio of the means of two columns over all showers, and its error, relative."""
    mean = sums.mean(axis=0)
    below = sums[:, under] / mean[under] if under is not None else np.ones(len(sums))
    spread = sums[:, over] / mean[over] - below
    value = mean[over] / (mean[under] if under is not None else 1.0)
    return value, spread.std() / np.sqrt(len(sums))


def _halved(usual):
    return CascadeSettings(
        electron_cut_mev=0.5 * usual.electron_cut_mev, photon_cut_mev=0.5 * usual.photon_cut_mev,
        max_step_x0=0.5 * usual.max_step_x0, max_loss_fraction=0.5 * usual.max_loss_fraction,
        max_angle_rad=0.5 * usual.max_angle_rad, max_bend_rad=0.5 * usual.max_bend_rad,
        magnetic_field_ut=usual.magnetic_field_ut, drop_dark=False,
    )  # fmt: skip


def _stability_rows(case, air, first):
    """Light with the default steps and cuts over light with both halved."""
    usual = CascadeSettings(magnetic_field_ut=FIELD_UT)
    ours = _light(case, usual, case.n, air, first)
    finer = _light(case, _halved(usual), case.n, air, first + 100000)
    names = [f"light at {a:g} to {b:g} m" for a, b in pairwise(RINGS_M)]
    columns = [("light", 0, None, 1.0), ("mean angle of light", 1, 0, 1.0)]
    # The square root of a ratio has half of its relative deviation and error.
    columns += [("rms angle of light inside 5 deg", 4, 3, 0.5)]
    if case.electrons > 1:
        columns += [("mean height", 2, 0, 1.0)]
        columns += [(name, 6 + k, None, 1.0) for k, name in enumerate(names)]
    rows, ratios = [], []
    for name, over, under, power in columns:
        (a, a_error), (b, b_error) = _ratio(ours, over, under), _ratio(finer, over, under)
        error = power * np.hypot(a_error, b_error)
        ratios.append(((a / b) ** power, error))
        label = f"{case.name}: {name}, ratio (error {error:.4f})"
        rows.append(compare(label, ratios[-1][0], 1.0, ALLOWED))
    largest = max(error for _, error in ratios)
    label = f"{case.name}: largest of these errors"
    rows.append(compare(label, largest, 0.0, LARGEST_ERROR))
    (a, a_error), (b, b_error) = _ratio(ours, 5, None), _ratio(finer, 5, None)
    label = f"{case.name}: light beyond 0.3 rad, ratio (error {np.hypot(a_error, b_error):.4f})"
    rows.append(compare(label, a / b, 1.0, None))
    return rows, np.array(ratios[4:])


def _figure(ratios):
    with style():
        figure = new_figure()
        axes = figure.subplots()
        middle, half = 0.5 * (RINGS_M[1:] + RINGS_M[:-1]), 0.5 * np.diff(RINGS_M)
        axes.axhspan(0.98, 1.02, color=COLOURS["grey"], alpha=0.2, label="2 %")
        axes.axhline(1.0, color=COLOURS["grey"], lw=1)
        for case, (ratio, error), shift, colour in zip(
            CASES, ratios, (-2.0, 2.0), (OURS, COLOURS["vermilion"]), strict=False
        ):
            axes.errorbar(
                middle + shift, ratio, error, half, fmt="o", ms=4, color=colour, label=case.name
            )
        axes.set(ylim=(0.95, 1.05), xlim=(0.0, 500.0), xlabel="Distance from the axis / m")
        axes.set(ylabel="Light, default over halved steps and cuts", title="Light per ring")
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
    found = [_stability_rows(case, air, 1000000 * (k + 1)) for k, case in enumerate(CASES)]
    rows = [row for part, _ in found for row in part]
    widths = _scattering_rows(air)
    _figure([ratios.T for _, ratios in found[:2]])
    picture = "![Light on the ground against core distance](cascade-steps.png)"
    about = ABOUT.format(start=BUNDLE_G_CM2, single=SINGLE_G_CM2).strip()
    parts = [f"**{counted([*rows, *widths])}**", about, table(rows), picture]
    return "\n\n".join([*parts, "## Multiple scattering", ABOUT_WIDTH.strip(), table(widths)])
