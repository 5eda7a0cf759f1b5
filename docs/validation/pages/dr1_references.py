"""H.E.S.S. DL3 DR1: the main chain against numbers of gammapy 2.1 and published ones."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
from campaigns import RealTarget, data_dir, read_campaign
from judged import all_equal, compare, counted, table, worst

from iactflow.io.gadf import read_observation
from iactflow.science.dataset import Axes, energy_edges_tev, extract_intervals
from iactflow.science.fit import fit_model
from iactflow.science.folding import folding_data
from iactflow.science.stages.light_curves import light_curve_of_files
from iactflow.science.time_bins import SECONDS_PER_DAY, fixed_bins

TITLE = "H.E.S.S. DL3 DR1 against gammapy 2.1 and published values"
CAMPAIGN = "config/campaigns/hess-dl3-dr1.yaml"
CONFIGS = [CAMPAIGN, "config/observations/hess-dl3-dr1.tsv"]
MODULES = [
    "iactflow.campaign.config",
    "iactflow.campaign.runs",
    "iactflow.science.stages.extract_spectra",
    "iactflow.science.stages.fit_spectrum",
    "iactflow.science.stages.light_curves",
    "iactflow.science.stages.sky_maps",
]
PARAMETER_SIGMA = 0.02
STATISTIC = 0.01
POINT_SIGMA = 0.02
CURVE_SIGMA = 0.02
INTRODUCTION = """\
The stage functions of the main chain run on the five targets of `{campaign}`. Two kinds of
references stand beside their numbers.

1. gammapy 2.1 (Donath et al. 2023, A&A 678, A157) with the same definitions, run apart from this
   project: `reference/hess_dr1_gammapy.json`, SHA-256 `{sha}`. Counts must be identical.
   Parameters, flux points and light curves may differ by {sigma} of the reference's statistical
   error, statistics by {stat} (0.1 for `pl_range`): minimisers stop at slightly different places,
   integrals over bins differ in the last digits, and numerical second derivatives, from which the
   errors come, in a few per cent. A wrong response, region or safe range shows at 0.3 sigma and
   more. The unit of a flux point is its error, or half the distance to its upper limit where that
   is larger: a point without events has no error.
