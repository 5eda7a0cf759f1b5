"""Response of LSTs to photons of CORSIKA, against sim_telarray on the same photons."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from eventio import SimTelFile
from judged import compare, counted, table
from matplotlib.collections import PolyCollection
from matplotlib.colors import PowerNorm
from scipy import stats

from iactflow.atmosphere.extinction import ExtinctionTable, read_modtran, transmission
from iactflow.atmosphere.extinction_model import Aerosols, gas_absorption, site_extinction
from iactflow.atmosphere.site import load_atmosphere
from iactflow.campaign.atomic import atomic_output
from iactflow.campaign.streams import campaign_seed
from iactflow.figures.style import COLOURS, OURS, new_figure, style
from iactflow.instrument.load import load_instrument
from iactflow.io.corsika import read_corsika
from iactflow.shower.photons import COS_X, COS_Y, HEIGHT_M, WEIGHT
from iactflow.telescope.detector import Detector, EventKey
from iactflow.telescope.detector_tables import UnbunchedLight

TITLE = "LSTs and the photons of CORSIKA"
HERE = Path(__file__).resolve().parents[1]
CONFIG = HERE.parents[1] / "config"
INSTRUMENT = "instruments/ctao-south-lsts/7.0.0"
CONFIGS = [
    f"config/{INSTRUMENT}/digest.txt",
    "config/atmospheres/la_palma/extinction.ecsv",
    "config/atmospheres/paranal/extinction.ecsv",
    "config/atmospheres/namibia/site.yaml",
]
MODULES = [
    "iactflow.atmosphere.extinction_model",
    "iactflow.atmosphere.site",
    "iactflow.campaign.atomic",
    "iactflow.figures.style",
    "iactflow.instrument.load",
    "iactflow.io.corsika",
    "iactflow.telescope.detector",
]
STEM = "gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test"
MODTRAN = "instrument/ctao_north_prod6/atm_trans_2156_1_3_2_0_0_0.1_0.1.dat"
ALTITUDE_DEG, AZIMUTH_DEG = 50.0, 180.0
N_IMAGES, N_TRIGGERS = 400, 100
MOMENTS = ("x [deg]", "y [deg]", "length [deg]", "width [deg]")
TEXT = """\
The file `{stem}` of `gammasim/simtools-tests` (BSD-3-Clause) holds {n_showers} gamma showers of
0.1 TeV at a zenith angle of 40 deg as CORSIKA made them, bunches of up to {bunch:g} photons of
{low:g} to {high:g} nm without wavelength, and what sim_telarray made of the same photons with four
LSTs: {n} images of four triggered events. Here the photons go through our response {images} times.
sim_telarray's is one such realisation: it must lie within the spread of ours.

What differs on purpose. Mirror list and reflectivity of the southern LSTs are not public: those of
LST-2 stand for them, scaled to the published mean reflectivity
(`config/instruments/ctao-south-lsts`). sim_telarray used the extinction table
`atm_trans_2147_1_10_2_0_2147` (MODTRAN, desert aerosols above 2147 m), which is not public either:
the nearest MODTRAN table at hand is that of La Palma (2156 m, navy maritime aerosols), and it gives
the judged numbers. The information rows give the same sum with other air: our table of Paranal, and
that table with the aerosols of a desert (0.06 at 550 nm, as for Namibia). The light that we have
more than sim_telarray is that of the clearer air.
"""
SUMS = """\
Photoelectrons of the {n} images. The tolerance of the sum, 8 %, is what extinction and mirrors
may differ; probabilities are those of a chi-square of (sim_telarray - mean) / spread over the
images of each telescope, and over all.
"""
SHAPES = """\
Moments of the true photoelectrons, without cleaning: centre of gravity, and rms along and across
the main axis. Each is compared with mean and spread of our realisations of that image; the row
gives the probability of the chi-square over the {n} images. The means over the images show that no
number is off in one direction: they must agree within three standard errors.
"""
TRIGGERS = """\
Part of {n} realisations, night sky and noise drawn anew, in which a telescope is read out (analogue
sum, two telescopes). All {pairs} pairs of showers and telescopes count.
"""
BUDGET = """\
Where the light of these images stays: means over the photons, in the order in which light is lost.
"""


class _Image(NamedTuple):
    """An image of sim_telarray and the photons that made it."""

    shower: int
    tel_id: int
    photons: np.ndarray
    triggered: bool
    true_image: np.ndarray


class _Sample(NamedTuple):
    """Our realisations of an image: photoelectrons and moments, one row each."""

    image: _Image
    electrons: np.ndarray
    moments: np.ndarray
    mean_image: np.ndarray


def _data() -> Path:
    return Path(os.environ["IACTFLOW_DATA"])


def _read():
    """CORSIKA's run, and its photons with the images of sim_telarray."""
    run, showers = read_corsika(_data() / "sim" / f"{STEM}.corsika.zst")
    events = {}
    with SimTelFile(str(_data() / "sim" / f"{STEM}.simtel.zst")) as file:
        for event in file:
            events[event["mc_shower"]["shower"]] = event
    images = []
    for shower in showers:
        event = events.get(shower.event_number)
        for index, photons in sorted(shower.photons[0].items()):
            triggered = event is not None and index + 1 in event["telescope_events"]
            counts = event["photoelectrons"][index]["photoelectrons"] if triggered else None
            row = (shower.event_number, index + 1, photons, triggered)
            images.append(_Image(*row, None if counts is None else np.asarray(counts)))
    return run, images


