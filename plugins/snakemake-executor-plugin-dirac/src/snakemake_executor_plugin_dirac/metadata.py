"""Metadata of products in the catalogue, as the profile names them."""

from __future__ import annotations

import re

__all__ = ["MetadataRule", "collect_metadata", "parse_rules"]


class MetadataRule(ValueError):
    """A line of the setting ``metadata`` that cannot be read."""


def parse_rules(text):
    """Read the setting ``metadata``.

    Parameters
    ----------
    text : str
        Words ``name=path`` separated by blanks. A path starts with ``config``, ``wildcards`` or
        ``params`` and goes down by dots; ``{wildcard}`` in it is replaced.

    Returns
    -------
    dict
        Path by name.

    Raises
    ------
    MetadataRule
        If a word has another form.
    """
    rules = {}
    for word in text.split():
        match = re.fullmatch(r"([A-Za-z]\w*)=((?:config|wildcards|params)(?:\.[^.=\s]+)+)", word)
        if not match:
            raise MetadataRule(
                f"metadata: {word!r}; allowed: name=path, with a path such as config.campaign, "
                "wildcards.run or config.simulations.{production}.particle"
            )
        rules[match[1]] = match[2]
    return rules


def collect_metadata(rules, config, wildcards, params):
    """Look up the metadata of one job; what it does not have is left out.

    Parameters
    ----------
    rules : dict
        Path by name, from `parse_rules`.
    config, wildcards, params : mapping
        Of the workflow and the job.

    Returns
    -------
    dict
        Name to str, int or float.
    """
    roots = {"config": config, "wildcards": wildcards, "params": params}
    found = {}
    for name, path in rules.items():
        value = roots
        for step in path.split("."):
            for wildcard, text in wildcards.items():
                step = step.replace("{" + wildcard + "}", str(text))
            value = value.get(step) if hasattr(value, "get") else None
        if isinstance(value, bool):
            value = int(value)
        if isinstance(value, str | int | float):
            found[name] = value
    return found
