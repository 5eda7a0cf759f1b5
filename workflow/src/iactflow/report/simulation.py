"""What is left of a production for its figures and for the summary of the campaign."""

from __future__ import annotations

from pathlib import Path

import awkward
import numpy as np

from iactflow.campaign.json_product import write_json
from iactflow.errors import InputError
from iactflow.instrument.load import load_instrument
from iactflow.io.root import list_tables, read_metadata, read_table, write_table

__all__ = ["summarise_simulation"]

# Fifths of a decade, the same for all productions.
BINS_PER_DECADE = 5
IMPACT_EDGES_M = np.array([*range(0, 200, 20), *range(200, 401, 50), 500.0, 700.0, 1000.0])
N_CORE_BINS = 10
UNSCATTERED_M = 1.0
READ_OUT = ("charges_r0", "waveforms_r0")


# What a production says of its showers, or, where they come from files, their headers.
OF_THE_SHOWERS = (
    *("energy_min_tev", "energy_max_tev", "core_radius_max_m", "shower_reuse"),
    "viewcone_deg",
)


class _Moments:
    """Counts, sums and sums of squares in bins; what does not fall into a bin is left out."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count, self.sum, self.square = np.zeros(shape), np.zeros(shape), np.zeros(shape)

    def add(self, place: tuple[np.ndarray, ...], values: np.ndarray) -> None:
        inside = np.all(
            [(i >= 0) & (i < n) for i, n in zip(place, self.count.shape, strict=True)], axis=0
        )
        place = tuple(i[inside] for i in place)
        for total, power in ((self.count, 0), (self.sum, 1), (self.square, 2)):
            np.add.at(total, place, values[inside] ** power)

    def mean_std(self) -> tuple[np.ndarray, np.ndarray]:
        n = np.maximum(self.count, 1)
        mean = self.sum / n
        return mean, np.sqrt(np.maximum(self.square / n - mean**2, 0.0))


def _files(chunk: str) -> list[Path]:
    files = sorted(Path(chunk).glob("nsb*.root"))
    if not files:
        raise InputError(chunk, "folder", "no files", "nsb<factor>.root per level")
    return sorted(files, key=lambda file: read_metadata(file)["nsb_level"])


def _folders(chunks: list[str]) -> list[str]:
    """Folders of chunks, of which the files may be named instead."""
    folders = (c if Path(c).is_dir() else str(Path(c).parent) for c in chunks)
    return list(dict.fromkeys(folders))


def _energy_edges(settings: dict) -> np.ndarray:
    low, high = np.log10([settings["energy_min_tev"], settings["energy_max_tev"]])
    first = np.floor(low * BINS_PER_DECADE + 1e-9)
    last = max(np.ceil(high * BINS_PER_DECADE - 1e-9), first + 1)
    return 10.0 ** (np.arange(first, last + 1) / BINS_PER_DECADE)


def _bin(edges: np.ndarray, values: np.ndarray) -> np.ndarray:
    # Energies equal to the last edge belong to the last bin.
    place = np.searchsorted(edges, values, side="right") - 1
    return np.where(values == edges[-1], len(edges) - 2, place)


class _Production:
    """Sums over the chunks of a production."""

    def __init__(self, settings: dict, types: dict[int, str], radii_m: dict[int, float]) -> None:
        self.edges = _energy_edges(settings)
        n = len(self.edges) - 1
        self.types, self.radii_m = types, radii_m
        self.names = sorted(set(types.values()))
        self.light = _Moments((len(self.names), n, len(IMPACT_EDGES_M) - 1))
        # Cores of files need not be scattered.
        radius = settings["core_radius_max_m"] or UNSCATTERED_M
        self.core_edges = np.linspace(0.0, radius, N_CORE_BINS + 1)
        self.thrown = np.zeros((n, N_CORE_BINS), dtype=np.int64)
        self.triggered: dict[float, np.ndarray] = {}
        self.profiles: _Moments | None = None
        self.depth = np.empty(0)
        self.n_showers, self.multiplicity = 0, {}

    def add(self, chunk: str) -> None:
        files = _files(chunk)
        showers = read_table(files[0], "showers")
        ids, energies = showers["shower_id"], showers["true_energy_tev"]
        cores = read_table(files[0], "shower_cores")
        row = np.searchsorted(ids, cores["shower_id"])
        energy_bin = _bin(self.edges, showers["true_energy_tev"][row])
        core_bin = _bin(self.core_edges, _core_distance_m(showers, row, cores))
        core_bin = np.minimum(core_bin, N_CORE_BINS - 1)
        np.add.at(self.thrown, (energy_bin, core_bin), 1)
        events = 100 * cores["shower_id"] + cores["reuse_id"]
        for file in files:
            factor = read_metadata(file)["nsb_factor"]
            trigger = read_table(file, "trigger", ["event_id", "tels_with_trigger"])
            counts = self.triggered.setdefault(factor, np.zeros_like(self.thrown))
            seen = np.isin(events, trigger["event_id"])
            np.add.at(counts, (energy_bin[seen], core_bin[seen]), 1)
            telescopes = self.multiplicity.setdefault(factor, [0, 0])
            telescopes[0] += len(trigger["event_id"])
            telescopes[1] += int(awkward.sum(awkward.num(trigger["tels_with_trigger"])))
        self.n_showers += len(ids)
        self._add_light(files[0], ids, energies)
        self._add_profiles(files[0], ids, energies)

    def _add_light(self, file: Path, ids: np.ndarray, energies: np.ndarray) -> None:
        light = read_table(file, "telescope_light")
        energy = _bin(self.edges, energies[np.searchsorted(ids, light["shower_id"])])
        impact = _bin(IMPACT_EDGES_M, light["impact_distance_m"].astype(float))
        for tel_id in np.unique(light["tel_id"]):
            mine = light["tel_id"] == tel_id
            kind = np.full(mine.sum(), self.names.index(self.types[int(tel_id)]))
            area = np.pi * self.radii_m[int(tel_id)] ** 2
            density = light["n_photons"][mine].astype(float) / area
            self.light.add((kind, energy[mine], impact[mine]), density)

    def _add_profiles(self, file: Path, ids: np.ndarray, energies: np.ndarray) -> None:
        profiles = read_table(file, "longitudinal_profiles")
        lengths = awkward.to_numpy(awkward.num(profiles["n_charged"]))
        if not lengths.size or not lengths.max():
            return
        longest = int(lengths.argmax())
        depth = awkward.to_numpy(profiles["depth_g_cm2"][longest]).astype(float)
        if self.profiles is None or len(depth) > len(self.depth):
            grown = _Moments((len(self.edges) - 1, len(depth)))
            if self.profiles is not None:
                for name in ("count", "sum", "square"):
                    getattr(grown, name)[:, : len(self.depth)] = getattr(self.profiles, name)
            self.profiles, self.depth = grown, depth
        bins = _bin(self.edges, energies[np.searchsorted(ids, profiles["shower_id"])])
        place = np.repeat(bins, lengths), np.concatenate([np.arange(n) for n in lengths])
        values = awkward.to_numpy(awkward.flatten(profiles["n_charged"])).astype(float)
        self.profiles.add(place, values)

    def tables(self) -> dict[str, dict]:
        low, high = self.edges[:-1], self.edges[1:]
        tables = {}
        mean, std = self.light.mean_std()
        kind, energy, impact = np.nonzero(self.light.count)
        place = kind, energy, impact
        tables["ground_light"] = {
            "telescope_type": np.array(self.names)[kind],
            "energy_min_tev": low[energy],
            "energy_max_tev": high[energy],
            "impact_min_m": IMPACT_EDGES_M[impact],
            "impact_max_m": IMPACT_EDGES_M[impact + 1],
            "n_telescopes": self.light.count[place].astype(np.int64),
            "photons_per_m2_mean": mean[place],
            "photons_per_m2_std": std[place],
        }
        energy, core = np.nonzero(self.thrown)
        counts = [
            {
                "nsb_factor": np.full(len(energy), float(factor)),
                "energy_min_tev": low[energy],
                "energy_max_tev": high[energy],
                "core_min_m": self.core_edges[core],
                "core_max_m": self.core_edges[core + 1],
                "n_thrown": self.thrown[energy, core],
                "n_triggered": triggered[energy, core],
            }
            for factor, triggered in sorted(self.triggered.items())
        ]
        tables["trigger_counts"] = {k: np.concatenate([c[k] for c in counts]) for k in counts[0]}
        tables["mean_profiles"] = self._mean_profiles(low, high)
        return tables

    def _mean_profiles(self, low: np.ndarray, high: np.ndarray) -> dict:
        moments = self.profiles or _Moments((len(low), 0))
        mean, std = moments.mean_std()
        filled = moments.count.max(axis=1, initial=0) > 0
        depths = np.broadcast_to(self.depth, (int(filled.sum()), len(self.depth)))
        return {
            "energy_min_tev": low[filled],
            "energy_max_tev": high[filled],
            "n_showers": moments.count.max(axis=1, initial=0)[filled].astype(np.int64),
            "depth_g_cm2": depths,
            "n_charged_mean": mean[filled],
            "n_charged_std": std[filled],
        }


def _thrown_settings(settings: dict, chunks: list[str]) -> dict:
    """Settings with what was thrown, from the files where the campaign does not say it."""
    if "energy_min_tev" in settings:
        return settings
    found: dict[str, tuple] = {}
    for chunk in chunks:
        file = _files(chunk)[0]
        runs = {
            name: values[0].item() for name, values in read_table(file, "simulation_runs").items()
        }
        cone = runs["max_viewcone_radius_deg"]
        values = {
            "energy_min_tev": runs["energy_range_min_tev"],
            "energy_max_tev": runs["energy_range_max_tev"],
            "core_radius_max_m": runs["max_scatter_range_m"],
            "shower_reuse": runs["shower_reuse"],
            "viewcone_deg": cone if cone > runs["min_viewcone_radius_deg"] else 0.0,
        }
        for key, value in values.items():
            before, other = found.setdefault(key, (value, file))
            if value != before:
                raise InputError(
                    file, f"{settings['name']}.{key}", value, f"{before}, as in {other}"
                )
    return {**settings, **{key: value for key, (value, _) in found.items()}}


def _core_distance_m(showers: dict, row: np.ndarray, cores: dict) -> np.ndarray:
    """Distance of shower axes from the array's centre."""
    alt, az = np.radians(showers["true_alt_deg"][row]), np.radians(showers["true_az_deg"][row])
    flat = np.cos(alt)
    axis = np.stack([flat * np.cos(az), -flat * np.sin(az), np.sin(alt)], axis=1)
    core = np.stack([cores["true_core_x_m"], cores["true_core_y_m"], np.zeros(len(row))], axis=1)
    return np.linalg.norm(np.cross(core, axis), axis=1)


