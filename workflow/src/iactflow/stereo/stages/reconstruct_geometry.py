"""Raw data of a part of a sample to calibrated images, their parameters, and stereo geometry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import awkward
import numpy as np

from iactflow.calibration.coefficients import read_coefficients
from iactflow.campaign.progress import Progress
from iactflow.errors import InputError
from iactflow.io.batches import Coefficients, EventBatch
from iactflow.io.reader import Reader, open_reader
from iactflow.io.root import RootWriter, read_metadata
from iactflow.io.subarray_tables import subarray_columns
from iactflow.io.tables import find_table
from iactflow.stereo.chain import Reconstructed, chain_settings, iterate_file

__all__ = [
    "given_coefficients",
    "product_name",
    "raw_files",
    "reconstruct_file",
    "reconstruct_geometry",
]

EVENTS = ("trigger", "parameters", "geometry", "telescope_geometry")
IMAGES, TRUE_IMAGES, TRUTH = "images", "true_images", "simulated_events"
# What the array is: without its pixels, unless images are kept.
ARRAY = ("array", "array_telescopes")
# Tables of the run that travel to the responses; those that must are the first two.
OF_THE_RUN = (
    *("simulation_runs", "thrown_events", "showers", "shower_cores", "telescope_states"),
    "pointing",
)
OF_THE_CHAIN = ("extraction", "cleaning", "stereo", "throughput")
ENDINGS = (".root", ".simtel.zst", ".simtel.gz", ".simtel", ".fits.fz")


def reconstruct_geometry(inputs, outputs, params, wildcards) -> None:
    """Reconstruct the geometry of the events of a part of a sample.

    Parameters
    ----------
    inputs : namespace
        ``raw``: files of raw data, or the folder of a simulated chunk; ``calibration``: a ROOT
        file of coefficients that take the place of the files' own, a list of one, or nothing.
    outputs : namespace
        ``geometry``: a folder, with a ROOT file per raw file.
    params : namespace
        ``settings``: ``extraction``, ``cleaning``, ``stereo`` and ``keep_images`` of the campaign,
        ``throughput`` of the sample.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If a file is broken, or has no calibration.
    """
    folder = Path(outputs.geometry)
    folder.mkdir(parents=True)
    files = raw_files(inputs.raw)
    coefficients = given_coefficients(inputs)
    progress = Progress("files", len(files))
    n_events = 0
    for file in files:
        out = folder / product_name(file)
        n_events += reconstruct_file(file, out, params.settings, coefficients)
        progress.step(f"{n_events} events")
    progress.finish(f"{n_events} events")


def given_coefficients(inputs) -> dict[int, Coefficients] | None:
    """Read the calibration that a rule was given.

    Parameters
    ----------
    inputs : namespace
        ``calibration``: a ROOT file with the table ``calibration``, a list of one, or nothing.

    Returns
    -------
    dict of int to Coefficients, or None
        By telescope; None: the raw files have their own.

    Raises
    ------
    InputError
        If the file is broken.
    """
    given = getattr(inputs, "calibration", None)
    paths = [given] if isinstance(given, str | Path) else given or []
    return read_coefficients(paths[0]) if paths else None


def raw_files(raw: str | Iterable[str]) -> list[Path]:
    """Files of raw data of a part.

    Parameters
    ----------
    raw : str or iterable of str
        Files, or folders of simulated chunks.

    Returns
    -------
    list of Path
        Files; those of a folder in the order of their names.

    Raises
    ------
    InputError
        If a folder holds no ROOT file.
    """
    files: list[Path] = []
    for path in [raw] if isinstance(raw, str) else raw:
        found = sorted(Path(path).glob("*.root")) if Path(path).is_dir() else [Path(path)]
        if not found:
            raise InputError(path, "folder", "no files", "ROOT files of simulated events")
        files += found
    return files


def product_name(raw: str | Path) -> str:
    """Name of the product of a raw file.

    Parameters
    ----------
    raw : str or Path
        Raw file.

    Returns
    -------
    str
        Its name with the ending ``.root``.
    """
    name = Path(raw).name
    ending = next((e for e in ENDINGS if name.endswith(e)), "")
    return f"{name.removesuffix(ending)}.root"


def reconstruct_file(
    path: str | Path,
    out: str | Path,
    settings: Mapping,
    coefficients: Mapping[int, Coefficients] | None = None,
) -> int:
    """Reconstruct the geometry of the events of one file.

    Parameters
    ----------
    path : str or Path
        Raw data of any kind that `iactflow.io.reader.open_reader` opens.
    out : str or Path
        ROOT file to make; it appears whole or not at all.
    settings : mapping
        ``extraction``, ``cleaning``, ``stereo``, ``throughput``, ``keep_images``; what is left out
        is at its default.
    coefficients : mapping of int to Coefficients, optional
        Calibration by telescope that takes the place of the file's.

    Returns
    -------
    int
        Events.

    Raises
    ------
    InputError
        If the file is broken or has no calibration, or a setting is not allowed.
    """
    keep = bool(settings.get("keep_images", False))
    chain = {key: settings[key] for key in OF_THE_CHAIN if key in settings}
    source = read_metadata(path) if str(path).endswith(".root") else {}
    with open_reader(path, true_images=keep) as reader:
        choice = chain_settings(chain, reader.subarray)
        tables = (*EVENTS, *ARRAY, *((IMAGES,) if keep else ()))
        with RootWriter(out, tables, {**source, "reconstruction": chain}) as writer:
            product = _Product(writer, reader, keep, choice.throughput)
            for batch, found in iterate_file(reader, choice, coefficients):
                product.add(batch, found)
            product.finish()
    return product.n_events


class _Product:
    """What is written of a file, batch by batch."""

    def __init__(
        self, writer: RootWriter, reader: Reader, keep: bool, throughput: Mapping[int, float]
    ) -> None:
        self.writer, self.reader, self.keep, self.n_events = writer, reader, keep, 0
        self.throughput = throughput
        self.pointing = _Pointing()
        for name in (TRUTH,) if reader.is_simulation else ():
            writer.add_table(name)
        if keep and reader.is_simulation:
            writer.add_table(TRUE_IMAGES)
        for name in writer.pending:
            writer.append(name, _empty(name))

    def add(self, batch: EventBatch, found: Reconstructed) -> None:
        """Write the events of a batch."""
        self.n_events += len(batch)
        event = {"obs_id": batch.obs_id, "event_id": batch.event_id}
        time = {"time_s": batch.time_s, "time_qns": batch.time_qns}
        tel_id = found.tel_id.astype(np.int16)
        rows = {**{key: v[found.event_index] for key, v in event.items()}, "tel_id": tel_id}
        counts = np.bincount(found.event_index, minlength=len(batch))
        telescopes = awkward.unflatten(tel_id, counts)
        kind = {"event_type": batch.event_type, "tels_with_trigger": telescopes}
        append = self.writer.append
        append("trigger", {**event, **time, **kind})
        append("geometry", {**event, **time, **found.geometry})
        append("parameters", {**rows, **found.parameters})
        append("telescope_geometry", {**rows, "impact_distance_m": found.impact_distance_m})
        if self.reader.is_simulation:
            append(TRUTH, {**event, **batch.truth})
        if self.keep:
            self._add_images(rows, found)
        self.pointing.add(rows, time, found)

    def _add_images(self, rows: dict, found: Reconstructed) -> None:
        cameras, order = found.cameras, found.row_order
        images = {
            "image": [c.images.image_pe for c in cameras],
            "peak_time_ns": [c.images.peak_time_ns for c in cameras],
            "image_mask": [c.mask for c in cameras],
        }
        if len(order):
            joined = {name: _jagged(parts)[order] for name, parts in images.items()}
            self.writer.append(IMAGES, {**rows, **joined})
        if TRUE_IMAGES in self.writer.pending:
            self._add_true_images(rows, found)

    def _add_true_images(self, rows: dict, found: Reconstructed) -> None:
        """Write the true images; rows without (-1) and batches without have none."""
        parts = [
            np.full(camera.mask.shape, -1, np.int32)
            if camera.batch.true_image is None
            else camera.batch.true_image
            for camera in found.cameras
        ]
        if not len(found.row_order):
            return
        known = np.concatenate([(part >= 0).all(axis=1) for part in parts])[found.row_order]
        image = _jagged(parts)[found.row_order][known]
        columns = {
            "true_image_sum": awkward.to_numpy(awkward.sum(image, axis=1)).astype(np.int64),
            "true_image": image,
        }
        self.writer.append(TRUE_IMAGES, {**{k: v[known] for k, v in rows.items()}, **columns})

    def finish(self) -> None:
        """Write the array and the tables of the run."""
        array = subarray_columns(self.reader.subarray)
        for name in array if self.keep else ARRAY:
            self.writer.add_table(name)
            self.writer.append(name, array[name])
        run = dict(self.reader.run_tables())
        run.setdefault("pointing", self.pointing.columns())
        if "telescope_states" in run:
            run["telescope_states"] = self._corrected(run["telescope_states"])
        for name in OF_THE_RUN:
            if name in run:
                self.writer.add_table(name)
                self.writer.append(name, run[name])

    def _corrected(self, states: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """States of telescopes as images show them, which were divided by the throughput.

        Energies are looked up at the throughput of the state: it must not count twice.
        """
        value = [self.throughput.get(int(tel_id), 1.0) for tel_id in states["tel_id"]]
        return {**states, "throughput": states["throughput"] / np.array(value)}


class _Pointing:
    """Pointing of the telescopes wherever it changes; few rows, kept in memory."""

    def __init__(self) -> None:
        self.last: dict[tuple[int, int], tuple[float, float]] = {}
        self.parts: list[dict[str, np.ndarray]] = [_empty("pointing")]

    def add(self, rows: dict, time: dict, found: Reconstructed) -> None:
        alt_deg, az_deg = (
            np.concatenate([np.empty(0), *(getattr(c.batch, name) for c in found.cameras)])
            for name in ("pointing_alt_deg", "pointing_az_deg")
        )
        alt_deg, az_deg = alt_deg[found.row_order], az_deg[found.row_order]
        keys = np.stack([rows["obs_id"], rows["tel_id"]], axis=1)
        for key in np.unique(keys, axis=0):
            mine = np.flatnonzero((keys == key).all(axis=1))
            here = np.stack([alt_deg[mine], az_deg[mine]], axis=1)
            before = self.last.get(tuple(key), (np.nan, np.nan))
            changed = (here != np.vstack([before, here[:-1]])).any(axis=1)
            self.last[tuple(key)] = tuple(here[-1])
            chosen = mine[changed]
            event = found.event_index[chosen]
            self.parts.append(
                {
                    "obs_id": rows["obs_id"][chosen],
                    "tel_id": rows["tel_id"][chosen],
                    **{name: values[event] for name, values in time.items()},
                    "altitude_deg": alt_deg[chosen],
                    "azimuth_deg": az_deg[chosen],
                }
            )

    def columns(self) -> dict[str, np.ndarray]:
        return {name: np.concatenate([p[name] for p in self.parts]) for name in self.parts[0]}


def _jagged(parts: list[np.ndarray]) -> awkward.Array:
    """Rows of cameras of different sizes, one after the other."""
    return awkward.concatenate(
        [awkward.unflatten(p.reshape(-1), np.full(len(p), p.shape[1])) for p in parts]
    )


def _empty(name: str) -> dict[str, np.ndarray]:
    """No rows of a table; columns that may be lacking are left out."""
    columns = (column for column in find_table(name, name).columns if not column.optional)
    return {c.name: np.empty((0, 0) if c.jagged else 0, c.dtype) for c in columns}
