"""Sums of simulated images: tables of shapes, energy and disp."""

from __future__ import annotations

from iactflow.campaign.progress import Progress
from iactflow.discrimination.expectations import add_events
from iactflow.discrimination.rows import files_of, read_rows
from iactflow.discrimination.shape_sums import ShapeSums, ShapeTableSettings
from iactflow.discrimination.shape_table_files import write_shape_sums
from iactflow.discrimination.splits import SPLITS
from iactflow.errors import InputError

__all__ = ["SPLIT", "fill_shape_tables", "table_settings"]

#: Part of the showers that fills the tables.
SPLIT = SPLITS.index("train_energy")


def table_settings(settings) -> ShapeTableSettings:
    """Settings of the tables among those of a rule.

    Parameters
    ----------
    settings : mapping
        Keys of `ShapeTableSettings`, and ``splits``.

    Returns
    -------
    ShapeTableSettings
        Settings; keys that are left out have their defaults.

    Raises
    ------
    InputError
        If a key is unknown.
    """
    given = {key: value for key, value in settings.items() if key != "splits"}
    known = ShapeTableSettings.__dataclass_fields__
    for key, value in given.items():
        if key not in known:
            raise InputError("shape_tables", key, value, ", ".join(known))
    return ShapeTableSettings(**given)


def fill_shape_tables(inputs, outputs, params, wildcards) -> None:
    """Add up the images of simulated gamma rays of the split for energies.

    Parameters
    ----------
    inputs : namespace
        ``geometry``: ROOT files of ``reconstruct_geometry``, or folders of them.
    outputs : namespace
        ``tables``: ROOT file.
    params : namespace
        ``settings``: keys of `ShapeTableSettings`, and ``splits``, fractions by part; ``seed``:
        seed of the campaign.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If a file is broken or no simulation, or settings are wrong.
    """
    sums = ShapeSums(table_settings(params.settings))
    files = files_of(inputs.geometry)
    progress, n_images = Progress("files", len(files)), 0
    for file in files:
        rows = read_rows(file, params.seed, params.settings["splits"])
        if rows.truth is None:
            if len(rows.split):
                raise InputError(file, "simulated_events", "no truth", "simulations")
            continue
        n_images += add_events(sums, rows, SPLIT)
        progress.step(f"{n_images} images")
    progress.finish(f"{n_images} images, {sums.n_left_out} of them outside the tables")
    write_shape_sums(outputs.tables, sums)
