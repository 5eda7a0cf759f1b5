"""H.E.S.S. I at 20 deg: rate of the array's triggers by cosmic rays against the published rate."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import comparator_pulse
import hadron_sample
import hadron_versions
import numpy as np
from astropy.table import Table
from judged import compare, counted, table
from kept_runs import CONFIG, config_files
from matplotlib.figure import Figure

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.directions import separation_deg
from iactflow.figures.style import COLOURS, save, style
from iactflow.instrument.description import Curve
from iactflow.instrument.load import load_instrument
from iactflow.io.root import read_table
from iactflow.response.spectra import PARTICLES, SPECTRA
from iactflow.response.weights import (
    Rate,
    ThrownRuns,
    add_rates,
    cluster_numbers,
    clustered_rate,
    event_weights,
    trigger_rate,
)
from iactflow.telescope.detector import EventKey
from iactflow.telescope.stages.setup import make_detector
from iactflow.telescope.stages.showers import simulate

TITLE = "H.E.S.S. I: trigger rate of cosmic rays"
HERE = Path(__file__).resolve().parents[1]
CONFIGS = hadron_versions.CONFIGS + config_files(comparator_pulse.INSTRUMENT)
MODULES = [
    *hadron_sample.MODULES,
    "iactflow.campaign.atomic",
    "iactflow.campaign.directions",
    "iactflow.figures.style",
    "iactflow.atmosphere.extinction",
    "iactflow.campaign.streams",
    "iactflow.instrument.load",
    "iactflow.io.root",
    "iactflow.response.spectra",
    "iactflow.response.weights",
]

#: Runs of each kind of particle, by CORSIKA's number.
KINDS = {14: (11, 12, 13, 14), 402: (21,), 1407: (31,), 2814: (41,), 5626: (51,)}
#: Runs that cover all angles and cores: where the rate ends is read off these alone.
WIDE = (11, 12, 21, 31, 41, 51)
PUBLISHED_HZ = 200.0
#: Runs of DR1 near 20 deg, and their throughput by muons in its index.
MEASURED = {20422: 1.167, 29072: 0.995, 33797: 1.014, 21753: 0.865}
NEW_MIRRORS = 20422
LEAST_CORE_TEV = 0.3
#: Largest difference from the rate of the run with new mirrors, relative.
RATE_TOLERANCE = 0.25
#: Other detectors: name, width of the comparators' pulse, pixel threshold, throughput.
VARIANTS = (
    ("pulse of the read-out (version 2006)", 1.0 / 0.6, 4.0, 1.0),
    ("pulse 0.64 as wide", 0.64 / 0.6, 4.0, 1.0),
    ("threshold 4.4", 1.0, 4.4, 1.0),
    ("throughput 0.75", 1.0, 4.0, 0.75),
)
#: Showers up to 2 TeV meet them.
VARIED_RUN, N_VARIED, VARIED_TO_TEV = 11, 1200, 2.0
#: Showers whose pixels tell the width of the pulse.
PULSE_RUN, N_PULSE = 13, 400
PULSE_WIDTH = 0.6
#: Largest share of the rate in the outermost tenth of what was thrown.
EDGE_SHARE = 0.05
COLOUR_OF = dict(zip(KINDS, ("blue", "vermilion", "green", "purple", "orange"), strict=True))

TEXT = """\
Protons and nuclei from anywhere inside {cone:g} deg around the pointing, {zenith:g} deg from the
zenith, cores inside {radius:g} m, {reuse} cores per shower, energies of the whole particle up to
{high:g} TeV along E^-2. More protons from 0.5 TeV on fall inside 3 deg and 400 m: where runs
overlap, their densities add up. Spectra are those of `iactflow.response.spectra` (Bernloehr et
al. 2013; nitrogen, which stands for carbon to oxygen, Hoerandel 2003). Trigger: 4 photoelectrons
in 3 pixels of a sector, 2 of 4 telescopes, night sky of 0.1 photoelectrons per ns and pixel, new
mirrors. Errors take all cores of a shower as one event. Electrons and gamma rays add less than
one per cent.

