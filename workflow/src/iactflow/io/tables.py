"""All tables of the data model by name; run as a program, it writes ``docs/data-model.md``."""

from __future__ import annotations

from pathlib import Path

from iactflow.errors import InputError
from iactflow.io.datamodel import Table, render
from iactflow.io.tables_discrimination import DISCRIMINATION_TABLES
from iactflow.io.tables_events import EVENT_TABLES
from iactflow.io.tables_hadrons import HADRON_TABLES
from iactflow.io.tables_reconstruction import RECONSTRUCTION_TABLES
from iactflow.io.tables_results import RESULT_TABLES
from iactflow.io.tables_science import SCIENCE_TABLES
from iactflow.io.tables_simulation import SIMULATION_TABLES
from iactflow.io.tables_subarray import SUBARRAY_TABLES

__all__ = ["DOCUMENT", "TABLES", "find_table"]

DOCUMENT = "docs/data-model.md"
TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *SIMULATION_TABLES,
        *HADRON_TABLES,
        *SUBARRAY_TABLES,
        *EVENT_TABLES,
        *DISCRIMINATION_TABLES,
        *RECONSTRUCTION_TABLES,
        *SCIENCE_TABLES,
        *RESULT_TABLES,
    )
}


def find_table(table: str | Table, file: str | Path) -> Table:
    """Table of the data model by name; a table is handed through.

    Parameters
    ----------
    table : str or Table
        The table, or its name.
    file : str or Path
        Named in the error.

    Returns
    -------
    Table
        The table.

    Raises
    ------
    InputError
        If the data model holds no table of this name.
    """
    if isinstance(table, Table):
        return table
    if table not in TABLES:
        raise InputError(file, "table", table, ", ".join(TABLES))
    return TABLES[table]


if __name__ == "__main__":
    Path(DOCUMENT).write_text(render(TABLES.values()))
