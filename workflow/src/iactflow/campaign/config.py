"""Reading a file that a schema describes: strict YAML, defaults, one message for what is wrong."""

from __future__ import annotations

import difflib
import types
import typing
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from iactflow.campaign.schema import Campaign
from iactflow.errors import InputError

__all__ = ["read_campaign_file", "read_yaml", "validate", "validate_campaign"]


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key stands once."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise InputError(
                    self.name, f"{key} (line {line})", key, "each key once in its block"
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_campaign_file(path: str | Path) -> dict:
    """Read a campaign file as plain dictionaries.

    Parameters
    ----------
    path : str or Path
        YAML file.

    Returns
    -------
    dict
        Its content, not yet validated.

    Raises
    ------
    InputError
        If the file is missing, is no YAML mapping, or names a key twice.
    """
    return read_yaml(path, "campaign file")


def read_yaml(path: str | Path, what: str) -> dict:
    """Read a YAML mapping in which no key stands twice.

    Parameters
    ----------
    path : str or Path
        YAML file.
    what : str
        What it should be, for errors.

    Returns
    -------
    dict
        Its content, not yet validated.

    Raises
    ------
    InputError
        If the file is missing, is no YAML mapping, or names a key twice.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "file", "missing", f"an existing {what} (YAML)")
    with path.open(encoding="utf-8") as stream:
        try:
            loader = _StrictLoader(stream)
            loader.name = str(path)
            content = loader.get_single_data()
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise InputError(path, "YAML", " ".join(str(error).split()), "valid YAML") from None
    if not isinstance(content, dict):
        raise InputError(path, "file", type(content).__name__, "a mapping of keys to values")
    return content


def validate_campaign(content: dict, file: str | Path) -> Campaign:
    """Merge a campaign over the schema's defaults and validate it.

    Parameters
    ----------
    content : dict
        Keys and values as read from the file.
    file : str or Path
        The file that is named in an error.

    Returns
    -------
    Campaign
        Validated campaign, defaults filled in.

    Raises
    ------
    InputError
        For the first key that is wrong; it counts the others.
    """
    return validate(Campaign, content, file, "campaign file")


def validate(schema: type[BaseModel], content: dict, file: str | Path, what: str) -> BaseModel:
    """Validate a file's content.

    Parameters
    ----------
    schema : type of pydantic.BaseModel
        Block that the whole file is.
    content : dict
        Keys and values as read from the file.
    file : str or Path
        The file that is named in an error.
    what : str
        What it is, for errors of the file as a whole.

    Returns
    -------
    pydantic.BaseModel
        Validated content, defaults filled in.

    Raises
    ------
    InputError
        For the first key that is wrong; it counts the others.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        problems = error.errors(include_url=False)
    first = problems[0]
    key, block, field = _locate(first["loc"], schema, what)
    allowed = _allowed(first, block, field)
    if len(problems) > 1:
        allowed += f" ({len(problems) - 1} more such errors in this file)"
    raise InputError(file, key, _shown(first), allowed)


def _shown(problem: dict) -> object:
    if problem["type"] == "missing":
        return "nothing"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    value = problem["input"]
    if isinstance(value, BaseModel | dict):
        return f"{len(value) if isinstance(value, dict) else 'a'} keys"
    return value


def _locate(
    location: tuple, schema: type[BaseModel], what: str
) -> tuple[str, type[BaseModel] | None, object]:
    """Key path for a human, the block that holds the key, and the field."""
    key, block, field = "", schema, None
    annotation = schema
    for part in location:
        if isinstance(part, int):
            key += f"[{part}]"
        elif part not in ("[key]",):
            key += f".{part}" if key else str(part)
        owner = _block_of(annotation)
        if owner is not None and isinstance(part, str):
            block, field = owner, owner.model_fields.get(part)
            annotation = field.annotation if field else None
        else:
            annotation = _element_of(annotation)
    if field is None and _block_of(annotation) is not None:
        block = _block_of(annotation)
    return key or what, block, field


def _block_of(annotation) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next(filter(None, map(_block_of, typing.get_args(annotation))), None)
    return None


def _element_of(annotation):
    """Annotation of an element of a list, tuple or dictionary."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return next(filter(None, map(_element_of, arguments)), None)
    if origin in (list, tuple, dict):
        return arguments[-1]
    if origin is typing.Annotated:
        return arguments[0]
    return None


def _allowed(problem: dict, block, field) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        keys = sorted(block.model_fields)
        close = difflib.get_close_matches(str(problem["loc"][-1]), keys, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        return f"{hint}known keys here: {', '.join(keys)}"
    if kind == "value_error":
        return "a consistent block, see config/README.md"
    described = f" - {field.description}" if field is not None and field.description else ""
    bounds = {
        "greater_than": "a number > {gt}",
        "greater_than_equal": "a number >= {ge}",
        "less_than": "a number < {lt}",
        "less_than_equal": "a number <= {le}",
        "literal_error": "{expected}",
        "string_pattern_mismatch": "text that matches {pattern}",
        "too_short": "at least {min_length} entries",
        "missing": "this key is required",
        "finite_number": "a finite number",
    }
    if kind in bounds:
        return bounds[kind].format(**context) + described
    if kind in ("float_type", "int_type"):
        number = "a number" if kind == "float_type" else "a whole number"
        return f"{number} without unit, in the unit of the key (YAML: write 1.0e-3){described}"
    return problem["msg"] + described