Measured: every event makes the array dead for {dead:g} us, so that the files of DL3 DR1 (H.E.S.S.
collaboration 2018, arXiv:1810.04516) give the rate recorded by live over observation time, and R =
recorded / live fraction the rate of triggers. Judged, to {tolerance:.0%}, is the run of April 2004
with new mirrors; the others show what mirrors do. About {published:g} Hz are published for this
array, recorded, without epoch or zenith angle.

**The pulse at the comparators decides.** Version 2006 of the instrument has the pulse of the
read-out there, 2.4 ns wide, by assumption, and triggers more than twice as often. One event of
HESS-1U, in a file of the collaboration's own simulation, lists the pixels above threshold beside
their waveforms. Pixels of our showers, with the night sky, get waveform and comparator of HESS-1U
(2.63 peak photoelectrons for 0.91 per photoelectron, area above it at least {area:g}
photoelectrons ns, as the file says) with pulses of several widths; a logistic regression on peak
and charge gives the likelihood of the list. At the comparators the pulse is {width:.2f} +-
{width_error:.2f} times as wide as in the read-out. The file's note that 2.63 is effectively 5.5
photoelectrons says the same. No rate enters. Version 2006-2, used here, has 0.60; that the
comparators of 2006 were as fast is its assumption. The photomultipliers were the same.

What is not the cause: light of gamma rays and efficiency (photons and photoelectrons of the same
event: ours is lower, see the rows); numbers thrown, angles, cores and energies, which follow their
laws; fluxes, known to some 10 %; least time, gate and rise of the comparators in the defaults of
sim_telarray instead of an overlap of 1.3 ns, which changed the rate by 3 % where it was tried.
Uncertain by about as much as the tolerance each: the pulse, the efficiency (rows below), and the
light of hadrons, half of that of gamma rays at 1 TeV (page `proton-showers`), without a reference.

A strain is left: the threshold for gamma rays at the zenith, 86 GeV with version 2006 (page
`trigger`), rises to some 127 GeV, where about 100 GeV are published. A pulse between the two, or
more light, would fit the threshold and not the rate, unless hadrons had less light than here.

