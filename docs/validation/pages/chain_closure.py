"""Full chain: mock observations drawn from simulated showers give back what was injected."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from campaigns import REPOSITORY, mock_target, read_campaign
from closures import PARTS, Found, Mocks, part_responses
from judged import compare, counted, table
from matplotlib.figure import Figure
from scipy import stats

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.mock_truth import flux_per_cm2_s_tev
from iactflow.crosscheck.simulation_error import simulation_error
from iactflow.errors import InputError
from iactflow.io.gadf_responses import read_responses
from iactflow.response.selection import cuts_from_settings

TITLE = "Full chain: sources injected into simulated events come out"
CAMPAIGN = "config/campaigns/chain-closure.yaml"
CONFIGS = [CAMPAIGN]
MODULES = [
    "iactflow.campaign.atomic",
    "iactflow.campaign.mock_runs",
    "iactflow.campaign.mock_truth",
    "iactflow.campaign.streams",
    "iactflow.crosscheck.truth",
    "iactflow.dl3.simulated_events",
    "iactflow.response.signal",
    "iactflow.science.dataset",
    "iactflow.science.folding",
    "iactflow.science.maps",
    "iactflow.campaign.config",
    "iactflow.science.stages.extract_spectra",
    "iactflow.science.stages.fit_spectrum",
    "iactflow.science.stages.sky_maps",
    "iactflow.campaign.runs",
    "iactflow.crosscheck.simulation_error",
    "iactflow.dl3.mock_simulations",
    "iactflow.errors",
    "iactflow.io.gadf_responses",
    "iactflow.response.node",
    "iactflow.response.selection",
    "iactflow.response.summary",
    "iactflow.science.fit",
    "iactflow.science.light_curve",
    "iactflow.science.map_products",
]
N_MOCKS = 1000
MEAN, WIDTH, N_SIGMA = 0.15, 0.1, 3.0
RUN_S, GAP_S, BIN_S = 300.0, 60.0, 150.0
BINS_S = [(0.0, 150.0), (150.0, 300.0), (360.0, 510.0), (510.0, 660.0)]
# From the middle of the first run to that of the second: both runs have as many photons.
FLARE, FLARE_FACTOR = np.array([False, True, True, False]), 4.0
ENERGY_AXIS = {"energy_min_tev": 0.3, "energy_max_tev": 20.0, "n_bins": 8}
NAMES = ("amplitude", "index", "right ascension", "declination")
INTRODUCTION = """\
{n} mock observations are drawn event by event from the reconstructed gamma rays of `{campaign}` and
analysed by the main chain: two runs of {run:g} s on a source with the spectrum of the Crab Nebula,
which is {factor:g} times as bright from the middle of the first run to that of the second. The
background is drawn from `BKG_3D` of the campaign's responses. On average {counts:.0f} photons of
the source are expected in the on region above threshold. The reference is what went in.

Errors of the simulations. Events come from one part of the showers, responses from another. The
finite number of showers shifts all mocks together: the statistical error of one mock is
{ratio_amplitude:.1f} (amplitude) and {ratio_index:.1f} (index) times the error of the simulations,
not ten times. That error is therefore taken into account, in two ways. First, half of the mocks are
drawn from the part `mock` and analysed with responses of `test_irfs`; for the other half the parts
change places. What one part has too much of by chance shifts both halves by the same amount in
opposite directions and cancels in the mean over all mocks; a mistake in weights, responses or
analysis does not. The mean pull is judged over all, |mean| < {mean}; it scatters by {one:.3f}
through the mocks. Second, half the difference of the two means is the shift itself; it must lie
within {sigma:g} errors of zero, with the error of the simulations that
`iactflow.crosscheck.simulation_error` gives from the showers behind the effective areas. The width
of the pulls is that about the mean of the half that a mock belongs to; it scatters by {width:.3f},
{tolerance} is allowed. Positions rest on the drawn events alone. Their mean error in one part turns
by 180 deg with the pointing, which lies north of the source in one run and south in the other; both
have as many photons, so that it cancels in every mock. Their errors are the same in right ascension
and declination; directions in this sample scatter by 7 % more in azimuth than in altitude.

Light curve: four bins of {bin:g} s with a fixed index. The excess of a bin, summed over all mocks,
is compared with what the injected light curve predicts through the responses; {sigma:g} standard
deviations are allowed. The chi-square of the four fluxes of a mock has its errors on the side of
the truth; the level that all mocks of a half have in common, excess over prediction, is divided
out. The root of its mean per degree of freedom is judged as a width.

Responses. In the first three tables area and dispersion are those of the events inside the on
region. The last table has the same mocks with responses of full enclosure and the correction for
containment, as the campaign is analysed. These take energy and direction of an event as independent
at a true energy. They are not: an event with a wrong direction has a wrong impact distance, and too
high an energy. Most of them have two images. With two, on half as many showers, the mean pulls
were -0.38 and 0.35, as a tenth of the photons predicted between 1.4 and 4 TeV then lies outside the
on region. The campaign asks for three. **What is left misses the mark of {mean} in the index**, by
little, with these showers; the table says by how much. It judges nothing, as the cause is the
form of these responses and not the chain: point-like ones have none of it.

