"""Comparison of the two chains: a verdict for every number that both measure.

Comparing always succeeds: a number that is missing or not finite on one side is a failed verdict,
not an error. A verdict is passed when ``|main - check| <= tolerance``; tolerances that the campaign
states in errors or as fractions are turned into absolute ones here.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from iactflow.campaign.directions import separation_deg
from iactflow.campaign.json_product import read_json
from iactflow.campaign.mock_truth import flux_per_cm2_s_tev
from iactflow.crosscheck.agreement import reconstruction_verdicts, worst
from iactflow.crosscheck.responses import response_verdicts
from iactflow.crosscheck.simulation_error import SimulationError, simulation_error
from iactflow.crosscheck.truth import (
    light_curve_rows,
    sky_map_rows,
    source_of_target,
    spectrum_rows,
)
from iactflow.crosscheck.verdict_table import verdict_page
from iactflow.crosscheck.verdicts import Verdict, write_verdicts

__all__ = ["compare_blocks", "compare_products", "normal_off_verdicts", "truth_verdicts"]

LOG = logging.getLogger(__name__)

Row = tuple[str, object, object, object]
#: Radius of on regions where a target has no spectrum to name one.
ON_RADIUS_DEG = 0.11
EDGE_TOLERANCE_DAY = 1.0 / 86400.0
EDGE_TOLERANCE_LOG = 1e-3


def compare_products(inputs, outputs, params, wildcards) -> None:
    """Compare every product of every target, number by number.

    Parameters
    ----------
    inputs : namespace
        The results of both chains; they are found through ``params.index``.
    outputs : namespace
        ``verdicts``: TSV with the columns of `Verdict`; ``table``: the same as an HTML page.
    params : namespace
        ``index``: ``{product: {target: {"main": [paths], "check": path}}}``; ``tolerances``: the
        block of the campaign; ``normal_off``: energy bands by target whose off-source
        significance must be a standard normal; ``reconstruction``: comparisons with ctapipe by
        sample, ``{sample: [paths]}``; ``responses``: comparisons with pyirf by node; ``truth``:
        what was injected, as of `truth_verdicts`, or nothing.
    wildcards : namespace
        Not used.
    """
    verdicts = []
    for product, targets in params.index.items():
        for target, files in targets.items():
            main = _merged(files["main"])
            check = _merged([files["check"]])
            verdicts += compare_blocks(target, product, main, check, params.tolerances)
            if product == "sky_map":
                bands = params.normal_off.get(target, [])
                verdicts += normal_off_verdicts(target, bands, main, check, params.tolerances)
            if params.truth:
                verdicts += truth_verdicts(target, product, main, params.truth, params.tolerances)
    for sample, paths in params.reconstruction.items():
        verdicts += _reconstruction(sample, paths, params.tolerances)
    for node, path in params.responses.items():
        verdicts += response_verdicts(node, _merged([path]), params.tolerances)
    write_verdicts(outputs.verdicts, verdicts)
    Path(outputs.table).write_text(verdict_page(verdicts, params.tolerances), encoding="utf-8")


def _reconstruction(sample: str, paths: list[str], tolerances: dict) -> list[Verdict]:
    """Verdicts of a sample over all parts that ctapipe repeated."""
    found = [_without_null(_merged([path])) for path in paths]
    return reconstruction_verdicts(sample, worst(found) if all(found) else {}, tolerances)


def _without_null(value):
    """Infinite differences, which JSON cannot hold, put back."""
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items()}
    return math.inf if value is None else value


def compare_blocks(
    target: str, product: str, main: dict, check: dict, tolerances: dict
) -> list[Verdict]:
    """Compare one product of one target.

    Parameters
    ----------
    target : str
        Name of the target.
    product : {"sky_map", "spectrum", "light_curve"}
        The product.
    main, check : dict
        Its blocks; empty for a chain that lacks it.
    tolerances : dict
        Block of the campaign.

    Returns
    -------
    list of Verdict
        At least one: a product without a common number is a failed one.
    """
    rows = list(_ROWS[product](main, check, tolerances))
    if not rows or not main or not check:
        rows.append(("made", float(bool(main)), float(bool(check)), math.nan))
    return [_verdict(target, product, *row) for row in rows]


def normal_off_verdicts(
    target: str, bands: list[str], main: dict, check: dict, tolerances: dict
) -> list[Verdict]:
    """Hold the off-source significance of both chains against the standard normal.

    Parameters
    ----------
    target : str
        Name of the target.
    bands : list of str
        Energy bands that are held.
    main, check : dict
        Blocks of the sky maps.
    tolerances : dict
        Block of the campaign.

    Returns
    -------
    list of Verdict
        Four per band; the number of the standard normal stands in the column of the check.
    """
    return [
        _verdict(
            target,
            "sky_map",
            f"{band}.{name} of a normal ({chain} chain)",
            _get(block, band, name),
            expected,
            tolerances[name],
        )
        for band in bands
        for chain, block in (("main", main), ("check", check))
        for name, expected in (("off_mean", 0.0), ("off_std", 1.0))
    ]


def truth_verdicts(
    target: str, product: str, main: dict, truth: dict, tolerances: dict
) -> list[Verdict]:
    """Hold a product of the main chain against what was injected.

    Parameters
    ----------
    target : str
        Name of the target.
    product : {"sky_map", "spectrum", "light_curve"}
        The product.
    main : dict
        Its blocks; empty where it is missing.
    truth : dict
        ``mock``: block of the campaign; ``targets``: settings of targets by name; ``responses``:
        summaries of the responses, where events were drawn from simulations, and ``splits``, the
        parts of these.
    tolerances : dict
        Block of the campaign.

    Returns
    -------
    list of Verdict
        None where no source of the campaign can be told from the target's results.
    """
    settings, sigma, mock = truth["targets"][target], tolerances["truth_sigma"], truth["mock"]
    radius_deg = settings["spectrum"]["on_radius_deg"] if settings["spectrum"] else ON_RADIUS_DEG
    source = source_of_target(mock, settings["position"], radius_deg)
    if source is None or not main:
        return []
    curves = settings["light_curves"]
    simulated = _simulation_error(truth, source)
    rows = {
        "sky_map": lambda: sky_map_rows(source, main, sigma, simulated),
        "spectrum": lambda: spectrum_rows(mock, source, main, sigma, simulated),
        "light_curve": lambda: light_curve_rows(mock, source, main, curves, sigma, simulated),
    }[product]()
    return [_verdict(target, "truth", *row) for row in rows]


def _simulation_error(truth: dict, source: dict) -> SimulationError | None:
    """Errors of the simulations that events were drawn from; None where they were not."""
    if not truth["responses"]:
        return None
    return simulation_error(
        [read_json(path) for path in truth["responses"]],
        truth["mock"]["wobble_offset_deg"],
        partial(flux_per_cm2_s_tev, source),
        truth["splits"],
    )


def _verdict(target, product, quantity, main, check, tolerance) -> Verdict:
    main, check, tolerance = _number(main), _number(check), _number(tolerance)
    # any comparison with NaN is false, so that a missing number fails
    passed = abs(main - check) <= tolerance
    return Verdict(target, product, quantity, main, check, tolerance, bool(passed))


def _number(value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return math.nan
    return float(value)


def _merged(paths: list[str]) -> dict:
    """Union of JSON blocks; files that cannot be read add nothing."""
    merged = {}
    for path in paths:
        try:
            content = read_json(path)
        except (OSError, ValueError) as error:
            LOG.warning("%s cannot be read, its numbers fail: %s", path, error)
            continue
        if isinstance(content, dict):
            merged |= content
    return merged


def _get(block, *keys):
    """Value below nested keys, or None."""
    for key in keys:
        block = block.get(key) if isinstance(block, dict) else None
    return block


def _keys(main: dict, check: dict, *keys) -> list[str]:
    """Keys of either side below nested keys, in the order of the main chain."""
    return list(dict.fromkeys([*(_get(main, *keys) or {}), *(_get(check, *keys) or {})]))


def _scaled(factor, value) -> float:
    return factor * abs(_number(value))


def _sky_map_rows(main: dict, check: dict, tolerances: dict) -> Iterator[Row]:
    quantities = {
        "peak_significance": tolerances["peak_significance"],
        "off_mean": tolerances["off_mean"],
        "off_std": tolerances["off_std"],
        "n_on_events": tolerances["n_on"],
    }
    for band in _keys(main, check):
        for name, tolerance in quantities.items():
            yield f"{band}.{name}", _get(main, band, name), _get(check, band, name), tolerance
        distance_deg = _between_peaks_deg(main.get(band), check.get(band))
        yield f"{band}.peak_separation_deg", distance_deg, 0.0, tolerances["peak_separation_deg"]


def _between_peaks_deg(a, b) -> float:
    """Angle between two peaks; NaN where one is missing."""
    keys = ("peak_ra_deg", "peak_dec_deg")
    return float(separation_deg(*(_number(_get(block, key)) for block in (a, b) for key in keys)))


def _spectrum_rows(main: dict, check: dict, tolerances: dict) -> Iterator[Row]:
    if not main and not check:
        return
    for name in ("n_on", "n_off"):
        yield name, main.get(name), check.get(name), tolerances[name]
    fraction = tolerances["alpha_fraction"]
    alpha = check.get("alpha")
    yield "alpha", main.get("alpha"), alpha, _scaled(fraction, alpha)
    for run in _keys(main, check, "n_on_per_run"):
        pair = (_get(block, "n_on_per_run", run) for block in (main, check))
        yield f"n_on[{run}]", *pair, tolerances["n_on"]
    for model in _keys(main, check, "models"):
        yield from _model_rows(model, main, check, tolerances)
    yield from _flux_point_rows(main, check, tolerances["flux_point_sigma"])


def _model_rows(model: str, main: dict, check: dict, tolerances: dict) -> Iterator[Row]:
    here = ("models", model, "parameters")
    for parameter in _keys(main, check, *here):
        pair = (_get(block, *here, parameter, "value") for block in (main, check))
        error = _get(check, *here, parameter, "error")
        yield f"{model}.{parameter}", *pair, _scaled(tolerances["parameter_sigma"], error)
    stat = _get(main, "models", model, "stat")
    stat_check = _get(check, "ogip", model, "stat")
    yield f"{model}.stat on the same OGIP files", stat, stat_check, tolerances["statistic"]


def _flux_point_rows(main: dict, check: dict, sigma: float) -> Iterator[Row]:
    pairs = _paired(
        main.get("flux_points"), check.get("flux_points"), ("e_min_tev", "e_max_tev"), _same_energy
    )
    for one, other in pairs:
        value, value_check = _get(one, "dnde"), _get(other, "dnde")
        if value is None and value_check is None and one and other:
            continue  # both chains state that this bin has no usable data
        sides = (_number(_get(other, key)) for key in ("dnde_errn", "dnde_errp"))
        errors = [error for error in sides if error > 0]
        error = sum(errors) / len(errors) if errors else math.nan
        place = one or other
        name = f"flux_points[{place['e_min_tev']:.4g}-{place['e_max_tev']:.4g} TeV].dnde"
        yield name, value, value_check, sigma * error


def _same_energy(a: float, b: float) -> bool:
    return a > 0 and b > 0 and abs(math.log(a / b)) < EDGE_TOLERANCE_LOG


def _same_time(a: float, b: float) -> bool:
    return abs(a - b) < EDGE_TOLERANCE_DAY


def _paired(main, check, edges: tuple[str, str], same) -> list[tuple[dict | None, dict | None]]:
    """Pair points that have the same edges; a point without a partner stands alone."""

    def agree(a: dict, b: dict) -> bool:
        return all(same(_number(a.get(edge)), _number(b.get(edge))) for edge in edges)

    rest, pairs = list(check or []), []
    for point in main or []:
        partner = next((other for other in rest if agree(point, other)), None)
        if partner is not None:
            rest.remove(partner)
        pairs.append((point, partner))
    return pairs + [(None, other) for other in rest]


def _light_curve_rows(main: dict, check: dict, tolerances: dict) -> Iterator[Row]:
    for binning in _keys(main, check):
        ours, theirs = _get(main, binning, "points"), _get(check, binning, "points")
        count = None if ours is None else len(ours)
        yield f"{binning}.n_bins", count, None if theirs is None else len(theirs), 0
        for edge in ("energy_min_tev", "energy_max_tev"):
            value = _get(check, binning, edge)
            yield (
                f"{binning}.{edge}",
                _get(main, binning, edge),
                value,
                _scaled(EDGE_TOLERANCE_LOG, value),
            )
        for one, other in _paired(ours, theirs, ("mjd_min", "mjd_max"), _same_time):
            flux, flux_check = _get(one, "flux"), _get(other, "flux")
            if flux is None and flux_check is None and one and other:
                continue  # both chains state that this bin has no usable data
            name = f"{binning}[MJD {(one or other)['mjd_min']:.5f}].flux"
            yield name, flux, flux_check, tolerances["light_curve_sigma"] * _flux_error(other)


def _flux_error(point: dict | None) -> float:
    """Error of a flux; where the parabola fails (no event), the upper limit's one sigma."""
    error, from_limit = (_number(_get(point, key)) for key in ("flux_err", "flux_err_limit"))
    return from_limit if not error > 0.1 * from_limit and from_limit > 0 else error


_ROWS = {
    "sky_map": _sky_map_rows,
    "spectrum": _spectrum_rows,
    "light_curve": _light_curve_rows,
}