def _detector(instrument, run, extinction):
    band = (run.wavelength_min_nm, run.wavelength_max_nm)
    light = UnbunchedLight(extinction, band)
    return Detector(instrument, ALTITUDE_DEG, AZIMUTH_DEG, light=light)


def _key(image, number):
    return EventKey(campaign_seed("lst-response"), "gamma", 7, image.shower, number)


def _moments(counts, x, y):
    """Centre of gravity, rms along and across the main axis."""
    n = counts.sum()
    mean_x, mean_y = (counts * x).sum() / n, (counts * y).sum() / n
    dx, dy = x - mean_x, y - mean_y
    xx, yy, xy = ((counts * a).sum() / n for a in (dx * dx, dy * dy, dx * dy))
    root = math.hypot(xx - yy, 2.0 * xy)
    return mean_x, mean_y, math.sqrt((xx + yy + root) / 2), math.sqrt(max(xx + yy - root, 0) / 2)


def _angles(instrument):
    kind = instrument.telescopes[0].type
    scale = np.degrees(1.0 / kind.optics.effective_focal_length_m)
    return kind.camera.pixels.x_m * scale, kind.camera.pixels.y_m * scale


def _sample(detector, image, x, y) -> _Sample:
    electrons, moments, total = [], [], np.zeros(x.size)
    for number in range(N_IMAGES):
        found = detector.photoelectrons(image.tel_id, image.photons, _key(image, number))
        counts = np.bincount(found.pixel, minlength=x.size).astype(float)
        electrons.append(counts.sum())
        moments.append(_moments(counts, x, y))
        total += counts
    return _Sample(image, np.array(electrons), np.array(moments), total / N_IMAGES)


def _probability(pulls):
    return float(stats.chi2.sf(np.sum(np.square(pulls)), len(pulls)))


def _pulls(values, references):
    """References in spreads of our values, whose mean has an error of its own."""
    spread = np.array([np.std(v, ddof=1) for v in values])
    mean = np.array([np.mean(v) for v in values])
    return (np.array(references) - mean) / (spread * math.sqrt(1.0 + 1.0 / N_IMAGES))


def _sum_rows(samples, others):
    reference = [s.image.true_image.sum() for s in samples]
    total, ours = float(np.sum(reference)), sum(s.electrons.mean() for s in samples)
    pulls = _pulls([s.electrons for s in samples], reference)
    label = f"photoelectrons of {len(samples)} images"
    rows = [compare(label, ours, total, 8.0, error=total / 100, unit="%")]
    for name, value in others.items():
        rows.append(compare(f"the same, {name}", value, total, None, error=total / 100, unit="%"))
    rows.append(compare("chi-square probability, all images", _probability(pulls), 1.0, 0.99))
    for tel_id in sorted({s.image.tel_id for s in samples}):
        part = [p for p, s in zip(pulls, samples, strict=True) if s.image.tel_id == tel_id]
        label = f"chi-square probability, telescope {tel_id}, {len(part)} images"
        rows.append(compare(label, _probability(part), 1.0, 0.99))
    return rows


def _shape_rows(samples, x, y):
    rows = []
    references = np.array([_moments(s.image.true_image, x, y) for s in samples])
    for k, name in enumerate(MOMENTS):
        values = [s.moments[:, k] for s in samples]
        pulls = _pulls(values, references[:, k])
        label = f"chi-square probability, {name}"
        rows.append(compare(label, _probability(pulls), 1.0, 0.99))
        error = math.sqrt(sum(np.var(v, ddof=1) for v in values)) / len(values)
        ours = np.mean([np.mean(v) for v in values])
        label = f"mean {name}"
        row = (label, ours, references[:, k].mean(), 3.0)
        rows.append(compare(*row, error=error, unit="errors"))
    return rows


def _read_out(detector, images):
    """Part of the realisations in which a telescope is read out."""
    fired = {(image.shower, image.tel_id): 0 for image in images}
    for shower in sorted({image.shower for image in images}):
        group = [image for image in images if image.shower == shower]
        photons = {image.tel_id: image.photons for image in group}
        for number in range(N_TRIGGERS):
            event = detector.respond(photons, _key(group[0], number))[0]
            for telescope in () if event is None else event.telescopes:
                fired[shower, telescope.tel_id] += 1
    return {key: value / N_TRIGGERS for key, value in fired.items()}