How the marks came about. With runs of 100 s and 400 mocks the mean pull of the amplitude was -0.18
where the excess agreed within 0.8 %: most bins then hold no off count, and W is biased
([mock-closure](mock-closure.md)). Exposure and number of mocks were raised to what stands here, the
marks were not moved.
"""


def _samples(campaign):
    """DL2 files of the gamma rays, and the responses of the campaign."""
    root = Path(os.environ.get("IACTFLOW_RESULTS", REPOSITORY / "results")) / campaign.campaign
    files = sorted((root / "reconstruction" / "gamma" / "events").glob("*/*.root"))
    found = sorted((root / "responses").glob("*/irf.fits"))
    if not files or len(found) != 1:
        allowed = f"products of {CAMPAIGN}: run it, or name the folder of results"
        raise InputError("environment", "IACTFLOW_RESULTS", str(root), allowed)
    return files, read_responses(found[0]).bkg


def _settings(campaign) -> tuple[dict, dict]:
    """Blocks ``mock`` and target."""
    block = campaign.mock.model_dump(mode="json")
    block.update(n_runs=2, run_duration_s=RUN_S, gap_s=GAP_S)
    flare = {"flare_start_s": BINS_S[1][0], "flare_duration_s": BINS_S[2][1] - BINS_S[1][0]}
    block["source"].update(flare_factor=FLARE_FACTOR, **flare)
    target = mock_target(campaign, "crab")
    target["spectrum"]["energy_axis"] = ENERGY_AXIS
    low, high = (ENERGY_AXIS[f"energy_{end}_tev"] for end in ("min", "max"))
    target["sky_maps"][0].update(energy_bands_tev=[[low, high]], size_deg=2.0, pixel_deg=0.03)
    return block, target


def _axes(campaign) -> dict:
    """Axes of the responses: the defaults of the campaign, tenths of a decade."""
    block, sample = campaign.responses, campaign.simulations["gamma"]
    low, high = np.log10([sample.energy_min_tev, sample.energy_max_tev]) * 10.0
    offset, reach = sample.offset_deg, block.offset_reach_deg
    return {
        "energy_edges_tev": 10.0 ** (np.arange(np.floor(low), np.ceil(high) + 1) / 10.0),
        "offset_edges_deg": [offset - reach, offset + reach],
        "offset_nodes_deg": [offset],
        "migra_edges": np.linspace(block.migra_min, block.migra_max, block.n_migra_bins + 1),
        "rad_edges_deg": np.linspace(0.0, block.rad_max_deg, block.n_rad_bins + 1),
    }


def _run(campaign, folder):
    """Both halves of the mocks, their truth, and the errors of the simulations."""
    files, bkg = _samples(campaign)
    settings, target = _settings(campaign)
    radius2 = target["spectrum"]["on_radius_deg"] ** 2
    cuts = cuts_from_settings({**campaign.cuts.model_dump(mode="json"), "theta2_max_deg2": radius2})
    made = {part: part_responses(folder, files, _axes(campaign), cuts, part, bkg) for part in PARTS}
    halves = []
    for drawn, used in (PARTS[::-1], PARTS):
        mocks = Mocks(settings, target, {"gamma": files}, cuts, drawn, *made[used][:2])
        names = (f"chain-closure-{drawn}-{i:03d}" for i in range(N_MOCKS // 2))
        found = [mocks.analyse(name, BINS_S) for name in names]
        halves.append(Found(*(np.array(column) for column in zip(*found, strict=True))))
    source, parts = settings["source"], campaign.reconstruction.splits.model_dump()
    error = simulation_error(
        [made[PARTS[0]][2]],
        settings["wobble_offset_deg"],
        lambda energy_tev: flux_per_cm2_s_tev(source, energy_tev),
        parts,
    )
    return halves, mocks.truth(BINS_S), error


def _pulls(half: Found, parameters) -> np.ndarray:
    """Deviations over errors, shape (n, 4)."""
    fit = (half.parameters - parameters) / half.errors
    return np.hstack([fit, half.position_deg / half.position_error_deg[:, None]])


def _rows(halves, parameters, error):
    """Rows of the pulls; shifts of the halves in units of the expected ones."""
    pulls = [_pulls(half, parameters) for half in halves]
    own = [p - p.mean(axis=0) for p in pulls]
    width = np.sqrt(sum(np.sum(o**2, axis=0) for o in own) / (N_MOCKS - 2))
    means = np.array([p.mean(axis=0) for p in pulls])
    common = np.sqrt(np.diag(error.covariance(1.0, 2)))
    ours = np.mean(np.concatenate([h.errors for h in halves]) / [parameters[0], 1.0], axis=0)
    expected = np.append(common / ours, [0.0, 0.0])
    judged, shifts = [], []
    for i, name in enumerate(NAMES):
        judged.append(compare(f"{name}: mean pull", means[:, i].mean(), 0.0, MEAN))
        judged.append(compare(f"{name}: width", width[i], 1.0, WIDTH))
        shift = 0.5 * (means[0, i] - means[1, i])
        scatter = np.hypot(expected[i], N_MOCKS**-0.5)
        row = (f"{name}: shift of the halves", shift, 0.0, N_SIGMA)
        shifts.append(compare(*row, error=scatter, unit="errors"))
    return judged, shifts, ours / common, pulls


def _full(halves, parameters):
    """Rows of the mean pulls with responses of full enclosure."""
    pulls = [np.mean((h.full_parameters - parameters) / h.full_errors, axis=0) for h in halves]
    mean = np.mean(pulls, axis=0)
    rows = zip(NAMES, mean, strict=False)
    return [compare(f"{name}: mean pull, full enclosure", value, 0.0, None) for name, value in rows]


def _curve(half: Found, fluxes) -> np.ndarray:
    """Pulls of the fluxes, less the level that all mocks of the half have in common."""
    level = half.excess.sum() / half.predicted.sum()
    return (half.fluxes / level - fluxes) / (half.flux_errors / level)


def _light_curve(halves, fluxes):
    """Rows of the light curve."""
    excess, predicted, variance = (
        sum(np.sum(getattr(h, name), axis=0) for h in halves)
        for name in ("excess", "predicted", "variance")
    )
    rows = []
    for i, (start, stop) in enumerate(BINS_S):
        name = f"excess of {start:g} to {stop:g} s{', flare' if FLARE[i] else ''}"
        scatter = np.sqrt(variance[i])
        rows.append(compare(name, excess[i], predicted[i], N_SIGMA, error=scatter, unit="errors"))
    level = excess[~FLARE].sum() / predicted[~FLARE].sum() * predicted[FLARE].sum() / FLARE_FACTOR
    relative = np.hypot(
        *(np.sqrt(variance[chosen].sum()) / excess[chosen].sum() for chosen in (FLARE, ~FLARE))
    )
    factor = excess[FLARE].sum() / level
    rows.append(
        compare(
            "factor of the flare", factor, FLARE_FACTOR, N_SIGMA,
            error=relative * factor, unit="errors",
        )
    )  # fmt: skip
    pulls = np.concatenate([_curve(half, fluxes) for half in halves])
    width = np.sqrt(np.mean(pulls**2))
    rows.append(compare("root of chi2 per bin", width, 1.0, WIDTH))
    return rows, predicted.sum() / N_MOCKS


def _figure(pulls):
    figure = Figure(figsize=(10, 3.0), layout="constrained")
    edges = np.linspace(-5, 5, 21)
    x = np.linspace(edges[0], edges[-1], 200)
    labels = [f"events of {PARTS[1]}", f"events of {PARTS[0]}"]
    for i, axes in enumerate(figure.subplots(1, 4, sharey=True)):
        for half, colour, label in zip(pulls, ("#0072B2", "#D55E00"), labels, strict=True):
            column = half[:, i]
            axes.hist(column, bins=edges, color=colour, alpha=0.45, label=label)
            scale = len(column) * (edges[1] - edges[0])
            axes.plot(x, scale * stats.norm.pdf(x, column.mean()), color=colour)
        axes.axvline(0.0, color="k", lw=0.8)
        axes.set(xlabel=f"pull of {NAMES[i]}")
    figure.axes[0].legend(fontsize=7, loc="upper left")
    figure.axes[0].set_ylim(top=1.25 * figure.axes[0].get_ylim()[1])
    figure.axes[0].set_ylabel("mocks per 0.5")
    path = Path(__file__).resolve().parents[1] / "chain-closure.png"
    with atomic_output(path) as temporary:
        figure.savefig(temporary, format="png", dpi=90, metadata={"Software": None})
    return f"![Pulls of both halves, with normal distributions about their means]({path.name})"


def make() -> str:
    """Draw and analyse the mock observations.

    Returns
    -------
    str
        The page in Markdown.
    """
    campaign = read_campaign(CAMPAIGN)
    with tempfile.TemporaryDirectory() as folder:
        halves, (parameters, fluxes), error = _run(campaign, Path(folder))
    judged, shifts, ratios, pulls = _rows(halves, parameters, error)
    curve, counts = _light_curve(halves, fluxes)
    full = _full(halves, parameters)
    text = INTRODUCTION.format(
        n=N_MOCKS, campaign=CAMPAIGN, run=RUN_S, factor=FLARE_FACTOR, counts=counts, mean=MEAN,
        ratio_amplitude=ratios[0], ratio_index=ratios[1],
        one=N_MOCKS**-0.5, width=(2 * N_MOCKS) ** -0.5, tolerance=WIDTH, sigma=N_SIGMA, bin=BIN_S,
    )  # fmt: skip
    parts = [text.strip(), f"**{counted([*judged, *shifts, *curve, *full])}**"]
    for title, rows in (
        ("Pulls of all mocks", judged),
        ("Halves, and the error of the simulations", shifts),
        ("Light curve", curve),
        ("Responses of full enclosure", full),
    ):
        parts += [f"## {title}", table(rows)]
    return "\n\n".join([*parts, _figure(pulls)])
