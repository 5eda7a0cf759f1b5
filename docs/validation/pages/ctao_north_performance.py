"""CTAO North at 20 deg: area and resolutions after cuts against the prod5 responses."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import ctao_sample
import numpy as np
from astropy.io import fits
from judged import compare, counted, table
from matplotlib.figure import Figure

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.directions import separation_deg
from iactflow.discrimination.stages.fill_shape_tables import fill_shape_tables
from iactflow.discrimination.stages.reconstruct_events import reconstruct_events
from iactflow.figures.style import COLOURS, log_ticks, save, style
from iactflow.response.node import Node, read_signal, signal_of
from iactflow.response.resolution import Estimate, angular_resolution, energy_resolution
from iactflow.response.selection import CutBand, Cuts
from iactflow.response.signal import Axes, effective_area

TITLE = "CTAO North: area and resolutions against prod5"
HERE = Path(__file__).resolve().parents[1]
CONFIGS = ctao_sample.CONFIGS
MODULES = [
    *ctao_sample.MODULES,
    "iactflow.campaign.atomic",
    "iactflow.campaign.directions",
    "iactflow.discrimination.stages.fill_shape_tables",
    "iactflow.discrimination.stages.reconstruct_events",
    "iactflow.figures.style",
    "iactflow.response.node",
    "iactflow.response.resolution",
    "iactflow.response.selection",
    "iactflow.response.signal",
]

IRF = "irf/cta-caldb/Prod5-North-20deg-AverageAz-4LSTs09MSTs.180000s-v0.1.fits.gz"
EVENTS = "sim/eventdisplay_dl2_prod6"
EVENTS += "/prod6_LaPalma-20deg_gamma_cone.N.Am-4LSTs09MSTs_ID0_reduced.fits"
#: Energies of the published events with fewer of them have no row.
LEAST_SHOWN = 50
#: Showers of the tested runs that the cut is found with, and that are tested.
PARTS = {"test_cuts": 0.2, "test_irfs": 0.8}
TABLES = {"n_size_bins": 30, "n_impact_bins": 30, "impact_max_m": 1000.0}
TABLES["splits"] = {"train_energy": 1.0}
#: Part of the reconstructed gamma rays that the cuts keep, by run.
EFFICIENCY = {21: 0.5, 22: 0.6, 23: 0.9}
#: One part for all energies, whose areas are shown beside.
ONE_EFFICIENCY = 0.6
TOLERANCE, LEAST_EVENTS = 0.3, 100
#: Largest relative error of a number that is judged: half of what is allowed.
LARGEST_ERROR = 0.5 * TOLERANCE
#: Efficiencies that the curves show.
SHOWN = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
#: Gamma rays are at one offset: the bin of the file around it is that of 0 to 1 deg.
OFFSET_EDGES_DEG = (0.0, 1.0)


class Numbers(NamedTuple):
    """Area and resolutions of an energy, each with its interval of one standard error."""

    n_events: int
    n_showers: int
    area_m2: Estimate
    r68_deg: Estimate
    resolution: Estimate
    bias: Estimate


def _dl2(folder: Path) -> dict[int, str]:
    """Folders of the reconstructed events of the tested runs."""
    tables = str(folder / "tables.root")

    def stage(function, inputs, outputs, settings):
        params = SimpleNamespace(settings=settings, seed=ctao_sample.SEED)
        function(SimpleNamespace(**inputs), SimpleNamespace(**outputs), params, SimpleNamespace())

    trained = [str(ctao_sample.SAMPLE.geometry_of(run)) for run in ctao_sample.TRAINING]
    stage(fill_shape_tables, {"geometry": trained}, {"tables": tables}, TABLES)
    found = {}
    for run in ctao_sample.TESTED:
        found[run] = str(folder / f"dl2-{run}")
        inputs = {"geometry": str(ctao_sample.SAMPLE.geometry_of(run)), "tables": tables}
        stage(reconstruct_events, inputs, {"events": found[run]}, {"splits": PARTS})
    return found


def _edges(run: int) -> tuple[float, float]:
    return ctao_sample.RUNS[run]["energy_min_tev"], ctao_sample.RUNS[run]["energy_max_tev"]


def _node(split: str) -> Node:
    return Node("zen20", 1.0, ctao_sample.COMMON["zenith_deg"], split=split)


def _cuts(events: dict, efficiency: float) -> Cuts:
    """Most images that leave the efficiency, and the largest mean scaled width that is it."""
    images = events["multiplicity"]
    n = max(k for k in range(2, 14) if np.mean(images >= k) >= efficiency)
    kept = images >= n
    width = np.quantile(events["mean_scaled_width"][kept], efficiency / np.mean(kept))
    band = CutBand(multiplicity_min=n, mean_scaled_width_max=float(width))
    return Cuts("fixed efficiency", (band,))


class _Energy:
    """Events of a tested run."""

    def __init__(self, path: str, run: int) -> None:
        edges = np.array(_edges(run))
        bins = np.linspace(0.2, 3.0, 57), np.linspace(0.0, 2.0, 201)
        offset = np.array(OFFSET_EDGES_DEG), np.array([ctao_sample.OFFSET_DEG])
        self.axes = Axes(edges, *offset, *bins)
        self.node = _node("test_irfs")
        self.found = read_signal([path], self.node, self.axes)
        cut = read_signal([path], _node("test_cuts"), self.axes).events
        good = np.isfinite(cut["energy_tev"] * cut["mean_scaled_width"] * cut["theta_deg"])
        self.cut_events = {name: values[good] for name, values in cut.items()}

    def at(self, efficiency: float) -> tuple[Numbers, CutBand]:
        """Numbers after the cuts of an efficiency."""
        cuts = _cuts(self.cut_events, efficiency)
        _, sums, events = signal_of(self.found, self.node, cuts, self.axes)
        true, edges, shower = (
            events["true_energy_tev"],
            self.axes.energy_edges_tev,
            events["cluster"],
        )
        angle = angular_resolution(events["theta_deg"], true, edges, shower)
        energy = energy_resolution(events["energy_tev"], true, edges, shower)
        area, error = (float(values[0, 0]) for values in effective_area(sums))
        estimates = (angle.radius_deg, energy.half_width, energy.median)
        numbers = Numbers(
            int(energy.n_events[0]),
            int(energy.n_showers[0]),
            Estimate(area, area - error, area + error),
            *(Estimate(*(float(side[0]) for side in estimate)) for estimate in estimates),
        )
        return numbers, cuts.bands[0]


def _three_gaussians(psf, k: int) -> float:
    """Radius in deg that holds 68 % of a sum of three Gaussians, at the first offset."""
    sigma = np.array([psf[f"SIGMA_{i}"][0, k] for i in (1, 2, 3)], dtype=float)
    height = np.array([1.0, psf["AMPL_2"][0, k], psf["AMPL_3"][0, k]], dtype=float)
    used = (height > 0.0) & (sigma > 0.0)
    sigma, part = sigma[used], (height * sigma**2)[used]
    radius = np.linspace(0.0, 2.0, 20001)
    inside = 1.0 - np.exp(-0.5 * (radius[:, None] / sigma) ** 2)
    return float(np.interp(0.68, inside @ part / part.sum(), radius))


def _half_width(edisp, low: float, high: float) -> tuple[float, float]:
    """Half width of 68 % around the median of E / E_true, and the median less one."""
    centre = np.sqrt(edisp["ENERG_LO"] * edisp["ENERG_HI"])
    inside = (centre > low) & (centre < high)
    weight = edisp["MATRIX"][0][:, inside].sum(axis=1)
    edges = np.append(edisp["MIGRA_LO"], edisp["MIGRA_HI"][-1])
    below = np.append(0.0, np.cumsum(weight * np.diff(edges)))
    below /= below[-1]
    median = np.interp(0.5, below, edges)
    width = np.linspace(0.0, 1.0, 10001)
    held = np.interp(median + width, edges, below) - np.interp(median - width, edges, below)
    return float(np.interp(0.68, held, width)), float(median - 1.0)


def _published() -> dict[int, Numbers]:
    """What the file of CTAO says at the energies of the runs, 0 to 1 deg from the pointing."""
    with fits.open(Path(os.environ["IACTFLOW_DATA"]) / IRF) as file:
        area, psf, edisp = (
            {name: file[hdu].data[name][0].astype(float) for name in file[hdu].data.names}
            for hdu in ("EFFECTIVE AREA", "POINT SPREAD FUNCTION", "ENERGY DISPERSION")
        )
    found = {}
    for run in ctao_sample.TESTED:
        low, high = _edges(run)
        inside = (area["ENERG_LO"] > 0.99 * low) & (area["ENERG_HI"] < 1.01 * high)
        (k,) = np.flatnonzero((psf["ENERG_LO"] > 0.99 * low) & (psf["ENERG_HI"] < 1.01 * high))
        width, bias = _half_width(edisp, low, high)
        values = area["EFFAREA"][0][inside].mean(), _three_gaussians(psf, k), width, bias
        found[run] = Numbers(0, 0, *(Estimate(v, v, v) for v in values))
    return found


def _eventdisplay():
    """Numbers of the best part, by their classifier, of Eventdisplay's events of prod6."""
    with fits.open(Path(os.environ["IACTFLOW_DATA"]) / EVENTS) as file:
        data = file["EVENTS"].data
        c = {n: np.asarray(data[n], dtype=float) for n in data.names}
    away = separation_deg(c["MC_AZ"], c["MC_ALT"], c["AZ"], c["ALT"])
    for run in ctao_sample.TESTED:
        low, high = _edges(run)
        mine = (c["MC_ENERGY"] >= low) & (c["MC_ENERGY"] < high)
        if mine.sum() < LEAST_SHOWN:
            continue
        kept = mine & (c["GH_MVA"] >= np.quantile(c["GH_MVA"][mine], 1.0 - EFFICIENCY[run]))
        radii = [
            angular_resolution(away, c["MC_ENERGY"], (low, high), keep=keep).radius_deg.value[0]
            for keep in (kept, mine)
        ]
        width = energy_resolution(c["ENERGY"], c["MC_ENERGY"], (low, high), keep=kept).half_width
        yield run, int(mine.sum()), *radii, float(width.value[0])


