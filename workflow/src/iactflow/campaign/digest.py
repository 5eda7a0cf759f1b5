"""Identity of products: digests of content, not of bytes.

Two files with the same columns, headers and pixels have the same digest whatever their
compression, creation time, identifiers, column order or embedded provenance.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np

from iactflow.campaign.column_digest import digest_columns, join_digests
from iactflow.errors import InputError

__all__ = [
    "CONFIG_EXCLUDED",
    "VOLATILE_KEYS",
    "canonical_json",
    "config_sha256",
    "content_digest",
    "files_of",
    "json_sha256",
]

# Keys of a campaign that change where and how it runs, never a result.
# A star stands for every entry of a block.
CONFIG_EXCLUDED = (
    ("data", "dl3_root"),
    ("data", "fetch"),
    ("execution",),
    ("image",),
    ("instrument", "path"),
    ("shower", "keep_photons"),
    ("shower", "corsika"),
    ("simulations", "*", "showers_per_job"),
    ("events", "*", "files_per_job"),
)
# Keys of JSON products, and of table metadata, that change from one execution to the next.
VOLATILE_KEYS = frozenset(
    {
        "_provenance",
        "cost",
        "created",
        "cpu_s",
        "hostname",
        "max_rss_mb",
        "wall_s",
    }
)
# Header keywords that tell when and how a FITS file was written, or how its bytes are laid out.
FITS_VOLATILE = frozenset(
    {
        *("BITPIX", "BSCALE", "BZERO", "CHECKSUM", "COMMENT", "CREATED", "CREATOR", "DATASUM"),
        *("DATE", "END", "EXTEND", "GCOUNT", "HISTORY", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3"),
        *("NAXIS4", "ORIGFILE", "PCOUNT", "SIMPLE", "TFIELDS", "THEAP", "XTENSION"),
    }
)
FITS_COLUMN_KEYWORDS = ("TTYPE", "TFORM", "TDISP", "TNULL", "TSCAL", "TZERO", "TDIM", "TUNIT")
FITS_PROVENANCE = frozenset(
    {"IFVERS", "IFCODE", "IFCONF", "IFRULE", "IFSETT", "IFSEED", "IFIMAG", "IFCAMP"}
)


def canonical_json(value: object) -> str:
    """JSON text that is equal for equal values: keys sorted, no blanks.

    Parameters
    ----------
    value : object
        Anything that JSON can hold.

    Returns
    -------
    str
        One line.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def json_sha256(value: object) -> str:
    """SHA-256 of the canonical JSON of a value.

    Parameters
    ----------
    value : object
        Anything that JSON can hold.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return sha256(canonical_json(value).encode()).hexdigest()


def config_sha256(config: Mapping) -> str:
    """Digest of a campaign, without data root, sites, image and cores (`CONFIG_EXCLUDED`).

    Parameters
    ----------
    config : mapping
        The validated campaign with its defaults filled in.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    kept = json.loads(canonical_json(config))
    for *above, last in CONFIG_EXCLUDED:
        blocks = [kept]
        for key in above:
            below = (b.values() if key == "*" else [b.get(key) or {}] for b in blocks)
            blocks = [block for found in below for block in found]
        for block in blocks:
            block.pop(last, None)
    return json_sha256(kept)


def _without_volatile(value: object) -> object:
    if isinstance(value, Mapping):
        return {k: _without_volatile(v) for k, v in value.items() if k not in VOLATILE_KEYS}
    if isinstance(value, list | tuple):
        return [_without_volatile(v) for v in value]
    return value


def _digest_json(path: Path) -> str:
    try:
        value = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(path, "content", str(error), "JSON") from None
    return json_sha256(_without_volatile(value))


def _digest_tsv(path: Path) -> str:
    import pandas

    try:
        table = pandas.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except ValueError as error:
        raise InputError(path, "content", str(error), "a table with a line of names") from None
    return digest_columns({name: table[name].to_numpy(dtype=object) for name in table.columns})


def _digest_ecsv(path: Path) -> str:
    from astropy.table import Table

    try:
        table = Table.read(path, format="ascii.ecsv")
    except ValueError as error:
        raise InputError(path, "content", str(error), "an ECSV table") from None
    columns = {name: _plain(table[name]) for name in table.colnames}
    units = {name: str(table[name].unit or "") for name in table.colnames}
    meta = json.loads(json.dumps(dict(table.meta), default=str))
    return json_sha256([digest_columns(columns), units, _without_volatile(meta)])


