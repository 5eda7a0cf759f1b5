"""YAML documents of instrument descriptions: every value with its source, versions that extend.

A document is read into nested blocks whose leaves carry value, source, file and key. A ``source``
holds for all that its block encloses; ``{label}`` in it stands for an entry of the document's
``sources``. Blocks of a version that extends another are laid over those of the other leaf by
leaf, so that a value keeps the source of the document that gave it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from iactflow.errors import InputError

__all__ = ["Leaf", "merge", "read_document", "read_type", "read_version"]

# Keys that make a mapping one value: a number with its own source, a table, a short curve.
LEAF_KEYS = frozenset({"value", "table", "points"})
LEAF_ALLOWED = {
    "value": {"value", "source"},
    "table": {"table", "columns", "source"},
    "points": {"points", "source"},
}


class Leaf(NamedTuple):
    """A value of a document.

    Attributes
    ----------
    value : object
        Number, text, list, None, or ``{table: ..., columns: ...}`` or ``{points: ...}``.
    source : str
        Where it comes from; that of the table for tables that name no other.
    file : Path
        Document that gave it; tables stand beside it.
    key : str
        Its place in the document, with dots.
    """

    value: Any
    source: str
    file: Path
    key: str


def read_document(file: Path) -> dict:
    """Read a YAML document as it stands.

    Parameters
    ----------
    file : Path
        Document.

    Returns
    -------
    dict
        Its mapping.

    Raises
    ------
    InputError
        No such file, no YAML, or no mapping.
    """
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(file, "file", "no such file", "an existing document") from None
    except yaml.YAMLError as error:
        raise InputError(file, "YAML", " ".join(str(error).split()), "a YAML document") from None
    if not isinstance(content, dict):
        raise InputError(file, "document", type(content).__name__, "a mapping")
    return content


def _document(content: dict, file: Path) -> dict:
    """Blocks of a document, labels of its sources written out."""
    labels = content.pop("sources", {})
    if not isinstance(labels, dict) or not all(isinstance(t, str) for t in labels.values()):
        raise InputError(file, "sources", labels, "a mapping of labels to texts")

    def expand(mapping: dict) -> dict:
        expanded = {k: expand(v) if isinstance(v, dict) else v for k, v in mapping.items()}
        if isinstance(expanded.get("source"), str):
            try:
                expanded["source"] = expanded["source"].format(**labels)
            except (KeyError, IndexError, ValueError):
                allowed = "labels " + ", ".join(labels) + " in braces"
                raise InputError(file, "source", expanded["source"], allowed) from None
        return expanded

    return _blocks(expand(content), file, None)


def _blocks(mapping: dict, file: Path, source: str | None, key: str = "") -> dict:
    """Nested blocks with `Leaf` at the ends; a block's source holds for what it encloses."""
    source = mapping.get("source", source)
    blocks = {}
    for name, value in mapping.items():
        if name == "source":
            continue
        where = f"{key}.{name}" if key else str(name)
        if isinstance(value, dict) and not LEAF_KEYS & value.keys():
            blocks[name] = _blocks(value, file, source, where)
        else:
            blocks[name] = _leaf(value, file, source, where)
    return blocks


def _leaf(value, file: Path, source: str | None, key: str) -> Leaf:
    if isinstance(value, dict):
        kind = min(LEAF_KEYS & value.keys())
        unknown = set(value) - LEAF_ALLOWED[kind]
        if unknown:
            raise InputError(file, f"{key}.{min(unknown)}", value[min(unknown)], "no such key")
        source = value.get("source", source)
        if kind == "table":
            # A table names its source itself; reading it checks that.
            return Leaf(value, source or f"table {value['table']}", file, key)
        value = value["value"] if kind == "value" else value
    if not isinstance(source, str) or not source.strip():
        raise InputError(file, key, value, "a source: beside it or in the block that holds it")
    return Leaf(value, source, file, key)


def merge(base: dict, over: dict) -> dict:
    """Lay blocks over others: leaves replace leaves, blocks merge.

    Parameters
    ----------
    base, over : dict
        Blocks; ``over`` wins.

    Returns
    -------
    dict
        New blocks.

    Raises
    ------
    InputError
        A block where the other has a value, or the reverse.
    """
    merged = dict(base)
    for name, value in over.items():
        if name in base and isinstance(value, dict) != isinstance(base[name], dict):
            leaf = value if isinstance(value, Leaf) else base[name]
            raise InputError(leaf.file, leaf.key, leaf.value, "a block, as in what it extends")
        if name in base and isinstance(value, dict):
            merged[name] = merge(base[name], value)
        else:
            merged[name] = value
    return merged


def read_version(directory: Path) -> tuple[dict, list[Path]]:
    """Read ``instrument.yaml`` of a version, laid over those that it extends.

    Parameters
    ----------
    directory : Path
        Version.

    Returns
    -------
    blocks : dict
        Blocks of the document; ``name`` and ``version`` as text.
    chain : list of Path
        Directories from the one that extends nothing to this one.

    Raises
    ------
    InputError
        Bad documents, or versions that extend each other.
    """
    documents, chain = [], []
    current = Path(os.path.normpath(directory))
    while True:
        file = current / "instrument.yaml"
        content = read_document(file)
        documents.append((file, content))
        chain.append(current)
        if "extends" not in content:
            break
        # Without "..", by which a version would have more than one name.
        current = Path(os.path.normpath(current.parent / str(content["extends"])))
        if current in chain:
            raise InputError(file, "extends", content["extends"], "a version not met before")
    blocks: dict = {}
    for file, content in reversed(documents):
        rest = {k: v for k, v in content.items() if k not in ("name", "version", "extends")}
        blocks = merge(blocks, _document(rest, file))
    file, content = documents[0]
    for key in ("name", "version"):
        if not isinstance(content.get(key), str):
            raise InputError(file, key, content.get(key), "a text (in quotes)")
        blocks[key] = content[key]
    return blocks, chain[::-1]


def read_type(name: str, chain: list[Path], met: tuple[str, ...] = ()) -> dict:
    """Read the document of a telescope type, laid over those that it extends.

    Parameters
    ----------
    name : str
        Type; its document is ``<name>.yaml``.
    chain : list of Path
        Directories of the version and of those it extends, from `read_version`.
    met : tuple of str, optional
        Types that extend this one.

    Returns
    -------
    dict
        Blocks ``optics`` and ``camera``.

    Raises
    ------
    InputError
        Bad documents, no document at all, or types that extend each other.
    """
    files = [d / f"{name}.yaml" for d in chain if (d / f"{name}.yaml").exists()]
    if not files:
        raise InputError(chain[-1], "telescope type", name, f"a document {name}.yaml")
    own: dict = {}
    parent = None
    for file in files:
        content = read_document(file)
        parent = content.pop("extends", parent)
        own = merge(own, _document(content, file))
    if parent is None:
        return own
    if parent in (*met, name):
        raise InputError(files[-1], "extends", parent, "a type not met before")
    return merge(read_type(str(parent), chain, (*met, name)), own)
