"""The electromagnetic cascade: cross-sections, profiles, spectra, angles, energy."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from air import us_standard
from cascade_sums import (
    BUFFER,
    LEVEL_M,
    LOW_MEV,
    STEP_G_CM2,
    THRESHOLDS_MEV,
    follow_low,
    many_profiles,
    track,
    words,
)
from judged import NONE, compare, counted, table

from iactflow.campaign.atomic import atomic_output
from iactflow.figures.style import COLOURS, new_figure, save, style
from iactflow.shower.air import ELECTRON_MASS_MEV, RADIATION_LENGTH_G_CM2, density_effect
from iactflow.shower.cascade import (
    CascadeSettings,
    Primary,
    cascade_steps,
    maximum,
)
from iactflow.shower.collisions import COLLISION_CONSTANT, collision_loss
from iactflow.shower.cross_sections import bremsstrahlung, compton, pair

TITLE = "Electromagnetic cascade"
CONFIGS: list[str] = []
MODULES = [
    "iactflow.atmosphere.profile",
    "iactflow.atmosphere.table",
    "iactflow.campaign.atomic",
    "iactflow.campaign.streams",
    "iactflow.figures.style",
    "iactflow.shower.air",
    "iactflow.shower.cascade",
    "iactflow.shower.collisions",
    "iactflow.shower.cross_sections",
]
HERE = Path(__file__).resolve().parents[1]
X0 = RADIATION_LENGTH_G_CM2
GREISEN_MEV = 81.0
# Energy in TeV, cut in MeV, showers.
PROFILES = ((0.1, LOW_MEV, 400), (1.0, 20.0, 400), (10.0, 50.0, 400))
N_SPECTRA, N_HIGH, N_FIXED = 60, 2, 40
TRACK_CUTS_MEV = (0.5, LOW_MEV, 2.0)
BANDS_MEV = ((20, 30), (30, 40), (60, 80), (90, 110), (180, 220), (280, 320), (450, 550))
LIGHT_MEV = 30.0
ENERGY_BINS_MEV = (20.0, 40.0, 80.0, 160.0, 320.0, 1000.0)
PALETTE = [COLOURS[name] for name in ("blue", "vermilion", "green", "purple")]
FIGURE = "Profiles, energies and angles against the literature"
ABOUT_PHYSICS = """\
Photons: the totals of NIST for dry air (Hubbell and Seltzer, NISTIR 5632) with 1 %; at high energy
pairs have 7/9 of a mean free path per radiation length up to their last terms, 2 %. Losses: NIST's
ESTAR, whose exact density effect ours follows in Sternheimer's parameters to 0.3 %.
"""
ABOUT_PROFILES = """\
Vertical photons in the U.S. standard atmosphere, without photonuclear reactions; {n} showers each,
and the maximum of their mean profile. Greisen's formula counts all particles of a theory with
constant losses, E_c = 81 MeV. Those of 1 and 10 TeV are followed above 20 and 50 MeV only; what
depth and number at the maximum become above 1 MeV is taken from {low} showers of 1 TeV and {high}
of 10 TeV followed to 1 MeV, as the rows for information say (shift in g/cm2 and factor, with
errors). 15 g/cm2 and 15 % are allowed.
Below 1 MeV are some 5 % more particles, which Greisen counts; Rossi's approximation B, whose
maximum stands half a radiation length before Greisen's, is given for information.
"""
ABOUT_SPECTRA = """\
All particles above 1 MeV that cross the level at the maximum of each of {low} showers of 1 TeV.
Both fits are from hadronic showers of far higher energy; 10 % is allowed. The two disagree with
each other by 3 % in energies. The angle that holds 68 % of the particles is judged where they give
light at this depth, above 30 MeV, within 10 % and two statistical errors of ours. For information:
the same in {fixed} showers with all photons and pairs emitted at m / E, as EGS4 has them (SLAC-265)
on which both fits rest; the median, which depends on the fit's cusp at zero (below 1 deg at 35 MeV
a particle would have to have crossed less than 0.2 % of a radiation length); the rms, which depends
on its wings, where theirs hold what hadrons scattered; all of 20 to 30 MeV. Those that do not agree
within 10 % are named below. Ours are wide by some 10 % at 30 MeV, less above. The angles of
emission are not the cause: with m / E the rows change by little more than their errors. Scattering
by a given thickness is Highland's to 3 %. Against the angles of light in Nerling's fit ours are
narrow, by 20 % in number beyond 16 deg. Where between the fits the truth lies, these pages cannot
say.

