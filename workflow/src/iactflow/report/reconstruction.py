"""What is left of a reconstructed sample for its figures and for the summary of the campaign."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from iactflow.campaign.json_product import write_json
from iactflow.campaign.schema_reconstruction import SPLITS
from iactflow.discrimination.rows import files_of
from iactflow.errors import InputError
from iactflow.io.root import list_columns, list_tables, read_metadata, read_table, write_table
from iactflow.io.tables import find_table
from iactflow.report.reconstruction_event import shown_event
from iactflow.report.resolution_tables import ENERGY_EDGES_TEV, Resolutions, bin_of, headline
from iactflow.stereo.stages.reconstruct_geometry import given_coefficients

__all__ = ["QUANTITIES", "summarise_reconstruction"]

# Edges of histograms by quantity; the table that holds it.
LOG_SIZE = np.logspace(1.0, 6.0, 51)
QUANTITIES = {
    "hillas_intensity": ("parameters", LOG_SIZE),
    "hillas_width_deg": ("parameters", np.linspace(0.0, 0.5, 51)),
    "hillas_length_deg": ("parameters", np.linspace(0.0, 1.0, 51)),
    "hillas_r_deg": ("parameters", np.linspace(0.0, 5.0, 51)),
    "leakage_intensity_width_2": ("parameters", np.linspace(0.0, 1.0, 51)),
    "morphology_n_pixels": ("parameters", np.arange(0.5, 101.0, 2.0)),
    "timing_slope_ns_per_deg": ("parameters", np.linspace(-30.0, 30.0, 61)),
    "impact_distance_m": ("telescope_geometry", np.linspace(0.0, 1000.0, 51)),
    "h_max_m": ("geometry", np.linspace(0.0, 2e4, 51)),
    "multiplicity": ("geometry", np.arange(-0.5, 100.5)),
    "mean_scaled_width": ("events_dl2", np.linspace(-4.0, 10.0, 57)),
    "mean_scaled_length": ("events_dl2", np.linspace(-4.0, 10.0, 57)),
    "gammaness": ("events_dl2", np.linspace(0.0, 1.0, 26)),
}
OF_EVENTS = ("h_max_m", "multiplicity")
# What tells gamma rays from others; of events that no model was trained on.
OF_CLASSES = ("mean_scaled_width", "mean_scaled_length", "gammaness")
# Where real events follow each other, their rate is shown in bins of this length.
RATE_BIN_S = 60.0
GEOMETRY = (
    *("obs_id", "event_id", "time_s", "time_qns", "is_valid", "alt_deg", "az_deg"),
    *("alt_fit_deg", "az_fit_deg", "h_max_m", "multiplicity"),
)


def summarise_reconstruction(inputs, outputs, params, wildcards) -> None:
    """Count what was reconstructed of a sample; keep what its figures need.

    Parameters
    ----------
    inputs : namespace
        ``raw``: raw data of the first part; ``geometry``, ``events``: folders of all parts;
        ``calibration``: as for `iactflow.stereo.stages.reconstruct_geometry`.
    outputs : namespace
        ``summary``: JSON; ``table``: ROOT file with ``parameter_histograms``, ``event_counts``,
        ``resolutions``, ``event_rates`` and the tables of one event.
    params : namespace
        ``settings``: name of the sample, whether its truth is known, its models, settings of
        images and geometry.
    wildcards : namespace
        ``sample``.

    Raises
    ------
    InputError
        If a file is broken, files do not belong together, or a simulation has no truth.
    """
    settings = params.settings
    geometry, events = files_of(inputs.geometry), files_of(inputs.events)
    levels: dict[str, _Level] = {}
    for file, dl2 in _paired(geometry, events):
        if settings["is_simulation"] and "simulated_events" not in list_tables(file):
            allowed = "files with the truth, or the role data"
            raise InputError(file, "simulated_events", "missing", allowed)
        level = levels.setdefault(_level(file), _Level(settings))
        level.add(file, dl2)
    shown = shown_event(inputs.raw, geometry[0], settings, given_coefficients(inputs))
    tables = _tables(levels)
    write_table(outputs.table, {**tables, **shown.tables}, {"sample": settings["name"]})
    blocks = {name: level.numbers() for name, level in levels.items()}
    summary = {
        "name": settings["name"],
        "is_simulation": settings["is_simulation"],
        "models": settings["models"],
        "n_files": len(geometry),
        **{key: sum(block[key] for block in blocks.values()) for key in COUNTS},
        "levels": blocks,
        "calibration": shown.calibration,
        "shown_event": shown.about,
    }
    write_json(outputs.summary, summary)


COUNTS = ("n_events", "n_reconstructed", "n_images", "n_images_used")


def _paired(geometry: list[Path], events: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Files of geometry and of events of the same raw file."""
    by_name = {(path.parent.name, path.name): path for path in events}
    for path in geometry:
        partner = by_name.get((path.parent.name, path.name))
        if partner is None:
            raise InputError(path, "events", "missing", "events of the same name")
        yield path, partner