Particles beyond what was thrown are missing. Judged is the share of the rate in the outermost
tenth of angles, in the outermost tenth of core distances above {least_core:g} TeV, and in the
lowest fifth of a decade of energy of each kind. Below, cores say little: the magnetic field bends
primaries on their way from the top of the air by 0.4 km at 0.1 TeV and 0.2 km at 0.2 TeV, so that
showers lie beside the core that they were thrown at. Of the particles beyond 5 TeV one in fifty
is beyond {high:g} TeV: these are missing, too.
"""


def _raw(run: int) -> Path:
    (path,) = hadron_versions.SAMPLE.raw(run).glob("*.root")
    return path


def _thrown(runs) -> ThrownRuns:
    """What was thrown in all showers of runs."""
    rows = [read_table(_raw(run), "simulation_runs") for run in runs]
    of = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    n = of["n_showers"] * of["shower_reuse"]
    limits = of["energy_range_min_tev"], of["energy_range_max_tev"]
    return ThrownRuns(
        of["obs_id"],
        of["particle_id"],
        n.astype(float),
        of["n_showers"],
        of["spectral_index"],
        *limits,
        of["min_viewcone_radius_deg"],
        of["max_viewcone_radius_deg"],
        of["min_scatter_range_m"],
        of["max_scatter_range_m"],
        tuple(np.array([[low, high, k]]) for low, high, k in zip(*limits, n, strict=True)),
        90.0 - of["pointing_alt_deg"],
        np.zeros(len(n), dtype=bool),
    )


def _events(runs, thrown: ThrownRuns) -> dict[str, np.ndarray]:
    """Truth of all events that triggered; angle from the pointing, distance of the core."""
    rows = [read_table(_raw(run), "simulated_events") for run in runs]
    events = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    pointing = hadron_sample.POINTING
    alt, az = events["true_alt_deg"], events["true_az_deg"]
    centre = pointing["azimuth_deg"], 90.0 - pointing["zenith_deg"]
    events["true_offset_deg"] = separation_deg(az, alt, *centre)
    up, north = np.radians(alt), np.radians(az)
    along = events["true_core_x_m"] * np.cos(up) * np.cos(north)
    along -= events["true_core_y_m"] * np.cos(up) * np.sin(north)
    square = events["true_core_x_m"] ** 2 + events["true_core_y_m"] ** 2 - along**2
    events["distance_m"] = np.sqrt(np.maximum(square, 0.0))
    return events


class _Kind:
    """Rates of a kind of particle."""

    def __init__(self, particle: int, runs):
        self.spectrum = SPECTRA[PARTICLES[particle]]
        self.thrown = _thrown(runs)
        self.events = _events(runs, self.thrown)
        self.rate = trigger_rate(self.events, self.thrown, self.spectrum)
        self.weight = event_weights(self.events, self.thrown, self.spectrum)
        self.cluster = cluster_numbers(self.events)

    def of(self, chosen) -> Rate:
        """Rate of some of the events."""
        return clustered_rate(
            self.weight[chosen], self.cluster[chosen], int(self.thrown.n_showers.sum())
        )

    def binned(self, column: str, edges) -> list[Rate]:
        """Rates in bins of a column."""
        value = self.events[column]
        return [self.of((value >= low) & (value < high)) for low, high in pairwise(edges)]

    @property
    def lowest_tev(self) -> float:
        """Least energy thrown."""
        return float(self.thrown.energy_min_tev.min())


def _measured(dead_s: float):
    """Rates of runs of DR1, recorded and triggered, from their live times."""
    index = Table.read(Path(os.environ["IACTFLOW_DATA"]) / "dl3/hess-dl3-dr1/obs-index.fits.gz")
    found = {}
    for run in MEASURED:
        (row,) = index[index["OBS_ID"] == run]
        live = float(row["LIVETIME"]) / float(row["ONTIME"])
        found[run] = ((1.0 - live) / dead_s, (1.0 - live) / dead_s / live)
    return found


def _total_rows(kinds: dict[int, _Kind], total: Rate, measured, dead_s: float):
    recorded = total.value / (1.0 + total.value * dead_s)
    number = f"{total.n_events} events of {total.n_showers} showers"
    new = measured[NEW_MIRRORS]
    triggers = f"triggers, Hz (error {total.error:.2g}, {number}); run {NEW_MIRRORS}"
    rows = [
        compare("recorded, Hz; published", recorded, PUBLISHED_HZ, None),
        compare(f"recorded, Hz; run {NEW_MIRRORS}, new mirrors", recorded, new[0], None),
        compare(triggers, total.value, new[1], RATE_TOLERANCE * new[1]),
    ]
    for run, (_, rate) in measured.items():
        if run != NEW_MIRRORS:
            label = f"triggers, Hz; run {run}, throughput {MEASURED[run]:g}"
            rows.append(compare(label, total.value, rate, None))
    for kind in kinds.values():
        label = f"{kind.spectrum.name}, Hz (error {kind.rate.error:.2g}, "
        label += f"{kind.rate.n_events} events of {kind.rate.n_showers} showers)"
        rows.append(compare(label, kind.rate.value, None, None))
    return rows


def _edge_rows(kinds: dict[int, _Kind], wide: dict[int, _Kind], total: Rate):
    where = hadron_sample.WIDE
    outer = {
        "cores beyond": ("distance_m", 0.9 * where["core_radius_max_m"], "m"),
        "angles beyond": ("true_offset_deg", 0.9 * where["viewcone_deg"], "deg"),
    }
    rows = []
    for label, (column, limit, unit) in outer.items():
        for least_tev in (0.0, LEAST_CORE_TEV) if unit == "m" else (0.0,):
            chosen = {p: k.events["true_energy_tev"] >= least_tev for p, k in wide.items()}
            whole = sum(kind.of(chosen[p]).value for p, kind in wide.items())
            edge = add_rates(
                kind.of(chosen[p] & (kind.events[column] > limit)) for p, kind in wide.items()
            )
            text = f"share of {label} {limit:g} {unit}"
            text += f" above {least_tev:g} TeV" if least_tev else ""
            text += f" (error {edge.error / whole:.2g})"
            judged = None if unit == "m" and not least_tev else EDGE_SHARE
            rows.append(compare(text, edge.value / whole, 0.0, judged))
    for kind in kinds.values():
        least = kind.lowest_tev
        edge = kind.of(kind.events["true_energy_tev"] < least * 10**0.2)
        text = f"{kind.spectrum.name}: share of {least:g} to {least * 10**0.2:.2g} TeV in all"
        rows.append(
            compare(f"{text} (error {edge.error / total.value:.2g})", edge.value / total.value,
                    0.0, EDGE_SHARE)
        )  # fmt: skip
    return rows


def _varied(instrument, width: float, threshold: float, throughput: float):
    """The array with other comparators or mirrors."""
    telescopes = []
    for telescope in instrument.telescopes:
        camera = telescope.type.camera
        pulse = camera.trigger.pulse
        peak_ns = pulse.x[np.argmax(pulse.y)]
        pulse = Curve(peak_ns + width * (pulse.x - peak_ns), pulse.y)
        trigger = replace(camera.trigger, threshold=threshold, pulse=pulse)
        kind = replace(telescope.type, camera=replace(camera, trigger=trigger))
        telescopes.append(replace(telescope, type=kind, throughput=throughput))
    return replace(instrument, telescopes=tuple(telescopes))


def _variant_rows():
    """Rate of protons with other triggers or mirrors, over that of the sample."""
    setup = hadron_versions.SAMPLE.setup_of(VARIED_RUN, N_VARIED)
    detectors = [
        make_detector(replace(setup, instrument=_varied(setup.instrument, *variant)))
        for variant in ((1.0, 4.0, 1.0), *(variant[1:] for variant in VARIANTS))
    ]
    sums = []
    for shower in simulate(setup):
        thrown, counts = shower.thrown, np.zeros(len(detectors))
        if thrown.energy_tev > VARIED_TO_TEV:
            continue
        for reuse, photons in enumerate(shower.photons):
            key = EventKey(setup.seed, "proton", VARIED_RUN, thrown.shower_id, reuse)
            counts += [d.respond(photons, key)[0] is not None for d in detectors]
        # Thrown along E^-2: what the flux makes of it.
        sums.append(counts * SPECTRA["proton"](thrown.energy_tev) * thrown.energy_tev**2)
    sums, rows = np.array(sums), []
    for (name, *_), column in zip(VARIANTS, sums.T[1:], strict=True):
        ratio = column.sum() / sums[:, 0].sum()
        error = np.sqrt(np.sum((column - ratio * sums[:, 0]) ** 2)) / sums[:, 0].sum()
        text = f"protons up to {VARIED_TO_TEV:g} TeV, {name}: "
        rows.append(compare(f"{text}rate over that here (error {error:.2g})", ratio, None, None))
    return rows


def _pulse_rows():
    """Fit of the comparators' pulse; efficiency of light."""
    setup = hadron_versions.SAMPLE.setup_of(PULSE_RUN, N_PULSE)
    found, width, width_error = comparator_pulse.fit_width(setup)
    rows = [
        compare(
            f"HESS-1U, pulse {one:g} as wide: pixels above threshold (ln L {likelihood:.1f})",
            expected, seen, None,
        )
        for one, (likelihood, expected, seen) in found.items()
    ]  # fmt: skip
    text = f"width of the pulse, fitted (error {width_error:.2g}); of version 2006-2"
    rows.append(compare(text, width, PULSE_WIDTH, 2.0 * width_error))
    ours, theirs, error = comparator_pulse.efficiencies()
    text = f"photoelectrons per photon of 300 to 600 nm at the telescope (error {error:.2g})"
    rows.append(compare(text, ours, theirs, None))
    return rows, (width, width_error)


