"""Light curves of the check chain: time bins, fluxes and variability by gammapy and astropy."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from astropy.stats import bayesian_blocks
from astropy.time import Time
from gammapy.datasets import Datasets
from gammapy.estimators import LightCurveEstimator
from gammapy.maps import MapAxis
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel, SpectralModel

from iactflow.campaign.json_product import write_json
from iactflow.crosscheck.gammapy_data import (
    DNDE_UNIT,
    SOURCE,
    Run,
    find_runs,
    make_datasets,
    open_observations,
    quiet,
)
from iactflow.crosscheck.gammapy_spectrum import fit_model

__all__ = ["check_light_curves", "variability"]

FLUX_UNIT = "cm-2 s-1"
SECONDS_PER_DAY = 86400.0


def check_light_curves(inputs, outputs, params, wildcards) -> None:
    """Make the light curves of a target by gammapy.

    Parameters
    ----------
    inputs : namespace
        ``hdu_index``, ``observations``.
    outputs : namespace
        ``check``: the block ``light_curve`` as JSON.
    params : namespace
        ``settings`` (the target) and ``scale_flux``, which multiplies every flux.
    wildcards : namespace
        Not used.
    """
    settings, scale = params.settings, float(getattr(params, "scale_flux", 1.0))
    block, made = {}, {}
    with quiet():
        observations = open_observations(inputs.hdu_index, inputs.observations)
        runs, _ = find_runs(observations, settings)
        for name, curve in settings["light_curves"].items():
            key = str([curve[k] for k in ("energy_axis", "energy_axis_true", "safe_range")])
            if runs and key not in made:
                made[key] = make_datasets(runs, settings, curve)
            block[name] = light_curve_block(runs, made.get(key), settings, curve, scale)
    write_json(outputs.check, block)


def light_curve_block(runs, whole, settings: dict, curve: dict, scale: float = 1.0) -> dict:
    """Make one light curve and its measures of variability.

    Parameters
    ----------
    runs : list of Run
        Runs that have off regions.
    whole : gammapy.datasets.Datasets or None
        Data sets of the whole runs on the axes of the light curve; None without runs.
    settings : dict
        The target.
    curve : dict
        Block of the light curve.
    scale : float, optional
        Multiplies every flux.

    Returns
    -------
    dict
        energy_min_tev, energy_max_tev, points, fractional_variability, chi2, ndf.
    """
    if not runs:
        return {"points": [], "fractional_variability": None, "chi2": None, "ndf": 0}
    axis = whole[0].counts.geom.axes["energy"]
    energies = axis.round([curve["energy_min_tev"], curve["energy_max_tev"]] * u.TeV, clip=True)
    bins = _time_bins(runs, whole, settings, curve, energies)
    pieces, bins = _cut(runs, bins)
    if curve["binning"] == "run_wise":
        datasets = Datasets([d.copy(name=d.name) for d in whole])
    else:
        datasets = make_datasets(pieces, settings, curve)
    model = _assumed_model(whole, settings, curve)
    datasets.models = [SkyModel(spectral_model=model, name=SOURCE)]
    points = _fluxes(datasets, bins, energies, curve["upper_limit_sigma"], scale)
    low, high = energies.to_value("TeV")
    return {"energy_min_tev": low, "energy_max_tev": high, "points": points, **variability(points)}


def _assumed_model(whole: Datasets, settings: dict, curve: dict) -> SpectralModel:
    """Shape of the light curve: a power law of the index given, or the model fitted to all runs."""
    reference_tev = settings["spectrum"]["models"][0]["reference_tev"]
    if curve["spectral_index"] is None:
        fit_model(whole, {"model": curve["model"], "reference_tev": reference_tev})
        return whole.models[SOURCE].spectral_model.copy()
    return PowerLawSpectralModel(
        index=curve["spectral_index"],
        amplitude=u.Quantity(1e-11, DNDE_UNIT),
        reference=reference_tev * u.TeV,
    )


def _good_times(runs: list[Run]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Good time intervals in time order (MJD, TT) and the number of the run of each."""
    starts, stops, owner = [], [], []
    for number, run in enumerate(runs):
        gti = run.observation.gti
        starts += list(gti.time_start.tt.mjd)
        stops += list(gti.time_stop.tt.mjd)
        owner += [number] * len(gti.table)
    order = np.argsort(starts)
    return np.array(starts)[order], np.array(stops)[order], np.array(owner)[order]


def _time_bins(runs, whole, settings, curve, energies) -> np.ndarray:
    """Starts and stops of the bins, MJD (TT), shape (n, 2), in time order."""
    starts, stops, owner = _good_times(runs)
    if curve["binning"] == "run_wise":
        spans = [(starts[owner == n].min(), stops[owner == n].max()) for n in range(len(runs))]
        return np.array(sorted(spans))
    if curve["binning"] == "fixed":
        start = Time(curve["start"], scale="utc").tt
        return _pairs((start + np.arange(curve["n_bins"] + 1) * curve["step_min"] * u.min).mjd)
    if curve["binning"] == "nightly":
        first = np.floor(Time(starts.min(), format="mjd", scale="tt").utc.mjd - 0.5)
        last = np.ceil(Time(stops.max(), format="mjd", scale="tt").utc.mjd - 0.5)
        noons = first + np.arange(int(last - first) + 1) + 0.5
        return _pairs(Time(noons, format="mjd", scale="utc").tt.mjd)
    return _blocks(runs, whole, settings, energies, curve["false_alarm_probability"])


def _pairs(edges: np.ndarray) -> np.ndarray:
    return np.column_stack([edges[:-1], edges[1:]])


