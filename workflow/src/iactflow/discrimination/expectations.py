"""What tables say of the images of events: fill them from simulations, look images up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iactflow.discrimination.rows import EventRows, direction, offset_deg, source_distance_deg
from iactflow.discrimination.scaled_shapes import event_statistics, scale
from iactflow.discrimination.shape_sums import Conditions, ShapeSums
from iactflow.discrimination.shape_tables import ShapeTables
from iactflow.discrimination.table_kernels import QUANTITIES
from iactflow.errors import InputError

__all__ = ["Scaled", "add_events", "event_energy_tev", "scale_events"]


class Scaled(NamedTuple):
    """Images held against the tables.

    Attributes
    ----------
    scaled_width, scaled_length : ndarray of float64, shape (n,)
        Scaled shapes of images.
    ln_energy, ln_energy_scatter : ndarray of float64, shape (n,)
        ln(E / TeV) and its scatter.
    disp_deg, disp_scatter_deg : ndarray of float64, shape (n,)
        Distance of the source from the centre of gravity, and its scatter.
    events : ndarray of float64, shape (n_events, 6)
        As of `iactflow.discrimination.scaled_shapes.event_statistics`.
    """

    scaled_width: np.ndarray
    scaled_length: np.ndarray
    ln_energy: np.ndarray
    ln_energy_scatter: np.ndarray
    disp_deg: np.ndarray
    disp_scatter_deg: np.ndarray
    events: np.ndarray


def _conditions(rows: EventRows, alt_deg, az_deg) -> Conditions:
    """Conditions of images, the source being in a direction."""
    columns, event = rows.columns, rows.event_index
    pointing = columns["pointing_alt_deg"], columns["pointing_az_deg"]
    return Conditions(
        90.0 - columns["pointing_alt_deg"],
        offset_deg(alt_deg[event], az_deg[event], *pointing),
        columns["nsb_rate_ghz"],
        columns["throughput"],
    )


def _of(conditions: Conditions, mine: np.ndarray) -> Conditions:
    return Conditions(*(values[mine] for values in conditions))


def add_events(sums: ShapeSums, rows: EventRows, split: int) -> int:
    """Add the images of simulated gamma rays to the sums of the tables.

    Sizes and impact distances are those of the reconstruction, so that the tables are looked up
    with what they were filled with; directions and energies are the true ones.

    Parameters
    ----------
    sums : ShapeSums
        Changed in place.
    rows : EventRows
        Events of a simulation.
    split : int
        Part of the showers that is taken.

    Returns
    -------
    int
        Images handed to the tables.

    Raises
    ------
    InputError
        If weights need a spectrum that the file does not tell, or sums become too large.
    """
    truth, columns = rows.truth, rows.columns
    source = truth["true_alt_deg"], truth["true_az_deg"]
    error_deg = offset_deg(*direction(rows.geometry), *source)
    taken = (rows.split == split) & (error_deg <= sums.settings.max_direction_error_deg)
    wanted = taken[rows.event_index]
    weight = np.ones(len(rows.split))
    if sums.settings.weight_index is not None:
        weight = truth["true_energy_tev"] ** (rows.thrown_index - sums.settings.weight_index)
        if np.isnan(weight[taken]).any():
            allowed = "known, or shape_tables.weight_index null"
            raise InputError(rows.file, "simulation_runs.spectral_index", "unknown", allowed)
    conditions = _conditions(rows, *source)
    along_deg = source_distance_deg(rows, *source)
    size_pe = columns["hillas_intensity"]
    ln_energy = np.log(truth["true_energy_tev"])[rows.event_index]
    values = np.column_stack(
        [
            columns["hillas_width_deg"],
            columns["hillas_length_deg"],
            ln_energy - np.log(size_pe),
            np.abs(along_deg),
        ]
    )
    for name in np.unique(rows.telescope_type):
        mine = wanted & (rows.telescope_type == name)
        sums.add(
            str(name),
            _of(conditions, mine),
            size_pe[mine],
            columns["impact_distance_m"][mine],
            values[mine],
            weight[rows.event_index[mine]],
        )
    return int(wanted.sum())


def scale_events(tables: ShapeTables, rows: EventRows) -> Scaled:
    """Hold the images of events against the tables.

    Parameters
    ----------
    tables : ShapeTables
        Tables.
    rows : EventRows
        Events; of simulations the truth is not looked at.

    Returns
    -------
    Scaled
        Shapes, energies and disp of images; means of events.

    Raises
    ------
    InputError
        If a type of telescope or conditions are not those of the tables.
    """
    columns = rows.columns
    conditions = _conditions(rows, *direction(rows.geometry))
    size_pe, impact_m = columns["hillas_intensity"], columns["impact_distance_m"]
    mean = np.full((len(size_pe), len(QUANTITIES)), np.nan)
    scatter = mean.copy()
    for name in np.unique(rows.telescope_type):
        mine = rows.telescope_type == name
        found = tables.expect(str(name), _of(conditions, mine), size_pe[mine], impact_m[mine])
        mean[mine], scatter[mine] = found
    width = scale(columns["hillas_width_deg"], mean[:, 0], scatter[:, 0])
    length = scale(columns["hillas_length_deg"], mean[:, 1], scatter[:, 1])
    ln_energy = mean[:, 2] + np.log(size_pe)
    events = event_statistics(rows.starts, width, length, ln_energy, scatter[:, 2].copy())
    return Scaled(width, length, ln_energy, scatter[:, 2].copy(), mean[:, 3], scatter[:, 3], events)


def event_energy_tev(rows: EventRows, scaled: Scaled) -> np.ndarray:
    """Energy of each image's event, from tables.

    Parameters
    ----------
    rows : EventRows
        Events.
    scaled : Scaled
        The same held against the tables.

    Returns
    -------
    ndarray of float64, shape (n,)
        Mean over the event's images; not a number where there is none.
    """
    return np.exp(scaled.events[:, 2])[rows.event_index]