def _draw(axes, kinds, column, edges, per, log):
    total = np.zeros(len(edges) - 1)
    width = np.diff(np.log10(edges)) if log else np.diff(edges)
    for particle, kind in kinds.items():
        rates = kind.binned(column, edges)
        value = np.array([rate.value for rate in rates])
        error = np.array([rate.error for rate in rates])
        total += value
        centre = np.sqrt(edges[1:] * edges[:-1]) if log else 0.5 * (edges[1:] + edges[:-1])
        seen = value > 0.0
        axes.errorbar(
            centre[seen], (value / width)[seen], yerr=(error / width)[seen], fmt="o-", ms=3, lw=0.8,
            color=COLOURS[COLOUR_OF[particle]], label=kind.spectrum.name,
        )  # fmt: skip
    axes.stairs(total / width, edges, color=COLOURS["black"], label="sum")
    axes.set_ylabel(f"trigger rate (Hz per {per})")
    axes.set_ylim(bottom=0.0)


def _figure(kinds, wide) -> Figure:
    figure = Figure(figsize=(7.2, 8.5), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1)
    _draw(top, kinds, "true_energy_tev", np.geomspace(0.03, 48.0, 17), "decade", True)
    top.set(xscale="log", xlabel="energy of the particle (TeV)",
            title="H.E.S.S. I, 20° from zenith: array triggers")  # fmt: skip
    _draw(middle, wide, "distance_m", np.linspace(0.0, 600.0, 13), "m", False)
    middle.set(xlabel="distance of the core from the centre (m)")
    _draw(bottom, wide, "true_offset_deg", np.linspace(0.0, 5.0, 11), "deg", False)
    bottom.set(xlabel="angle from the pointing (deg)")
    top.legend()
    return figure