"""
ABOUT_ENERGY = """\
All energy is accounted for in every shower of this page. Track length: knock-ons above the cut have
tracks of their own, so that the loss along all tracks is that in smaller transfers (and photons
below the cut); its integral must be the energy less what falls below the cut or leaves the air, to
1 %. The track above 4 MeV must not depend on the cut, to 2 %. A track length times the whole loss
in collisions would count the knock-ons twice. Photonuclear reactions are off: the hadrons that come
out are not followed, and the last rows say what energy they would take.
"""


def greisen(depth_g_cm2, energy_tev):
    """Greisen's profile (Prog. Cosmic Ray Phys. 3 (1956) 1) with E_c = 81 MeV."""
    t, y = depth_g_cm2 / X0, np.log(energy_tev * 1e6 / GREISEN_MEV)
    s = 3.0 * t / (t + 2.0 * y)
    return 0.31 / np.sqrt(y) * np.exp(t * (1.0 - 1.5 * np.log(s)))


def nerling(kinetic):
    """Energy spectrum at s = 1 (Nerling et al., Astropart. Phys. 24 (2006) 421), not normalised."""
    return kinetic / ((kinetic + 4.8934) * (kinetic + 126.0312))


def lafebre(kinetic):
    """Energy spectrum at the maximum (Lafebre et al., Astropart. Phys. 31 (2009) 243)."""
    return kinetic / ((kinetic + 5.64) * (kinetic + 123.0))


SPECTRA = {"Nerling 2006": nerling, "Lafebre 2009": lafebre}


def lafebre_angles(kinetic, angle_deg):
    """Angles per solid angle at an energy (Lafebre et al. 2009, equation 7), not normalised."""
    core = np.exp(-3.73 + 0.92 * kinetic**0.210) * angle_deg**-0.399
    wing = np.exp(32.9 - 4.84 * np.log(kinetic)) * angle_deg ** (-8.36 + 0.44 * np.log(kinetic))
    return (core ** (-1 / 3) + wing ** (-1 / 3)) ** -3.0


def _part(spectrum, low, high):
    """Part of all particles above 1 MeV between two energies."""
    u = np.linspace(0.0, np.log(1e6), 20001)
    values = spectrum(np.exp(u))
    inside = (u > np.log(low)) & (u <= np.log(high))
    return values[inside].sum() / values.sum()


def _cross_section_rows():
    """Totals and losses against NIST."""
    rows = []
    for energy, value in ((5.0, 2.751e-2), (10.0, 2.045e-2), (20.0, 1.705e-2)):
        ours = (pair(np.array([energy])) + compton(energy))[0]
        label = f"attenuation of photons at {energy:g} MeV, cm2/g (NIST), ratio"
        rows.append(compare(label, ours / value, 1.0, 0.01))
    ours = 7.0 / 9.0 / pair(np.array([1e6]))[0]
    rows.append(compare("7/9 of the mean free path of pairs at 1 TeV, g/cm2", ours, X0, 0.02 * X0))
    for energy, collision, radiative in (
        (20.0, 2.134, 0.4042),
        (100.0, 2.417, 2.405),
        (1000.0, 2.674, 26.46),
    ):
        kinetic = np.array([energy])
        momentum = np.sqrt(kinetic * (kinetic + 2 * ELECTRON_MASS_MEV)) / ELECTRON_MASS_MEV
        loss = collision_loss(kinetic, 1e9, False)
        loss -= COLLISION_CONSTANT * density_effect(np.log(momentum))
        limits = [1e-9, 1e-3, 0.1, 0.5, 0.9, 1.0]
        radiated = sum(
            bremsstrahlung(kinetic, a * kinetic, b * kinetic, 1) for a, b in pairwise(limits)
        )
        label = f"{{}} loss at {energy:g} MeV, MeV cm2/g (ESTAR), ratio"
        rows.append(compare(label.format("collision"), loss[0] / collision, 1.0, 0.005))
        rows.append(compare(label.format("radiative"), radiated[0] / radiative, 1.0, 0.01))
    return rows


