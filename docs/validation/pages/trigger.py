"""Triggers: photoelectrons of sim_telarray through ours; effective area of H.E.S.S."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from eventio import EventIOFile
from judged import compare, counted, table

from iactflow.atmosphere.site import load_atmosphere
from iactflow.atmosphere.table import make_table
from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.streams import StreamKey
from iactflow.figures.style import save, style
from iactflow.figures.trigger import (
    TriggerArea,
    TriggerLight,
    draw_area_and_rate,
    draw_probability,
)
from iactflow.instrument.load import load_instrument
from iactflow.shower.cascade import cascade_steps, step_buffer
from iactflow.shower.collect import collect_photons
from iactflow.shower.light import make_light_yield
from iactflow.shower.settings import CascadeSettings, Primary
from iactflow.shower.spheres import make_spheres, sphere_states
from iactflow.telescope.camera import PhotoElectrons
from iactflow.telescope.detector import Detector, EventKey
from iactflow.telescope.detector_tables import light_responses
from iactflow.telescope.rates import (
    crab_nebula,
    threshold_tev,
    trigger_efficiency,
)

TITLE = "Triggers"
HERE = Path(__file__).resolve().parents[1]
CONFIG = HERE.parents[1] / "config"
HESS, NORTH, SOUTH = "hess1/2006", "ctao-north-alpha/6.0.0", "ctao-south-lsts/7.0.0"
CONFIGS = [
    str(path.relative_to(CONFIG.parent))
    for folder in (*(f"instruments/{name}" for name in (HESS, NORTH, SOUTH)), "atmospheres/namibia")
    for path in sorted((CONFIG / folder).rglob("*"))
    if path.is_file()
]
MODULES = ["iactflow.telescope.stages.events", "iactflow.figures.trigger"]


class File(NamedTuple):
    """A simtel file with its photoelectrons."""

    name: str
    instrument: str
    alt_deg: float
    az_deg: float


FILES = (
    File("gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test", SOUTH, 50.0, 180.0),
    File("gamma_diffuse_run000010_za20deg_azm000deg_North_alpha_6.0.0_test_file", NORTH, 70.0, 0.0),
    File("proton_run000001_za20deg_azm180deg_North_CTAO-North-Alpha_7.0.0_test", NORTH, 70.0, 180),
)
N_SKIES = 60
SURE = 0.95
TIME_TOLERANCE_NS = 1.0
ALT_DEG, AZ_DEG = 90.0, 0.0
OFFSET_DEG = 0.5
WORN, NEW = 0.75, "new mirrors"
RADIUS_M = 500.0
N_REUSE = 10
ENERGY_EDGES_TEV = np.geomspace(0.025, 12.6, 19)
#: Showers of a bin cost as much as this energy at most.
ENERGY_PER_BIN_TEV, MOST_SHOWERS = 20.0, 160

OURS_ON_THEIRS = """\
sim_telarray files list the photoelectrons of showers (pixel, time, amplitude) for telescopes with
at least 20 to 30 of them, also where nothing triggered. They go through our triggers {n} times,
each time with another night sky and the array trigger behind it, and what sim_telarray did is held
against the probabilities. A telescope must not be read out there where ours says less than
{low:.0%}, nor be left out where ours says more than {high:.0%}. Optics, photocathodes and showers
play no part in this. A telescope that fires alone is not read out: an LST with a probability of 1
that was left out there belongs to an event of the MSTs. The number of telescopes read out may
differ by three standard deviations of the sum of probabilities, at least by one telescope. Trigger
times, corrected for the light's plane front, are compared within events and types; simulation steps
are 1 ns in both, so that the rms of the differences may be {tolerance:g} ns.
"""
HESS_TEXT = """\
Gamma rays from {offset:g} deg beside the pointing at the zenith, cores inside {radius:g} m,
{reuse} cores per shower, {showers} showers, with new mirrors and with a throughput of {worn:g} of
that. The threshold is where the rate by the spectrum of the Crab nebula is largest. About 100 GeV
is that of the trigger at the zenith in Aharonian et al. 2006 (A&A 457, 899), without the state of
the mirrors; about 5e4 m2 near threshold and a few 1e5 m2 at very high energy are the areas in
Bernlöhr et al. 2003 (Astropart. Phys. 20, 111). These are round numbers: a quarter is allowed for
the threshold with new mirrors, a factor of two for the area there, and at the highest energy the
area must lie from 1e5 to 1e6 m2. Thresholds are found to some 10 GeV with so many showers. Errors
of the figure take all cores of a shower as one event.
"""


class Shower(NamedTuple):
    """Photoelectrons of an event and what the file says was read out."""

    event_id: int
    electrons: dict
    times_ns: dict | None


def _walk(item, showers):
    kind = type(item).__name__
    if kind == "MCEvent":
        showers.append(Shower(item.parse()["event_id"], {}, None))
    elif kind == "PhotoElectrons":
        lists = item.parse()
        columns = (lists[k] for k in ("pixel_id", "time", "amplitude"))
        kinds = (np.int32, np.float32, np.float32)
        made = PhotoElectrons(*(c.astype(t) for c, t in zip(columns, kinds, strict=True)))
        # Telescopes of this block count from 0.
        showers[-1].electrons[item.telescope_id + 1] = made
    elif kind == "TriggerInformation":
        found = item.parse()
        pairs = zip(found["triggered_telescopes"], found["trigger_times"], strict=True)
        times = {int(tel): float(t) for tel, t in pairs}
        showers[-1] = showers[-1]._replace(times_ns=times)
    elif getattr(item.header, "only_subobjects", False):
        for part in item:
            _walk(part, showers)


def _read(name: str) -> list[Shower]:
    showers: list[Shower] = []
    path = Path(os.environ["IACTFLOW_DATA"]) / "sim" / f"{name}.simtel.zst"
    with EventIOFile(path) as file:
        for item in file:
            _walk(item, showers)
    return [shower for shower in showers if shower.electrons]


class Answers(NamedTuple):
    """Ours against theirs, one entry per telescope with photoelectrons."""

    kind: list
    n_electrons: list
    fires: list
    read: list
    theirs: list
    time_differences_ns: list


def _times(detector, shower, read, sums, answers):
    """Differences of trigger times within the types of an event, their mean taken off."""
    for kind in (0, 1, 2):
        pairs = [
            (sums[t] / read[t] - detector.delays_ns[t], shower.times_ns[t])
            for t in shower.times_ns
            if detector.tables[t].trigger.kind == kind and read.get(t, 0) > SURE * N_SKIES
        ]
        if len(pairs) > 1:
            ours, theirs = np.transpose(pairs)
            answers.time_differences_ns.extend((ours - theirs) - np.mean(ours - theirs))


def _ask(detector: Detector, shower: Shower, answers: Answers) -> None:
    fires = dict.fromkeys(shower.electrons, 0)
    read, sums = fires.copy(), dict.fromkeys(fires, 0.0)
    for sky in range(N_SKIES):
        key = EventKey(sky, "simtel", 1, shower.event_id, 0)
        fired, decision = detector.trigger(shower.electrons, key)
        for tel_id in fired:
            fires[tel_id] += 1
        for tel_id in () if decision is None else decision.tel_ids:
            read[tel_id] += 1
            sums[tel_id] += fired[tel_id].time_ns
    for tel_id, electrons_of_tel in shower.electrons.items():
        answers.kind.append(detector.tables[tel_id].trigger.kind)
        answers.n_electrons.append(electrons_of_tel.pixel.size)
        answers.fires.append(fires[tel_id] / N_SKIES)
        answers.read.append(read[tel_id] / N_SKIES)
        known = shower.times_ns is not None
        answers.theirs.append((1 if tel_id in shower.times_ns else 0) if known else -1)
    if shower.times_ns is not None:
        _times(detector, shower, read, sums, answers)


def _photoelectrons_of_simtel():
    answers = Answers([], [], [], [], [], [])
    for file in FILES:
        instrument = load_instrument(CONFIG / "instruments" / file.instrument, check=False)
        detector = Detector(instrument, file.alt_deg, file.az_deg)
        for shower in _read(file.name):
            _ask(detector, shower, answers)
    rows, panels = [], []
    kinds, theirs = np.array(answers.kind), np.array(answers.theirs)
    read, light = np.array(answers.read), np.array(answers.n_electrons)
    for kind, label in ((2, "LST, analogue sum"), (1, "NectarCAM, next neighbours")):
        mine = kinds == kind
        was = theirs[mine] == 1
        missed = int(np.sum(was & (read[mine] < 1.0 - SURE)))
        extra = int(np.sum(~was & (read[mine] > SURE)))
        spread = max(1.0, 3.0 * math.sqrt(np.sum(read[mine] * (1.0 - read[mine]))))
        rows += [
            compare(f"{label}: read out there, below {1 - SURE:.0%} here", missed, 0, 0),
            compare(f"{label}: not read out there, above {SURE:.0%} here", extra, 0, 0),
            compare(f"{label}: telescopes read out", read[mine].sum(), was.sum(), spread),
        ]
        fires = np.array(answers.fires)[mine]
        panels.append(TriggerLight(label, light[mine], fires, theirs[mine]))
    differences = np.array(answers.time_differences_ns)
    rms = float(np.sqrt(np.mean(differences**2)))
    rows.append(compare("rms of differences of trigger times, ns", rms, 0, TIME_TOLERANCE_NS))
    rows.append(compare("telescopes with photoelectrons", len(read), None, None))
    return rows, panels


class _Chain:
    """Showers and detector of H.E.S.S. at the zenith."""

    def __init__(self):
        folder = CONFIG / "instruments" / HESS
        self.instrument = load_instrument(folder, check=False)
        site = self.instrument.site
        profile, extinction = load_atmosphere(CONFIG / "atmospheres/namibia", site.altitude_m)
        self.atmosphere = make_table(profile, site.altitude_m)
        self.detector = Detector(self.instrument, ALT_DEG, AZ_DEG)
        telescopes = tuple(replace(t, throughput=WORN) for t in self.instrument.telescopes)
        self.worn = Detector(replace(self.instrument, telescopes=telescopes), ALT_DEG, AZ_DEG)
        self.kinds, responses = light_responses(self.instrument)
        band = responses[0].x[[0, -1]]
        self.light = make_light_yield(*band, responses, extinction)
        field = (site.magnetic_north_ut, site.magnetic_west_ut, site.magnetic_up_ut)
        self.settings = CascadeSettings(magnetic_field_ut=field)
        self.buffer = step_buffer()

    def n_events(self, energy_tev, shower, cores_m) -> np.ndarray:
        """Events of a shower at all its cores, with new and with worn mirrors."""
        telescopes = self.instrument.telescopes
        tel_ids = [t.tel_id for t in telescopes]
        spheres = make_spheres(
            [(t.x_m, t.y_m, t.z_m + t.type.optics.sphere_height_m) for t in telescopes],
            [t.type.optics.sphere_radius_m for t in telescopes],
            cores_m,
            [self.kinds[t] for t in tel_ids],
        )
        words = StreamKey(1, "shower", "gamma", 1, shower).words()
        primary = Primary(1, energy_tev, ALT_DEG - OFFSET_DEG, AZ_DEG)
        steps = cascade_steps(primary, self.atmosphere, self.settings, words, self.buffer)
        states = sphere_states(1, "gamma", 1, shower, len(cores_m), tel_ids)
        light = collect_photons(steps, spheres, self.light, self.atmosphere, states)
        count = np.zeros(2, dtype=np.int64)
        for reuse in range(len(cores_m)):
            photons = {tel: light.at(reuse, k) for k, tel in enumerate(tel_ids)}
            key = EventKey(1, "gamma", 1, shower, reuse)
            for i, detector in enumerate((self.detector, self.worn)):
                count[i] += detector.respond(photons, key)[0] is not None
        return count


def _thrown(chain):
    """Events thrown, and triggered with new and worn mirrors, per bin of energy; showers."""
    thrown, triggered, shower = [], [], 0
    for low, high in pairwise(ENERGY_EDGES_TEV):
        n = int(np.clip(ENERGY_PER_BIN_TEV / high, 6, MOST_SHOWERS))
        count = np.zeros(2, dtype=np.int64)
        for _ in range(n):
            random = StreamKey(1, "primary", "gamma", 1, shower).generator()
            # Flat in the logarithm: a bin is narrow against the change of the area.
            energy = low * (high / low) ** random.random()
            radius = RADIUS_M * np.sqrt(random.random(N_REUSE))
            angle = 2.0 * np.pi * random.random(N_REUSE)
            cores = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
            count += chain.n_events(energy, shower, cores)
            shower += 1
        thrown.append(n * N_REUSE)
        triggered.append(count)
    return np.array(thrown), np.transpose(triggered), shower


def _per_log(energy_tev):
    """Spectrum whose rate per energy is that of the Crab nebula per logarithm of energy."""
    return crab_nebula(energy_tev) * energy_tev


def _effective_area():
    thrown, triggered, shower = _thrown(_Chain())
    full, areas, rows = np.pi * RADIUS_M**2, [], []
    for label, counts in zip((NEW, f"throughput {WORN:g}"), triggered, strict=True):
        efficiency = trigger_efficiency(thrown, counts, float(N_REUSE))
        value, error = full * efficiency.value, full * efficiency.error
        areas.append(TriggerArea(label, ENERGY_EDGES_TEV, value, error))
        for spectrum, per in ((crab_nebula, "energy"), (_per_log, "ln E")):
            threshold = 1e3 * threshold_tev(ENERGY_EDGES_TEV, value, spectrum)
            quantity = f"{label}: largest rate per {per} at, GeV"
            tolerance = 25.0 if label == NEW and per == "energy" else None
            rows.append(compare(quantity, threshold, 100.0, tolerance))
    area = areas[0].area_m2
    threshold = threshold_tev(ENERGY_EDGES_TEV, area, crab_nebula)
    centre = np.sqrt(ENERGY_EDGES_TEV[1:] * ENERGY_EDGES_TEV[:-1])
    lit = area > 0.0
    at = np.interp(np.log(threshold), np.log(centre[lit]), np.log10(area[lit]))
    rows += [
        compare("log10 of the area at threshold, m2", at, math.log10(5e4), 0.3),
        compare("log10 of the area at 10.6 TeV, m2", math.log10(area[-1]), 5.5, 0.5),
    ]
    return rows, areas, shower


def make() -> str:
    """Write the page.

    Returns
    -------
    str
        Markdown; figures are written beside it.
    """
    first, panels = _photoelectrons_of_simtel()
    second, areas, n_showers = _effective_area()
    title = "Photoelectrons of sim_telarray through our triggers"
    with style(), atomic_output(HERE / "trigger-probability.png") as path:
        save(draw_probability(panels, title), path)
    title = "H.E.S.S. CT1-4 at the zenith: array trigger, gamma rays"
    with style(), atomic_output(HERE / "trigger-area.png") as path:
        save(draw_area_and_rate(areas, {"Crab nebula": crab_nebula}, title), path)
    text = OURS_ON_THEIRS.format(n=N_SKIES, low=1.0 - SURE, high=SURE, tolerance=TIME_TOLERANCE_NS)
    hess = HESS_TEXT.format(
        offset=OFFSET_DEG, radius=RADIUS_M, reuse=N_REUSE, showers=n_showers, worn=WORN
    )
    parts = [
        counted(first + second),
        "## Photoelectrons of another simulation",
        text.strip(),
        "![Probability to fire against light](trigger-probability.png)",
        table(first),
        "## H.E.S.S.",
        hess.strip(),
        "![Effective area and rate](trigger-area.png)",
        table(second),
    ]
    return "\n\n".join(parts)
