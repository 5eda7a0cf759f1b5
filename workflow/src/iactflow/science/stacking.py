"""Stacking of spectral data sets that preserves the expected background."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from iactflow.errors import InputError

__all__ = ["stack"]


def stack(datasets, name="stacked"):
    """Add up data sets of equal axes, bins outside their safe ranges left out.

    Counts and on acceptances add up; the off acceptance keeps the expected background, the sum of
    alpha times off counts; bins without an off count get the mean alpha of all. The energy
    dispersion is weighted by exposure. So does gammapy 2.1 (``MapDatasetOnOff.stack``), whose
    weights leave the containment correction out. Runs of different alpha are better fitted
    jointly: the sum forgets which run a background count is of.

    Parameters
    ----------
    datasets : sequence of SpectrumDataset
        At least one.
    name : str
        Name of the result.

    Returns
    -------
    SpectrumDataset
        The sum; its safe range is the union.

    Raises
    ------
    InputError
        When there is nothing to stack or the axes differ.
    """
    datasets = list(datasets)
    if not datasets:
        raise InputError(name, "datasets", 0, "at least one data set")
    first = datasets[0]
    for key in ("energy_edges_tev", "energy_true_edges_tev", "time_ref_mjd"):
        if any(not np.array_equal(getattr(d, key), getattr(first, key)) for d in datasets):
            raise InputError(name, key, "different ones", f"data sets of equal {key}")
    # A run without any safe bin adds neither exposure nor livetime.
    used = [d for d in datasets if d.mask_safe.any()]
    exposure, edisp = _mean_response(first, used)
    start = np.concatenate([d.gti_start_s for d in datasets])
    stop = np.concatenate([d.gti_stop_s for d in datasets])
    order = np.argsort(start, kind="stable")
    return replace(
        first,
        name=name,
        **_sum_counts(datasets),
        exposure_cm2_s=exposure,
        edisp=edisp,
        mask_safe=np.any([d.mask_safe for d in datasets], axis=0),
        livetime_s=float(sum(d.livetime_s for d in used)),
        ontime_s=float(sum(d.ontime_s for d in used)),
        gti_start_s=start[order],
        gti_stop_s=stop[order],
    )


def _sum_counts(datasets):
    def total(values):
        return np.sum([d.mask_safe * values(d) for d in datasets], axis=0)

    n_off, acceptance = total(lambda d: d.n_off), total(lambda d: d.acceptance)
    background = total(lambda d: d.alpha * d.n_off)
    off = total(lambda d: d.acceptance_off)
    if n_off.sum() > 0:
        mean_alpha = background.sum() / n_off.sum()
        off = acceptance / mean_alpha
        np.divide(acceptance * n_off, background, out=off, where=n_off > 0)
    return {
        "n_on": total(lambda d: d.n_on),
        "n_off": n_off,
        "acceptance": acceptance,
        "acceptance_off": off,
    }


def _mean_response(first, used):
    exposure, weighted = np.zeros_like(first.exposure_cm2_s), np.zeros_like(first.edisp)
    for dataset in used:
        exposure += dataset.exposure_cm2_s
        weighted += dataset.exposure_cm2_s[:, None] * dataset.edisp * dataset.mask_safe
    np.divide(weighted, exposure[:, None], out=weighted, where=exposure[:, None] > 0)
    return exposure, weighted