def _from_cut(low, at):
    """Shift and factor of the maximum from a threshold to 1 MeV, with errors by the jackknife."""
    depth = STEP_G_CM2 * np.arange(low.profiles.shape[2])

    def change(profiles):
        mean = profiles.mean(axis=0)
        first, own = maximum(depth, mean[0]), maximum(depth, mean[at])
        return np.array([first[0] - own[0], first[1] / own[1]])

    n = len(low.profiles)
    without = [change(np.delete(low.profiles, k, axis=0)) for k in range(n)]
    return change(low.profiles), np.sqrt(n - 1.0) * np.std(without, axis=0)


def _error_of_maximum(depth, profiles):
    """Errors of depth and number at the maximum of a mean profile, from twenty parts of it."""
    parts = [profiles[k::20].mean(axis=0) for k in range(20)]
    return np.std([maximum(depth, part) for part in parts], axis=0) / np.sqrt(20.0)


def _profile_rows(lows, air):
    """Depth and size of the maximum, and the profiles for the figure."""
    rows, curves, worst = [], [], max(low.balance for low in lows)
    for low, (energy_tev, cut_mev, n) in zip(lows, PROFILES, strict=True):
        x, profiles, balance = many_profiles(energy_tev, cut_mev, n, air)
        worst = max(worst, balance)
        at = THRESHOLDS_MEV.index(cut_mev)
        (shift, factor), (shift_error, factor_error) = _from_cut(low, at)
        x_max, n_max = maximum(x, profiles.mean(axis=0))
        x_error, n_error = _error_of_maximum(x, profiles)
        y = np.log(energy_tev * 1e6 / GREISEN_MEV)
        name = f"{energy_tev:g} TeV, {n} showers above {cut_mev:g} MeV: "
        error = np.hypot(x_error, shift_error)
        label = f"{name}depth of the maximum above 1 MeV, g/cm2 (Greisen; error {error:.1f})"
        rows.append(compare(label, x_max + shift, y * X0, 15.0))
        error = np.hypot(n_error / n_max, factor_error / factor)
        label = f"{name}particles at the maximum above 1 MeV, ratio to Greisen (error {error:.3f})"
        rows.append(compare(label, factor * n_max / greisen(y * X0, energy_tev), 1.0, 0.15))
        rossi = 1.01 * (y - 0.5) * X0
        rows.append(compare(f"{name}depth (Rossi B)", x_max + shift, rossi, None))
        errors = f"errors {shift_error:.1f}, {factor_error:.3f}"
        label = f"{name}shift and factor from this cut, {len(low.profiles)} showers ({errors})"
        rows.append(compare(label, shift, factor, None))
        curves.append((energy_tev, x + shift, factor * profiles.mean(axis=0)))
    return rows, curves, worst


def _spectrum_rows(low):
    """Energies and angles of the particles at the maximum."""
    rows, total = [], np.count_nonzero(low.kinetic_mev > LOW_MEV)
    for a, b in pairwise(ENERGY_BINS_MEV):
        ours = np.count_nonzero((low.kinetic_mev > a) & (low.kinetic_mev <= b)) / total
        for name, spectrum in SPECTRA.items():
            label = f"part of all above 1 MeV at {a:g} to {b:g} MeV, ratio to {name}"
            rows.append(compare(label, ours / _part(spectrum, a, b), 1.0, 0.10))
    return [*rows, *_angle_rows(low, "", LIGHT_MEV)]


