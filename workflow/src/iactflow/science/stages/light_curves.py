"""Light curves: what the rule ``estimate_light_curve`` calls.

Runs are read one at a time and reduced at once to data sets, one for each time bin that they
overlap, so that memory does not grow with the event lists.
"""

from __future__ import annotations

import logging

import numpy as np

from iactflow.campaign.json_product import write_json
from iactflow.dl3.files import run_files
from iactflow.errors import InputError
from iactflow.io.gadf import read_observation
from iactflow.science.dataset import (
    Axes,
    Definition,
    energy_edges_tev,
    extract,
    extract_intervals,
    off_regions,
    select_events,
)
from iactflow.science.fit import fit_model
from iactflow.science.folding import folding_data
from iactflow.science.light_curve import (
    LightCurve,
    SpectralShape,
    fit_light_curve,
    snap_energy_range,
)
from iactflow.science.light_curve_io import light_curve_summary, light_curve_table
from iactflow.science.time_bins import (
    SECONDS_PER_DAY,
    Livetime,
    block_bins,
    fixed_bins,
    nightly_bins,
    overlap_s,
)

__all__ = ["estimate_light_curve", "light_curve_of_files"]

LOG = logging.getLogger(__name__)

# Shorter overlaps of a time bin and a run are rounding of times.
MIN_OVERLAP_S = 1e-3
WHOLE_RUN = (-np.inf, np.inf)


def estimate_light_curve(inputs, outputs, params, wildcards) -> None:
    """Estimate one light curve of a target.

    Parameters
    ----------
    inputs : namespace
        ``dl3``: files of the target's runs, or folders that hold them; ``observations``: their
        table.
    outputs : namespace
        ``light_curve``: ECSV that gammapy reads with ``format="lightcurve"``; ``summary``: JSON
        ``{binning: {...}}`` with the points and their variability.
    params : namespace
        ``settings``: the target's block of the campaign; ``obs_ids``: its runs.
    wildcards : namespace
        ``binning``: key in the target's ``light_curves``.

    Raises
    ------
    InputError
        When a file cannot be used, no run leaves room for off regions, no run lies in the time
        bins, or the energy range holds no safe bin.
    """
    paths = run_files(inputs.dl3, inputs.observations, params.obs_ids)
    target, binning = params.settings, wildcards.binning
    curve = light_curve_of_files(paths, target, binning)
    table = light_curve_table(curve, target["spectrum"]["flux_points"]["detection_sqrt_ts"])
    table.meta.update(target=target["name"], binning=binning)
    table.write(outputs.light_curve, format="ascii.ecsv", overwrite=True)
    write_json(outputs.summary, {binning: light_curve_summary(curve)})


def light_curve_of_files(paths, target: dict, binning: str) -> LightCurve:
    """Estimate a light curve from DL3 files.

    Parameters
    ----------
    paths : sequence of str or Path
        DL3 files of the runs.
    target : dict
        The target's block of the campaign, with its name.
    binning : str
        Key in the target's ``light_curves``.

    Returns
    -------
    LightCurve
        The light curve, in time order.

    Raises
    ------
    InputError
        As `estimate_light_curve`.

    Notes
    -----
    The off regions, responses and safe range of a run are those of the whole run in each of its
    time bins. A shape that is not given is fitted with one amplitude for all runs: where the flux
    varies together with the energy threshold, it is biased, and an index should be given.
    """
    block, spectrum = target["light_curves"][binning], target["spectrum"]
    how = _definition(block, spectrum)
    energy_range = block["energy_min_tev"], block["energy_max_tev"]
    given = None
    if block["binning"] == "fixed":
        given = fixed_bins(block["start"], block["step_min"], block["n_bins"])
    elif block["binning"] == "bayesian_blocks":
        energy_range = snap_energy_range(how.axes.energy_edges_tev, *energy_range)
        given = _blocks(paths, target, how, energy_range, block["false_alarm_probability"])
    parts, runs = _reduce(paths, target, how, block["binning"], given)
    if not parts:
        key = f"targets.{target['name']}.light_curves.{binning}"
        span = [f"MJD {t:.5f} (TT)" for t in _span(runs)] if runs else ["nothing"]
        allowed = f"time bins and runs that overlap; the usable runs span {' to '.join(span)}"
        raise InputError(key, "time bins", block["start"] or block["binning"], allowed)
    shape = _shape(runs, block, spectrum["models"][0]["reference_tev"])
    bins = sorted({edges for edges, _ in parts})
    place = {edges: k for k, edges in enumerate(bins)}
    return fit_light_curve(
        [dataset for _, dataset in parts],
        [place[edges] for edges, _ in parts],
        bins,
        shape,
        energy_range,
        block["upper_limit_sigma"],
    )


