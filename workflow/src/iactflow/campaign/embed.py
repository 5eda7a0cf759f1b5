"""Short provenance inside the products themselves.

FITS: keywords of the primary header. ECSV: table metadata. JSON: key ``_provenance``. ROOT: a
string object beside the tables. PNG: text chunks. Other kinds keep it in their sidecar alone.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from iactflow.campaign.digest import files_of
from iactflow.campaign.json_product import JSON_KEY, read_json
from iactflow.errors import InputError

__all__ = ["ROOT_KEY", "embed"]

ROOT_KEY = "_provenance"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Signature, then the header chunk: length, type, 13 bytes, checksum.
PNG_HEADER_END = len(PNG_SIGNATURE) + 25


def _embed_fits(path: Path, values: Mapping[str, str]) -> None:
    import fitsio

    with fitsio.FITS(str(path), "rw") as hdus:
        header = hdus[0].read_header()
        hdus[0].write_keys([{"name": k, "value": v} for k, v in values.items()], clean=False)
        if "CHECKSUM" in header:
            hdus[0].write_checksum()


def _embed_fits_gz(path: Path, values: Mapping[str, str]) -> None:
    from astropy.io import fits

    buffer = io.BytesIO()
    with fits.open(io.BytesIO(gzip.decompress(path.read_bytes())), memmap=False) as hdus:
        hdus[0].header.update(values)
        hdus.writeto(buffer, checksum="CHECKSUM" in hdus[0].header)
    path.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))


def _embed_ecsv(path: Path, values: Mapping[str, str]) -> None:
    from astropy.table import Table

    table = Table.read(path, format="ascii.ecsv")
    table.meta[JSON_KEY] = dict(values)
    table.write(path, format="ascii.ecsv", overwrite=True)


def _embed_json(path: Path, values: Mapping[str, str]) -> None:
    value = read_json(path)
    if isinstance(value, dict):
        text = json.dumps({**value, JSON_KEY: dict(values)}, indent=2, ensure_ascii=False)
        path.write_text(text + "\n")


def _embed_root(path: Path, values: Mapping[str, str]) -> None:
    import uproot

    with uproot.update(path) as file:
        file[ROOT_KEY] = json.dumps(dict(values), sort_keys=True)


def _embed_png(path: Path, values: Mapping[str, str]) -> None:
    data = path.read_bytes()
    if not data.startswith(PNG_SIGNATURE):
        raise InputError(path, "content", data[:8], "a PNG file")
    chunks = []
    for key, value in values.items():
        body = b"tEXt" + key.encode("latin-1") + b"\0" + value.encode("latin-1", "replace")
        length = (len(body) - 4).to_bytes(4, "big")
        chunks.append(length + body + zlib.crc32(body).to_bytes(4, "big"))
    path.write_bytes(data[:PNG_HEADER_END] + b"".join(chunks) + data[PNG_HEADER_END:])


WRITERS: dict[str, Callable[[Path, Mapping[str, str]], None]] = {
    ".ecsv": _embed_ecsv,
    ".fits": _embed_fits,
    ".fits.gz": _embed_fits_gz,
    ".json": _embed_json,
    ".png": _embed_png,
    ".root": _embed_root,
}


def embed(path: str | Path, values: Mapping[str, str]) -> None:
    """Write a short provenance into a product, or into every file of a folder.

    Parameters
    ----------
    path : str or Path
        File or folder.
    values : mapping of str to str
        From `iactflow.campaign.provenance.short_provenance`; keys of at most eight characters.

    Raises
    ------
    InputError
        If the file is not what its name says.
    """
    for file in files_of(path):
        matching = [suffix for suffix in WRITERS if file.name.endswith(suffix)]
        if matching:
            WRITERS[max(matching, key=len)](file, values)