def _angle_rows(low, name, least_mev):
    """Angles against Lafebre's fit; judged: what holds 68 % from an energy on."""
    rows, angle = [], np.geomspace(1e-3, 60.0, 20001)
    for a, b in BANDS_MEV:
        inside = (low.kinetic_mev > a) & (low.kinetic_mev < b) & (low.angle_deg < 60.0)
        ours = low.angle_deg[inside]
        mean = np.exp(np.log(low.kinetic_mev[inside]).mean())
        weight = lafebre_angles(mean, angle) * np.sin(np.radians(angle)) * angle
        rms = np.sqrt((weight * angle**2).sum() / weight.sum())
        where = f"at {a} to {b} MeV{name}, ratio to Lafebre"
        for part in (0.5, 0.68):
            theirs = np.interp(part, weight.cumsum() / weight.sum(), angle)
            spread = np.sqrt(part * (1.0 - part) / ours.size)
            low_side, value, high_side = np.quantile(ours, [part - spread, part, part + spread])
            error = 0.5 * (high_side - low_side) / theirs
            tolerance = 0.10 + 2.0 * error if part == 0.68 and a >= least_mev else None
            label = f"angle that holds {part:.0%} {where} (error {error:.3f})"
            rows.append(compare(label, value / theirs, 1.0, tolerance))
        label = f"rms angle below 60 deg {where}"
        rows.append(compare(label, np.sqrt((ours**2).mean()) / rms, 1.0, None))
    return rows


def _outside(rows):
    """Say which angles that are not judged deviate by more than 10 %."""
    rows = [row for row in rows if "angle" in row.quantity and row.verdict == NONE]
    names = [f"{r.quantity.split(', ratio')[0]} ({r.ours})" for r in rows if _far(r)]
    return f"Not judged, and off by more than 10 %: {'; '.join(names) or 'none'}."


def _far(row):
    return abs(float(row.ours) - 1.0) > 0.10


def _nuclear_rows(air):
    """What photonuclear reactions would take, were they switched on."""
    rows = []
    for energy_tev, n in ((0.1, 400), (1.0, 40)):
        taken = []
        for number in range(n):
            settings = CascadeSettings(photonuclear=True)
            primary = Primary(1, energy_tev)
            cascade = cascade_steps(primary, air, settings, words(number), BUFFER)
            for _ in cascade:
                pass
            taken.append(cascade.summary.energy_mev["hadronic"] / (1e6 * energy_tev))
        error = np.std(taken) / np.sqrt(n)
        label = f"energy that photonuclear reactions would take at {energy_tev:g} TeV"
        rows.append(compare(f"{label}, part (error {error:.4f})", np.mean(taken), None, None))
    return rows


def _energy_rows(worst, air):
    """Balance and track length."""
    label = "energy: deposited, below the cuts, at the ground and the top, over that brought in"
    rows = [compare(f"{label}: largest error of a shower", worst, 0.0, 0.005)]
    tracks = {}
    for cut in TRACK_CUTS_MEV:
        ratio, *tracks[cut], mean = track(cut, air)
        label = f"loss along the track above {cut:g} MeV over the energy left for it, ratio"
        rows.append(compare(label, ratio, 1.0, 0.01))
        label = f"E_c of the track above {cut:g} MeV: X0 times its mean loss, MeV"
        rows.append(compare(label, mean * X0, None, None))
    for cut in (TRACK_CUTS_MEV[0], TRACK_CUTS_MEV[-1]):
        (a, a_error), (b, b_error) = tracks[cut], tracks[LOW_MEV]
        error = np.hypot(a_error / a, b_error / b)
        label = f"track above 4 MeV, followed to {cut:g} over to 1 MeV, ratio (error {error:.4f})"
        rows.append(compare(label, a / b, 1.0, 0.02))
    return [*rows, *_nuclear_rows(air)]


def _draw_profiles(axes, curves):
    for (energy, depth, number), colour in zip(curves, PALETTE, strict=False):
        axes.plot(depth, number, "o", ms=3, color=colour, label=f"{energy:g} TeV")
        axes.plot(depth, greisen(depth, energy), color=colour, lw=1)
    axes.set(yscale="log", ylim=(1.0, 3e4), xlim=(0.0, 820.0), xlabel="Depth / (g cm$^{-2}$)")
    axes.set(ylabel="Electrons and positrons above 1 MeV", title="Profiles (lines: Greisen)")
    axes.legend()