def _label(run: int) -> str:
    return f"{ctao_sample.TESTED[run]:g} TeV"


def _relative(estimate: Estimate, reference: float) -> float:
    return 0.5 * (estimate.high - estimate.low) / reference


def _rows(found, published, curves):
    rows = []
    names = {"area, m2": "area_m2", "r68, deg": "r68_deg", "energy resolution": "resolution"}
    for label, name in names.items():
        for run, (numbers, _) in found.items():
            mine, reference = getattr(numbers, name), getattr(published[run], name).value
            # The parts kept were chosen to meet the areas, which judge nothing.
            error = _relative(mine, reference)
            enough = numbers.n_events >= LEAST_EVENTS and error <= LARGEST_ERROR
            judged = name != "area_m2" and enough
            text = f"{label}, {_label(run)} (error {error:.2g}, {numbers.n_events} events of "
            text += f"{numbers.n_showers} showers)"
            tolerance = TOLERANCE if judged else None
            rows.append(
                compare(text, mine.value, reference, tolerance, error=reference, unit="relative")
            )
    for run, (numbers, cut) in found.items():
        text = f"energy bias (median), {_label(run)}"
        rows.append(compare(text, numbers.bias.value, published[run].bias.value, None))
        rows.append(compare(f"least images, {_label(run)}", cut.multiplicity_min, None, None))
        text = f"largest mean scaled width, {_label(run)}"
        rows.append(compare(text, cut.mean_scaled_width_max, None, None))
    for run, n, radius, every, width in _eventdisplay():
        text = f"Eventdisplay, prod6, {_label(run)}, best {EFFICIENCY[run]:.0%} of {n} events: "
        theirs = published[run]
        rows.append(compare(f"{text}r68, deg", radius, theirs.r68_deg.value, None))
        rows.append(compare(f"{text}energy resolution", width, theirs.resolution.value, None))
        text = f"Eventdisplay, prod6, {_label(run)}, all {n} events: r68, deg"
        rows.append(compare(text, every, theirs.r68_deg.value, None))
    for what, part in (("all", 1.0), (f"{ONE_EFFICIENCY:.0%} of", ONE_EFFICIENCY)):
        for run, curve in curves.items():
            area, theirs = curve[SHOWN.index(part)].area_m2.value, published[run].area_m2.value
            text = f"area of {what} reconstructed events, {_label(run)}, over theirs"
            rows.append(compare(text, area / theirs, 1.0, None))
    return rows


