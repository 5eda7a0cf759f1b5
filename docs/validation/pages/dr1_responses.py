"""H.E.S.S. I at 20 deg: simulated effective area and point spread against files of DL3 DR1."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import hadron_sample
import numpy as np
from judged import compare, counted, table
from matplotlib.figure import Figure

from iactflow.campaign.atomic import atomic_output
from iactflow.discrimination.stages.fill_shape_tables import fill_shape_tables
from iactflow.discrimination.stages.reconstruct_events import reconstruct_events
from iactflow.figures.style import COLOURS, log_ticks, save, style
from iactflow.io.gadf import read_observation
from iactflow.response.stages.make_responses import make_responses

TITLE = "H.E.S.S. I: responses against DL3 DR1"
HERE = Path(__file__).resolve().parents[1]
CONFIGS = hadron_sample.CONFIGS
MODULES = [
    *hadron_sample.MODULES,
    "iactflow.campaign.atomic",
    "iactflow.discrimination.stages.fill_shape_tables",
    "iactflow.discrimination.stages.reconstruct_events",
    "iactflow.figures.style",
    "iactflow.io.gadf",
    "iactflow.response.stages.make_responses",
]

GAMMAS = (1, 2, 3)
PARTS = {"train_energy": 0.35, "test_irfs": 0.65}
TABLES = {"n_size_bins": 30, "n_impact_bins": 30, "impact_max_m": 600.0, "splits": PARTS}
EDGES_TEV = 10.0 ** np.arange(-0.7, 1.31, 0.2)
#: Bins between these limits are judged, to 25 %.
JUDGED_TEV, TOLERANCE = (0.5, 10.0), 0.25
OFFSET_DEG = 0.5
#: Runs near 20 deg with four telescopes, and their throughput by muons in the index of DR1.
RUNS = {20422: 1.167, 29072: 0.995, 33797: 1.014, 21753: 0.865}
NEW_MIRRORS = 20422
SETTINGS = {
    "name": "zen20",
    "event_type": "",
    "zenith_deg": 20.0,
    "azimuth_deg": 180.0,
    "nsb_factor": 1.0,
    "throughput": 1.0,
    "level": 1.0,
    "run": None,
    "multiplicity_min": None,
    "multiplicity_max": None,
    "energy": "tables",
    "direction": "geometry",
    "smoothing": {"energy_dex": 0.15, "offset_deg": 0.4, "index": 2.7},
    "min_background_showers": 1,
    "background_cuts": None,
    "min_scale_showers": 1,
    "psf": "table",
    "point_like": False,
    "background_table": "3d",
    "fov_step_deg": 0.2,
    "fov_max_deg": 2.0,
    "spectra": {},
    "off_zenith_reach_deg": 5.0,
    "excluded": {},
    "cuts": {"preset": "standard"},
    "energy_edges_tev": EDGES_TEV.tolist(),
    "energy_reco_edges_tev": EDGES_TEV.tolist(),
    "migra_edges": np.linspace(0.2, 3.0, 57).tolist(),
    "rad_edges_deg": np.linspace(0.0, 1.0, 201).tolist(),
    "offset_edges_deg": [0.25, 0.75],
    "offset_nodes_deg": [OFFSET_DEG],
}

TEXT = """\
Gamma rays {offset:g} deg beside the pointing, 20 deg from the zenith, cores inside {radius:g} m,
through detector, reconstruction and the rule `make_responses`, with the standard cuts on shapes of
Aharonian et al. 2006 (A&A 457, 899) and none on the direction; at least 80 photoelectrons in an
image. Against them stand the responses of four runs of the H.E.S.S. public data release (DL3 DR1,
H.E.S.S. collaboration 2018, arXiv:1810.04516), at the same offset; zenith angles are 19.4 to 20.6
deg. Theirs are interpolated to the middle of our bins. The 68 % radius is that of all light in
their tables, which end at 0.67 deg.