2. Published values, for information: other cuts, runs, responses or software stand behind them.
"""


def _parameters(label, ours, reference, tolerance=PARAMETER_SIGMA):
    rows = []
    for name, entry in ours["parameters"].items():
        found = reference["pars"][name]
        rows.append(
            compare(
                f"{label}: {name}", entry["value"], found["value"], tolerance,
                error=found["error"], unit="sigma",
            )
        )  # fmt: skip
        rows.append(
            compare(f"{label}: error of {name}", entry["error"], found["error"], 0.05,
                    error=found["error"], unit="relative")
        )  # fmt: skip
    return rows


def _model(label, ours, reference, statistic=STATISTIC):
    rows = _parameters(label, ours, reference)
    return [*rows, compare(f"{label}: W statistic", ours["stat"], reference["stat"], statistic)]


def _crab(campaign, reference, folder):
    target, crab = RealTarget(campaign, "crab", folder), reference["crab"]
    ours, all_counts = target.spectrum(), crab["counts_all"]
    published = reference["published"]["nigro2019_joint_crab"]["per_run_n_on_all"]
    rows = [all_equal("on counts per run (joint-crab)", ours["n_on_per_run"], published)]
    rows += [compare(k, ours[k], all_counts[k], 0) for k in ("n_on", "n_off")]
    rows.append(compare("alpha", ours["alpha"], all_counts["alpha"], 1e-6))
    rows.append(compare("significance", ours["significance"], all_counts["lima"], 1e-3))
    for name in ("pl", "lp", "ecpl"):
        fit = crab["fits"][f"{name.upper()}_safe_aeff10"]
        rows += _model(name, ours["models"][name], fit)
    mohrmann = reference["spec1d_mohrmann_like"]["crab"]
    fit = {"pars": mohrmann["pl"], "stat": mohrmann["stat"]}
    # At equal parameters the statistic of this reference is 0.07 higher.
    rows += _model("pl_range", ours["models"]["pl_range"], fit, 0.1)
    points = crab["flux_points_LP_safe_aeff10"]["table"]
    limits = zip(points["dnde_err"], points["dnde_ul"], points["dnde"], strict=True)
    scale = [max(error, 0.5 * (limit - value)) for error, limit, value in limits]
    for key in ("dnde", "dnde_errn", "dnde_errp", "dnde_ul"):
        found = [point[key] for point in ours["flux_points"]]
        rows.append(worst(f"flux points: {key}", found, points[key], scale, POINT_SIGMA))
    found = [point["sqrt_ts"] for point in ours["flux_points"]]
    rows.append(
        worst("flux points: sqrt(TS)", found, points["sqrt_ts"], [1] * len(found), 0.02, "")
    )
    return "Crab Nebula", rows, _published_crab(ours["models"], reference["published"])


def _published_crab(models, published):
    def shown(label, model, parameter, value, error):
        entry = models[model]["parameters"][parameter]
        # The data overlap or are the same: the unit is the larger of the two errors.
        unit = max(error, entry["error"])
        return compare(
            f"{label}: {parameter}", entry["value"], value, None, error=unit, unit="sigma"
        )

    hess = published["hess2006_crab"]["ecpl"]
    label = "H.E.S.S. 2006 (A&A 457, 899), 22.9 h"
    cutoff, cutoff_error = 1 / hess["e_cut_TeV"], hess["e_cut_err"] / hess["e_cut_TeV"] ** 2
    rows = [
        shown(label, "ecpl", "amplitude", hess["norm_1TeV"], hess["err"]),
        shown(label, "ecpl", "index", hess["index"], hess["index_err"]),
        shown(label, "ecpl", "lambda_", cutoff, cutoff_error),
    ]
    joint = published["nigro2019_joint_crab"]["hess_LP"]
    label = "joint-crab, H.E.S.S. alone (A&A 625, A10), 0.89-28 TeV"
    for name in ("amplitude", "alpha", "beta"):
        # That log-parabola has the logarithm to base 10.
        factor = 1 / np.log(10) if name == "beta" else 1.0
        rows.append(shown(label, "lp", name, factor * joint[name], factor * joint[name + "_err"]))
    for key, fit in published["mohrmann2019"]["powerlaws"].items():
        if key.endswith("crab_1d"):
            label = f"Mohrmann et al. 2019 (A&A 632, A72), {key.removesuffix('_crab_1d')}"
            rows.append(shown(label, "pl_range", "amplitude", fit["phi"], fit["dphi"]))
            rows.append(shown(label, "pl_range", "index", fit["index"], fit["dindex"]))
    return rows


def _pieces(settings, files):
    """Power law of the pieces of the runs in the ten-minute bins, on the spectrum's axis."""
    block, spectrum = settings["light_curves"]["ten_minutes"], settings["spectrum"]
    bins = fixed_bins(block["start"], block["step_min"], block["n_bins"])
    axes = Axes(*(energy_edges_tev(spectrum[k]) for k in ("energy_axis", "energy_axis_true")))
    pieces = []
    for path in files:
        run = read_observation(path, hdus=["events", "gti", "aeff", "edisp", "psf"])
        intervals = (bins - run.time_ref_mjd) * SECONDS_PER_DAY
        pieces += extract_intervals(run, settings, axes, spectrum["safe_range"], intervals)
    pieces = [piece for piece in pieces if piece is not None]
    return folding_data(pieces)


def _flare(campaign, reference, folder):
    target, flare = RealTarget(campaign, "pks2155_flare", folder), reference["pks2155"]
    ours, rows = target.spectrum(), []
    pair = ({str(run): 1 for run in runs} for runs in (target.obs_ids, flare["obs_ids"]))
    rows.append(all_equal("runs selected", *pair))
    data = _pieces(target.settings, target.files)
    fit = fit_model(data, "pl")
    block = {"parameters": {}, "stat": fit.stat}
    for name, value, error in zip(fit.names, fit.values, fit.errors, strict=True):
        block["parameters"][name] = {"value": value, "error": error}
    for key, count in (("counts", data.n_on.sum()), ("counts_off", data.n_off.sum())):
        rows.append(compare(f"pieces of ten minutes: {key}", count, flare["stacked"][key], 0))
    rows += _model("pl, pieces of ten minutes", block, flare["fit_PL"])
    on = ours["models"]["pl_night"]["counts"]["n_on"]
    counts = sum(run["counts"] for run in flare["per_run"])
    rows.append(compare("night: on counts fitted", sum(on), counts, 0))
    for name in ("pl", "lp", "bpl"):
        rows += _model(f"{name}_night", ours["models"][f"{name}_night"],
                       flare[f"fit_night_{name.upper()}"])  # fmt: skip
    for binning, key in (
        ("ten_minutes", "lightcurve_0.5_7TeV"),
        ("run_wise", "lightcurve_run_wise_gt200GeV"),
    ):
        rows += _light_curve(target, binning, flare[key])
    return "PKS 2155-304, flare of 29-30 July 2006", rows, []


