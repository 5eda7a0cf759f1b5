"""Tables of shapes of all parts, added up."""

from __future__ import annotations

from iactflow.io.merge import merge_tables

__all__ = ["merge_shape_tables"]


def merge_shape_tables(inputs, outputs, params, wildcards) -> None:
    """Add tables of shapes up: whole numbers, so that the order does not matter.

    Parameters
    ----------
    inputs : namespace
        ``tables``: ROOT files of ``fill_shape_tables``.
    outputs : namespace
        ``tables``: their sum.
    params, wildcards : namespace
        Not used.

    Raises
    ------
    InputError
        If a file is broken, or was filled with other bins.
    """
    paths = [inputs.tables] if isinstance(inputs.tables, str) else inputs.tables
    merge_tables(paths, outputs.tables)
