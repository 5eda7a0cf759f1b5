"""Spectra of the check chain: counts, spectral fits and flux points by gammapy."""

from __future__ import annotations

import json
from pathlib import Path

import astropy.units as u
import numpy as np
from gammapy.datasets import Datasets, SpectrumDatasetOnOff
from gammapy.estimators import FluxPointsEstimator
from gammapy.modeling import Fit
from gammapy.modeling.models import (
    BrokenPowerLawSpectralModel,
    ExpCutoffPowerLawSpectralModel,
    LogParabolaSpectralModel,
    SkyModel,
)
from gammapy.stats import WStatCountsStatistic

from iactflow.campaign.json_product import write_json
from iactflow.crosscheck.gammapy_data import (
    DNDE_UNIT,
    SOURCE,
    find_runs,
    fit_power_law,
    make_datasets,
    open_observations,
    quiet,
)

__all__ = ["check_spectrum"]

FLUX_COLUMNS = ("dnde", "dnde_err", "dnde_errn", "dnde_errp", "dnde_ul")


def check_spectrum(inputs, outputs, params, wildcards) -> None:
    """Make the spectrum of a target by gammapy.

    Parameters
    ----------
    inputs : namespace
        ``hdu_index``, ``observations`` and ``ogip``, the chunk folders of the main chain.
    outputs : namespace
        ``check``: the block ``spectrum`` as JSON, and under ``ogip`` gammapy's best fit of every
        model to the OGIP files of the main chain.
    params : namespace
        ``settings`` (the target) and ``scale_flux``, which multiplies every flux.
    wildcards : namespace
        Not used.
    """
    settings, scale = params.settings, float(getattr(params, "scale_flux", 1.0))
    with quiet():
        runs, dropped = find_runs(
            open_observations(inputs.hdu_index, inputs.observations), settings
        )
        block = {
            "obs_ids": [run.obs_id for run in runs],
            "dropped": dropped,
            "on_radius_deg": settings["spectrum"]["on_radius_deg"],
            "models": {},
            "flux_points": [],
        }
        if runs:
            block |= _spectrum(runs, settings, scale)
            block["ogip"] = _fit_ogip(inputs.ogip, settings["spectrum"]["models"])
    write_json(outputs.check, block)


def _spectrum(runs, settings, scale) -> dict:
    spectrum, made = settings["spectrum"], {}

    def datasets_of(entry: dict) -> Datasets:
        key = json.dumps([entry.get(k) or spectrum[k] for k in _OWN], sort_keys=True)
        if key not in made:
            made[key] = make_datasets(runs, settings, entry)
        return made[key]

    result = count_block(datasets_of({}), [run.obs_id for run in runs])
    result["models"], result["flux_points"] = {}, []
    wanted = spectrum["flux_points"]["model"] or label(spectrum["models"][0])
    for entry in spectrum["models"]:
        datasets = in_fit_range(datasets_of(entry), entry)
        result["models"][label(entry)] = fit_model(datasets, entry, scale)
        if label(entry) == wanted:
            result["flux_points"] = _flux_points(datasets, spectrum["flux_points"], scale)
    return result


_OWN = ("energy_axis", "energy_axis_true", "safe_range")


def label(entry: dict) -> str:
    """Name of a spectral model in the products.

    Parameters
    ----------
    entry : dict
        Block of the model.

    Returns
    -------
    str
        Its name, or the model's if it has none.
    """
    return entry["name"] or entry["model"]


def count_block(datasets: Datasets, obs_ids: list[int]) -> dict:
    """Count events over the whole energy axis, before any safe range.

    Parameters
    ----------
    datasets : gammapy.datasets.Datasets
        One on-off data set per run.
    obs_ids : list of int
        Numbers of the runs.

    Returns
    -------
    dict
        n_on, n_off, alpha (mean weighted with the off counts), excess, significance (Li & Ma
        1983, ApJ 272, 317, equation 17), livetime_s, and n_on and n_off per run.
    """
    on = np.array([d.counts.data.sum() for d in datasets])
    off = np.array([d.counts_off.data.sum() for d in datasets])
    acceptance = np.array([d.acceptance.data.max() for d in datasets], dtype=float)
    acceptance_off = np.array([d.acceptance_off.data.max() for d in datasets], dtype=float)
    if off.sum() > 0:
        alpha = float((acceptance / acceptance_off * off).sum() / off.sum())
    else:
        alpha = float(acceptance.sum() / acceptance_off.sum())
    statistic = WStatCountsStatistic(on.sum(), off.sum(), alpha)
    return {
        "n_on": int(on.sum()),
        "n_off": int(off.sum()),
        "alpha": alpha,
        "excess": float(on.sum() - alpha * off.sum()),
        "significance": float(statistic.sqrt_ts),
        "livetime_s": sum(d.exposure.meta["livetime"].to_value("s") for d in datasets),
        "n_on_per_run": {str(i): int(n) for i, n in zip(obs_ids, on, strict=True)},
        "n_off_per_run": {str(i): int(n) for i, n in zip(obs_ids, off, strict=True)},
    }


