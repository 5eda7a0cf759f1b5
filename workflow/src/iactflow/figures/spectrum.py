"""Figures of a spectrum: what the rule ``plot_spectrum`` calls."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from astropy.table import Table, vstack

from iactflow.errors import InputError
from iactflow.figures.counts import EnergyCounts, draw_counts, draw_theta_squared
from iactflow.figures.curves import model_values
from iactflow.figures.profiles import draw_profiles
from iactflow.figures.regions import draw_regions
from iactflow.figures.sed import draw_sed, main_model
from iactflow.figures.style import style
from iactflow.science.dataset import definitions
from iactflow.science.folding import folding_data
from iactflow.science.ogip import read_ogip

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
    counts = energy_counts(chunks, settings, name, spectrum["models"][name])
    with style():
        draw_sed(spectrum, _read(inputs.flux_points), settings, outputs.sed)
        draw_counts(counts, name, settings, outputs.counts)
        draw_theta_squared(_read(inputs.theta_squared), spectrum, settings, outputs.theta_squared)
        draw_profiles(_read(inputs.profiles), spectrum["models"], settings, outputs.profiles)
        regions, runs = (_stacked(chunks, f"{kind}.ecsv") for kind in ("regions", "runs"))
        draw_regions(regions, runs, settings, outputs.regions)


def energy_counts(chunks: list[str], settings: dict, name: str, fit: dict) -> EnergyCounts:
    """Add up counts, background and predicted signal over the runs of a fit.

    Parameters
    ----------
    chunks : list of str
        Folders of extracted data sets.
    settings : dict
        The target.
    name : str
        Name of the fitted model.
    fit : dict
        Its block of ``spectrum.json``.

    Returns
    -------
    EnergyCounts
        Per bin of reconstructed energy.

    Raises
    ------
    InputError
        When there is no data set.
    """
    definition = name if name in definitions(settings) else "default"
    files = [f for chunk in chunks for f in sorted(Path(chunk).glob(f"{definition}/*/pha_*.fits"))]
    if not files:
        raise InputError(", ".join(chunks), definition, "no PHA file", "data sets of one run each")
    datasets = [read_ogip(file) for file in files]
    (entry,) = [m for m in settings["spectrum"]["models"] if (m["name"] or m["model"]) == name]
    data = folding_data(datasets, entry["energy_min_tev"], entry["energy_max_tev"])
    model, values = model_values(fit)
    n_bins = data.energy_edges_tev.size - 1

    def per_bin(rows: np.ndarray) -> np.ndarray:
        return np.bincount(data.energy_bin, weights=rows, minlength=n_bins)

    n_on = per_bin(data.n_on)
    return EnergyCounts(
        data.energy_edges_tev,
        n_on,
        per_bin(data.alpha * data.n_off),
        per_bin(data.predict(model, values, fit["reference_tev"])),
        sum(dataset.n_on for dataset in datasets) - n_on,
    )


def _read(path) -> Table:
    return Table.read(path, format="ascii.ecsv")


def _stacked(chunks: list[str], name: str) -> Table:
    """Tables of all chunks, one below the other."""
    tables = [_read(Path(chunk) / name) for chunk in chunks]
    return vstack(tables, metadata_conflicts="silent")
