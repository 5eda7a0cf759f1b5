"""H.E.S.S. I at 20 deg: protons that cuts on shapes and trees keep."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from judged import compare, counted, table
from matplotlib.figure import Figure

from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.config import read_campaign_file, validate_campaign
from iactflow.discrimination.stages.fill_shape_tables import fill_shape_tables
from iactflow.discrimination.stages.reconstruct_events import reconstruct_events
from iactflow.discrimination.stages.train_class import train_class
from iactflow.errors import InputError
from iactflow.figures.style import COLOURS, save, style
from iactflow.response.rejection import DISCRIMINATORS, fraction_kept, rejection_at, roc_curve
from iactflow.response.samples import read_sample
from iactflow.response.spectra import SPECTRA
from iactflow.response.weighted import WeightedEvents, weigh_background, weigh_signal
from iactflow.stereo.stages.reconstruct_geometry import reconstruct_geometry

TITLE = "H.E.S.S. I: rejection of protons"
HERE = Path(__file__).resolve().parents[1]
REPOSITORY = HERE.parents[1]
CAMPAIGN = "config/campaigns/hess1-crab-mock.yaml"
CONFIGS = [CAMPAIGN]
MODULES = [
    "iactflow.campaign.atomic",
    "iactflow.campaign.config",
    "iactflow.discrimination.stages.fill_shape_tables",
    "iactflow.discrimination.stages.reconstruct_events",
    "iactflow.discrimination.stages.train_class",
    "iactflow.errors",
    "iactflow.figures.style",
    "iactflow.response.rejection",
    "iactflow.response.samples",
    "iactflow.response.spectra",
    "iactflow.response.weighted",
    "iactflow.stereo.stages.reconstruct_geometry",
]

GAMMAS, PROTONS = "gamma20", "proton20"
SEED = 22
PARTS = {"train_energy": 0.25, "train_class": 0.35, "test_irfs": 0.4}
#: Parts that test: of protons also the one that fills the tables, which hold gamma rays alone.
TEST_GAMMAS, TEST_PROTONS = ("test_irfs",), ("test_irfs", "train_energy")
TABLES = {"n_size_bins": 30, "n_impact_bins": 30, "impact_max_m": 600.0, "splits": PARTS}
FORESTS = {"n_trees": 100, "max_depth": 12, "min_samples_leaf": 5, "features": [], "splits": PARTS}
EFFICIENCY, LEAST_TEV = 0.8, 0.5
KEPT, GAIN = 0.10, 0.6
#: Efficiencies at which more protons are left.
LOOSER = (0.9, 0.93)
N_RESAMPLED = 1000
#: Geometry that the campaign made with the default settings; settings of H.E.S.S.
CLEANINGS = {
    "H.E.S.S.": {
        "extraction": {},
        "cleaning": {
            "picture_threshold_pe": 10.0,
            "boundary_threshold_pe": 5.0,
            "min_picture_neighbors": 0,
        },
        "stereo": {"min_size_pe": 80.0, "max_distance_deg": 2.0},
    },
    "default": None,
}
LABELS = {"scaled_cuts": "scaled cuts", "trees": "trees"}
COLOUR_OF = {"scaled_cuts": COLOURS["blue"], "trees": COLOURS["vermilion"]}

TEXT = """\
Gamma rays from {offset:g} deg beside the pointing and protons from within {cone:g} deg of it,
{zenith:g} deg from the zenith, simulated by the campaign `{campaign}`, weighted to the Crab Nebula
and to the protons of Bernloehr et al. 2013. Images are cleaned as in H.E.S.S. (Aharonian et al.
2006, A&A 457, 899: pixels above 10 photoelectrons beside one above 5, and the other way round) and,
by the campaign itself, with the default, which also asks picture pixels for two neighbours among
themselves and for light at the same time. They need 80 photoelectrons and a centre within 2 deg.
Tables of shapes and trees are made with other showers than those that are tested ({n_gamma} showers
of gamma rays and {n_proton} of protons with events). A limit on the mean scaled width (with the
other standard cuts on shapes), or on gammaness, is set where it keeps {efficiency:.0%} of the gamma
rays that are reconstructed; what it keeps of protons above {least:g} TeV counts over all of them
that trigger the array, images that have no reconstruction included. There is no cut on the
direction.

Judged are upper limits: scaled cuts must keep at most {kept:.0%} of the protons ("a few per cent"
after cuts on shapes, Benbow 2005), and trees at most {gain:g} of what scaled cuts keep. A perfect
rejection would keep nothing, which stands as the reference. Errors take all cores of a shower as
one event; those of ratios are from {n} samples drawn of the showers. The trees saw the images of
{n_trained} reconstructed protons. The looser the cuts, the less there is to gain: the ratio at
higher efficiencies is given for that.