def in_fit_range(datasets: Datasets, entry: dict) -> Datasets:
    """Copy data sets and restrict their safe masks to the range of a model.

    A fit mask beside the safe mask would do the same, but gammapy multiplies the two anew in every
    evaluation of the likelihood, which takes half of its time.

    Parameters
    ----------
    datasets : gammapy.datasets.Datasets
        On-off data sets with safe masks, or without: then all bins are safe.
    entry : dict
        Block of the model. The ends of its range snap to the nearest edges of the energy axis.

    Returns
    -------
    gammapy.datasets.Datasets
        Copies under the same names.
    """
    low, high = (
        None if entry[key] is None else entry[key] * u.TeV
        for key in ("energy_min_tev", "energy_max_tev")
    )
    copies = Datasets([d.copy(name=d.name) for d in datasets])
    for dataset in copies:
        mask = dataset.counts.geom.energy_mask(low, high, round_to_edge=True)
        if dataset.mask_safe is not None:
            mask = mask & dataset.mask_safe
        dataset.mask_safe = mask
    return copies


def fit_model(datasets: Datasets, entry: dict, scale: float = 1.0) -> dict:
    """Fit one spectral model jointly to data sets; the best fit stays attached to them.

    Parameters
    ----------
    datasets : gammapy.datasets.Datasets
        On-off data sets, their safe masks restricted to the range of the model.
    entry : dict
        Block of the model.
    scale : float, optional
        Multiplies the amplitude and its error in the result.

    Returns
    -------
    dict
        Parameters, reference_tev, stat, n_bins, energy_min_tev, energy_max_tev.
    """
    power_law, result = fit_power_law(datasets, entry["reference_tev"])
    model = power_law
    if entry["model"] != "pl":
        model = _CURVED[entry["model"]](power_law, _median_energy(datasets))
        datasets.models = [SkyModel(spectral_model=model, name=SOURCE)]
        result = Fit().run(datasets)
        if not result.success:
            # at the kink of a broken power law minuit can run out of calls: go on from there
            result = Fit().run(datasets)
    edges = datasets[0].counts.geom.axes["energy"].edges.to_value("TeV")
    used = np.array([d.mask.data.ravel() for d in datasets])
    bins = np.nonzero(used.any(axis=0))[0]
    return {
        "parameters": _parameters(model, scale),
        "reference_tev": entry["reference_tev"],
        "stat": float(result.total_stat),
        "success": bool(result.success),
        "n_bins": int(used.sum()),
        "energy_min_tev": float(edges[bins[0]]) if bins.size else None,
        "energy_max_tev": float(edges[bins[-1] + 1]) if bins.size else None,
    }


def _median_energy(datasets: Datasets) -> u.Quantity:
    """Energy that halves the on counts: where a break can be told."""
    counts = sum(np.where(d.mask.data, d.counts.data, 0).ravel() for d in datasets)
    total = np.cumsum(counts)
    return datasets[0].counts.geom.axes["energy"].center[np.searchsorted(total, total[-1] / 2)]


def _log_parabola(start, middle):
    return LogParabolaSpectralModel(
        amplitude=start.amplitude.quantity,
        reference=start.reference.quantity,
        alpha=start.index.value,
        beta=0.05,
    )


def _cut_off(start, middle):
    return ExpCutoffPowerLawSpectralModel(
        amplitude=start.amplitude.quantity,
        reference=start.reference.quantity,
        index=start.index.value - 0.2,
        lambda_=0.05 / u.TeV,
    )


def _broken(start, middle):
    return BrokenPowerLawSpectralModel(
        amplitude=start(middle),
        ebreak=middle,
        index1=start.index.value - 0.5,
        index2=start.index.value + 0.5,
    )


_CURVED = {"lp": _log_parabola, "ecpl": _cut_off, "bpl": _broken}
_UNITS = {"amplitude": DNDE_UNIT, "lambda_": "TeV-1", "ebreak": "TeV"}


def _parameters(model, scale: float) -> dict:
    result = {}
    for parameter in model.parameters.free_parameters:
        unit = _UNITS.get(parameter.name, "")
        factor = scale if parameter.name == "amplitude" else 1.0
        value, error = (
            factor * u.Quantity(number, parameter.unit).to_value(unit)
            for number in (parameter.value, parameter.error)
        )
        result[parameter.name] = {"value": value, "error": error, "unit": unit}
    return result


def _flux_points(datasets: Datasets, settings: dict, scale: float) -> list[dict]:
    """Flux points in the bins of the settings; the data sets carry the best fit."""
    estimator = FluxPointsEstimator(
        energy_edges=settings["energy_edges_tev"] * u.TeV,
        source=SOURCE,
        n_sigma_ul=settings["upper_limit_sigma"],
        selection_optional=["errn-errp", "ul"],
    )
    table = estimator.run(datasets).to_table(sed_type="dnde", formatted=False)
    points = []
    for row in table:
        point = {f"{k}_tev": row[k] for k in ("e_ref", "e_min", "e_max")}
        point |= {k: scale * float(row[k]) for k in FLUX_COLUMNS}
        points.append(point | {"sqrt_ts": row["sqrt_ts"]})
    return points


def _fit_ogip(chunks: list[str], entries: list[dict]) -> dict:
    """Fit every model to the OGIP files of the main chain, without a scale."""
    result = {}
    for entry in entries:
        files = []
        for chunk in sorted(map(Path, [chunks] if isinstance(chunks, str) else chunks)):
            own = chunk / label(entry)
            folder = own if own.is_dir() else chunk / "default"
            files += sorted(folder.glob("obs_*/pha*.fits*"))
        if files:
            datasets = Datasets([SpectrumDatasetOnOff.read(file) for file in files])
            fitted = fit_model(in_fit_range(datasets, entry), entry)
            result[label(entry)] = {key: fitted[key] for key in ("stat", "n_bins", "parameters")}
    return result
