"""Reconstructed events: energies, scaled shapes, gammaness from the models at hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from iactflow.campaign.progress import Progress
from iactflow.discrimination.expectations import Scaled, event_energy_tev, scale_events
from iactflow.discrimination.features import feature_columns
from iactflow.discrimination.forest_files import read_forests
from iactflow.discrimination.predictions import (
    Predicted,
    predict_direction,
    predict_energy,
    predict_gammaness,
    predict_images,
)
from iactflow.discrimination.rows import EventRows, direction, files_of, read_rows
from iactflow.discrimination.shape_tables import ShapeTables
from iactflow.discrimination.stages.learning import tables_of
from iactflow.io.root import list_tables, read_metadata, read_table, write_table

__all__ = ["Models", "dl2_tables", "read_models", "reconstruct_events"]

MODELS = ("energy_model", "direction_model", "class_model")
#: Tables that travel from the geometry to the responses.
TRAVEL = (
    *("simulated_events", "simulation_runs", "thrown_events", "array", "array_telescopes"),
    *("telescope_states", "pointing"),
)
AS_IN_GEOMETRY = (
    *("obs_id", "event_id", "time_s", "time_qns", "is_valid", "ang_distance_uncert_deg"),
    *("core_uncert_m", "h_max_m", "multiplicity", "telescopes"),
)
TRUTH = ("true_energy_tev", "true_alt_deg", "true_az_deg")


class Models(NamedTuple):
    """What events are held against.

    Attributes
    ----------
    tables : ShapeTables or None
        Tables of shapes.
    forests : dict of tuple to Forest
        Forests by telescope type, target and, where there are bands, the band's number.
    """

    tables: ShapeTables | None
    forests: dict


def read_models(inputs) -> Models:
    """Read the models of a rule.

    Parameters
    ----------
    inputs : namespace
        ``tables``, ``energy_model``, ``direction_model``, ``class_model``: ROOT files, lists of
        one, or nothing.

    Returns
    -------
    Models
        Models.

    Raises
    ------
    InputError
        If a file is broken.
    """
    forests: dict = {}
    for name in MODELS:
        given = getattr(inputs, name, None)
        for path in [given] if isinstance(given, str | Path) else given or []:
            forests |= read_forests(path)[0]
    return Models(tables_of(inputs), forests)


def reconstruct_events(inputs, outputs, params, wildcards) -> None:
    """Make DL2 events of a part of a sample.

    Parameters
    ----------
    inputs : namespace
        ``geometry``: ROOT files of ``reconstruct_geometry``, or a folder of them; ``tables``,
        ``energy_model``, ``direction_model``, ``class_model``: models at hand.
    outputs : namespace
        ``events``: a folder, with a ROOT file per file of the geometry.
    params : namespace
        ``settings``: ``splits``, fractions by part; ``seed``: seed of the campaign.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If a file is broken, or a model does not hold for the types of telescopes or conditions.
    """
    models = read_models(inputs)
    folder = Path(outputs.events)
    folder.mkdir(parents=True)
    files = files_of(inputs.geometry)
    progress, n_events = Progress("files", len(files)), 0
    for file in files:
        rows = read_rows(file, params.seed, params.settings["splits"])
        tables = dl2_tables(rows, models)
        present = list_tables(file)
        for name in TRAVEL:
            if name in present:
                tables[name] = read_table(file, name)
        metadata = {**read_metadata(file), "splits": params.settings["splits"]}
        write_table(folder / file.name, tables, {**metadata, "seed": int(params.seed)})
        n_events += len(rows.split)
        progress.step(f"{n_events} events")
    progress.finish(f"{n_events} events")


def dl2_tables(rows: EventRows, models: Models) -> dict[str, dict]:
    """DL2 of the events of a file.

    Parameters
    ----------
    rows : EventRows
        Events and images.
    models : Models
        Models.

    Returns
    -------
    dict of str to dict of str to array
        Columns of ``events_dl2`` (all events, in their order) and ``telescope_dl2`` (the images
        that the geometry used).

    Raises
    ------
    InputError
        If a model does not hold for the types of telescopes or conditions.
    """
    scaled = None if models.tables is None else scale_events(models.tables, rows)
    columns = feature_columns(rows, scaled)
    energy_tev = None if scaled is None else event_energy_tev(rows, scaled)
    found = {
        target: predict_images(models.forests, target, rows, columns, energy_tev=energy_tev)
        for target in ("log10_energy", "disp_norm", "disp_sign", "gammaness")
    }
    return {
        "events_dl2": _events(rows, scaled, found),
        "telescope_dl2": _telescopes(rows, scaled, found),
    }


def _events(rows: EventRows, scaled: Scaled | None, found: Mapping[str, Predicted]) -> dict:
    geometry, n_events = rows.geometry, len(rows.split)
    undefined = np.full(n_events, np.nan)
    alt_deg, az_deg = direction(geometry)
    fitted = np.isfinite(geometry["core_x_fit_m"])
    core = {
        f"core_{axis}_m": np.where(
            fitted, geometry[f"core_{axis}_fit_m"], geometry[f"core_{axis}_m"]
        )
        for axis in "xy"
    }
    width, length, ln_energy, error, consistency = (
        [undefined] * 5 if scaled is None else list(scaled.events[:, :5].T)
    )
    energy_tev = np.exp(ln_energy)
    forest_tev, forest_error_tev = predict_energy(found["log10_energy"], rows)
    forest_alt, forest_az = predict_direction(found["disp_norm"], found["disp_sign"], rows)
    truth = {} if rows.truth is None else {name: rows.truth[name] for name in TRUTH}
    return {
        **{name: geometry[name] for name in AS_IN_GEOMETRY},
        "alt_deg": alt_deg,
        "az_deg": az_deg,
        "ra_deg": undefined,
        "dec_deg": undefined,
        **core,
        "energy_tev": energy_tev if scaled is not None else forest_tev,
        "energy_uncert_tev": energy_tev * error if scaled is not None else forest_error_tev,
        "energy_consistency": consistency,
        "mean_scaled_width": width,
        "mean_scaled_length": length,
        "energy_forest_tev": forest_tev,
        "energy_forest_uncert_tev": forest_error_tev,
        "alt_forest_deg": forest_alt,
        "az_forest_deg": forest_az,
        "gammaness": predict_gammaness(found["gammaness"], rows),
        "split": rows.split,
        **truth,
    }


def _telescopes(rows: EventRows, scaled: Scaled | None, found: Mapping[str, Predicted]) -> dict:
    event = rows.event_index
    undefined = np.full(len(event), np.nan)
    energy_tev = undefined if scaled is None else np.exp(scaled.ln_energy)
    disp_deg = found["disp_norm"].of_image
    if scaled is not None:
        disp_deg = np.where(np.isfinite(disp_deg), disp_deg, scaled.disp_deg)
    return {
        "obs_id": rows.geometry["obs_id"][event],
        "event_id": rows.geometry["event_id"][event],
        "tel_id": rows.tel_id.astype(np.int16),
        "impact_distance_m": rows.columns["impact_distance_m"],
        "energy_tev": energy_tev,
        "energy_uncert_tev": undefined if scaled is None else energy_tev * scaled.ln_energy_scatter,
        "scaled_width": undefined if scaled is None else scaled.scaled_width,
        "scaled_length": undefined if scaled is None else scaled.scaled_length,
        "energy_forest_tev": 10.0 ** found["log10_energy"].of_image,
        "disp_deg": disp_deg,
        "gammaness": found["gammaness"].of_image,
    }
