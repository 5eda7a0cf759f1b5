"""The rule that fits spectra: models, flux points, profiles, totals."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from astropy.table import Table

from iactflow.campaign.json_product import write_json
from iactflow.campaign.streams import StreamKey
from iactflow.errors import InputError
from iactflow.science.dataset import definitions
from iactflow.science.fit import fit_model
from iactflow.science.flux_points import estimate_flux_points, flux_points_table
from iactflow.science.folding import folding_data
from iactflow.science.goodness import bootstrap_p_value
from iactflow.science.ogip import read_ogip
from iactflow.science.spectrum_io import (
    comparison_block,
    counts_block,
    flux_point_blocks,
    model_block,
    profiles_table,
    totals_block,
)
from iactflow.science.theta_squared import add_theta_squared

__all__ = ["fit_spectrum"]

LOG = logging.getLogger(__name__)

#: Sets of counts drawn for the p-value of a fit.
BOOTSTRAP_SAMPLES = 100


def fit_spectrum(inputs, outputs, params, wildcards) -> None:
    """Fit the spectral models of a target to all of its runs jointly.

    Parameters
    ----------
    inputs : namespace
        ``ogip``: folders of `iactflow.science.stages.extract_spectra`, one per chunk.
    outputs : namespace
        ``spectrum``: JSON, the ``spectrum`` block of the summary with covariances, goodness of
        fit, butterflies, counts and comparison of the models; ``flux_points``: ECSV that
        gammapy's FluxPoints reads; ``profiles``: ECSV, see
        `iactflow.science.spectrum_io.profiles_table`; ``theta_squared``: ECSV, histograms of all
        runs added up.
    params : namespace
        ``settings``: the target; ``seed``: seed of the campaign.
    wildcards : namespace
        Not used.

    Raises
    ------
    InputError
        No run of the target was kept, or a fit has too few bins.
    """
    target = params.settings
    chunks = list(map(Path, inputs.ogip))
    runs = _read_runs(chunks)
    kept = [run for run in runs if run["status"] == "kept"]
    if not kept:
        reasons = "; ".join(f"{run['obs_id']}: {run['reason']}" for run in runs)
        raise InputError(target["name"], "runs of the spectrum", reasons, "one that is not dropped")
    datasets, blocks, fits = _fit_models(kept, target)
    points_model, points = _flux_points(blocks, fits, target)
    result = {
        **_runs_block(runs, target),
        **totals_block(kept),
        "models": {},
        "model_comparison": comparison_block(fits, blocks),
        "flux_points_model": points_model,
        "flux_points": flux_point_blocks(points),
    }
    for name, fit in fits.items():
        block = model_block(fit)
        block["counts"] = counts_block(datasets[_definition(name, datasets)], blocks[name], fit)
        block["goodness_of_fit"].update(_bootstrap(blocks[name], fit, target, name, params.seed))
        result["models"][name] = block
    write_json(outputs.spectrum, result)
    sigma = target["spectrum"]["flux_points"]["upper_limit_sigma"]
    _write(flux_points_table(points, sigma), outputs.flux_points)
    _write(profiles_table(fits, blocks, points, points_model), outputs.profiles)
    _write(_theta_squared(chunks), outputs.theta_squared)


def _runs_block(runs, target):
    dropped = [run for run in runs if run["status"] != "kept"]
    return {
        "obs_ids": [run["obs_id"] for run in runs if run["status"] == "kept"],
        "dropped": [{"obs_id": run["obs_id"], "reason": run["reason"]} for run in dropped],
        "on_radius_deg": target["spectrum"]["on_radius_deg"],
    }


def _write(table, path):
    table.write(path, format="ascii.ecsv", overwrite=True)


def _read_runs(chunks):
    """Rows of the tables of runs of all chunks, in order of the runs, with their folder."""
    runs = []
    for chunk in chunks:
        table = Table.read(chunk / "runs.ecsv", format="ascii.ecsv")
        for row in table.filled("") if table.masked else table:
            run = {name: np.asarray(row[name]).item() for name in table.colnames}
            runs.append({**run, "reason": str(run["reason"]), "chunk": chunk})
    return sorted(runs, key=lambda run: run["obs_id"])


def _label(model):
    return model["name"] or model["model"]


def _definition(name, known):
    """Name of the data set of a model: its own if it brings axes or a safe range of its own."""
    return name if name in known else "default"


def _fit_models(kept, target):
    """Data sets by definition; folding data and fits by model."""
    known = definitions(target)
    models = target["spectrum"]["models"]
    datasets, blocks, fits = {}, {}, {}
    for model in models:
        name = _label(model)
        definition = _definition(name, known)
        if definition not in datasets:
            datasets[definition] = [_read(run, definition) for run in kept]
        data = folding_data(datasets[definition], model["energy_min_tev"], model["energy_max_tev"])
        fit = fit_model(data, model["model"], model["reference_tev"], minos=True)
        shown = ", ".join(
            f"{p} {v:.4g} +- {e:.2g}"
            for p, v, e in zip(fit.names, fit.values, fit.errors, strict=True)
        )
        LOG.info("%s: %s; W %.3f in %d bins", name, shown, fit.stat, fit.n_bins)
        if not fit.valid:
            LOG.warning("%s: the fit is not valid: no minimum, or a parameter at its limit", name)
        blocks[name], fits[name] = data, fit
    return datasets, blocks, fits


def _read(run, definition):
    obs_id = run["obs_id"]
    return read_ogip(run["chunk"] / definition / f"obs_{obs_id}" / f"pha_obs{obs_id}.fits")


def _flux_points(blocks, fits, target):
    settings = target["spectrum"]["flux_points"]
    name = settings["model"] or _label(target["spectrum"]["models"][0])
    points = estimate_flux_points(
        blocks[name],
        fits[name],
        settings["energy_edges_tev"],
        upper_limit_sigma=settings["upper_limit_sigma"],
        detection_sqrt_ts=settings["detection_sqrt_ts"],
    )
    return name, points


def _bootstrap(data, fit, target, name, seed):
    """P-value from counts drawn from the fit; none for a fit that is not valid."""
    if not fit.valid:
        return {}
    stream = StreamKey(campaign_seed=seed, stage=f"goodness of fit: {target['name']}: {name}")
    p_value = bootstrap_p_value(data, fit, stream.generator(), BOOTSTRAP_SAMPLES)
    return {"bootstrap_p_value": p_value, "bootstrap_samples": BOOTSTRAP_SAMPLES}


def _theta_squared(chunks):
    """Histograms of all chunks added up; a chunk without a kept run has nothing to add."""
    tables = [Table.read(chunk / "theta_squared.ecsv", format="ascii.ecsv") for chunk in chunks]
    filled = [table for table in tables if table.meta["n_runs"] > 0]
    total = filled[0].copy()
    names = ("n_on", "n_off", "alpha")
    added = add_theta_squared(*([np.asarray(t[name]) for t in filled] for name in names))
    for name, values in zip(names, added, strict=True):
        total[name] = values
    total.meta["n_runs"] = sum(table.meta["n_runs"] for table in filled)
    return total