def _light_curve(target, binning, reference):
    curve = light_curve_of_files(target.files, target.settings, binning)
    errors = reference["flux_err"]
    rows = [worst(f"{binning}: flux", curve.flux.tolist(), reference["flux"], errors, CURVE_SIGMA)]
    rows.append(
        worst(f"{binning}: error", curve.flux_err.tolist(), errors, errors, 0.01, "relative")
    )
    starts = worst(f"{binning}: start, MJD", curve.mjd_min.tolist(), reference["time_min"],
                   [1] * len(curve), 1e-8, "d")  # fmt: skip
    rows.append(starts)
    if "counts" in reference:
        # An entry per bin and piece of a run, NaN where the piece lies in another bin.
        counts = np.nansum(np.reshape(reference["counts"], (len(errors), -1)), axis=1)
        pairs = (
            {str(k): n for k, n in enumerate(x)} for x in (curve.n_on.tolist(), counts.tolist())
        )
        rows.append(all_equal(f"{binning}: on counts per bin", *pairs))
    return rows


def _msh1552(campaign, reference, folder):
    target = RealTarget(campaign, "msh1552", folder)
    ours, expected = target.sky_map("1-10"), reference["ring_msh1552_1_10TeV"]
    off = expected["off_significance_distribution"]
    rows = [
        compare("ring map: events", ours["n_on_events"], expected["total_counts_in_map"], 0),
        compare("runs", len(ours["obs_ids"]), len(expected["obs_ids"]), 0),
        compare("peak significance", ours["peak_significance"], expected["max_sqrt_ts"], 0.01),
        compare("peak: right ascension", ours["peak_ra_deg"], expected["max_pos_deg"][0], 1e-3,
                unit="deg", error=1.0),
        compare("peak: declination", ours["peak_dec_deg"], expected["max_pos_deg"][1], 1e-3,
                unit="deg", error=1.0),
        compare("off-source bins", ours["n_off_bins"], off["npix"], 0),
        compare("off-source mean", ours["off_mean"], off["mean"], 0.002),
        compare("off-source width", ours["off_std"], off["std"], 0.002),
    ]  # fmt: skip
    return "MSH 15-52", rows, _totals(target)


def _totals(target):
    """What no reference exists for."""
    ours = target.spectrum()
    names = ("n_on", "n_off", "alpha", "excess", "significance")
    rows = [compare(name, ours[name], None, None) for name in names]
    dropped = len(ours["dropped"])
    rows.append(compare("runs kept", len(ours["obs_ids"]), None, None))
    rows.append(compare("runs dropped", dropped, None, None))
    for label, model in ours["models"].items():
        for name, entry in model["parameters"].items():
            text = f"{entry['value']:.4g} +- {entry['error']:.2g}"
            rows.append(compare(f"{label}: {name}", None, None, None)._replace(ours=text))
    return rows


def make() -> str:
    """Run the comparisons.

    Returns
    -------
    str
        The page in Markdown.
    """
    path = data_dir() / "reference" / "hess_dr1_gammapy.json"
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    reference, campaign = json.loads(path.read_text()), read_campaign(CAMPAIGN)
    reference["published"] = json.loads(path.with_name("published_values.json").read_text())
    text = INTRODUCTION.format(campaign=CAMPAIGN, sha=sha, sigma=PARAMETER_SIGMA, stat=STATISTIC)
    parts, compared = [text], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sections = [f(campaign, reference, folder) for f in (_crab, _flare, _msh1552)]
        for target in ("pks2155_low", "rxj1713"):
            found = RealTarget(campaign, target, folder)
            sections.append((found.settings["label"], [], _totals(found)))
    for title, rows, other in sections:
        compared += rows
        parts.append(f"## {title}")
        if rows:
            parts.append(table(rows))
        if other:
            parts += ["For information:", table(other)]
    parts.insert(1, f"**{counted(compared)}**")
    return "\n\n".join(parts)
