"""What the rules that train forests share: images of a part of the showers, by telescope type."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from iactflow.campaign.progress import Progress
from iactflow.discrimination.expectations import Scaled, event_energy_tev, scale_events
from iactflow.discrimination.features import feature_columns, features_of
from iactflow.discrimination.forest import Forest, ForestBand
from iactflow.discrimination.rows import EventRows, files_of, read_rows
from iactflow.discrimination.shape_table_files import read_shape_tables
from iactflow.discrimination.splits import SPLITS, shower_uniforms
from iactflow.discrimination.training import ForestSettings, Sample, lacking, train
from iactflow.errors import InputError
from iactflow.io.root import list_tables

__all__ = ["MAX_IMAGES", "Learner", "bands_of", "forest_settings", "ranges", "tables_of"]

LOGGER = logging.getLogger("iactflow")
#: Images that a forest learns from at most; of more, showers are left out at random.
MAX_IMAGES = 2_000_000
SETTINGS = ForestSettings._fields
NO_BAND = -1
EDGES = ("energy_edges_tev", "zenith_edges_deg")


def forest_settings(settings) -> ForestSettings:
    """Settings of forests among those of a rule.

    Parameters
    ----------
    settings : mapping
        Keys of `ForestSettings`, and ``splits``.

    Returns
    -------
    ForestSettings
        Settings; keys that are left out have their defaults.

    Raises
    ------
    InputError
        If a key is unknown.
    """
    given = {key: value for key, value in settings.items() if key != "splits"}
    for key, value in given.items():
        if key not in SETTINGS:
            raise InputError("forests", key, value, ", ".join(SETTINGS))
    chosen = ForestSettings(**given)
    lists = ("features", *EDGES)
    return chosen._replace(**{name: tuple(getattr(chosen, name)) for name in lists})


def ranges(settings: ForestSettings) -> list[ForestBand]:
    """Bands with the limits that settings give.

    Parameters
    ----------
    settings : ForestSettings
        Settings.

    Returns
    -------
    list of ForestBand
        Bands of energy inside bands of zenith angle; empty without edges.

    Raises
    ------
    InputError
        If edges do not ascend.
    """
    for name in EDGES:
        edges = getattr(settings, name)
        if len(edges) == 1 or list(edges) != sorted(set(edges)):
            raise InputError("forests", name, list(edges), "two or more ascending edges, or none")
    if not settings.energy_edges_tev and not settings.zenith_edges_deg:
        return []
    energies = list(pairwise(settings.energy_edges_tev)) or [(0.0, np.inf)]
    zeniths = list(pairwise(settings.zenith_edges_deg)) or [(0.0, np.inf)]
    pairs = [(*energy, *zenith) for zenith in zeniths for energy in energies]
    return [ForestBand(number, *limits) for number, limits in enumerate(pairs)]


def bands_of(settings: ForestSettings) -> list[ForestBand]:
    """Bands that forests are used in: as they are trained, the outermost open.

    Parameters
    ----------
    settings : ForestSettings
        Settings.

    Returns
    -------
    list of ForestBand
        As of `ranges`.

    Raises
    ------
    InputError
        As for `ranges`.
    """
    energies, zeniths = settings.energy_edges_tev, settings.zenith_edges_deg

    def opened(low, high, edges):
        if not edges:
            return low, high
        return (0.0 if low == edges[0] else low), (np.inf if high == edges[-1] else high)

    return [
        ForestBand(
            band.number,
            *opened(band.energy_min_tev, band.energy_max_tev, energies),
            *opened(band.zenith_min_deg, band.zenith_max_deg, zeniths),
        )
        for band in ranges(settings)
    ]


def tables_of(inputs):
    """Tables of shapes among the inputs of a rule.

    Parameters
    ----------
    inputs : namespace
        ``tables``: ROOT file, a list of one, or nothing.

    Returns
    -------
    ShapeTables or None
        Tables, where there are any.
    """
    given = getattr(inputs, "tables", None)
    paths = [given] if isinstance(given, str | Path) else list(given or [])
    return read_shape_tables(paths[0]) if paths else None


class Learner:
    """Collects images of a part of the showers and trains forests of them.

    Parameters
    ----------
    inputs, params : namespace
        Of the rule: ``tables``; ``settings`` and ``seed``.
    split : str
        Part of the showers.
    targets : tuple of str
        What is learnt.
    """

    def __init__(self, inputs, params, split: str, targets: tuple[str, ...]) -> None:
        self.seed, self.split = params.seed, SPLITS.index(split)
        self.fractions = params.settings["splits"]
        self.settings = forest_settings(params.settings)
        self.tables = tables_of(inputs)
        given = self.settings.features
        self.features = {
            target: features_of(target, given, self.tables is not None) for target in targets
        }
        self.bands = bands_of(self.settings)
        if self.settings.energy_edges_tev and self.tables is None:
            allowed = "tables of shapes, which give the energies of bands"
            raise InputError("forests", "energy_edges_tev", "no tables", allowed)
        self.parts: dict[tuple[str, str, int], list[Sample]] = {}
        self.left_out: list[str] = []

    def add(self, paths, targets: Callable[[EventRows, Scaled | None], dict]) -> None:
        """Add the images of files.

        Parameters
        ----------
        paths : path or sequence of paths
            ROOT files of ``reconstruct_geometry``, or folders of them.
        targets : callable
            Events to the values of every target by image; those that are not a number are left
            out.

        Raises
        ------
        InputError
            If a file is broken or no simulation.
        """
        files = files_of(paths)
        n_images = sum(list_tables(file).get("parameters", 0) for file in files)
        share = min(1.0, MAX_IMAGES / max(n_images * self._fraction(), 1.0))
        progress = Progress("files", len(files))
        for file in files:
            rows = read_rows(file, self.seed, self.fractions)
            if rows.truth is None and len(rows.split):
                raise InputError(file, "simulated_events", "no truth", "simulations")
            if rows.truth is not None:
                self._take(rows, share, targets)
            progress.step(Path(file).name)
        progress.finish(f"at most {n_images} images")

    def _fraction(self) -> float:
        return float(self.fractions.get(SPLITS[self.split], 0.0))

    def _take(self, rows: EventRows, share: float, targets) -> None:
        scaled = None if self.tables is None else scale_events(self.tables, rows)
        columns = feature_columns(rows, scaled)
        values = targets(rows, scaled)
        event = rows.event_index
        shower = np.column_stack(
            [rows.truth[name] for name in ("particle_id", "obs_id", "shower_id")]
        ).astype(np.int64)
        wanted = (rows.split == self.split) & self._thinned(shower, share)
        for target, value in values.items():
            features = np.column_stack([columns[name] for name in self.features[target]])
            good = wanted[event] & np.isfinite(value)
            for number, inside in self._bands(rows, scaled):
                for kind in np.unique(rows.telescope_type[good & inside]):
                    mine = good & inside & (rows.telescope_type == kind)
                    part = Sample(features[mine], value[mine], shower[event[mine]])
                    self.parts.setdefault((str(kind), target, number), []).append(part)

    def _bands(self, rows: EventRows, scaled: Scaled | None):
        """Images by band; all of them where there are none."""
        if not self.bands:
            return [(NO_BAND, np.ones(len(rows.event_index), dtype=bool))]
        zenith_deg = 90.0 - rows.columns["pointing_alt_deg"]
        energy_tev = np.ones(len(zenith_deg))
        if self.settings.energy_edges_tev:
            energy_tev = event_energy_tev(rows, scaled)
        held = ranges(self.settings)
        return [
            (band.number, held[band.number].holds(energy_tev, zenith_deg)) for band in self.bands
        ]

    def _thinned(self, shower: np.ndarray, share: float) -> np.ndarray:
        """Which events are kept: whole showers, whatever file they lie in."""
        if share >= 1.0:
            return np.ones(len(shower), dtype=bool)
        keep = np.zeros(len(shower), dtype=bool)
        for particle, run in np.unique(shower[:, :2], axis=0):
            mine = (shower[:, 0] == particle) & (shower[:, 1] == run)
            drawn = shower_uniforms(self.seed, str(particle), int(run), shower[mine, 2])
            keep[mine] = drawn[:, 1] < share
        return keep

    def forests(self) -> Iterator[Forest]:
        """Train a forest for every type of telescope and target that has enough images.

        Types without are named in the log and in the metadata; their images get no predictions.

        Yields
        ------
        Forest
            Forests.

        Raises
        ------
        InputError
            If there are no images, or too few of every type.
        """
        if not self.parts:
            raise InputError("forests", SPLITS[self.split], "no simulated images", "some")
        n_trained = 0
        for (kind, target, number), parts in sorted(self.parts.items()):
            joined = Sample(*(np.concatenate(column) for column in zip(*parts, strict=True)))
            lack = lacking(target, joined, self.settings)
            if lack is not None:
                where = f"{target} of {kind}" + ("" if number < 0 else f", band {number}")
                self.left_out.append(f"{where}: {lack[0]}: {lack[1]}; needed: {lack[2]}")
                LOGGER.warning("no forest for %s", self.left_out[-1])
                continue
            n_trained += 1
            band = self.bands[number] if self.bands else None
            features = self.features[target]
            yield train(kind, target, features, joined, self.settings, self.seed, band)
        if not n_trained:
            raise InputError("forests", "images", "; ".join(self.left_out), "enough of one type")

    def metadata(self) -> dict:
        """How the forests were trained.

        Returns
        -------
        dict
            Part of the showers with its fraction, settings, seed, version of scikit-learn, and
            what could not be trained; known after `forests`.
        """
        from sklearn import __version__

        settings = {**self.settings._asdict(), "features": list(self.settings.features)}
        for name in EDGES:
            edges = settings.pop(name)
            settings |= {name: list(edges)} if edges else {}
        return {
            "split": SPLITS[self.split],
            "splits": dict(self.fractions),
            "settings": settings,
            "seed": int(self.seed),
            "scikit_learn": __version__,
            "left_out": list(self.left_out),
        }