Differences of origin: their events are selected by boosted trees with other least sizes (Ohm et al.
2009), so that areas need not agree where cuts bite; their mirrors are those of the date. In the
index the throughput by muons is {new:g} in April 2004 and {old:g} to {late:g} in the other runs.
Ours are new mirrors: judged is the run of 2004, the others show what mirrors do. {tolerance:.0%}
are allowed from {low:g} to {high:g} TeV. Errors take all cores of a shower as one event.
"""


def _summary(folder: Path) -> dict:
    """Headline numbers of the rule ``make_responses``."""
    geometry = [str(hadron_sample.SAMPLE.geometry_of(run)) for run in GAMMAS]
    tables = str(folder / "tables.root")

    def stage(function, inputs, outputs, settings, **more):
        params = SimpleNamespace(settings=settings, seed=hadron_sample.SEED, **more)
        function(SimpleNamespace(**inputs), SimpleNamespace(**outputs), params, SimpleNamespace())

    stage(fill_shape_tables, {"geometry": geometry}, {"tables": tables}, TABLES)
    signal = []
    for number, path in enumerate(geometry):
        out = str(folder / f"dl2-{number}")
        inputs = {"geometry": path, "tables": tables}
        stage(reconstruct_events, inputs, {"events": out}, {"splits": PARTS})
        signal.append(out)
    made = {"irf": folder / "irf.fits", "summary": folder / "summary.json"}
    index = {"signal": signal, "background": {}, "off": {}}
    stage(make_responses, {}, made, SETTINGS, index=index)
    return json.loads(made["summary"].read_text())


def _radius68_deg(psf) -> np.ndarray:
    """Radius that holds 68 % of what the table of the point spread function holds."""
    at = int(np.argmin(np.abs(psf.offset_nodes_deg - OFFSET_DEG)))
    edges = np.radians(psf.rad_edges_deg)
    ring = 2.0 * np.pi * -np.diff(np.cos(edges))
    inside = np.cumsum(psf.value_per_sr[:, at, :] * ring[:, None], axis=0)
    inside = np.vstack([np.zeros(inside.shape[1]), inside])
    found = np.full(inside.shape[1], np.nan)
    for k in np.flatnonzero(inside[-1] > 0.0):
        found[k] = np.interp(0.68 * inside[-1, k], inside[:, k], psf.rad_edges_deg)
    return found


def _at(energies_tev, table_of, values) -> np.ndarray:
    edges = table_of.energy_edges_tev
    good = np.isfinite(values)
    centres = np.log(np.sqrt(edges[1:] * edges[:-1]))
    return np.interp(np.log(energies_tev), centres[good], values[good])


def _published(energies_tev) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Areas in m2 and radii in deg of the runs."""
    found = {}
    for run in RUNS:
        name = f"hess_dl3_dr1_obs_id_{run:06d}.fits.gz"
        observation = read_observation(
            Path(os.environ["IACTFLOW_DATA"]) / "dl3" / "hess-dl3-dr1" / "data" / name
        )
        area, psf = observation.aeff, observation.psf
        at = int(np.argmin(np.abs(area.offset_nodes_deg - OFFSET_DEG)))
        found[run] = (
            _at(energies_tev, area, area.area_m2[at]),
            _at(energies_tev, psf, _radius68_deg(psf)),
        )
    return found


def _rows(summary, published):
    rows = []
    ours = {
        "area, m2": ("effective_area_m2", "effective_area_error_m2"),
        "r68, deg": ("angular_resolution_deg", "angular_resolution_error_deg"),
    }
    for place, (label, names) in enumerate(ours.items()):
        values, errors = (np.array(summary[name], dtype=float)[0] for name in names)
        for k in range(len(EDGES_TEV) - 1):
            low, high = EDGES_TEV[k], EDGES_TEV[k + 1]
            inside = JUDGED_TEV[0] <= low * 1.001 and high <= JUDGED_TEV[1] * 1.001
            reference = published[NEW_MIRRORS][place][k]
            text = f"{label}, {low:.2g} to {high:.2g} TeV (error {errors[k] / reference:.2g})"
            rows.append(
                compare(text, values[k], reference, TOLERANCE if inside else None,
                        error=reference, unit="relative")
            )  # fmt: skip
    for place, label in enumerate(ours):
        for run in RUNS:
            if run != NEW_MIRRORS:
                ratio = published[run][place] / published[NEW_MIRRORS][place]
                middle = np.interp(0.0, np.log(np.sqrt(EDGES_TEV[1:] * EDGES_TEV[:-1])), ratio)
                text = f"{label}, 1 TeV: run {run} over run {NEW_MIRRORS}"
                rows.append(compare(text, middle, 1.0, None))
    return rows


def _figure(summary, published, centres) -> Figure:
    figure = Figure(figsize=(7.2, 7.2), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    colours = dict(zip(RUNS, ("black", "vermilion", "green", "orange"), strict=True))
    pairs = (("effective_area_m2", "effective_area_error_m2"),
             ("angular_resolution_deg", "angular_resolution_error_deg"))  # fmt: skip
    for place, (axes, names) in enumerate(zip((top, bottom), pairs, strict=True)):
        value, error = (np.array(summary[name], dtype=float)[0] for name in names)
        axes.errorbar(centres, value, yerr=error, fmt="o", color=COLOURS["blue"], label="ours")
        for run, throughput in RUNS.items():
            label = f"DR1, run {run}, throughput {throughput:g}"
            axes.plot(centres, published[run][place], color=COLOURS[colours[run]], label=label)
    top.set(xscale="log", yscale="log", ylabel="effective area (m²)",
            title="H.E.S.S. I, 20° from zenith, offset 0.5°")  # fmt: skip
    bottom.set(xlabel="true energy (TeV)", ylabel="68 % radius (deg)", ylim=(0.0, 0.18))
    log_ticks(bottom)
    top.legend()
    return figure


def make() -> str:
    """Write the page.

    Returns
    -------
    str
        Markdown; the figure is written beside it.
    """
    centres = np.sqrt(EDGES_TEV[1:] * EDGES_TEV[:-1])
    published = _published(centres)
    with tempfile.TemporaryDirectory() as folder:
        summary = _summary(Path(folder))
    rows = _rows(summary, published)
    with style(), atomic_output(HERE / "dr1-responses.png") as path:
        save(_figure(summary, published, centres), path)
    others = [RUNS[run] for run in RUNS if run != NEW_MIRRORS]
    text = TEXT.format(
        offset=OFFSET_DEG,
        radius=hadron_sample.POINT["core_radius_max_m"],
        new=RUNS[NEW_MIRRORS],
        old=min(others),
        late=max(others),
        tolerance=TOLERANCE,
        low=JUDGED_TEV[0],
        high=JUDGED_TEV[1],
    )
    figure = "![Effective area and 68 % radius against energy](dr1-responses.png)"
    return "\n\n".join([counted(rows), text.strip(), figure, table(rows)])
