"""Forward folding: predicted counts of many runs and their W statistic, as one block.

A spectral model is integrated over the bins of true energy, multiplied by the exposure and
carried to reconstructed energy by the energy dispersion (Piron et al. 2001, A&A 374, 895, eq. 3):

    s_j = sum_i edisp_ij exposure_i integral_i

Runs are fitted jointly: the bins that a fit uses, of all runs, are the rows of one contiguous
matrix response_ji = edisp_ij exposure_i, so that a call is one pass over memory. Energy
dispersion is a band; each row knows the columns that hold it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iactflow._jit import jit
from iactflow.errors import InputError
from iactflow.science.models import MODEL_CODES, integrate_bins, log_nodes
from iactflow.science.statistics import wstat_bin

__all__ = ["FoldingData", "Objective", "fold", "folding_data", "wstat_sum"]


@jit
def fold(response, first, last, flux, counts):
    """Predicted signal counts per row (kernel; Piron et al. 2001, eq. 3).

    Parameters
    ----------
    response : (r, m) ndarray
        Exposure times energy dispersion, cm2 s.
    first, last : (r,) ndarray of int
        Columns of each row outside which the response is zero: first <= i < last.
    flux : (m,) ndarray
        Integral flux per bin of true energy, cm-2 s-1.
    counts : (r,) ndarray
        Receives the counts.
    """
    for j in range(response.shape[0]):
        total = 0.0
        for i in range(first[j], last[j]):
            total += response[j, i] * flux[i]
        counts[j] = total


@jit
def wstat_sum(n_on, n_off, alpha, mu_signal):
    """W statistic summed over bins (kernel; XSPEC manual, appendix B).

    Parameters
    ----------
    n_on, n_off, alpha, mu_signal : (r,) ndarray
        Counts, on-to-off exposure ratio, expected signal.

    Returns
    -------
    float
        Sum of the W statistic.
    """
    total = 0.0
    for j in range(n_on.size):
        total += wstat_bin(n_on[j], n_off[j], alpha[j], mu_signal[j])
    return total


@jit
def _objective(code, parameters, log_reference, nodes, response, first, last, n_on, n_off, alpha):
    flux = np.empty(nodes.shape[0])
    integrate_bins(code, parameters, log_reference, nodes, flux)
    counts = np.empty(n_on.size)
    fold(response, first, last, flux, counts)
    return wstat_sum(n_on, n_off, alpha, counts)


@dataclass(frozen=True)
class FoldingData:
    """The bins that a fit uses, of all runs; a row is one bin of one run.

    Attributes
    ----------
    n_on, n_off : (r,) ndarray
        Counts in the on and off regions.
    alpha : (r,) ndarray
        On-to-off exposure ratio, acceptance over acceptance_off.
    response : (r, m) ndarray
        Exposure times energy dispersion, cm2 s.
    first, last : (r,) ndarray of int
        Columns between which the response is not zero.
    run : (r,) ndarray of int
        Index of the run in ``names``.
    energy_bin : (r,) ndarray of int
        Index of the bin of reconstructed energy.
    names : tuple of str
        Names of the runs.
    energy_edges_tev : (n + 1,) ndarray
        Edges of reconstructed energy, TeV.
    energy_true_edges_tev : (m + 1,) ndarray
        Edges of true energy, TeV.
    """

    n_on: np.ndarray
    n_off: np.ndarray
    alpha: np.ndarray
    response: np.ndarray
    first: np.ndarray
    last: np.ndarray
    run: np.ndarray
    energy_bin: np.ndarray
    names: tuple
    energy_edges_tev: np.ndarray
    energy_true_edges_tev: np.ndarray

    @property
    def n_bins(self) -> int:
        """Number of rows: bins summed over runs."""
        return self.n_on.size

    @property
    def energy_min_tev(self) -> float:
        """Lower edge of the lowest bin that any run uses, TeV."""
        return float(self.energy_edges_tev[self.energy_bin.min()])

    @property
    def energy_max_tev(self) -> float:
        """Upper edge of the highest bin that any run uses, TeV."""
        return float(self.energy_edges_tev[self.energy_bin.max() + 1])

    def predict(self, model, parameters, reference_tev=1.0):
        """Signal counts expected per row.

        Parameters
        ----------
        model : {"pl", "bpl", "ecpl", "lp"}
            Model.
        parameters : (k,) array-like
            Parameters of the model.
        reference_tev : float
            Reference energy, TeV.

        Returns
        -------
        (r,) ndarray
            Signal counts in the on region.
        """
        nodes = log_nodes(model, self.energy_true_edges_tev)
        values = np.asarray(parameters, dtype=np.float64)
        flux, counts = np.empty(nodes.shape[0]), np.empty(self.n_bins)
        integrate_bins(MODEL_CODES[model], values, math.log(reference_tev), nodes, flux)
        fold(self.response, self.first, self.last, flux, counts)
        return counts


class Objective:
    """W statistic of a model, as a function of its parameters.

    Parameters
    ----------
    data : FoldingData
        Data.
    model : {"pl", "bpl", "ecpl", "lp"}
        Model.
    reference_tev : float
        Reference energy, TeV.
    """

    #: Stands for a statistic that is not finite, so that a minimiser steps back.
    UNDEFINED = 1e15

    def __init__(self, data, model, reference_tev=1.0):
        self._head = MODEL_CODES[model]
        nodes = log_nodes(model, data.energy_true_edges_tev)
        self._tail = (
            math.log(reference_tev),
            nodes,
            data.response,
            data.first,
            data.last,
            data.n_on,
            data.n_off,
            data.alpha,
        )

    def __call__(self, parameters):
        """Evaluate the statistic.

        Parameters
        ----------
        parameters : (k,) ndarray
            Parameters of the model.

        Returns
        -------
        float
            W statistic summed over all bins.
        """
        value = _objective(self._head, parameters, *self._tail)
        return value if math.isfinite(value) else self.UNDEFINED


def _checked_axis(datasets, attribute):
    edges = np.asarray(getattr(datasets[0], attribute), dtype=np.float64)
    for dataset in datasets[1:]:
        other = np.asarray(getattr(dataset, attribute))
        if other.shape != edges.shape or not np.allclose(other, edges, rtol=1e-6, atol=0):
            raise InputError(
                dataset.name, attribute, f"{other.size} edges", "one axis for all runs"
            )
    return edges


def _snapped_range(edges, energy_min_tev, energy_max_tev):
    """First and one past the last bin of a range whose ends snap to the nearest edge in log."""
    ends = (energy_min_tev or edges[0], energy_max_tev or edges[-1])
    position = np.interp(np.log(ends), np.log(edges), np.arange(edges.size))
    return np.round(position).astype(int)


def folding_data(datasets, energy_min_tev=None, energy_max_tev=None):
    """Collect the bins of all runs that a fit uses.

    A bin is used where the run's safe mask holds, the off region has exposure, and the bin lies
    within the energy range, whose ends snap to the nearest edges in log energy.

    Parameters
    ----------
    datasets : sequence of SpectrumDataset
        Runs, with equal energy axes.
    energy_min_tev, energy_max_tev : float or None
        Range of reconstructed energy, TeV; None: open.

    Returns
    -------
    FoldingData
        The block.

    Raises
    ------
    InputError
        There is no run, the axes differ, or no bin is left.
    """
    datasets = list(datasets)
    if not datasets:
        raise InputError("spectrum", "datasets", 0, "at least one run")
    edges = _checked_axis(datasets, "energy_edges_tev")
    edges_true = _checked_axis(datasets, "energy_true_edges_tev")
    first_bin, stop_bin = _snapped_range(edges, energy_min_tev, energy_max_tev)
    inside = (np.arange(edges.size - 1) >= first_bin) & (np.arange(edges.size - 1) < stop_bin)
    masks = [
        inside & np.asarray(d.mask_safe, dtype=bool) & (d.acceptance > 0) & (d.acceptance_off > 0)
        for d in datasets
    ]
    if not any(mask.any() for mask in masks):
        allowed = "a range that holds a bin in the safe range of some run"
        raise InputError("spectrum", "energy range, TeV", (energy_min_tev, energy_max_tev), allowed)
    return _rows(datasets, masks, edges, edges_true)


def _rows(datasets, masks, edges, edges_true):
    """Concatenate the bins that the masks of the runs leave."""
    pairs = list(zip(datasets, masks, strict=True))
    folded = [(d.exposure_cm2_s[:, None] * d.edisp).T[mask] for d, mask in pairs]
    response = np.ascontiguousarray(np.concatenate(folded), dtype=np.float64)
    filled = response != 0
    any_filled = filled.any(axis=1)
    last = filled.shape[1] - filled[:, ::-1].argmax(axis=1)

    def column(name):
        values = [getattr(d, name)[mask] for d, mask in pairs]
        return np.concatenate(values).astype(np.float64)

    return FoldingData(
        n_on=column("n_on"),
        n_off=column("n_off"),
        alpha=column("acceptance") / column("acceptance_off"),
        response=response,
        first=np.where(any_filled, filled.argmax(axis=1), 0).astype(np.int64),
        last=np.where(any_filled, last, 0).astype(np.int64),
        run=np.concatenate([np.full(m.sum(), k) for k, m in enumerate(masks)]),
        energy_bin=np.concatenate([np.flatnonzero(m) for m in masks]),
        names=tuple(str(d.name) for d in datasets),
        energy_edges_tev=edges,
        energy_true_edges_tev=edges_true,
    )
