"""Showers of protons and iron: depth of the maximum, light, muons, superposition."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import hadron_sample
import numpy as np
from air import us_standard
from judged import compare, counted, table

from iactflow.atmosphere.profile import from_corsika_layers
from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.figures.style import COLOURS, new_figure, save, style
from iactflow.shower.air import RADIATION_LENGTH_G_CM2
from iactflow.shower.cascade import (
    CascadeSettings,
    Primary,
    available_energy_mev,
    cascade_steps,
    maximum,
    step_buffer,
)
from iactflow.shower.hadron_models import load_hadron_models
from iactflow.shower.light import add_emitted_light, make_light_yield

TITLE = "Showers of protons and nuclei"
HERE = Path(__file__).resolve().parents[1]
CONFIGS: list[str] = hadron_sample.CONFIGS
MODULES = [
    *hadron_sample.MODULES,
    from_corsika_layers.__module__,
    "iactflow.atmosphere.table",
    "iactflow.campaign.atomic",
    "iactflow.campaign.streams",
    "iactflow.figures.style",
    "iactflow.shower.air",
    "iactflow.shower.cascade",
    "iactflow.shower.hadron_models",
    "iactflow.shower.light",
]

SEED = campaign_seed("validation of protons")
LEVEL_M = 1800.0
GAMMA, PROTON, IRON = 1, 14, 5626
NAMES = {GAMMA: "gamma", PROTON: "proton", IRON: "iron"}
#: Particle, energy in TeV, showers.
SHOWERS = ((GAMMA, 1.0, 60), (PROTON, 1.0, 400), (PROTON, 10.0, 50), (PROTON, 100.0, 8),
           (IRON, 10.0, 12), (IRON, 56.0, 12))  # fmt: skip
N_MUONS, MUON_GEV, MUON_MASS_GEV = 300, 0.3, 0.1056584
MUONS = (5, 6)
#: Mean depths of maximum: X0 + D lg(E / 1e19 eV) + (xi - D / ln 10 + delta lg(E / 1e19 eV)) ln A.
SIBYLL = {"x0": 815.87, "d": 57.873, "xi": -0.3035, "delta": 0.7963}
SUPERPOSITION_SIGMA, MUON_DECADES, BALANCE = 3.0, 0.5, 1e-9
LIGHT_RATIO = 0.4

TEXT = """\
Vertical showers in the U.S. standard atmosphere down to {level:g} m, Sibyll 2.3d above 60 GeV and
UrQMD 3.4 below; light from 300 to 600 nm without extinction. Depths are those of each shower's
maximum; errors are those of means.

Judged is what holds whatever the model. Mean profile and light of a nucleus are those of its
nucleons at the same energy each, wherever fragments interact (Engel et al. 1992, Phys. Rev. D 46,
5013): iron of 56 TeV against 56 protons of 1 TeV, {sigma:g} standard errors. Protons cannot get
deeper by more than a gamma ray does with energy, X0 ln 10 = {elongation:.3g} g/cm2 in a decade
(Linsley and Watson 1981, Phys. Rev. Lett. 46, 459), which is an upper limit. The energy of every
shower closes. A proton of 1 TeV has of order ten muons at the ground: half a decade is allowed.

