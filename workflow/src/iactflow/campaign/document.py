"""JSON schema, default configuration and key tables, all written from the schema module."""

from __future__ import annotations

import json
import typing
from pathlib import Path

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from iactflow.campaign import schema
from iactflow.campaign.schema_cuts import OptimiseCuts
from iactflow.campaign.schema_mock import MockSimulations
from iactflow.campaign.schema_reconstruction import Calibration, ShapeTables
from iactflow.campaign.schema_storage import StoredOutputs
from iactflow.campaign.sites import Sites

__all__ = ["documents", "write_documents"]

BEGIN, END = "<!-- keys: begin -->", "<!-- keys: end -->"


def documents(base: str | Path = ".") -> dict[str, str]:
    """Text of every file that is generated from the schema.

    Parameters
    ----------
    base : path
        Root of the repository: the README keeps its prose.

    Returns
    -------
    dict
        Text by path relative to the root.
    """
    readme = (Path(base) / "config" / "README.md").read_text(encoding="utf-8")
    head, rest = readme.split(BEGIN)
    tail = rest.split(END)[1]
    return {
        "workflow/schemas/campaign.schema.json": _json_schema(schema.Campaign),
        "workflow/schemas/sites.schema.json": _json_schema(Sites),
        "config/default.yaml": _defaults(),
        "config/README.md": f"{head}{BEGIN}\n{_tables()}\n{END}{tail}",
    }


def write_documents(base: str | Path = ".") -> list[str]:
    """Write the generated files.

    Parameters
    ----------
    base : path
        Root of the repository.

    Returns
    -------
    list of str
        Paths written.
    """
    texts = documents(base)
    for name, text in texts.items():
        (Path(base) / name).write_text(text, encoding="utf-8")
    return list(texts)


def _json_schema(block: type[BaseModel]) -> str:
    content = block.model_json_schema()
    content["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _defaults() -> str:
    """Return the defaults of the keys that a campaign may leave out, as YAML."""
    lines = [
        "# Defaults of every key, written by `iactflow schema --write`: do not edit.",
        "# Blocks that hold several entries (targets, sky maps, light curves) are shown once.",
    ]
    blocks = {
        "": schema.Campaign,
        "targets.<name>": schema.Target,
        "targets.<name>.spectrum": schema.Spectrum,
        "targets.<name>.spectrum.models[]": schema.SpectralModel,
        "targets.<name>.sky_maps[]": schema.SkyMap,
        "targets.<name>.light_curves.<name>": schema.LightCurve,
        "mock": schema.Mock,
        "mock.source": schema.MockSource,
        "mock.simulations": MockSimulations,
        "simulations.<name>": schema.Production,
        "events.<name>": schema.RawEvents,
        "events.<name>.calibration": Calibration,
        "reconstruction": schema.Reconstruction,
        "reconstruction.shape_tables": ShapeTables,
        "cuts": schema.Cuts,
        "cuts.optimise": OptimiseCuts,
        "storage": schema.Storage,
        "storage.outputs": StoredOutputs,
    }
    for name, block in blocks.items():
        defaults = {
            key: _plain(field.default)
            for key, field in block.model_fields.items()
            if field.default is not PydanticUndefined
        }
        text = yaml.safe_dump({name: defaults} if name else defaults, sort_keys=False, width=100)
        lines += ["", text.rstrip()]
    return "\n".join(lines) + "\n"


def _plain(value):
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value


def _blocks() -> list[type[BaseModel]]:
    """Return the blocks in the order in which a reader meets them, depth first."""
    found: list[type[BaseModel]] = []

    def visit(annotation) -> None:
        is_block = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        if is_block and annotation not in found:
            found.append(annotation)
            for field in annotation.model_fields.values():
                visit(field.annotation)
        for argument in typing.get_args(annotation):
            visit(argument)

    visit(schema.Campaign)
    visit(Sites)
    return found


def _tables() -> str:
    parts = []
    for block in _blocks():
        summary = (block.__doc__ or "").strip().splitlines()[0]
        parts += [f"### `{block.__name__}`", "", summary, ""]
        parts += ["| key | default | meaning |", "|---|---|---|"]
        for key, field in block.model_fields.items():
            default = "**required**"
            if field.default is not PydanticUndefined:
                default = _short(field.default)
            meaning = (field.description or "").replace("|", "\\|")
            parts.append(f"| `{key}` | {default} | {meaning}{_bounds(field)} |")
        parts.append("")
    return "\n".join(parts).rstrip()


def _short(default) -> str:
    if isinstance(default, BaseModel):
        return f"see `{type(default).__name__}`"
    return f"`{json.dumps(_plain(default))}`"


def _bounds(field) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    bounds = [
        f"{sign} {getattr(item, name):g}"
        for item in field.metadata
        for name, sign in signs.items()
        if getattr(item, name, None) is not None
    ]
    return f" ({', '.join(bounds)})" if bounds else ""