def _plain(column: object) -> np.ndarray:
    """Values of a table column, with masked ones written as such."""
    values = np.asarray(getattr(column, "data", column))
    mask = getattr(column, "mask", None)
    if mask is None or not np.any(mask):
        return values
    return np.where(mask, "masked", values.astype(object))


def _fits_header(header) -> dict:
    kept = {}
    for card in header.cards:
        key = card.keyword
        provenance = key in FITS_PROVENANCE
        column = key.startswith(FITS_COLUMN_KEYWORDS) and key[5:].isdigit()
        if key and not provenance and not column and key not in FITS_VOLATILE:
            kept[key] = repr(card.value)
    return kept


def _digest_fits(path: Path) -> str:
    from astropy.io import fits

    parts = []
    try:
        with fits.open(path, memmap=False) as hdus:
            for hdu in hdus:
                header, columns, units = _fits_header(hdu.header), {}, {}
                if getattr(hdu, "columns", None) is not None:
                    for column in hdu.columns:
                        values = hdu.data[column.name]
                        if values.dtype.kind == "O":
                            values = np.array([repr(np.asarray(v).tolist()) for v in values])
                        columns[column.name] = values
                        units[column.name] = column.unit or ""
                elif hdu.data is not None:
                    columns["image"] = hdu.data
                parts.append([header, units, digest_columns(columns)])
    except (OSError, ValueError, EOFError) as error:
        raise InputError(path, "content", str(error), "a whole FITS file") from None
    return json_sha256(parts)


def _digest_root(path: Path) -> str:
    from iactflow.io.root import verify_file

    digests, metadata = verify_file(path)
    parts = {name: join_digests(columns) for name, columns in digests.items()}
    return json_sha256([parts, _without_volatile(metadata)])


def _digest_png(path: Path) -> str:
    """Header, palette and pixels; text chunks and the strength of the compression left out."""
    data = path.read_bytes()
    digest, pixels, at = sha256(), [], 8
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            pixels.append(body)
        elif kind in (b"IHDR", b"PLTE", b"tRNS"):
            digest.update(kind + body)
        at += 12 + length
    try:
        digest.update(zlib.decompress(b"".join(pixels)))
    except zlib.error as error:
        raise InputError(path, "content", str(error), "a whole PNG file") from None
    return digest.hexdigest()


def _digest_bytes(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def files_of(path: str | Path) -> list[Path]:
    """List the files that make up a product.

    Parameters
    ----------
    path : str or Path
        A file; or a folder, of which hidden files are no part (Snakemake leaves its time stamp
        there).

    Returns
    -------
    list of Path
        Sorted.
    """
    path = Path(path)
    if not path.is_dir():
        return [path]
    files = (file for file in path.rglob("*") if file.is_file())
    return sorted(f for f in files if not any(p.startswith(".") for p in f.relative_to(path).parts))


def _digest_directory(path: Path) -> str:
    files = files_of(path)
    return json_sha256([[f.relative_to(path).as_posix(), content_digest(f)] for f in files])


READERS: dict[str, Callable[[Path], str]] = {
    ".root": _digest_root,
    ".fits": _digest_fits,
    ".fits.gz": _digest_fits,
    ".pha": _digest_fits,
    ".rmf": _digest_fits,
    ".arf": _digest_fits,
    ".ecsv": _digest_ecsv,
    ".tsv": _digest_tsv,
    ".json": _digest_json,
    ".png": _digest_png,
}


def content_digest(path: str | Path) -> str:
    """Digest of a product's content; what counts as content depends on the kind of file.

    ROOT: columns of every table and its metadata. FITS: images, columns by name with units, and
    headers of every HDU, without dates, checksums and layout. ECSV: columns, units, metadata.
    TSV: columns as text. JSON: values without `VOLATILE_KEYS`. PNG: pixels. Folder: relative
    names and content of all files. Anything else: bytes.

    Parameters
    ----------
    path : str or Path
        File or folder.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    InputError
        If the file is missing, or broken.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(path, "file", "missing", "a file or folder")
    if path.is_dir():
        return _digest_directory(path)
    matching = [suffix for suffix in READERS if path.name.endswith(suffix)]
    return READERS[max(matching, key=len)](path) if matching else _digest_bytes(path)