For information: depths that the parametrisation of Conex showers with Sibyll 2.3d has at these
energies (form of the Pierre Auger Collaboration 2013, JCAP 02, 026, with the numbers of its
internal note GAP-2020-058 as they stand in public analysis code). It was made for 10^17 to 10^20
eV: at 100 TeV it is extrapolated over three decades and at 1 TeV over five, where its straight line
is not expected to hold, so that nothing is judged by it. Light of protons over that of gamma rays
at 1 TeV is remembered as 0.3 to 0.5 and not judged either. CPU time of showers stands in `bench/`.
"""


class Sample(NamedTuple):
    """Showers of one particle and energy."""

    x_max: np.ndarray
    light: np.ndarray
    profiles: np.ndarray
    depth: np.ndarray
    balance: float


def _cascade(particle, energy_tev, shower, settings, air, models, buffer):
    key = ("hadrons", f"{particle}-{energy_tev:g}", 1, shower)
    words = StreamKey(SEED, "shower", *key[1:]).words()
    generator = StreamKey(SEED, "hadron_interactions", *key[1:]).generator()
    primary = Primary(particle, energy_tev)
    return cascade_steps(primary, air, settings, words, buffer, models, generator)


def _sample(particle, energy_tev, n, air, models, buffer) -> Sample:
    settings, band = (
        CascadeSettings(photonuclear=True),
        float(make_light_yield(300.0, 600.0).photons_per_m[0]),
    )
    x_max, light, profiles, worst, depth = [], [], [], 0.0, None
    available = available_energy_mev(Primary(particle, energy_tev))
    for shower in range(n):
        emitted = np.zeros(1)
        cascade = _cascade(particle, energy_tev, shower, settings, air, models, buffer)
        for steps in cascade:
            add_emitted_light(steps, air, band, 0.0, 1.0, emitted)
        summary = cascade.summary
        x_max.append(summary.x_max_g_cm2)
        light.append(emitted[0])
        profiles.append(summary.n_charged)
        depth = summary.depth_g_cm2
        worst = max(worst, abs(sum(summary.energy_mev.values()) / available - 1.0))
    return Sample(np.array(x_max), np.array(light), np.array(profiles), depth, worst)


def _muons(air, models, buffer) -> np.ndarray:
    """Muons of protons of 1 TeV at the ground; electrons and photons are not followed."""
    settings = CascadeSettings(
        photonuclear=True,
        record_all=True,
        drop_dark=False,
        electron_cut_mev=1e4,
        photon_cut_mev=1e4,
    )
    found = np.zeros(N_MUONS)
    for shower in range(N_MUONS):
        for steps in _cascade(PROTON, 1.0, shower, settings, air, models, buffer):
            down = steps[:, 2] + steps[:, 7] * steps[:, 6] < 1e-3
            kinetic = (steps[:, 9] - 1.0) * MUON_MASS_GEV
            found[shower] += np.sum(np.isin(steps[:, 10], MUONS) & down & (kinetic > MUON_GEV))
    return found


def _mean(values) -> tuple[float, float]:
    good = values[np.isfinite(values)]
    return float(good.mean()), float(good.std(ddof=1) / math.sqrt(len(good)))


def _sibyll(particle, energy_tev) -> float:
    decades = math.log10(energy_tev) + 12.0 - 19.0
    mass = {PROTON: 1.0, IRON: 56.0}[particle]
    p = SIBYLL
    per_ln = p["xi"] - p["d"] / math.log(10.0) + p["delta"] * decades
    return p["x0"] + p["d"] * decades + per_ln * math.log(mass)


def _peak(sample: Sample) -> tuple[float, float]:
    """Maximum of the mean profile, and its error from showers left out one by one."""
    total, n = sample.profiles.sum(axis=0), len(sample.profiles)
    whole = maximum(sample.depth, total / n)[0]
    left = [maximum(sample.depth, (total - one) / (n - 1))[0] for one in sample.profiles]
    return whole, math.sqrt((n - 1) * np.var(left))


def _rows(samples, muons):
    rows = []
    iron, proton = samples[IRON, 56.0], samples[PROTON, 1.0]
    (a, da), (b, db) = _peak(iron), _peak(proton)
    label = "maximum of the mean profile, iron 56 TeV, protons 1 TeV, g/cm2 (error {:.2g})"
    error = math.hypot(da, db)
    rows.append(compare(label.format(error), a, b, SUPERPOSITION_SIGMA, error=error, unit="sigma"))
    (a, da), (b, db) = _mean(iron.light / 56.0), _mean(proton.light)
    label = "light of iron per nucleon, of protons, 10^6 photons (error {:.2g})"
    error = math.hypot(da, db) / 1e6
    rows.append(
        compare(label.format(error), a / 1e6, b / 1e6, SUPERPOSITION_SIGMA, error=error,
                unit="sigma")
    )  # fmt: skip
    (x1, d1), (x100, d100) = _mean(proton.x_max), _mean(samples[PROTON, 100.0].x_max)
    rate, error = 0.5 * (x100 - x1), 0.5 * math.hypot(d1, d100)
    limit = RADIATION_LENGTH_G_CM2 * math.log(10.0)
    text = f"protons, 1 to 100 TeV: deeper in a decade, g/cm2 (error {error:.2g})"
    rows.append(compare(text, rate, 0.0, limit))
    (n, dn) = _mean(muons)
    text = f"lg of muons above {MUON_GEV:g} GeV at the ground, proton of 1 TeV"
    rows.append(compare(text, math.log10(n), 1.0, MUON_DECADES))
    worst = max(sample.balance for sample in samples.values())
    rows.append(compare("energy of a shower, largest relative error", worst, 0.0, BALANCE))
    rows.append(compare(f"muons above {MUON_GEV:g} GeV (error {dn:.2g})", n, 10.0, None))
    for (particle, energy_tev), sample in samples.items():
        value, error = _mean(sample.x_max)
        text = f"X_max, {NAMES[particle]} {energy_tev:g} TeV, g/cm2 (error {error:.2g})"
        reference = None if particle == GAMMA else _sibyll(particle, energy_tev)
        rows.append(compare(text, value, reference, None))
    rows.append(
        compare("protons, 1 to 100 TeV: deeper in a decade, g/cm2", rate, SIBYLL["d"], None)
    )
    (a, da), (b, db) = _mean(proton.light), _mean(samples[GAMMA, 1.0].light)
    text = f"light, proton over gamma at 1 TeV (error {a / b * math.hypot(da / a, db / b):.2g})"
    return [*rows, compare(text, a / b, LIGHT_RATIO, None)]


def _figure(samples):
    figure = new_figure(7.2, 4.6)
    axes = figure.add_subplot()
    colours = iter(("black", "blue", "sky", "green", "orange", "vermilion"))
    for (particle, energy_tev), sample in samples.items():
        mean = sample.profiles.mean(axis=0) / energy_tev
        label = f"{NAMES[particle]}, {energy_tev:g} TeV"
        axes.plot(sample.depth, mean, color=COLOURS[next(colours)], label=label)
    axes.set(xlabel="depth (g/cm²)", ylabel="charged particles per TeV",
             xlim=(0.0, 850.0), ylim=(0.0, None),
             title="Mean profiles of vertical showers, above 10 MeV")  # fmt: skip
    axes.legend()
    return figure


def make() -> str:
    """Write the page.

    Returns
    -------
    str
        Markdown; the figure is written beside it.
    """
    air, models, buffer = (
        us_standard(LEVEL_M),
        load_hadron_models(hadron_sample.pool()),
        step_buffer(),
    )
    samples = {
        (particle, energy_tev): _sample(particle, energy_tev, n, air, models, buffer)
        for particle, energy_tev, n in SHOWERS
    }
    rows = _rows(samples, _muons(air, models, buffer))
    with style(), atomic_output(HERE / "proton-showers.png") as path:
        save(_figure(samples), path)
    text = TEXT.format(
        level=LEVEL_M,
        sigma=SUPERPOSITION_SIGMA,
        elongation=RADIATION_LENGTH_G_CM2 * math.log(10.0),
    )
    figure = "![Mean profiles](proton-showers.png)"
    return "\n\n".join([counted(rows), text.strip(), figure, table(rows)])
