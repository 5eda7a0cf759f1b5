"""Muon rings: photons on a dish against the analytic intensity, for a range of impacts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from air import us_standard
from judged import compare, counted, table

from iactflow.atmosphere.table import refractivity
from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.figures.style import COLOURS, new_figure, style
from iactflow.shower.cascade import CascadeSettings, Primary, cascade_steps, step_buffer
from iactflow.shower.collect import LightCollector
from iactflow.shower.light import FINE_STRUCTURE, make_light_yield, sine_squared
from iactflow.shower.spheres import make_spheres, sphere_states
from iactflow.shower.steps import GAMMA_END, LENGTH_M, PARTICLE, UX, UY, UZ, X_M, Y_M, Z_M

TITLE = "Muon rings"
CONFIGS = []
MODULES = [
    "iactflow.atmosphere.profile",
    "iactflow.atmosphere.table",
    "iactflow.campaign.atomic",
    "iactflow.campaign.streams",
    "iactflow.figures.style",
    "iactflow.shower.cascade",
    "iactflow.shower.collect",
    "iactflow.shower.light",
    "iactflow.shower.spheres",
    "iactflow.shower.steps",
]
LEVEL_M, START_M = 1800.0, 900.0
SEED = campaign_seed("muon rings")
DISH_M, SPHERE_M = 5.84, 6.5
BAND_NM = (300.0, 600.0)
# Energies that make rings of about these angles, photons of a central muon on the dish.
RINGS = {1.0: (8.6e-3, 7790.0), 1.1: (11.2e-3, 8570.0), 1.2: (22.0e-3, 9340.0)}
IMPACTS = (0.0, 0.3, 0.6, 0.9, 1.2, 1.5)
N_MUONS, TOLERANCE, PARTICLE_ID = 60, 0.03, 6
FORMULA_UP_TO = 1.2
AZIMUTHS = (np.arange(7200) + 0.5) / 7200 * 2.0 * np.pi
ABOUT = """\
A muon that hits a dish of radius R leaves, per azimuth phi of its ring, `dN/dphi = (alpha / 2)
(1 / lambda_1 - 1 / lambda_2) sin(2 theta) D(rho, phi)` photons, with the chord D of the dish from
the point of impact rho R (Vacanti et al., Astropart. Phys. 2 (1994) 1): `R (sqrt(1 - rho^2
sin^2(phi)) + rho cos(phi))` inside, `2 R sqrt(1 - rho^2 sin^2(phi))` where it is real outside. Here
muons go through the cascade and its light through the sampling towards telescopes: {n} vertical
ones from {start:g} m above a flat dish of R = {dish} m (107 m2), with ionisation and scattering,
for each energy and impact; 300 to 600 nm, clear air, U.S. standard atmosphere at 1800 m. The
formula takes each muon's own impact where it meets the ground, and the mean sin(2 theta) of the
light that hits, measured from the muon's direction there. It does not know that the angle grows on
the way down, which brings in more light the farther up it comes from: by a part h (n - 1) / (H
theta^2), 3 % for h = 450 m and the scale height H = 9 km. The second reference does: Frank and
Tamm's light of a straight vertical muon, integrated over the height with the angle there and the
part of its circle on the ground that lies on the dish. Three per cent are allowed; the formula is
judged up to 1.2 R. The central muon is also held against the numbers for rings of exactly 1.0, 1.1
and 1.2 deg, its photons scaled with sin(2 theta) from the angle found and, for the scattering,
with the chords from the point of impact to the middle.
"""


def _muon(energy_tev, number, atmosphere, buffer):
    """Steps of a muon, its point of impact, direction and Lorentz factor at the ground."""
    primary = Primary(PARTICLE_ID, energy_tev, start_height_m=LEVEL_M + START_M)
    words = StreamKey(SEED, "shower", "muon", shower=number).words()
    parts = cascade_steps(primary, atmosphere, CascadeSettings(muon_decay=False), words, buffer)
    steps = np.concatenate([part.copy() for part in parts])
    last = steps[steps[:, PARTICLE] == PARTICLE_ID][-1]
    direction = last[[UX, UY, UZ]]
    point = last[[X_M, Y_M, Z_M]] + last[LENGTH_M] * direction
    ground = point[:2] - direction[:2] / direction[2] * point[2]
    return steps, ground, direction, last[GAMMA_END]


def _chords_m(rho):
    """Integral of the dish's chord from the point of impact over the azimuth."""
    inside = np.sqrt(np.maximum(1.0 - (rho * np.sin(AZIMUTHS)) ** 2, 0.0))
    if rho <= 1.0:
        chord = inside + rho * np.cos(AZIMUTHS)
    else:
        chord = np.where(np.cos(AZIMUTHS) > 0.0, 2.0 * inside, 0.0)
    return 2.0 * np.pi * DISH_M * np.mean(chord)


def _integrated(rho, gamma, atmosphere, photons_per_m):
    """Photons of a straight vertical muon, its angle changing on the way down."""
    heights = START_M * (np.arange(3000) + 0.5) / 3000
    air = [refractivity(atmosphere, LEVEL_M + height) for height in heights]
    sine_2 = np.array([sine_squared(index, gamma) for index in air])
    circle, apart = heights * np.sqrt(sine_2 / (1.0 - sine_2)), max(rho * DISH_M, 1e-6)
    cosine = (circle**2 + apart**2 - DISH_M**2) / (2.0 * circle * apart)
    part = np.arccos(np.clip(cosine, -1.0, 1.0)) / np.pi
    return photons_per_m * np.sum(sine_2 * part) * START_M / 3000