def _shown_event(chunks: list[str]) -> tuple[dict[str, dict], Path]:
    """Tables of one event, and its file: of most telescopes, the one of median brightness."""
    for chunk in chunks:
        file = _files(chunk)[0]
        images = read_table(file, "true_images", ["event_id", "true_image_sum"])
        if not len(images["event_id"]):
            continue
        events, place = np.unique(images["event_id"], return_inverse=True)
        telescopes = np.bincount(place)
        bright = np.bincount(place, weights=images["true_image_sum"])
        best = np.flatnonzero(telescopes == telescopes.max())
        event = events[best[np.argsort(bright[best], kind="stable")[len(best) // 2]]]
        tables = {}
        present = list_tables(file)
        for name in ("simulated_events", "true_images", *READ_OUT, "telescope_trigger"):
            if name in present:
                tables[name] = _rows_of(file, name, event)
        return tables, file
    return {}, _files(chunks[0])[0]


def _rows_of(file: Path, name: str, event: int) -> dict:
    columns = read_table(file, name)
    mine = columns["event_id"] == event
    return {key: values[mine] for key, values in columns.items()}


def summarise_simulation(inputs, outputs, params, wildcards) -> None:
    """Add up what a production threw and what triggered; keep what its figures need.

    Parameters
    ----------
    inputs : namespace
        ``chunks``: folders of simulated events, or all files in them; ``instrument``: files of the
        instrument.
    outputs : namespace
        ``summary``: JSON; ``table``: ROOT file with ``mean_profiles``, ``ground_light``,
        ``trigger_counts`` and the tables of one event.
    params : namespace
        ``settings``: block of the production.
    wildcards : namespace
        ``production``.

    Raises
    ------
    InputError
        If a file is broken, or two of a production were thrown in different ways.
    """
    chunks = _folders(_listed(inputs.chunks))
    settings = _thrown_settings(params.settings, chunks)
    instrument = load_instrument(Path(_listed(inputs.instrument)[0]).parent)
    types = {t.tel_id: t.type.name for t in instrument.telescopes}
    radii = {t.tel_id: t.type.optics.sphere_radius_m for t in instrument.telescopes}
    total = _Production(settings, types, radii)
    for chunk in chunks:
        total.add(chunk)
    tables = total.tables()
    event, file = _shown_event(chunks)
    tables |= event
    write_table(outputs.table, tables, {"production": settings["name"]})
    write_json(outputs.summary, _numbers(settings, total, file))


def _numbers(settings: dict, total: _Production, file: Path) -> dict:
    metadata, states = read_metadata(file), read_table(file, "telescope_states")
    n_thrown = int(total.thrown.sum())
    levels = sorted(total.triggered)
    return {
        "name": settings["name"],
        "pointing_deg": [states[name][0].item() for name in ("altitude_deg", "azimuth_deg")],
        "particle": settings["particle"],
        "backend": settings["shower"]["backend"],
        "instrument": metadata["instrument"],
        "instrument_version": metadata["instrument_version"],
        "instrument_digest": metadata["instrument_digest"],
        "n_telescopes": len(states["tel_id"]),
        **{key: settings[key] for key in OF_THE_SHOWERS},
        "n_showers": total.n_showers,
        "n_thrown": n_thrown,
        "n_triggered": {f"{level:g}": int(total.triggered[level].sum()) for level in levels},
        "mean_multiplicity": {
            f"{level:g}": total.multiplicity[level][1] / total.multiplicity[level][0]
            if total.multiplicity[level][0]
            else None
            for level in levels
        },
    }


def _listed(paths) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths)