def _draw_energies(axes, low):
    edges = np.geomspace(1.0, 1e4, 33)
    number = np.histogram(low.kinetic_mev, edges)[0]
    centre, width = np.sqrt(edges[1:] * edges[:-1]), np.log(edges[1] / edges[0])
    scale = 1.0 / number.sum() / width
    errors = np.sqrt(number) * scale
    axes.errorbar(centre, number * scale, errors, fmt="o", ms=3, color=PALETTE[0], label="1 TeV")
    u = np.linspace(0.0, np.log(1e4), 500)
    for name, spectrum, colour in zip(SPECTRA, SPECTRA.values(), PALETTE[1:], strict=False):
        curve = spectrum(np.exp(u))
        axes.plot(np.exp(u), curve / np.trapezoid(curve, u), color=colour, label=name)
    axes.set(xscale="log", xlabel="Kinetic energy / MeV", ylabel="d$N$ / ($N$ d ln $E$)")
    axes.set(title="Energies at the maximum")
    axes.legend()


def _draw_angles(axes, low):
    grid = np.geomspace(0.05, 60.0, 400)
    for (a, b), colour in zip(BANDS_MEV[1::2], PALETTE, strict=False):
        inside = (low.kinetic_mev > a) & (low.kinetic_mev < b)
        number, limits = np.histogram(low.angle_deg[inside], np.geomspace(0.2, 60.0, 22))
        solid = 2.0 * np.pi * -np.diff(np.cos(np.radians(limits)))
        centre = np.sqrt(limits[1:] * limits[:-1])
        density = number / number.sum() / solid
        axes.plot(centre, density, "o", ms=3, color=colour, label=f"{a} to {b} MeV")
        theirs = lafebre_angles(np.sqrt(a * b), grid)
        norm = np.trapezoid(theirs * 2.0 * np.pi * np.sin(np.radians(grid)), np.radians(grid))
        axes.plot(grid, theirs / norm, color=colour, lw=1)
    axes.set(xscale="log", yscale="log", xlim=(0.15, 70.0), ylim=(1e-2, 2e3))
    axes.set(xlabel="Angle to the axis / deg", ylabel="d$N$ / ($N$ d$\\Omega$) / sr$^{-1}$")
    axes.set(title="Angles; lines: Lafebre")
    axes.legend()


def _figure(low, curves):
    with style():
        figure = new_figure(13.0, 4.4)
        left, middle, right = figure.subplots(1, 3)
        _draw_profiles(left, curves)
        _draw_energies(middle, low)
        _draw_angles(right, low)
        with atomic_output(HERE / "cascade.png") as path:
            save(figure, path)


def make() -> str:
    """Run the comparisons.

    Returns
    -------
    str
        The page in Markdown.
    """
    air = us_standard(LEVEL_M)
    low = follow_low(1.0, N_SPECTRA, air)
    first = _cross_section_rows()
    profile_rows, curves, worst = _profile_rows((low, low, follow_low(10.0, N_HIGH, air)), air)
    fixed = follow_low(1.0, N_FIXED, air, fixed_emission_angle=True)
    spectrum_rows = _spectrum_rows(low) + _angle_rows(fixed, ", emission at m / E", np.inf)
    energy_rows = _energy_rows(worst, air)
    _figure(low, curves)
    every = [*first, *profile_rows, *spectrum_rows, *energy_rows]
    about_spectra = ABOUT_SPECTRA.format(low=N_SPECTRA, fixed=N_FIXED) + _outside(spectrum_rows)
    parts = [f"**{counted(every)}**", f"![{FIGURE}](cascade.png)"]
    about_profiles = ABOUT_PROFILES.format(n=PROFILES[0][2], low=N_SPECTRA, high=N_HIGH)
    for title, text, rows in (
        ("Cross-sections and losses", ABOUT_PHYSICS, first),
        ("Profiles", about_profiles, profile_rows),
        ("Particles at the maximum", about_spectra, spectrum_rows),
        ("Energy", ABOUT_ENERGY, energy_rows),
    ):
        parts += [f"## {title}", text.strip(), table(rows)]
    return "\n\n".join(part for part in parts if part)