def _points(axes, found, name, colour, label):
    energies = [ctao_sample.TESTED[run] for run in found]
    values = [getattr(numbers, name) for numbers, _ in found.values()]
    middle = np.array([v.value for v in values])
    errors = [middle - [v.low for v in values], [v.high for v in values] - middle]
    axes.errorbar(energies, middle, errors, fmt="o", color=colour, label=label)


def _figure(found, published, curves) -> Figure:
    figure = Figure(figsize=(9.0, 7.6), layout="constrained")
    panels = figure.subplots(2, 2)
    shown = (("area_m2", "effective area (m²)"), ("r68_deg", "68 % radius (deg)"),
             ("resolution", "energy resolution"))  # fmt: skip
    theirs = {run: (numbers, None) for run, numbers in published.items()}
    for axes, (name, label) in zip(panels.flat, shown, strict=False):
        _points(axes, found, name, COLOURS["blue"], "ours")
        energies = [ctao_sample.TESTED[run] for run in theirs]
        value = np.array([getattr(numbers, name).value for numbers in published.values()])
        axes.plot(energies, value, "s", mfc="none", color=COLOURS["vermilion"], label="prod5")
        for energy, v in zip(energies, value, strict=True):
            band = [v * (1.0 - TOLERANCE), v * (1.0 + TOLERANCE)]
            label_of = f"prod5 ± {TOLERANCE:.0%}" if energy == energies[0] else "_"
            axes.plot([energy] * 2, band, color=COLOURS["vermilion"], lw=5, alpha=0.25, zorder=0,
                      label=label_of)  # fmt: skip
        axes.set(xscale="log", xlabel="true energy (TeV)", ylabel=label, xlim=(0.05, 20.0))
        log_ticks(axes)
        if name == "area_m2":
            axes.set(yscale="log")
            axes.legend(loc="lower right")
        else:
            axes.set_ylim(bottom=0.0)
    axes = panels[1, 1]
    for run, colour in zip(found, ("blue", "green", "orange"), strict=True):
        area = [numbers.area_m2.value for numbers in curves[run]]
        radius = [numbers.r68_deg.value for numbers in curves[run]]
        axes.plot(area, radius, ".-", color=COLOURS[colour], label=_label(run))
        numbers = published[run]
        axes.plot(numbers.area_m2.value, numbers.r68_deg.value, "s", mfc="none",
                  color=COLOURS[colour])  # fmt: skip
    axes.set(xscale="log", xlabel="effective area (m²)", ylabel="68 % radius (deg)")
    axes.set_ylim(bottom=0.0)
    axes.legend(title=f"{SHOWN[-1]:.0%} to {SHOWN[0]:.0%} kept")
    figure.suptitle("CTAO North, 4 LSTs and 9 MSTs, 20° from zenith; squares: prod5")
    return figure


