"""Results of mock data against what was injected: a further verdict for every number that is known.

The main chain's fit stands in the column of the main chain, the injected value in that of the
check; the tolerance is ``truth_sigma`` standard errors of the fit, with those of the simulations
where events were drawn from them (`iactflow.crosscheck.simulation_error`). Judged are targets at a
single point source with no other near; of their spectra the models that the injected one is a case
of.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from scipy.stats import chi2, norm

from iactflow.campaign.directions import separation_deg
from iactflow.campaign.mock_runs import run_span_s, sources_of
from iactflow.campaign.mock_truth import (
    TIME_REFERENCE_MJD,
    factor_mean,
    factor_mean_between,
    flux_per_cm2_s_tev,
    run_start_s,
)
from iactflow.crosscheck.simulation_error import SimulationError

__all__ = ["injected_flux", "light_curve_rows", "sky_map_rows", "source_of_target", "spectrum_rows"]

Row = tuple[str, object, object, object]

#: Sources closer to a target than this, beside its own, disturb its results.
APART_DEG = 1.0
#: Binnings whose edges follow from the counts that are judged.
CHOSEN_BY_COUNTS = ("bayesian_blocks",)
_NODES_PER_DECADE = 200


def source_of_target(mock: Mapping, position: Mapping, radius_deg: float) -> dict | None:
    """Source that a target's results are held against.

    Parameters
    ----------
    mock : mapping
        Block ``mock`` of the campaign.
    position : mapping
        ``ra_deg``, ``dec_deg`` of the target.
    radius_deg : float
        Radius of its on region.

    Returns
    -------
    dict or None
        The point source in the on region's inner fifth; None where there is none, or another
        source is near.
    """
    sources = sources_of(mock)
    away = [
        float(
            separation_deg(
                *(p[k] for p in (s["position"], position) for k in ("ra_deg", "dec_deg"))
            )
        )
        for s in sources
    ]
    near = [s for s, distance in zip(sources, away, strict=True) if distance < APART_DEG]
    if len(near) != 1 or near[0]["extension"] is not None or min(away) > 0.2 * radius_deg:
        return None
    return near[0]


def injected_flux(source: Mapping, energy_min_tev: float, energy_max_tev: float) -> float:
    """Integral of the spectrum of a source, without its factor of time.

    Parameters
    ----------
    source : mapping
        Source of the block ``mock``.
    energy_min_tev, energy_max_tev : float
        Range, TeV.

    Returns
    -------
    float
        Flux, cm-2 s-1; trapezoids in log-log, exact for power laws.
    """
    decades = math.log10(energy_max_tev / energy_min_tev)
    n = max(int(_NODES_PER_DECADE * decades), 2)
    energy_tev = np.geomspace(energy_min_tev, energy_max_tev, n)
    log_value = np.log(flux_per_cm2_s_tev(source, energy_tev) * energy_tev)
    steps, width = np.diff(log_value), np.diff(np.log(energy_tev))
    flat = np.abs(steps) < 1e-9
    mean = np.where(flat, 1.0, np.expm1(steps) / np.where(flat, 1.0, steps))
    return float(np.sum(np.exp(log_value[:-1]) * mean * width))


def _parameters(source: Mapping, model: str, reference_tev: float) -> dict[str, float]:
    """Injected parameters in the form of a fitted model; empty where it is no case of it."""
    injected, amplitude = source["model"], float(flux_per_cm2_s_tev(source, reference_tev))
    index, curvature = source["index"], source["curvature"]
    if model == "pl" and injected == "pl":
        return {"amplitude": amplitude, "index": index}
    if model == "lp" and injected in ("pl", "lp"):
        curvature = curvature if injected == "lp" else 0.0
        # Local index at another reference energy.
        local = index + 2.0 * curvature * math.log(reference_tev / source["reference_tev"])
        return {"amplitude": amplitude, "alpha": local, "beta": curvature}
    if model == "ecpl" and injected == "ecpl":
        cutoff_tev = source["energy_cutoff_tev"]
        without = amplitude * math.exp(reference_tev / cutoff_tev)
        return {"amplitude": without, "index": index, "lambda_": 1.0 / cutoff_tev}
    return {}


def spectrum_rows(
    mock: Mapping, source: Mapping, main: Mapping, sigma: float, simulated: SimulationError | None
) -> Iterator[Row]:
    """Rows of a spectrum: parameters and integral fluxes of every model that can be judged.

    Parameters
    ----------
    mock : mapping
        Block ``mock`` of the campaign.
    source : mapping
        Source of the target.
    main : mapping
        Product of the main chain.
    sigma : float
        Tolerance in standard errors.
    simulated : SimulationError or None
        Errors of the simulations that events were drawn from.

    Yields
    ------
    tuple
        Quantity, fitted, injected, tolerance.
    """
    factor = factor_mean(mock, source, main["obs_ids"])
    for model, block in main["models"].items():
        truth = _parameters(source, model, block["reference_tev"])
        n_terms = 3 if model == "lp" else 2
        further = _of_parameters(simulated, block["reference_tev"], n_terms)
        for name, value in truth.items():
            fitted = block["parameters"][name]
            injected = value * factor if name == "amplitude" else value
            more = further.get(name, 0.0) * (injected if name == "amplitude" else 1.0)
            tolerance = _times(sigma, _joined(fitted["error"], more))
            yield f"{model}.{name}", fitted["value"], injected, tolerance
        for flux in block["integral_fluxes"] if truth else ():
            ends = flux["energy_min_tev"], flux["energy_max_tev"]
            injected = factor * injected_flux(source, *ends)
            more = simulated.of_flux(*ends, n_terms) * injected if simulated else 0.0
            name = f"{model}.flux[{ends[0]:.4g}-{ends[1]:.4g} TeV]"
            yield name, flux["flux"], injected, _times(sigma, _joined(flux["flux_err"], more))


def _of_parameters(simulated, reference_tev, n_terms) -> dict[str, float]:
    """Standard errors of the simulations by parameter; the amplitude's is relative."""
    if simulated is None:
        return {}
    errors = np.sqrt(np.diag(simulated.covariance(reference_tev, n_terms))).tolist()
    names = ("amplitude", "alpha", "beta") if n_terms == 3 else ("amplitude", "index")
    return dict(zip(names, errors, strict=True))


