"""Instrument responses of a node from its simulated events: GADF files and headline numbers."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from iactflow.campaign.json_product import write_json
from iactflow.campaign.schema_base import SafeRange
from iactflow.errors import InputError
from iactflow.io.gadf import read_observation
from iactflow.io.gadf_responses import CONDITIONS, ResponseFile, write_responses
from iactflow.io.observation import RadMax
from iactflow.response.background import (
    background_2d,
    background_3d,
    refuse_few_showers,
    scaled_background,
    symmetric_grid,
)
from iactflow.response.node import Node, background_of, read_signal, signal_of
from iactflow.response.off_data import off_data_background
from iactflow.response.performance import performance_of
from iactflow.response.psf_fits import fit_point_spread
from iactflow.response.selection import Cuts, band_places, cuts_from_settings, read_cuts
from iactflow.response.signal import Axes, signal_tables, widened
from iactflow.response.summary import background_numbers, signal_numbers

__all__ = ["axes_of", "make_responses", "node_of", "rad_max_table"]

LOGGER = logging.getLogger("iactflow")


def node_of(settings: dict) -> Node:
    """Node of the settings of a job.

    Parameters
    ----------
    settings : dict
        As of `iactflow.campaign.responses.ResponsePlan.settings`.

    Returns
    -------
    Node
        Node.
    """
    own = {key: settings[key] for key in Node._fields if key in settings}
    return Node(**{**own, "nsb_factor": settings["level"]})


def axes_of(settings: dict) -> Axes:
    """Axes of the settings of a job.

    Parameters
    ----------
    settings : dict
        As of `iactflow.campaign.responses.ResponsePlan.settings`.

    Returns
    -------
    Axes
        Axes.
    """
    return Axes(*(np.array(settings[name], dtype=float) for name in Axes._fields))


def make_responses(inputs, outputs, params, wildcards) -> None:
    """Make the responses of a node.

    Parameters
    ----------
    inputs : namespace
        DL2 events and runs, found through ``params.index``; ``cuts``: product of
        ``optimise_cuts``, a list of one, or nothing.
    outputs : namespace
        ``irf``: GADF file; ``summary``: JSON of headline numbers; ``point_like``: GADF file of
        point-like responses, a list of one, or nothing.
    params : namespace
        ``settings``: as of `iactflow.campaign.responses.ResponsePlan.settings`; ``index``:
        ``signal``, paths; ``background``, paths by sample; ``off``, DL3 files by target.
    wildcards : namespace
        None are used.

    Raises
    ------
    InputError
        If a file is broken, no event passes cuts, or background rests on too few showers.
    """
    settings, index = params.settings, params.index
    node, axes = node_of(settings), axes_of(settings)
    cuts = _cuts(inputs, settings)
    found = read_signal(index["signal"], node, axes)
    signal, sums, events = signal_of(found, node, cuts, axes)
    if not signal.selected.any():
        raise InputError(node.name, "signal", "no event passes cuts", "events of signal")
    aeff, edisp, psf = signal_tables(axes, sums, signal)
    if settings["psf"] != "table":
        psf = fit_point_spread(settings["psf"], axes, signal.radial)
    numbers = signal_numbers(axes, signal, sums, events)
    _warn_of_threshold(node.name, numbers["lowest_area_fraction"])
    bkg, background = _background(index, node, cuts, settings)
    cards = _cards(settings, axes)
    tables = (widened(table) for table in (aeff, edisp, psf))
    write_responses(outputs.irf, ResponseFile(*tables, bkg), cards)
    for path in _listed(getattr(outputs, "point_like", None)):
        inside = signal_of(found, node, cuts, axes, with_direction=True)
        aeff, edisp, _ = signal_tables(axes, inside[1], inside[0])
        rad_max = rad_max_table(cuts, node, axes, np.array(settings["energy_reco_edges_tev"]))
        made = ResponseFile(widened(aeff), widened(edisp), None, bkg, widened(rad_max), True)
        write_responses(path, made, cards)
    head = {"node": node.name, "event_type": settings["event_type"], "cuts": cuts.as_dict()}
    conditions = {k: settings[k] for k in ("zenith_deg", "azimuth_deg", "nsb_factor", "throughput")}
    performance = performance_of(index, node, cuts, axes, settings)
    numbers = {"thrown_by": found.thrown_by, **numbers}
    content = {**head, "conditions": conditions, **numbers, **background, **performance}
    write_json(outputs.summary, content)


def _warn_of_threshold(name: str, fractions) -> None:
    """Say that simulations begin above the threshold, where the default safe range begins."""
    least = SafeRange().effective_area_min_fraction
    largest = np.nanmax(fractions)
    if largest >= least:
        LOGGER.warning(
            "%s: where simulations begin the effective area is %.2g of its largest value: spectra "
            "have a safe range from %g on; simulate gamma rays of lower energies",
            name,
            largest,
            least,
        )


def _listed(paths) -> list[str]:
    return [paths] if isinstance(paths, str | Path) else list(paths or [])


def _cuts(inputs, settings: dict) -> Cuts:
    for path in _listed(getattr(inputs, "cuts", None)):
        return read_cuts(path)
    return cuts_from_settings(settings["cuts"] or {})


def _cards(settings: dict, axes: Axes) -> dict:
    values = (settings[k] for k in ("zenith_deg", "azimuth_deg", "nsb_factor", "throughput"))
    cards = {
        key: (value, comment)
        for (key, comment), value in zip(CONDITIONS.items(), values, strict=True)
    }
    valid = axes.offset_edges_deg[[0, -1]]
    cards["OFF_LO"] = (max(float(valid[0]), 0.0), "[deg] least offset of valid responses")
    cards["OFF_HI"] = (float(valid[1]), "[deg] largest offset of valid responses")
    cards["NODE"] = settings["name"]
    return cards


def _background(index: dict, node: Node, cuts: Cuts, settings: dict):
    """Table of the background, and its numbers; nothing without samples or runs."""
    if not index["background"] and not index["off"]:
        return None, {}
    energies = np.array(settings["energy_reco_edges_tev"])
    grid = symmetric_grid(settings["fov_max_deg"], settings["fov_step_deg"])
    rings = grid[len(grid) // 2 :]
    scale = {}
    if index["off"]:
        found = off_data_background(_off_runs(index["off"], node, settings), energies, rings)
    else:
        common = (index["background"], settings["spectra"], node)
        found = background_of(*common, cuts, energies, rings)
    shape = found
    if settings["background_cuts"] is not None:
        loose = cuts_from_settings(settings["background_cuts"])
        shape = background_of(*common, loose, energies, rings)
        least = settings["min_scale_showers"]
        shape, scale = scaled_background(node.name, found, shape, least)
    refuse_few_showers(node.name, shape, settings["min_background_showers"])
    smoothing = settings["smoothing"]
    widths = smoothing["energy_dex"], smoothing["offset_deg"], smoothing["index"]
    table = background_2d(shape, energies, rings, *widths)
    if settings["background_table"] == "3d":
        table = background_3d(table, grid)
    numbers = {**background_numbers(found, energies, rings), **scale}
    return table, {**numbers, "n_background_showers_of_table": shape.n_showers_in_all}


def _off_runs(off: dict, node: Node, settings: dict):
    """Runs near the zenith angle of the node, with the regions that are excluded."""
    zenith = []
    for target, paths in off.items():
        for path in paths:
            run = read_observation(path, hdus=("events", "gti"))
            zenith.append(run.zenith_deg)
            if abs(run.zenith_deg - node.zenith_deg) <= settings["off_zenith_reach_deg"]:
                yield run, settings["excluded"][target]
    if min(abs(z - node.zenith_deg) for z in zenith) > settings["off_zenith_reach_deg"]:
        allowed = f"runs within {settings['off_zenith_reach_deg']:g} deg of {node.zenith_deg:g}"
        raise InputError(node.name, "responses.off_data, zenith angles", sorted(zenith), allowed)


def rad_max_table(cuts: Cuts, node: Node, axes: Axes, energy_edges_tev) -> RadMax:
    """Largest distances from the source of point-like responses.

    Parameters
    ----------
    cuts : Cuts
        Cuts.
    node : Node
        Node.
    axes : Axes
        Axes of the responses.
    energy_edges_tev : ndarray of float64, shape (n + 1,)
        Edges in reconstructed energy.

    Returns
    -------
    RadMax
        The cut of the band at the centre of each bin, the same at all offsets.

    Raises
    ------
    InputError
        If there is no cut on the distance.
    """
    centres = np.sqrt(energy_edges_tev[1:] * energy_edges_tev[:-1])
    place = band_places(cuts, centres, np.full(len(centres), node.zenith_deg))
    limits = [np.inf if b.theta2_max_deg2 is None else b.theta2_max_deg2 for b in cuts.bands]
    theta2 = np.array(limits)[place]
    if not np.isfinite(theta2).all():
        allowed = "cuts with theta2_max_deg2"
        raise InputError(node.name, "responses.point_like", "no cut on the direction", allowed)
    radius = np.broadcast_to(np.sqrt(theta2), (len(axes.offset_nodes_deg), len(centres))).copy()
    return RadMax(energy_edges_tev, axes.offset_edges_deg, radius, axes.offset_nodes_deg)