def _photons_on_dish(steps, core, light, atmosphere, number):
    spheres = make_spheres([[0.0, 0.0, 0.0]], [SPHERE_M], [core])
    states = sphere_states(SEED, "muon", 0, number, 1, [1])
    collector = LightCollector(spheres, light, atmosphere, states, refraction=False)
    collector.add(steps)
    photons = collector.collected().photons.astype(float)
    return photons[np.hypot(photons[:, 0], photons[:, 1]) < DISH_M]


def _ring(energy_tev, atmosphere, light, buffer):
    """Photons of every muon: found, expected, integrated; the ring's angle; central photons."""
    found, expected, integrated = np.zeros((3, len(IMPACTS), N_MUONS))
    angles, central = [], []
    band = 1e9 * (1.0 / BAND_NM[0] - 1.0 / BAND_NM[1])
    for number in range(N_MUONS):
        steps, point, direction, gamma = _muon(energy_tev, number, atmosphere, buffer)
        turn = 2.0 * np.pi * number / N_MUONS
        for i, impact in enumerate(IMPACTS):
            core = impact * DISH_M * np.array([np.cos(turn), np.sin(turn)])
            photons = _photons_on_dish(steps, core, light, atmosphere, number * 100 + i)
            down = -np.sqrt(1.0 - np.sum(photons[:, 2:4] ** 2, axis=1))
            cosines = photons[:, 2:4] @ direction[:2] + down * direction[2]
            theta = np.arccos(np.minimum(cosines, 1.0))
            rho = np.hypot(*(core + point)) / DISH_M
            found[i, number] = len(photons)
            strength = 0.5 * FINE_STRUCTURE * band * np.mean(np.sin(2.0 * theta))
            expected[i, number] = strength * _chords_m(rho)
            integrated[i, number] = _integrated(rho, gamma, atmosphere, light.photons_per_m[0])
            if impact == 0.0:
                angles.append(np.degrees(np.mean(theta)))
                central.append(len(photons) * 2.0 * np.pi * DISH_M / _chords_m(rho))
    return found, expected, integrated, np.mean(angles), np.mean(central)


def _rows(rings):
    rows = []
    for nominal, (found, expected, integrated, angle, central) in rings.items():
        for name, references in (("formula", expected), ("integral", integrated)):
            for i, impact in enumerate(IMPACTS):
                n, reference = found[i].mean(), references[i].mean()
                # Muon by muon, so that the scatter of their impacts drops out.
                error = np.std(found[i] - references[i], ddof=1) / np.sqrt(N_MUONS) / reference
                label = f"{name}, {angle:.3f} deg, {impact:g} R: {n:.0f} photons, +- {error:.3f}"
                judged = name == "integral" or impact <= FORMULA_UP_TO
                rows.append(compare(label, n / reference, 1.0, TOLERANCE if judged else None))
        scaled = np.sin(np.radians(2.0 * nominal)) / np.sin(np.radians(2.0 * angle))
        reference = RINGS[nominal][1]
        label = f"central muon, photons at {nominal:g} deg"
        rows.append(compare(label, central * scaled, reference, TOLERANCE * reference))
    return rows


def _figure(rings):
    figure = new_figure(8.0, 6.0)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.2))
    fine = np.linspace(0.0, 1.6, 161)
    chords = np.array([_chords_m(rho) for rho in fine])
    for (found, expected, integrated, angle, _), name in zip(
        rings.values(), ("blue", "vermilion", "green"), strict=True
    ):
        colour = COLOURS[name]
        label = f"ring of {angle:.2f}°"
        upper.plot(IMPACTS, found.mean(axis=1), "o", color=colour, label=label)
        upper.plot(fine, expected[0].mean() * chords / chords[0], color=colour)
        for references, line in ((integrated, "o-"), (expected, "x:")):
            mean = references.mean(axis=1)
            error = np.std(found - references, axis=1, ddof=1) / np.sqrt(N_MUONS) / mean
            lower.errorbar(
                IMPACTS, found.mean(axis=1) / mean, error, color=colour, fmt=line, lw=0.8
            )
    lower.plot([], [], "ko-", lw=0.8, label="over the integral")
    lower.plot([], [], "kx:", lw=0.8, label="over the formula")
    lower.legend(ncols=2, loc="lower left", fontsize="small")
    upper.set(ylabel="photons on the dish, 300 to 600 nm", ylim=(0.0, None))
    upper.set_title("Vertical muons on a dish of 107 m² at 1800 m; lines: formula, unscattered")
    upper.legend()
    lower.axhspan(1.0 - TOLERANCE, 1.0 + TOLERANCE, color="0.9")
    lower.axhline(1.0, color="0.4", lw=0.8)
    lower.set(xlabel="impact over radius of the dish", ylabel="ratio", ylim=(0.94, 1.06))
    path = Path(__file__).resolve().parents[1] / "muon-ring.png"
    with atomic_output(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})
    return f"![Photons on the dish against impact, simulated and analytic]({path.name})"


def make() -> str:
    """Run the comparisons.

    Returns
    -------
    str
        The page in Markdown.
    """
    atmosphere = us_standard(LEVEL_M)
    light, buffer = make_light_yield(*BAND_NM), step_buffer()
    rings = {
        nominal: _ring(energy_tev, atmosphere, light, buffer)
        for nominal, (energy_tev, _) in RINGS.items()
    }
    rows = _rows(rings)
    about = ABOUT.format(n=N_MUONS, start=START_M, dish=DISH_M)
    with style():
        figure = _figure(rings)
    return "\n\n".join([f"**{counted(rows)}**", about.strip(), figure, table(rows)])