def _trigger_rows(images, fired):
    lit = [fired[i.shower, i.tel_id] for i in images if i.triggered]
    dark = [fired[i.shower, i.tel_id] for i in images if not i.triggered]
    return [
        compare(f"least part, {len(lit)} images that triggered", min(lit), 1.0, 0.95),
        compare(f"largest part, {len(dark)} that did not", max(dark), 0.0, 0.95),
        compare("telescopes read out", sum(lit) + sum(dark), len(lit), None),
    ]


def _budget_rows(detector, instrument, extinction, samples, run):
    """Mean factors on the light, in turn, weighted by what is left."""
    photons = np.concatenate([s.image.photons for s in samples])
    kind = instrument.telescopes[0].type
    optics, camera = kind.optics, kind.camera
    wave = np.arange(run.wavelength_min_nm, run.wavelength_max_nm + 1.0)
    edges = np.quantile(photons[:, HEIGHT_M], np.linspace(0.0, 1.0, 31))
    height = 0.5 * (edges[1:] + edges[:-1])
    cosine = math.sqrt(1.0 - float(np.mean(photons[:, COS_X] ** 2 + photons[:, COS_Y] ** 2)))
    passed = [[transmission(extinction, w, h, cosine) for w in wave] for h in height]
    curves = {
        "extinction": np.mean(passed, axis=0),
        "mirrors": np.interp(wave, optics.reflectivity.x, optics.reflectivity.y, 0.0, 0.0)
        * optics.degraded_reflection,
        "window": np.interp(wave, camera.window.x, camera.window.y, 0.0, 0.0),
        "quantum efficiency": np.interp(
            wave, camera.quantum_efficiency.x, camera.quantum_efficiency.y, 0.0, 0.0
        ),
    }
    rows, weight = [], 1.0 / wave**2
    for name, curve in curves.items():
        rows.append(compare(name, np.sum(weight * curve) / np.sum(weight), None, None))
        weight = weight * curve
    spectral = np.sum(weight) / np.sum(1.0 / wave**2)
    whole = sum(s.electrons.mean() for s in samples) / float(photons[:, WEIGHT].sum())
    label = "sphere to pixels: mirror area, structures, light guides, gaps, outer pixels"
    rows.append(compare(label, whole / spectral, None, None))
    theirs = sum(s.image.true_image.sum() for s in samples) / float(photons[:, WEIGHT].sum())
    rows.append(compare("photoelectrons per photon", whole, theirs, None))
    return rows


def _desert(paranal: ExtinctionTable) -> ExtinctionTable:
    """Table of Paranal with the aerosols of Namibia."""
    profile, palma = load_atmosphere(CONFIG / "atmospheres" / "la_palma")
    gases = palma._replace(tau=gas_absorption(palma, profile, 0.7))
    site = yaml.safe_load((CONFIG / "atmospheres/namibia/site.yaml").read_text(encoding="utf-8"))
    profile, _ = load_atmosphere(CONFIG / "atmospheres" / "paranal")
    level = paranal.observation_level_m
    return site_extinction(profile, level, gases, Aerosols(**site["aerosols"]))