def _level(file: Path) -> str:
    """Level of the night sky of a simulation of ours; other files stand together."""
    factor = read_metadata(file).get("nsb_factor")
    return "all" if factor is None else f"{factor:g}"


class _Level:
    """Sums over the files of a level."""

    def __init__(self, settings: dict) -> None:
        self.settings = settings
        self.histograms: dict[tuple[str, str], np.ndarray] = {}
        self.counts = np.zeros((2, len(ENERGY_EDGES_TEV) - 1), dtype=np.int64)
        self.rates: dict[float, np.ndarray] = {}
        self.resolutions = Resolutions()
        self.totals = dict.fromkeys(COUNTS, 0)
        self.telescopes = 0
        self.span_s = [np.inf, -np.inf]

    def add(self, file: Path, dl2: Path) -> None:
        """Add a file."""
        geometry = read_table(file, "geometry", GEOMETRY)
        valid = geometry["is_valid"]
        self._add_images(file)
        for name in OF_EVENTS:
            self._fill("", name, geometry[name][valid])
        self._add_classes(dl2)
        self.totals["n_events"] += len(valid)
        self.totals["n_reconstructed"] += int(valid.sum())
        self.totals["n_images_used"] += int(geometry["multiplicity"].sum())
        self.telescopes += int(geometry["multiplicity"][valid].sum())
        if self.settings["is_simulation"]:
            self._add_truth(file, dl2, geometry)
        elif len(valid):
            self._add_times(geometry)

    def _add_images(self, file: Path) -> None:
        kinds = read_table(file, "array_telescopes", ["tel_id", "telescope_type"])
        by_id = dict(zip(kinds["tel_id"].tolist(), kinds["telescope_type"].tolist(), strict=True))
        wanted = [name for name, (table, _) in QUANTITIES.items() if table == "parameters"]
        columns = read_table(file, "parameters", ["tel_id", *wanted])
        columns |= read_table(file, "telescope_geometry", ["impact_distance_m"])
        seen = columns["morphology_n_pixels"] > 0
        self.totals["n_images"] += int(seen.sum())
        for tel_id in np.unique(columns["tel_id"]):
            mine = seen & (columns["tel_id"] == tel_id)
            for name in (*wanted, "impact_distance_m"):
                self._fill(by_id[int(tel_id)], name, columns[name][mine])

    def _add_classes(self, dl2: Path) -> None:
        present = list_columns(dl2)["events_dl2"]
        names = [name for name in OF_CLASSES if name in present]
        if names:
            columns = read_table(dl2, "events_dl2", names)
            tested = self._tested(dl2) if self.settings["is_simulation"] else True
            for name in names:
                self._fill("", name, columns[name][tested] if tested is not True else columns[name])

    def _fill(self, kind: str, name: str, values: np.ndarray) -> None:
        edges = QUANTITIES[name][1]
        counts = self.histograms.setdefault((kind, name), np.zeros(len(edges) - 1, np.int64))
        counts += np.histogram(values[np.isfinite(values)], edges)[0]

    def _add_truth(self, file: Path, dl2: Path, geometry: dict) -> None:
        names = ["obs_id", "event_id", "shower_id", "true_energy_tev"]
        truth = read_table(file, "simulated_events", [*names, "true_alt_deg", "true_az_deg"])
        for name in ("obs_id", "event_id"):
            if not np.array_equal(truth[name], geometry[name]):
                raise InputError(file, f"simulated_events.{name}", "other rows", "as in geometry")
        place, inside = bin_of(truth["true_energy_tev"])
        for row, chosen in enumerate((inside, inside & geometry["is_valid"])):
            self.counts[row] += np.bincount(place[chosen], minlength=self.counts.shape[1])
        self.resolutions.add(truth, geometry, _events(dl2, geometry), self._tested(dl2))

    def _tested(self, dl2: Path) -> np.ndarray | bool:
        """Events that no model was trained on."""
        if not self.settings["models"]:
            return True
        return read_table(dl2, "events_dl2", ["split"])["split"] == SPLITS.index("test_irfs")

    def _add_times(self, geometry: dict) -> None:
        time_s = geometry["time_s"] + 0.25e-9 * geometry["time_qns"]
        self.span_s = [min(self.span_s[0], time_s.min()), max(self.span_s[1], time_s.max())]
        start = np.floor(time_s / RATE_BIN_S) * RATE_BIN_S
        for value in np.unique(start):
            mine = start == value
            counts = self.rates.setdefault(float(value), np.zeros(2, np.int64))
            counts += mine.sum(), (mine & geometry["is_valid"]).sum()

    def numbers(self) -> dict:
        """Headline numbers."""
        total = self.totals
        numbers = {
            **total,
            "reconstructed_fraction": _ratio(total["n_reconstructed"], total["n_events"]),
            "mean_multiplicity": _ratio(self.telescopes, total["n_reconstructed"]),
        }
        if self.settings["is_simulation"]:
            return numbers | headline(self.resolutions.table())
        duration_s = self.span_s[1] - self.span_s[0]
        rates = {key: total[key] / duration_s for key in ("n_events", "n_reconstructed")}
        known = np.isfinite(duration_s) and duration_s > 0
        return numbers | {
            "duration_s": duration_s if known else None,
            "trigger_rate_hz": rates["n_events"] if known else None,
            "reconstructed_rate_hz": rates["n_reconstructed"] if known else None,
        }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _events(dl2: Path, geometry: dict) -> dict[str, np.ndarray]:
    """Columns of DL2 events that resolutions are made of, in the order of the geometry."""
    present = list_columns(dl2)["events_dl2"]
    wanted = ("energy_tev", "energy_forest_tev", "alt_forest_deg", "az_forest_deg")
    names = [name for name in wanted if name in present]
    events = read_table(dl2, "events_dl2", ["obs_id", "event_id", *names])
    for name in ("obs_id", "event_id"):
        if not np.array_equal(events[name], geometry[name]):
            raise InputError(dl2, f"events_dl2.{name}", "other rows", "as in geometry")
    return events