The default cleaning leaves more protons: it takes away the islands of hadronic showers, which make
images wide. The figure's lower panels are of images that are cleaned as in H.E.S.S.
"""


def _chunks(campaign, name: str, stage: str, pattern: str) -> list[Path]:
    """Folders that a stage made of a sample."""
    root = Path(os.environ.get("IACTFLOW_RESULTS", REPOSITORY / "results")) / campaign.campaign
    block = campaign.simulations[name]
    found, wanted = (
        sorted((root / stage).glob(pattern)),
        -(-block.n_showers // block.showers_per_job),
    )
    if len(found) != wanted:
        allowed = f"the {wanted} chunks of {name} of {CAMPAIGN}: run it, or name the folder"
        raise InputError("environment", "IACTFLOW_RESULTS", f"{len(found)} chunks", allowed)
    return found


def _geometry(campaign, cleaning: str, folder: Path) -> dict[str, list[str]]:
    """Folders of ``reconstruct_geometry`` by sample: of the campaign, or of its raw data anew."""
    found: dict[str, list[str]] = {}
    for name in (GAMMAS, PROTONS):
        if CLEANINGS[cleaning] is None:
            stage = f"reconstruction/{name}/geometry"
            found[name] = [str(path) for path in _chunks(campaign, name, stage, "run*-?????")]
            continue
        found[name] = []
        for raw in _chunks(campaign, name, f"simulations/{name}", "run*/chunks/?????"):
            found[name].append(str(folder / f"geometry-{name}-{raw.name}"))
            reconstruct_geometry(
                SimpleNamespace(raw=str(raw)),
                SimpleNamespace(geometry=found[name][-1]),
                SimpleNamespace(settings=CLEANINGS[cleaning]),
                SimpleNamespace(),
            )
    return found


def _events(campaign, cleaning: str, folder: Path) -> tuple[WeightedEvents, WeightedEvents, int]:
    """Gamma rays and protons that are tested; reconstructed protons that trained."""
    geometry = _geometry(campaign, cleaning, folder)
    gammas, protons = geometry[GAMMAS], geometry[PROTONS]
    tables, model = str(folder / "tables.root"), str(folder / "class.root")

    def stage(function, inputs, outputs, settings):
        params = SimpleNamespace(settings=settings, seed=SEED)
        function(SimpleNamespace(**inputs), SimpleNamespace(**outputs), params, SimpleNamespace())

    stage(fill_shape_tables, {"geometry": gammas}, {"tables": tables}, TABLES)
    inputs = {"geometry": gammas, "background": protons, "tables": tables}
    stage(train_class, inputs, {"model": model}, FORESTS)
    made = {}
    for name, chunks in geometry.items():
        made[name] = []
        for k, file in enumerate(chunks):
            out = str(folder / f"{name}-{k}")
            inputs = {"geometry": file, "tables": tables, "class_model": model}
            stage(reconstruct_events, inputs, {"events": out}, {"splits": PARTS})
            made[name].append(out)
    signal = weigh_signal(
        [read_sample(made[GAMMAS], part) for part in TEST_GAMMAS], SPECTRA["crab_hess"]
    )
    samples = [(read_sample(made[PROTONS], part), None) for part in TEST_PROTONS]
    trained = read_sample(made[PROTONS], "train_class").events["is_valid"]
    return signal, weigh_background(samples), int(np.sum(trained))


def _found(signal, background, efficiency: float) -> dict:
    """What each discriminator keeps of protons at an efficiency for gamma rays."""
    return {
        name: rejection_at(signal, background, name, efficiency, LEAST_TEV, 14) for name in LABELS
    }


def _ratio(background: WeightedEvents, found: dict) -> tuple[float, float, int]:
    """What trees keep over what scaled cuts keep; error from showers drawn again."""
    mine = background.take(background.events["true_energy_tev"] >= LEAST_TEV)
    place = np.unique(mine.cluster, return_inverse=True)[1]
    sums = []
    for name in LABELS:
        value_of, sign = DISCRIMINATORS[name]
        kept = value_of(mine.events) <= sign * found[name].threshold
        sums.append(np.bincount(place, weights=mine.weight * kept))
    scaled, trees = sums
    random = np.random.Generator(np.random.Philox(SEED))
    drawn = random.integers(0, len(scaled), (N_RESAMPLED, len(scaled)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = trees[drawn].sum(axis=1) / scaled[drawn].sum(axis=1)
    low, high = np.percentile(ratios[np.isfinite(ratios)], [16.0, 84.0])
    return trees.sum() / scaled.sum(), 0.5 * (high - low), int(np.sum((trees > 0) | (scaled > 0)))


def _rows(cleaning: str, signal, background) -> list:
    rows, found = [], _found(signal, background, EFFICIENCY)
    for name, label in LABELS.items():
        kept = found[name].background
        text = f"protons kept by {label} (error {kept.error:.2g}, {kept.n_events} events of "
        text += f"{kept.n_showers} showers)"
        rows.append((text, kept.value, 0.0, KEPT if name == "scaled_cuts" else None))
    for efficiency in (EFFICIENCY, *LOOSER):
        ratio, error, n = _ratio(background, _found(signal, background, efficiency))
        text = f"trees over scaled cuts at {efficiency:.0%} (error {error:.2g}, {n} showers)"
        rows.append((text, ratio, 0.0, GAIN if efficiency == EFFICIENCY else None))
    high = background.take(background.events["true_energy_tev"] >= LEAST_TEV)
    valid = np.asarray(high.events["is_valid"], dtype=bool)
    part = fraction_kept(high.weight, high.cluster, valid)
    text = f"protons that are reconstructed (error {part.error:.2g}, {part.n_events} events)"
    rows.append((text, part.value, None, None))
    for name, label in LABELS.items():
        share = found[name].background.value / part.value
        rows.append((f"of reconstructed protons kept by {label}", share, None, None))
        rows.append((f"limit of {label}", found[name].threshold, None, None))
    rows.append(("gamma rays tested, events", len(signal.weight), None, None))
    return [compare(f"{cleaning} cleaning: {text}", *numbers) for text, *numbers in rows]


def _figure(samples) -> Figure:
    figure = Figure(figsize=(7.2, 7.2), layout="constrained")
    top, left, right = figure.subplot_mosaic("AA;BC").values()
    for cleaning, line in (("H.E.S.S.", "-"), ("default", "--")):
        signal, background, _ = samples[cleaning]
        found = _found(signal, background, EFFICIENCY)
        for name, label in LABELS.items():
            curve = roc_curve(signal, background, name, LEAST_TEV)
            style_of = {"color": COLOUR_OF[name], "ls": line}
            label = f"{label}, {cleaning} cleaning"
            top.plot(
                curve["signal_efficiency"], curve["background_fraction"], **style_of, label=label
            )
            kept = found[name].background
            top.errorbar(EFFICIENCY, kept.value, yerr=kept.error, fmt="o", color=COLOUR_OF[name])
    top.set(xlabel="gamma rays kept, of reconstructed", ylabel="protons kept, of triggered",
            yscale="log", xlim=(0.0, 1.0), ylim=(1e-4, 1.0),
            title=f"H.E.S.S. I, 20° from zenith, protons above {LEAST_TEV:g} TeV")  # fmt: skip
    top.legend()
    signal, background, _ = samples["H.E.S.S."]
    high = background.take(background.events["true_energy_tev"] >= LEAST_TEV)
    panels = ((left, "mean_scaled_width", np.linspace(-3.0, 12.0, 31), "mean scaled width"),
              (right, "gammaness", np.linspace(0.0, 1.0, 26), "gammaness"))  # fmt: skip
    for axes, column, edges, label in panels:
        for sample, text, colour in ((signal, "gamma rays", COLOURS["black"]),
                                     (high, "protons", COLOURS["orange"])):  # fmt: skip
            good = np.isfinite(sample.events[column])
            weight = sample.weight[good] / sample.weight[good].sum()
            counts = np.histogram(sample.events[column][good], edges, weights=weight)[0]
            axes.stairs(counts, edges, color=colour, label=text)
        axes.set(xlabel=label, ylabel="share of events per bin", ylim=(0.0, None))
        axes.legend()
    return figure


def make() -> str:
    """Write the page.

    Returns
    -------
    str
        Markdown; the figure is written beside it.
    """
    campaign = validate_campaign(read_campaign_file(REPOSITORY / CAMPAIGN), CAMPAIGN)
    samples = {}
    for cleaning in CLEANINGS:
        with tempfile.TemporaryDirectory() as folder:
            samples[cleaning] = _events(campaign, cleaning, Path(folder))
    rows = [row for cleaning, (*sample, _) in samples.items() for row in _rows(cleaning, *sample)]
    with style(), atomic_output(HERE / "proton-rejection.png") as path:
        save(_figure(samples), path)
    signal, background, n_trained = samples["H.E.S.S."]
    text = TEXT.format(
        campaign=campaign.campaign,
        offset=campaign.simulations[GAMMAS].offset_deg,
        zenith=campaign.simulations[GAMMAS].zenith_deg,
        cone=campaign.simulations[PROTONS].viewcone_deg,
        n_gamma=len(np.unique(signal.cluster)),
        n_proton=len(np.unique(background.cluster)),
        efficiency=EFFICIENCY,
        least=LEAST_TEV,
        kept=KEPT,
        gain=GAIN,
        n_trained=n_trained,
        n=N_RESAMPLED,
    )
    figure = "![What is kept, and distributions of both quantities](proton-rejection.png)"
    return "\n\n".join([counted(rows), text.strip(), figure, table(rows)])