TEXT = """\
Gamma rays {offset:g} deg beside the pointing, 20 deg from the zenith and towards south, on 4 LSTs
and 9 MSTs (simulation model 6.0.0), cores inside 400, 600 and 900 m, {reuse} per shower, energies
a tenth of a decade to both sides of 0.1, 1 and 10 TeV; tables of shapes and energies are filled
with other showers. Cleaning at 8.5 and 4.25 photoelectrons (LST) and 9 and 4.5 (MST), images
above 50 photoelectrons with at most {leakage:.0%} of their light at the edge of the camera,
directions from the images' axes. Against them stand CTAO's prod5 v0.1 responses of this array
(Zenodo 5499840; 20 deg, mean of north and south, 50 h), of 0 to 1 deg from the pointing, full
enclosure: no cut on the direction, as here. The energy resolution is half the width that holds 68
% around the median.

**Efficiencies are declared, not theirs.** Their cuts were chosen for sensitivity against protons,
and what they keep of gamma rays is not published. Ours keep {kept} of the reconstructed gamma
rays at 0.1, 1 and 10 TeV: the largest number of images that keeps as many, then a largest mean
scaled width, found with other showers. These parts were chosen, in tenths, so that areas are near
theirs: **areas judge nothing**. With one part at all energies they differ by up to a factor of two,
as the last rows show; theirs keep less where background is plentiful. Judged are radius and
resolution at about the same area or a larger one, with showers that no choice was made with. The
panel on the lower right shows what other efficiencies give.

{tolerance:.0%} are allowed where {least} events are left and the error is at most {largest:.0%},
half of that. **At 10 TeV the showers that were tested are too few**: the energy resolution came out
at 0.13 with an error of 0.02 against 0.09, which says neither that it is within {tolerance:.0%} nor
that it is not. An earlier sample, with which the cut on leakage and the tables were chosen, had
0.11. What widens it: tables that rest on a hundred showers around each energy, and images at the
edge of the camera (with half of the light allowed there the width was twice theirs).

Eventdisplay's own events of prod6 at this array, with the same part kept by its own classifier,
stand below: they too are wider than the published curves, which were made with other numbers of
images and cuts at every energy.
"""


def make() -> str:
    """Write the page.

    Returns
    -------
    str
        Markdown; the figure is written beside it.
    """
    published, found, curves = _published(), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for run, path in _dl2(Path(folder)).items():
            energy = _Energy(path, run)
            found[run] = energy.at(EFFICIENCY[run])
            curves[run] = [energy.at(efficiency)[0] for efficiency in SHOWN]
    rows = _rows(found, published, curves)
    with style(), atomic_output(HERE / "ctao-north-performance.png") as path:
        save(_figure(found, published, curves), path)
    text = TEXT.format(
        offset=ctao_sample.OFFSET_DEG,
        reuse=ctao_sample.REUSE,
        leakage=ctao_sample.GEOMETRY["stereo"]["max_leakage"],
        kept=", ".join(f"{part:.0%}" for part in EFFICIENCY.values()),
        tolerance=TOLERANCE,
        least=LEAST_EVENTS,
        largest=LARGEST_ERROR,
    )
    figure = "![Area, resolutions, and both against each other](ctao-north-performance.png)"
    return "\n\n".join([counted(rows), text.strip(), figure, table(rows)])
