"""Figures of a spectrum: what the rule ``plot_spectrum`` calls."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from astropy.table import Table, vstack

from iactflow.figures.counts import EnergyCounts, draw_counts, draw_theta_squared
from iactflow.figures.profiles import draw_profiles
from iactflow.figures.regions import draw_regions
from iactflow.figures.sed import draw_sed, main_model
from iactflow.figures.style import style

__all__ = ["energy_counts", "plot_spectrum"]


def plot_spectrum(inputs, outputs, params, wildcards) -> None:
    """Draw the spectrum of a target and what it rests on.

    Parameters
    ----------
    inputs : namespace
        ``spectrum``, ``flux_points``, ``profiles``, ``theta_squared``: results of the fit;
        ``ogip``: folders of the extracted data sets.
    outputs : namespace
        ``sed``, ``counts``, ``theta_squared``, ``profiles``, ``regions``: PNG files.
    params : namespace
        ``settings``: the target.
    wildcards : namespace
        None are used.
    """
    settings = params.settings
    spectrum = json.loads(Path(inputs.spectrum).read_text(encoding="utf-8"))
    chunks = [inputs.ogip] if isinstance(inputs.ogip, str) else list(inputs.ogip)
    name = main_model(settings)
    counts = energy_counts(spectrum["models"][name])
    with style():
        draw_sed(spectrum, _read(inputs.flux_points), settings, outputs.sed)
        draw_counts(counts, name, settings, outputs.counts)
        draw_theta_squared(_read(inputs.theta_squared), spectrum, settings, outputs.theta_squared)
        draw_profiles(_read(inputs.profiles), spectrum["models"], settings, outputs.profiles)
        regions, runs = (_stacked(chunks, f"{kind}.ecsv") for kind in ("regions", "runs"))
        draw_regions(regions, runs, settings, outputs.regions)


def energy_counts(fit: dict) -> EnergyCounts:
    """Take the counts of a fit, summed over runs, from its block.

    Parameters
    ----------
    fit : dict
        Block of ``models`` of ``spectrum.json``.

    Returns
    -------
    EnergyCounts
        Per bin of reconstructed energy.
    """
    block = {name: np.asarray(values, float) for name, values in fit["counts"].items()}
    return EnergyCounts(
        block["energy_edges_tev"],
        block["n_on"],
        block["background"],
        block["npred_signal"],
        block["n_on_all"] - block["n_on"],
    )


def _read(path) -> Table:
    return Table.read(path, format="ascii.ecsv")


def _stacked(chunks: list[str], name: str) -> Table:
    """Tables of all chunks, one below the other."""
    tables = [_read(Path(chunk) / name) for chunk in chunks]
    return vstack(tables, metadata_conflicts="silent")