def _tables(levels: dict[str, _Level]) -> dict[str, dict]:
    """Tables of the figures."""
    tables = {name: [] for name in ("parameter_histograms", "event_counts", "event_rates")}
    resolutions = []
    for label, level in levels.items():
        for (kind, name), n in level.histograms.items():
            edges = QUANTITIES[name][1]
            filled = np.flatnonzero(n)
            for i in filled:
                row = (label, kind, name, edges[i], edges[i + 1], n[i])
                tables["parameter_histograms"].append(row)
        for i in np.flatnonzero(level.counts[0]):
            edges = ENERGY_EDGES_TEV[i : i + 2]
            tables["event_counts"].append((label, *edges, *level.counts[:, i]))
        for start, n in sorted(level.rates.items()):
            tables["event_rates"].append((label, start, start + RATE_BIN_S, *n))
        resolutions += [(label, *row) for row in level.resolutions.table()]
    return {name: _columns(name, rows) for name, rows in tables.items()} | {
        "resolutions": _columns("resolutions", resolutions)
    }


def _columns(name: str, rows: list[tuple]) -> dict[str, np.ndarray]:
    """Columns of a table from its rows."""
    columns = find_table(name, name).columns
    kinds = {"U": str}
    return {
        column.name: np.array([row[i] for row in rows], dtype=kinds.get(column.dtype, column.dtype))
        for i, column in enumerate(columns)
    }