def make() -> str:
    """Write the page.

    Returns
    -------
    str
        Markdown; the figure is written beside it.
    """
    kinds = {particle: _Kind(particle, runs) for particle, runs in KINDS.items()}
    wide = {
        particle: _Kind(particle, [run for run in runs if run in WIDE])
        for particle, runs in KINDS.items()
    }
    folder = CONFIG / hadron_versions.VERSION
    dead_s = load_instrument(folder, check=False).dead_time_s
    total = add_rates(kind.rate for kind in kinds.values())
    measured = _measured(dead_s)
    rows = _total_rows(kinds, total, measured, dead_s) + _edge_rows(kinds, wide, total)
    found, (width, width_error) = _pulse_rows()
    rows += found + _variant_rows()
    with style(), atomic_output(HERE / "hadron-rates.png") as path:
        save(_figure(kinds, wide), path)
    high = max(float(kind.thrown.energy_max_tev.max()) for kind in kinds.values())
    text = TEXT.format(
        cone=hadron_sample.WIDE["viewcone_deg"],
        radius=hadron_sample.WIDE["core_radius_max_m"],
        reuse=hadron_sample.WIDE["shower_reuse"],
        zenith=hadron_sample.POINTING["zenith_deg"],
        high=high,
        tolerance=RATE_TOLERANCE,
        area=comparator_pulse.LEAST_AREA,
        width=width,
        width_error=width_error,
        least_core=LEAST_CORE_TEV,
        published=PUBLISHED_HZ,
        dead=1e6 * dead_s,
    )
    figure = "![Rates by energy, core distance and angle](hadron-rates.png)"
    return "\n\n".join([counted(rows), text.strip(), figure, table(rows)])
