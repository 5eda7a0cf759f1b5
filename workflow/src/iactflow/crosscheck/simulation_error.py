"""What finite simulations add to the errors of mock results.

Mock events are drawn from one part of the showers, responses are made of another. Where both are
small, a fit deviates from what was injected by their ratio, however long the observation: the
counts follow the detection probability of the one part, the fit takes that of the other. The
logarithm of the ratio is independent in each bin of true energy; its variance is the relative one
of the effective area, times one plus the ratio of both parts. A fit answers to it as weighted least
squares do, the weights being the counts. Energy dispersion is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["SimulationError", "simulation_error"]

#: Radius that holds 68 % of a two-dimensional Gaussian over its standard deviation.
R68_OVER_SIGMA = math.sqrt(-2.0 * math.log(0.32))


class SimulationError(NamedTuple):
    """Errors that come from the number of simulated showers.

    Attributes
    ----------
    energy_tev : ndarray of float64, shape (n,)
        Centres of the bins in true energy.
    flux : ndarray of float64, shape (n,)
        E dN/dE of the source in them.
    counts : ndarray of float64, shape (n,)
        Expected counts of the source, in any unit.
    variance : ndarray of float64, shape (n,)
        Variance of the logarithm of the ratio of both parts.
    position_deg : float
        Standard error of the mean direction along one axis, deg.
    """

    energy_tev: np.ndarray
    flux: np.ndarray
    counts: np.ndarray
    variance: np.ndarray
    position_deg: float

    def covariance(self, reference_tev: float, n_terms: int) -> np.ndarray:
        """Covariance of the parameters of a fit.

        Parameters
        ----------
        reference_tev : float
            Reference energy of the fit.
        n_terms : int
            2: power law; 3: log-parabola.

        Returns
        -------
        ndarray of float64, shape (n_terms, n_terms)
            Of ln amplitude, index, curvature.
        """
        x = np.log(self.energy_tev / reference_tev)
        weighted = self.counts * np.stack([np.ones_like(x), -x, -(x**2)][:n_terms])
        design = np.stack([np.ones_like(x), -x, -(x**2)][:n_terms], axis=1)
        answer = np.linalg.solve(weighted @ design, weighted)
        return (answer * self.variance) @ answer.T

    def of_flux(self, energy_min_tev: float, energy_max_tev: float, n_terms: int) -> float:
        """Relative error of the integral flux of a fit.

        Parameters
        ----------
        energy_min_tev, energy_max_tev : float
            Range, TeV.
        n_terms : int
            As of `covariance`.

        Returns
        -------
        float
            Standard error over the flux.
        """
        energy_tev = np.geomspace(energy_min_tev, energy_max_tev, 200)
        flux = np.exp(np.interp(np.log(energy_tev), np.log(self.energy_tev), np.log(self.flux)))
        x = np.log(energy_tev / energy_min_tev)
        powers = (np.ones_like(x), -x, -(x**2))
        gradient = np.array([np.average(p, weights=flux) for p in powers[:n_terms]])
        covariance = self.covariance(energy_min_tev, n_terms)
        return float(np.sqrt(gradient @ covariance @ gradient))


def simulation_error(
    summaries: Sequence[Mapping], offset_deg: float, flux: Callable, fractions: Mapping[str, float]
) -> SimulationError:
    """Errors that finite simulations add to results of mock runs, shared equally between nodes.

    Parameters
    ----------
    summaries : sequence of mapping
        Headline numbers of the responses, by node, with the same bins of energy.
    offset_deg : float
        Offset of the source from the pointing.
    flux : callable
        dN/dE of the source, of an array of energies in TeV.
    fractions : mapping of str to float
        Parts of the showers: ``test_irfs`` for the responses, ``mock`` for the events.

    Returns
    -------
    SimulationError
        Errors; nodes are independent of each other.
    """
    nodes = [_of_node(summary, offset_deg, flux, fractions) for summary in summaries]
    counts = np.sum([node.counts for node in nodes], axis=0)
    shares = [
        np.divide(n.counts, counts, out=np.zeros_like(counts), where=counts > 0) for n in nodes
    ]
    variance = sum(share**2 * node.variance for share, node in zip(shares, nodes, strict=True))
    position_deg = math.sqrt(sum(node.position_deg**2 for node in nodes)) / len(nodes)
    return nodes[0]._replace(counts=counts, variance=variance, position_deg=position_deg)


def _of_node(summary, offset_deg, flux, fractions) -> SimulationError:
    k = int(np.argmin(np.abs(np.array(summary["offset_deg"], dtype=float) - offset_deg)))
    edges = np.array(summary["energy_edges_tev"], dtype=float)
    energy_tev = np.sqrt(edges[1:] * edges[:-1])
    area, error, events, r68_deg = (
        np.nan_to_num(np.array(summary[name][k], dtype=float))
        for name in ("effective_area_m2", "effective_area_error_m2", "n_signal_events",
                     "angular_resolution_deg")
    )  # fmt: skip
    per_log = energy_tev * flux(energy_tev)
    counts = per_log * area * np.log(edges[1:] / edges[:-1])
    relative = np.divide(error, area, out=np.zeros_like(area), where=area > 0.0)
    ratio = fractions["test_irfs"] / fractions["mock"]
    # Directions of re-uses of a shower are as good as independent: the noise is that of images.
    drawn_from = np.maximum(events / ratio, 1.0)
    share = counts / counts.sum()
    sigma_deg = r68_deg / R68_OVER_SIGMA
    position_deg = math.sqrt(np.sum(share**2 * sigma_deg**2 / drawn_from))
    return SimulationError(energy_tev, per_log, counts, relative**2 * (1.0 + ratio), position_deg)
