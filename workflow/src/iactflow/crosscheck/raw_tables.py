"""Raw data in ROOT files for the check chain: read through uproot alone, unpacked with numpy.

Nothing of the main chain is used: neither its reader nor its kernels. The layout of packed
waveforms is that of the data model's page on ``waveforms_r0``.
"""

from __future__ import annotations

import json
from pathlib import Path

import awkward
import numpy as np
import uproot

from iactflow.errors import InputError

__all__ = ["RawTables", "is_raw_file", "unpack"]

FORMAT, HEADER = "iactflow", "_header"
LANES, WORD = 64, 16
BLOCK = LANES * WORD
RAW = ("charges_r0", "waveforms_r0")
LARGE = (*RAW, "true_images")
KEYS = ("obs_id", "event_id", "tel_id")


def is_raw_file(path: str | Path) -> bool:
    """Whether a file is one of ours with raw data.

    Parameters
    ----------
    path : str or Path
        Any file.

    Returns
    -------
    bool
        True if it is.
    """
    if not str(path).endswith(".root") or not Path(path).is_file():
        return False
    try:
        with uproot.open(path) as file:
            header = json.loads(str(file[HEADER])) if HEADER in file else {}
    except (OSError, ValueError, uproot.DeserializationError):
        return False
    tables = header.get("tables", {})
    return header.get("format") == FORMAT and any(name in tables for name in RAW)


def unpack(words: np.ndarray, n_rows: int, n_samples: int) -> np.ndarray:
    """Samples of a telescope event from its words.

    Parameters
    ----------
    words : ndarray of uint16, shape (n_words,)
        Least samples, bits of the blocks, blocks.
    n_rows, n_samples : int
        Waveforms (channels times pixels) and samples of each.

    Returns
    -------
    ndarray of uint16, shape (n_rows, n_samples)
        Samples.

    Raises
    ------
    InputError
        If there are more or fewer words than that takes.
    """
    n_blocks = -(-n_rows * n_samples // BLOCK)
    bits = words[n_rows : n_rows + n_blocks].astype(np.int64)
    start = n_rows + n_blocks + LANES * np.concatenate([[0], np.cumsum(bits)])
    if len(words) != start[-1]:
        raise InputError("raw data", "waveform_packed", f"{len(words)} words", str(start[-1]))
    values = np.zeros((n_blocks, BLOCK), dtype=np.uint16)
    for width in np.unique(bits[bits > 0]):
        chosen = np.flatnonzero(bits == width)
        block = words[start[chosen][:, None] + np.arange(LANES * width)]
        # Each lane as a string of bits, the lowest first.
        lanes = block.reshape(-1, width, LANES).transpose(0, 2, 1)
        string = np.unpackbits(
            np.ascontiguousarray(lanes).view(np.uint8), axis=-1, bitorder="little"
        )
        weights = 1 << np.arange(width)
        lane_values = string.reshape(-1, LANES, WORD, width) @ weights
        values[chosen] = lane_values.transpose(0, 2, 1).reshape(-1, BLOCK)
    rest = values.ravel()[: n_rows * n_samples].reshape(n_rows, n_samples)
    return rest + words[:n_rows, None]


class RawTables:
    """Tables of a file: small ones whole, raw data and images a cluster at a time.

    Parameters
    ----------
    path : str or Path
        The file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path, self.file = path, uproot.open(path, array_cache=None)
        names = json.loads(str(self.file[HEADER]))["tables"]
        self.small = {n: self._read(n) for n in names if n not in LARGE}
        self._places, self._clusters, self._loaded = {}, {}, {}
        for name in LARGE:
            if name in names:
                keys = self.file[name].arrays(KEYS)
                columns = (awkward.to_list(keys[key]) for key in KEYS)
                self._places[name] = {k: i for i, k in enumerate(zip(*columns, strict=True))}
                summaries = self.file[name].ntuple.cluster_summaries
                self._clusters[name] = [c.num_first_entry for c in summaries]

    def _read(self, name: str) -> dict[str, np.ndarray]:
        arrays = self.file[name].arrays()
        return {field: _plain(arrays[field]) for field in arrays.fields}

    def row(self, name: str, obs_id: int, event_id: int, tel_id: int) -> awkward.Record | None:
        """Row of raw data or true images.

        Parameters
        ----------
        name : str
            Table.
        obs_id, event_id, tel_id : int
            Key.

        Returns
        -------
        awkward.Record or None
            The row; None if there is none.
        """
        place = self._places.get(name, {}).get((obs_id, event_id, tel_id))
        if place is None:
            return None
        starts = self._clusters[name]
        cluster = int(np.searchsorted(starts, place, side="right")) - 1
        if self._loaded.get(name, (None,))[0] != cluster:
            stop = starts[cluster + 1] if cluster + 1 < len(starts) else None
            arrays = self.file[name].arrays(entry_start=starts[cluster], entry_stop=stop)
            self._loaded[name] = (cluster, arrays)
        return self._loaded[name][1][place - starts[cluster]]

    def samples(self, obs_id: int, event_id: int, tel_id: int) -> np.ndarray:
        """Counts of a telescope event.

        Parameters
        ----------
        obs_id, event_id, tel_id : int
            Key.

        Returns
        -------
        ndarray of uint16, shape (n_channels, n_pixels, n_samples)
            Counts; charges are one sample.

        Raises
        ------
        InputError
            If the file has none.
        """
        for name in RAW:
            row = self.row(name, obs_id, event_id, tel_id)
            if row is None:
                continue
            shape = (int(row["n_channels"]), int(row["n_pixels"]))
            if name == "charges_r0":
                return awkward.to_numpy(row["charge_adc"]).reshape(*shape, 1)
            n_samples = int(row["n_samples"])
            words = awkward.to_numpy(row["waveform_packed"])
            return unpack(words, shape[0] * shape[1], n_samples).reshape(*shape, n_samples)
        key = f"event {event_id}, telescope {tel_id}"
        raise InputError(self.path, key, "no raw data", "a row for every telescope that triggered")

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def _plain(values: awkward.Array) -> np.ndarray | awkward.Array:
    kind = str(values.type)
    if "string" in kind:
        return np.array(awkward.to_list(values), dtype=str)
    return values if "var" in kind else awkward.to_numpy(values)