def _blocks(runs, whole, settings, energies, false_alarm_probability) -> np.ndarray:
    """Bayesian blocks (Scargle et al. 2013, ApJ 764, 167) of the on events in livetime.

    The time that enters is the livetime accumulated since the first good time interval, so that
    neither gaps nor dead time make change points.
    """
    starts, stops, owner = _good_times(runs)
    live = np.array([1 - runs[n].observation.observation_dead_time_fraction for n in owner])
    edges_s = np.concatenate([[0.0], np.cumsum(live * (stops - starts) * SECONDS_PER_DAY)])
    times = []
    for run, dataset in zip(runs, whole, strict=True):
        region, axis = dataset.counts.geom.region, dataset.counts.geom.axes["energy"]
        events = run.observation.events.select_region(region)
        bins = axis.coord_to_idx(events.energy)
        chosen = dataset.mask_safe.data.ravel() & axis_mask(axis, energies)
        times += list(events.time.tt.mjd[(bins >= 0) & chosen[np.clip(bins, 0, None)]])
    compressed = []
    for time in times:
        k = np.searchsorted(starts, time, side="right") - 1
        if k >= 0 and time < stops[k]:
            compressed.append(edges_s[k] + live[k] * (time - starts[k]) * SECONDS_PER_DAY)
    inner = []
    if len(compressed) > 1:
        found = bayesian_blocks(np.sort(compressed), fitness="events", p0=false_alarm_probability)
        inner = found[1:-1]
    bounds = [starts[0]]
    for edge in inner:
        k = np.clip(np.searchsorted(edges_s, edge, side="left") - 1, 0, starts.size - 1)
        bounds.append(starts[k] + (edge - edges_s[k]) / live[k] / SECONDS_PER_DAY)
    return _pairs(np.array([*bounds, stops[-1]]))


def axis_mask(axis: MapAxis, energies: u.Quantity) -> np.ndarray:
    """Mark the bins of an energy axis inside two of its edges.

    Parameters
    ----------
    axis : gammapy.maps.MapAxis
        Energy axis.
    energies : Quantity
        Lowest and highest energy.

    Returns
    -------
    ndarray of bool, shape (n_bins,)
        True inside.
    """
    centre = axis.center
    return (centre > energies[0]) & (centre < energies[1])


def _cut(runs: list[Run], bins: np.ndarray) -> tuple[list[Run], np.ndarray]:
    """Cut the runs at the bins; a bin without livetime is left out."""
    starts, stops, owner = _good_times(runs)
    pieces, kept = [], []
    for start, stop in bins:
        overlap_s = (np.minimum(stop, stops) - np.maximum(start, starts)) * SECONDS_PER_DAY
        inside = sorted(set(owner[overlap_s > 1e-3].tolist()))
        if not inside:
            continue
        kept.append((start, stop))
        for n in inside:
            interval = Time([start, stop], format="mjd", scale="tt")
            part = runs[n].observation.select_time(interval)
            pieces.append(Run(part, runs[n].regions, runs[n].wcs))
    return pieces, np.array(kept).reshape(-1, 2)


def _fluxes(datasets, bins, energies, upper_limit_sigma, scale) -> list[dict]:
    """Integral flux per bin, fitted jointly to the data sets that lie in it.

    ``flux_err_limit`` is the upper limit as an error of one sigma: a scale for bins without events,
    where the likelihood has no parabola.
    """
    estimator = LightCurveEstimator(
        time_intervals=[Time(pair, format="mjd", scale="tt") for pair in bins],
        energy_edges=energies,
        source=SOURCE,
        n_sigma_ul=upper_limit_sigma,
        selection_optional=["ul"],
        atol="0.01 s",
    )
    flux = estimator.run(datasets)
    columns = {
        key: getattr(flux, key).quantity.to_value(FLUX_UNIT).ravel()
        for key in ("flux", "flux_err", "flux_ul")
    }
    axis = flux.geom.axes["time"]
    found = 0.5 * (axis.time_min.tt.mjd + axis.time_max.tt.mjd)
    points = []
    for start, stop in bins:
        row = np.nonzero((found > start) & (found < stop))[0]
        numbers = {k: scale * float(v[row[0]]) if row.size else np.nan for k, v in columns.items()}
        limit_err = (numbers["flux_ul"] - numbers["flux"]) / upper_limit_sigma
        points.append({"mjd_min": start, "mjd_max": stop, **numbers, "flux_err_limit": limit_err})
    return points


def variability(points: list[dict]) -> dict:
    """Measure how much a light curve varies.

    Parameters
    ----------
    points : list of dict
        Keys flux, flux_err; points that are not finite or without an error are left out.

    Returns
    -------
    dict
        fractional_variability (Vaughan et al. 2003, MNRAS 345, 1271, equation 10; null when the
        scatter is below the errors), chi2 against the weighted mean, and ndf.
    """
    flux, error = (np.array([p[key] for p in points], dtype=float) for key in ("flux", "flux_err"))
    usable = np.isfinite(flux) & (error > 0)
    flux, error = flux[usable], error[usable]
    if flux.size < 2:
        return {"fractional_variability": None, "chi2": None, "ndf": max(flux.size - 1, 0)}
    excess = flux.var(ddof=1) - np.mean(error**2)
    mean = np.average(flux, weights=error**-2)
    return {
        "fractional_variability": np.sqrt(excess) / flux.mean() if excess > 0 else None,
        "chi2": float(np.sum(((flux - mean) / error) ** 2)),
        "ndf": len(flux) - 1,
    }