def _joined(error, more):
    """Two independent errors; None without the first."""
    return None if error is None else math.hypot(error, more)


def sky_map_rows(
    source: Mapping, main: Mapping, sigma: float, simulated: SimulationError | None
) -> Iterator[Row]:
    """Rows of sky maps: distance of the fitted position from the injected one.

    Parameters
    ----------
    source : mapping
        Source of the target.
    main : mapping
        Product of the main chain, by band.
    sigma : float
        Tolerance in standard errors: that probability, for a distance in two dimensions.
    simulated : SimulationError or None
        Errors of the simulations that events were drawn from.

    Yields
    ------
    tuple
        Quantity, distance, zero, tolerance in deg.
    """
    position = source["position"]
    for band, block in main.items():
        found = [block.get(k) for k in ("position_ra_deg", "position_dec_deg")]
        error, distance_deg = block.get("position_error_deg"), None
        if None not in (*found, error):
            true = position["ra_deg"], position["dec_deg"]
            distance_deg = float(separation_deg(*found, *true))
        widths = math.sqrt(chi2.isf(2.0 * norm.sf(sigma), 2))
        more = simulated.position_deg if simulated else 0.0
        yield f"{band}.position_deg", distance_deg, 0.0, _times(widths, _joined(error, more))


def light_curve_rows(
    mock: Mapping,
    source: Mapping,
    main: Mapping,
    settings: Mapping,
    sigma: float,
    simulated: SimulationError | None,
) -> Iterator[Row]:
    """Rows of light curves: chi-square of all points with the injected fluxes.

    Parameters
    ----------
    mock : mapping
        Block ``mock`` of the campaign.
    source : mapping
        Source of the target.
    main : mapping
        Product of the main chain, by binning.
    settings : mapping
        Block ``light_curves`` of the target; Bayesian blocks are left out, their edges follow
        from the very counts.
    sigma : float
        Tolerance in standard errors: the chi-square of that probability.
    simulated : SimulationError or None
        Errors of the simulations that events were drawn from: common to all points.

    Yields
    ------
    tuple
        Quantity, chi-square, degrees of freedom, tolerance.
    """
    for binning, block in main.items():
        if settings[binning]["binning"] in CHOSEN_BY_COUNTS:
            continue
        ends = block["energy_min_tev"], block["energy_max_tev"]
        quiet, pulls, common = injected_flux(source, *ends), [], []
        more = simulated.of_flux(*ends, 2) if simulated else 0.0
        for point in block["points"]:
            factor = _factor_of_bin(mock, source, point["mjd_min"], point["mjd_max"])
            if factor is not None and point["flux"] is not None:
                pull, error = _pull(point, quiet * factor)
                pulls.append(pull)
                common.append(more * quiet * factor / error)
        ndf = len(pulls)
        total = _chi_square(np.array(pulls), np.array(common)) if ndf else None
        limit = chi2.isf(2.0 * norm.sf(sigma), max(ndf, 1))
        yield f"{binning}.chi2 with {ndf} points", total, ndf, float(limit) - ndf


def _factor_of_bin(mock, source, mjd_min, mjd_max):
    """Mean factor over the time on source inside a bin; None where there is none."""
    first_s = run_start_s(mock, 1)
    ends = [(mjd - TIME_REFERENCE_MJD) * 86400.0 - first_s for mjd in (mjd_min, mjd_max)]
    start_s, stop_s = run_span_s(mock, np.arange(1, mock["n_runs"] + 1))
    start_s, stop_s = np.clip(start_s, *ends), np.clip(stop_s, *ends)
    if not np.sum(stop_s - start_s) > 0.0:
        return None
    return factor_mean_between(source, start_s, stop_s)


def _pull(point, flux):
    """Deviation over the error on the side of the truth, and it; NaN, which fails, without one."""
    side = "flux_errp" if point["flux"] < flux else "flux_errn"
    error = point[side] or point["flux_err"] or math.nan
    return (point["flux"] - flux) / error, error


def _chi_square(pulls, common) -> float:
    """Chi-square of pulls with a common deviation: inverse of one plus an outer product."""
    shared = float(pulls @ common)
    return float(pulls @ pulls) - shared**2 / (1.0 + float(common @ common))


def _times(factor, error):
    return None if error is None else factor * error
