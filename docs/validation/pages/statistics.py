"""Counting statistics: significances of empty fields, known values, coverage of limits."""

from __future__ import annotations

import math

import numpy as np
from campaigns import mock_block, mock_target, read_campaign
from judged import compare, counted, table
from scipy import stats

from iactflow.campaign.streams import StreamKey, campaign_seed
from iactflow.dl3.mock import sample_observation
from iactflow.science.dataset import Axes, energy_edges_tev, extract
from iactflow.science.map_products import make_products, summarise
from iactflow.science.maps import MapDefinition, MapFiller
from iactflow.science.norm import fit_norm
from iactflow.science.statistics import li_ma_significance, wstat

TITLE = "Significances, W statistic and upper limits"
CAMPAIGN = "config/campaigns/demo.yaml"
CONFIGS = [CAMPAIGN]
MODULES = [
    "iactflow.campaign.config",
    "iactflow.campaign.runs",
    "iactflow.dl3.mock",
    "iactflow.science.stages.extract_spectra",
    "iactflow.science.stages.fit_spectrum",
    "iactflow.science.stages.sky_maps",
]
NO_SOURCE = 1e-20
N_MAPS = 16
N_FIELDS = 600
N_RUNS = 2
BAND = "0.3-1"
N_TOYS = 10000
LIMIT_SIGMA = 2.0
COVERAGE = 0.015
TOYS = [(2.0, 0.0), (2.0, 5.0), (10.0, 0.0), (10.0, 5.0), (10.0, 30.0), (50.0, 20.0)]
TOY_ALPHA = 0.1
EMPTY = """\
Fields without a source, {runs} runs each, drawn from the background of the mock responses. In
{maps} of them the ring map of the band {band} TeV is made, with no exclusion: all of it is
off-source. In {fields}, on and reflected off regions are counted in all safe energies of the
spectrum. Without a source significances are normally distributed with mean 0 and width 1 (Li & Ma
1983, ApJ 272, 317). For the maps the tolerances are those of the gate between the two chains, 0.1
and 0.05; for the regions three statistical errors, 3/sqrt(n) and 3/sqrt(2n).
"""
KNOWN = """\
Li & Ma's equation 17 and the W statistic where they can be written down. With signal s, ratio
alpha of the exposures and the statistic of the XSPEC manual, appendix B: without on counts
W = 2 (s + n_off ln(1 + alpha)); without off counts and s < n_on alpha / (1 + alpha),
W = -2 (s / alpha + n_on ln(alpha / (1 + alpha))), above that W = 2 (s - n_on + n_on ln(n_on / s)).
For 13 on and 11 off counts at alpha 1/2 gammapy 2.1 gives a significance of 2.09283. W at s = 0
is the square of Li & Ma's significance, and zero at s = n_on - alpha n_off. What is left are the
last digits of floating point.
"""
LIMITS = """\
{n} toys for each case: counts drawn from background b in the on region and signal s, the
background measured with alpha = {alpha:g}. The upper limit, where W has risen by {w:g}, must be
above s in a fraction {level:.4f} of them (one side of {sigma:g} standard deviations, Wilks 1938,
Ann. Math. Statist. 9, 60). Counts are whole numbers, so that the fraction moves in steps;
{tolerance} is allowed, which holds three statistical errors of the toys ({error:.4f}) and a step.
With s = 0 the fraction is known: the limit is below zero where Li & Ma's significance is below
-{sigma:g}, which the Poisson probabilities of all counts tell; three statistical errors of the toys
are allowed. With b = 2 that is far from {level:.4f}: limits from few counts undercover.
"""


def _empty_fields(campaign):
    settings = mock_target(campaign, "crab")
    settings["exclusion_regions"] = []
    for entry in settings["sky_maps"]:
        entry["exclusion_regions"] = []
    block = mock_block(campaign, N_RUNS)
    block["source"]["amplitude"] = NO_SOURCE
    spectrum = settings["spectrum"]
    axes = Axes(*(energy_edges_tev(spectrum[k]) for k in ("energy_axis", "energy_axis_true")))
    definition = MapDefinition.from_target(settings, BAND)
    means, widths, significances = [], [], []
    for number in range(N_FIELDS):
        seed = campaign_seed(f"empty-{number:03d}")
        runs = [sample_observation(block, seed, obs_id) for obs_id in range(1, N_RUNS + 1)]
        if number < N_MAPS:
            filler = MapFiller(definition)
            for run in runs:
                filler.add(run)
            summary = summarise(make_products(definition, filler.sums))
            means.append(summary["off_mean"])
            widths.append(summary["off_std"])
        datasets = [extract(run, settings, axes, spectrum["safe_range"]) for run in runs]
        n_on = sum(d.n_on[d.mask_safe].sum() for d in datasets)
        n_off = sum(d.n_off[d.mask_safe].sum() for d in datasets)
        # Both runs have the same offset and so the same number of off regions.
        significances.append(float(li_ma_significance(n_on, n_off, datasets[0].alpha[-1])))
    return np.array(means), np.array(widths), np.array(significances)