def _total(detector, images):
    """Photoelectrons of the images, mean of a tenth of the realisations."""
    found = [
        detector.photoelectrons(image.tel_id, image.photons, _key(image, number)).pixel.size
        for image in images
        for number in range(N_IMAGES // 10)
    ]
    return float(np.sum(found)) / (N_IMAGES // 10)


def _draw_sums(samples, images, fired):
    figure = new_figure(10.0, 4.4)
    left, right = figure.subplots(1, 2)
    at = np.arange(len(samples))
    mean = np.array([s.electrons.mean() for s in samples])
    spread = np.array([s.electrons.std() for s in samples])
    label = f"iactflow: mean and spread of {N_IMAGES}"
    left.errorbar(at, mean, spread, fmt="o", ms=4, capsize=3, color=OURS, label=label)
    reference = [s.image.true_image.sum() for s in samples]
    left.plot(
        at, reference, "s", ms=6, mfc="none", color=COLOURS["vermilion"], label="sim_telarray"
    )
    names = [f"{s.image.shower}, LST {s.image.tel_id}" for s in samples]
    left.set_xticks(at, names, rotation=60, ha="right", fontsize=8)
    left.set(xlabel="shower, telescope", ylabel="true photoelectrons", ylim=(0, None))
    left.tick_params(axis="x", which="minor", bottom=False, top=False)
    left.set_title("Images of triggered events", loc="left")
    left.legend()
    for triggered, colour, text in ((True, OURS, "triggered"), (False, "grey", "did not")):
        part = [i for i in images if i.triggered == triggered]
        light = [i.photons[:, WEIGHT].sum() for i in part]
        values = [fired[i.shower, i.tel_id] for i in part]
        colour = COLOURS.get(colour, colour)
        right.plot(light, values, "o", ms=5, alpha=0.7, color=colour, label=f"{text} there")
    right.set(xscale="log", xlabel="photons in the sphere of the telescope")
    right.set_ylabel(f"part of {N_TRIGGERS} realisations read out")
    right.axhspan(-0.05, 0.05, color="0.9", zorder=0)
    right.axhspan(0.95, 1.05, color="0.9", zorder=0)
    right.set_ylim(-0.05, 1.05)
    right.set_title("Trigger, against that of sim_telarray", loc="left")
    right.legend()
    return figure


def _draw_images(sample, kind):
    pixels, focal = kind.camera.pixels, kind.optics.effective_focal_length_m
    angle = np.radians(pixels.rotation_deg + 30.0 + 60.0 * np.arange(6))
    radius = pixels.diameter_m / math.sqrt(3.0)
    x = pixels.x_m[:, None] + radius * np.cos(angle)
    y = pixels.y_m[:, None] + radius * np.sin(angle)
    outlines = np.degrees(np.stack([y, x], axis=-1) / focal)
    figure = new_figure(9.6, 4.3)
    top = sample.image.true_image.max()
    for axes, image, title in zip(
        figure.subplots(1, 2),
        (sample.image.true_image, sample.mean_image),
        ("sim_telarray, one realisation", f"iactflow, mean of {N_IMAGES}"),
        strict=True,
    ):
        norm = PowerNorm(0.5, 0.0, top)
        drawn = PolyCollection(outlines, array=image, cmap="viridis", norm=norm, edgecolors="none")
        axes.add_collection(drawn)
        centre = sample.moments.mean(axis=0)
        axes.set(xlim=(centre[1] - 0.9, centre[1] + 0.9), ylim=(centre[0] - 0.9, centre[0] + 0.9))
        axes.set(aspect="equal", xlabel="y in the camera [deg]", ylabel="x in the camera [deg]")
        axes.set_title(title, loc="left")
    about = f"shower {sample.image.shower}, LST {sample.image.tel_id}"
    figure.suptitle(f"Gamma ray of 0.1 TeV, {about}", fontsize=12, x=0.02, ha="left")
    figure.colorbar(drawn, ax=figure.axes, label="true photoelectrons", shrink=0.85)
    return figure


def _save(figure, name):
    with atomic_output(HERE / f"{name}.png") as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})
    return f"![{name}]({name}.png)"


def make() -> str:
    """Run the comparisons.

    Returns
    -------
    str
        The page in Markdown.
    """
    run, images = _read()
    instrument = load_instrument(CONFIG / INSTRUMENT)
    modtran = read_modtran(_data() / MODTRAN)
    detector = _detector(instrument, run, modtran)
    x_deg, y_deg = _angles(instrument)
    triggered = [image for image in images if image.triggered]
    samples = [_sample(detector, image, x_deg, y_deg) for image in triggered]
    _, paranal = load_atmosphere(CONFIG / "atmospheres" / "paranal")
    others = {"air of Paranal": paranal, "air of Paranal, desert aerosols": _desert(paranal)}
    others = {n: _total(_detector(instrument, run, e), triggered) for n, e in others.items()}
    fired = _read_out(detector, images)
    kind = instrument.telescopes[0].type
    n = len(samples)
    groups = [
        ("Photoelectrons", SUMS.format(n=n), _sum_rows(samples, others)),
        ("Shapes", SHAPES.format(n=n), _shape_rows(samples, x_deg, y_deg)),
        (
            "Trigger",
            TRIGGERS.format(n=N_TRIGGERS, pairs=len(images)),
            _trigger_rows(images, fired),
        ),
        ("Light", BUDGET, _budget_rows(detector, instrument, modtran, samples, run)),
    ]
    with style():
        brightest = max(samples, key=lambda s: s.image.true_image.sum())
        figures = [
            _save(_draw_sums(samples, images, fired), "lst-response-sums"),
            _save(_draw_images(brightest, kind), "lst-response-image"),
        ]
    about = TEXT.format(
        stem=STEM, n_showers=len({i.shower for i in images}), bunch=run.bunch_size, n=n,
        low=run.wavelength_min_nm, high=run.wavelength_max_nm, images=N_IMAGES,
    )  # fmt: skip
    parts = [f"**{counted([row for _, _, rows in groups for row in rows])}**", about.strip()]
    for title, text, rows in groups:
        parts += [f"## {title}", text.strip(), table(rows)]
        if title == "Photoelectrons":
            parts += figures
    return "\n\n".join(parts)
