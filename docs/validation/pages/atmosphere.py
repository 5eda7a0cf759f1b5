"""Atmosphere: built extinction against MODTRAN, refraction against a traced ray, profiles."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from judged import compare, counted, table

from iactflow.atmosphere.extinction import read_modtran, transmission
from iactflow.atmosphere.extinction_model import Aerosols, gas_absorption, site_extinction
from iactflow.atmosphere.refraction import refracted
from iactflow.atmosphere.site import load_atmosphere
from iactflow.atmosphere.table import make_table, refractivity
from iactflow.campaign.atomic import atomic_output
from iactflow.figures.style import COLOURS, OURS, new_figure, save, style

TITLE = "Atmosphere: extinction and refraction"
HERE = Path(__file__).resolve().parents[1]
SITES = {"la_palma": "La Palma", "namibia": "Namibia", "paranal": "Paranal"}
CONFIGS = [
    f"config/atmospheres/{site}/{file}"
    for site in SITES
    for file in ("profile.ecsv", "extinction.ecsv", "site.yaml")
]
MODULES = [
    "iactflow.atmosphere.refraction",
    "iactflow.atmosphere.site",
    "iactflow.campaign.atomic",
    "iactflow.figures.style",
]
MODTRAN = "instrument/ctao_north_prod6/atm_trans_2156_1_3_2_0_0_0.1_0.1.dat"
OTHER = "instrument/ctao_north_prod6/atm_trans_2200_1_3_0_0_0.dat"
LEVEL_M = 2156.0
HEIGHTS_M = (5e3, 8e3, 10e3, 12e3)
# La Palma's own aerosols: optical depth and scale height fitted to the remainder at 400 nm.
AEROSOLS = Aerosols(0.0318, 0.7, 4155.0)
WAVES_NM = np.arange(300.0, 601.0, 2.0)
EXTINCTION = """\
Light is Cherenkov light, 1/lambda^2 from 300 to 600 nm, that falls vertically. La Palma has a
MODTRAN table. Built as those of sites without one - Rayleigh scattering of its own profile
(Bucholtz 1995), absorbing gases, aerosols by Angstrom's law with an exponential profile - it must
keep the light within 0.3 %, a tenth of what the unknown aerosols of a night cost: of these the
second table says how much. The stored table must keep it within 0.05 %, as it is thinner in
wavelength.
"""
UNKNOWN = """\
What is not known of a site's aerosols, as the light that arrives from 10 km against the built
table of La Palma. For Namibia no measured table is at hand: its aerosols (optical depth 0.06 at
550 nm) are an assumption.
"""
REFRACTION = """\
A ray followed downward in layers of 1 m, keeping n sin z, from 10 km to 2156 m: angle and place
against the first-order formulae of the kernels. Terms of second order are some 1e-3 of them.
"""


def _light(extinction, height_m):
    passed = [transmission(extinction, wave, height_m, 1.0) for wave in WAVES_NM]
    return float(np.sum(passed / WAVES_NM**2) / np.sum(1.0 / WAVES_NM**2))


def _tables():
    data = Path(os.environ["IACTFLOW_DATA"])
    folder = HERE.parents[1] / "config" / "atmospheres"
    sites = {site: load_atmosphere(folder / site) for site in SITES}
    profile, stored = sites["la_palma"]
    gases = stored._replace(tau=gas_absorption(stored, profile, AEROSOLS.angstrom))
    return read_modtran(data / MODTRAN), read_modtran(data / OTHER), sites, gases


def _extinction_rows(modtran, sites, gases):
    profile, stored = sites["la_palma"]
    built = site_extinction(profile, LEVEL_M, gases, AEROSOLS)
    rows = []
    for height in HEIGHTS_M:
        light = _light(modtran, height)
        for name, extinction, tolerance in (("stored", stored, 5e-4), ("built", built, 3e-3)):
            rows.append(
                compare(f"{name} table, from {height / 1e3:.0f} km", _light(extinction, height),
                        light, tolerance, error=light)
            )  # fmt: skip
    return rows, built


def _unknown_rows(other, sites, gases, built):
    profile = sites["la_palma"][0]
    light = _light(built, 10e3)
    changes = {
        "optical depth of aerosols + 0.03": AEROSOLS.depth_550 + 0.03,
        "no aerosols": 0.0,
        "aerosols of depth 0.06 at 550 nm, exponent 1, scale height 2 km": Aerosols(0.06, 1, 2e3),
    }
    rows = []
    for name, change in changes.items():
        aerosols = change if isinstance(change, Aerosols) else Aerosols(change, 0.7, 4155.0)
        extinction = site_extinction(profile, LEVEL_M, gases, aerosols)
        rows.append(compare(name, _light(extinction, 10e3), light, None, error=light))
    clear = gases._replace(tau=np.zeros_like(gases.tau))
    extinction = site_extinction(profile, LEVEL_M, clear, AEROSOLS)
    rows.append(compare("no gases", _light(extinction, 10e3), light, None, error=light))
    rows.append(
        compare("MODTRAN, other haze, from 2200 m", _light(other, 10e3), light, None, error=light)
    )
    for site in ("namibia", "paranal"):
        transmitted = _light(sites[site][1], 10e3)
        rows.append(compare(f"{SITES[site]}, as stored", transmitted, light, None, error=light))
    return rows


def _traced(air, height_m, zenith):
    """Zenith angle and horizontal distance of a ray at the observation level."""
    invariant = (1.0 + refractivity(air, height_m)) * np.sin(zenith)
    levels = np.arange(air.observation_level_m + 0.5, height_m, 1.0)
    sine = invariant / (1.0 + np.array([refractivity(air, level) for level in levels]))
    distance = np.sum(sine / np.sqrt(1.0 - sine**2))
    ground = invariant / (1.0 + refractivity(air, air.observation_level_m))
    return np.arcsin(ground), distance


def _refraction_rows(profile):
    air = make_table(profile, LEVEL_M)
    rows = []
    for zenith_deg in (20.0, 40.0, 60.0):
        zenith = np.radians(zenith_deg)
        angle, distance = _traced(air, 10e3, zenith)
        bent, shift = refracted(air, 10e3, np.cos(zenith))
        straight = (10e3 - LEVEL_M) * np.tan(zenith)
        name = f"{zenith_deg:.0f} deg"
        for label, ours, reference in (
            ("bending / mrad", 1e3 * bent, 1e3 * (zenith - angle)),
            ("displacement / m", shift, straight - distance),
        ):
            rows.append(compare(f"{name}: {label}", ours, reference, 3e-3, error=abs(reference)))
    return rows


def _figure(modtran, other, sites, built):
    waves = np.arange(250.0, 701.0, 2.0)

    def curve(extinction):
        return [transmission(extinction, wave, 10e3, 1.0) for wave in waves]

    with style():
        figure = new_figure(10.5, 4.2)
        left, right = figure.subplots(1, 2)
        left.plot(waves, curve(modtran), color=COLOURS["black"], label="La Palma, MODTRAN")
        left.plot(waves, curve(built), "--", color=OURS, label="La Palma, built")
        for site, colour in (("namibia", "vermilion"), ("paranal", "green")):
            curves = curve(sites[site][1])
            left.plot(waves, curves, color=COLOURS[colour], label=f"{SITES[site]}, built")
        left.set(xlabel="wavelength (nm)", ylabel="transmission from 10 km", ylim=(0.0, 1.0))
        left.legend(loc="lower right")
        heights = np.arange(2.5, 20.01, 0.5)
        reference = np.array([_light(modtran, 1e3 * h) for h in heights])
        for extinction, style_, colour, label in (
            (built, "--", OURS, "built"),
            (other, "-", COLOURS["purple"], "MODTRAN, other haze"),
        ):
            ratio = np.array([_light(extinction, 1e3 * h) for h in heights]) / reference
            right.plot(heights, 100.0 * (ratio - 1.0), style_, color=colour, label=label)
        right.axhline(0.0, color=COLOURS["grey"], lw=1)
        right.set(xlabel="height of emission (km)", ylabel="light against MODTRAN (%)")
        right.legend(loc="center right")
        figure.suptitle("Extinction of vertical light, 300-600 nm on the right",
                        x=0.02, ha="left", fontsize=13)  # fmt: skip
        with atomic_output(HERE / "atmosphere.png") as path:
            save(figure, path)


def make() -> str:
    """Compare and write the figure.

    Returns
    -------
    str
        Body of the page in Markdown.
    """
    modtran, other, sites, gases = _tables()
    rows, built = _extinction_rows(modtran, sites, gases)
    unknown = _unknown_rows(other, sites, gases, built)
    bending = _refraction_rows(sites["la_palma"][0])
    _figure(modtran, other, sites, built)
    parts = [
        "## Extinction",
        EXTINCTION,
        table(rows),
        "",
        "![Transmission against wavelength, light against height](atmosphere.png)",
        "",
        UNKNOWN,
        table(unknown),
        "",
        "## Refraction",
        "",
        REFRACTION,
        table(bending),
        "",
        counted([*rows, *bending]),
    ]
    return "\n".join(parts)