def _usable_runs(paths, target):
    """Runs that leave room for off regions, with these, read one at a time."""
    hdus = ["events", "gti", "aeff", "edisp"]
    if target["spectrum"]["containment_correction"]:
        hdus.append("psf")
    for path in paths:
        observation = read_observation(path, hdus=hdus)
        regions = off_regions(observation, target)
        if len(regions) >= target["spectrum"]["min_off_regions"]:
            yield observation, regions
        else:
            reason = regions.reason or f"only {len(regions)} off regions"
            LOG.info("run %d dropped from the light curve: %s", observation.obs_id, reason)


def _reduce(paths, target, how, binning, given):
    """Data sets with the edges of their time bins, and those of whole runs."""
    parts, runs = [], []
    for observation, regions in _usable_runs(paths, target):
        bins, intervals = _bins_of_run(observation, binning, given)
        *cut, whole = extract_intervals(observation, target, *how, [*intervals, WHOLE_RUN], regions)
        pairs = zip(map(tuple, bins.tolist()), cut, strict=True)
        parts += [(edges, dataset) for edges, dataset in pairs if dataset is not None]
        runs.append(whole)
    return parts, runs


def _bins_of_run(observation, binning, given):
    """Time bins that a run overlaps, MJD (TT), and as seconds since its reference."""
    start, stop = _gti_mjd(observation)
    if binning == "run_wise":
        # All events of the run: stop times may be rounded down, its last events come after.
        return np.array([[start[0], stop[-1]]]), [WHOLE_RUN]
    bins = nightly_bins(start, stop) if binning == "nightly" else given
    bins = bins[(bins[:, 0] < stop[-1]) & (bins[:, 1] > start[0])]
    good_s = np.array([overlap_s(*edges, start, stop).sum() for edges in bins])
    bins = bins[good_s > MIN_OVERLAP_S]
    return bins, (bins - observation.time_ref_mjd) * SECONDS_PER_DAY


def _blocks(paths, target, how, energy_range, false_alarm_probability):
    """Bayesian blocks of the on events inside the energy range and the safe range of their run."""
    times, starts, stops, live = [np.empty(0)], [], [], []
    edges = how.axes.energy_edges_tev
    for observation, regions in _usable_runs(paths, target):
        mask = extract(observation, target, *how, regions=regions).mask_safe
        used = mask & (edges[:-1] >= energy_range[0]) & (edges[1:] <= energy_range[1])
        is_on, _ = select_events(observation, target, regions)
        position = np.searchsorted(edges, observation.event_energy_tev, side="right")
        # Below the first and above the last edge no bin is used.
        selected = is_on & np.concatenate([[False], used, [False]])[position]
        selected &= _in_good_time(observation)
        times.append(_mjd(observation, observation.event_time_s[selected]))
        start, stop = _gti_mjd(observation)
        starts.append(start)
        stops.append(stop)
        live.append(np.full(start.size, observation.livetime_s / observation.ontime_s))
    if not starts:
        return np.empty((0, 2))
    livetime = Livetime(*(np.concatenate(x) for x in (starts, stops, live)))
    return block_bins(np.concatenate(times), livetime, false_alarm_probability)


def _definition(block, spectrum):
    """Energy axes and safe range of a light curve: its own, or those of the spectrum."""
    keys = "energy_axis", "energy_axis_true"
    axes = Axes(*(energy_edges_tev(block[key] or spectrum[key]) for key in keys))
    return Definition(axes, block["safe_range"] or spectrum["safe_range"])


def _shape(runs, block, reference_tev):
    """Power law of the index given, or the model fitted to all runs over all safe energies."""
    if block["spectral_index"] is not None:
        return SpectralShape.power_law(block["spectral_index"])
    model = block["model"]
    fit = fit_model(folding_data(runs), model, reference_tev)
    shown = zip(fit.names[1:], fit.values[1:], fit.errors[1:], strict=True)
    text = ", ".join(f"{name} {value:.4f} +- {error:.4f}" for name, value, error in shown)
    LOG.info("shape of the light curve's %s: %s", model, text)
    # The amplitude is fitted in every bin; that of the whole may be negative.
    return SpectralShape(model, (1e-11, *fit.values[1:].tolist()), reference_tev)


def _in_good_time(observation):
    """Which events lie in a good time interval: others have no livetime of their own."""
    time_s = observation.event_time_s
    last = np.searchsorted(observation.gti_start_s, time_s, side="right") - 1
    return (last >= 0) & (time_s < observation.gti_stop_s[np.maximum(last, 0)])


def _mjd(run, time_s):
    return run.time_ref_mjd + np.asarray(time_s) / SECONDS_PER_DAY


def _gti_mjd(run):
    return _mjd(run, run.gti_start_s), _mjd(run, run.gti_stop_s)


def _span(runs):
    return min(_gti_mjd(r)[0][0] for r in runs), max(_gti_mjd(r)[1][-1] for r in runs)