def _empty_rows(means, widths, significances):
    n = len(significances)
    probability = stats.kstest(significances, "norm").pvalue
    return [
        compare(f"ring maps: mean, of {len(means)} fields", means.mean(), 0.0, 0.1),
        compare(f"ring maps: width, of {len(means)} fields", widths.mean(), 1.0, 0.05),
        compare("ring maps: scatter of the means", means.std(ddof=1), None, None),
        compare(f"regions: mean, of {n} fields", significances.mean(), 0.0, 3 / math.sqrt(n)),
        compare(
            f"regions: width, of {n} fields", significances.std(ddof=1), 1.0, 3 / math.sqrt(2 * n)
        ),
        compare("regions: Kolmogorov-Smirnov probability", probability, 1.0, 0.999),
    ]


def _known_rows():
    only_off, only_on = -math.sqrt(2 * 20 * math.log(1.5)), math.sqrt(2 * 5 * math.log(3))
    rows = []
    for n_on, n_off, expected, tolerance in (
        (13, 11, 2.09283, 1e-5),
        (0, 20, only_off, 1e-9),
        (5, 0, only_on, 1e-9),
        (30, 60, 0.0, 1e-6),
    ):
        label = f"Li & Ma: {n_on} on, {n_off} off, alpha 0.5"
        value = float(li_ma_significance(n_on, n_off, 0.5))
        rows.append(compare(label, value, expected, tolerance))
    square = float(li_ma_significance(698, 1482, 0.0422)) ** 2
    cases = [(698, 1482, 0.0422, 0.0, square), (41, 90, 0.2, 41 - 18.0, 0.0)]
    for n_off, alpha, s in ((0, 0.1, 3.0), (12, 0.1, 3.0), (900, 0.5, 8.0)):
        cases.append((0, n_off, alpha, s, 2 * (s + n_off * math.log(1 + alpha))))
    for n_on, alpha, s in ((5, 0.5, 1.0), (40, 0.1, 2.0)):
        cases.append((n_on, 0, alpha, s, -2 * (s / alpha + n_on * math.log(alpha / (1 + alpha)))))
    for n_on, alpha, s in ((5, 0.5, 4.0), (40, 0.1, 60.0)):
        cases.append((n_on, 0, alpha, s, 2 * (s - n_on + n_on * math.log(n_on / s))))
    for n_on, n_off, alpha, s, expected in cases:
        label = f"W: {n_on} on, {n_off} off, alpha {alpha:g}, s {s:g}"
        rows.append(compare(label, float(wstat(n_on, n_off, alpha, s)), expected, 1e-9))
    return rows


def _limit(n_on, n_off):
    """Upper limit of the signal counts."""
    row = (np.array([float(x)]) for x in (1.0, n_on, n_off, TOY_ALPHA))
    return fit_norm(*row, upper_limit_sigma=LIMIT_SIGMA).norm_ul


def _exact_coverage(background):
    """Probability that the limit is not below zero, without signal: summed over the counts."""
    n_on = np.arange(int(background + 12 * math.sqrt(background) + 20))
    mean_off = background / TOY_ALPHA
    n_off = np.arange(int(mean_off + 12 * math.sqrt(mean_off) + 20))
    on, off = (x.ravel() for x in np.meshgrid(n_on, n_off))
    significance = li_ma_significance(on, off, np.full(on.size, TOY_ALPHA))
    probability = stats.poisson.pmf(on, background) * stats.poisson.pmf(off, mean_off)
    return float(probability[significance >= -LIMIT_SIGMA].sum())


def _limit_rows():
    level, rows = float(stats.norm.cdf(LIMIT_SIGMA)), []
    for case, (background, signal) in enumerate(TOYS):
        random = StreamKey(campaign_seed("coverage"), "upper limits", run=case).generator()
        n_on = random.poisson(background + signal, N_TOYS)
        n_off = random.poisson(background / TOY_ALPHA, N_TOYS)
        # Equal counts have equal limits.
        pairs, times = np.unique(np.stack([n_on, n_off]), axis=1, return_counts=True)
        limits = np.array([_limit(n_on, n_off) for n_on, n_off in pairs.T])
        covered = times[limits >= signal].sum() / N_TOYS
        expected, tolerance = level, COVERAGE
        if signal == 0:
            expected = _exact_coverage(background)
            tolerance = 3 * math.sqrt(expected * (1 - expected) / N_TOYS)
        label = f"coverage, b = {background:g}, s = {signal:g}"
        rows.append(compare(label, covered, expected, tolerance))
    return rows


def make() -> str:
    """Run the comparisons.

    Returns
    -------
    str
        The page in Markdown.
    """
    empty = _empty_rows(*_empty_fields(read_campaign(CAMPAIGN)))
    known, limits = _known_rows(), _limit_rows()
    level = float(stats.norm.cdf(LIMIT_SIGMA))
    about_limits = LIMITS.format(
        n=N_TOYS, alpha=TOY_ALPHA, w=LIMIT_SIGMA**2, level=level, sigma=LIMIT_SIGMA,
        tolerance=COVERAGE, error=math.sqrt(level * (1 - level) / N_TOYS),
    )  # fmt: skip
    about_empty = EMPTY.format(runs=N_RUNS, maps=N_MAPS, band=BAND, fields=N_FIELDS)
    parts = [f"**{counted([*empty, *known, *limits])}**"]
    for title, text, rows in (
        ("Fields without a source", about_empty, empty),
        ("Known values", KNOWN, known),
        ("Coverage of upper limits", about_limits, limits),
    ):
        parts += [f"## {title}", text.strip(), table(rows)]
    return "\n\n".join(parts)
