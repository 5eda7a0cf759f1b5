"""Both chains on every simtel file: events, charges, masks, parameters of images, directions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from judged import compare, counted, table
from matplotlib.colors import PowerNorm

from iactflow.campaign.atomic import atomic_output
from iactflow.figures.camera import draw_camera, draw_ellipse
from iactflow.figures.style import new_figure, style
from iactflow.io.reader import open_reader
from iactflow.stereo.chain import chain_settings, reconstruct_events

TITLE = "From raw data to directions, beside ctapipe"
HERE = Path(__file__).resolve().parents[1]
CONFIGS: list[str] = []
MODULES = [
    "iactflow.campaign.atomic",
    "iactflow.cli",
    "iactflow.crosscheck.ctapipe_process",
    "iactflow.figures.camera",
    "iactflow.figures.style",
    "iactflow.io.simtel",
    "iactflow.report.compare_command",
    "iactflow.report.compare_ctapipe",
    "iactflow.stereo.chain",
]
FIGURE, ZOOM_DEG = "compare-ctapipe-event.png", 0.9
SHOWN, EVENT = "gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.simtel.zst", 2
ABOUT = """\
`iactflow compare-ctapipe` on the simtel files of CTAO and H.E.S.S. of the third-party data, with
ctapipe's default settings (neighbour-peak sums of 7 samples, tail cuts 10 / 5 photoelectrons with
two neighbours, `HillasReconstructor`). ctapipe 0.28 is run as its own process tool. Events and
images of telescopes must be the same. Charges may differ by 0.5 % or 0.05 photoelectrons, the
larger one, which is the unit of the row; masks must be identical for the same charges; parameters
of images of the same masks may differ by 1e-4 (relative; leakage, concentrations and skewness
absolute), their angles by 1e-3 deg, directions of the same images by 0.01 deg. The worst of all
images and parameters is shown. Only images with enough pixels have parameters, and only events with
two such images a direction: their numbers stand beside, and without any nothing is judged.
"""
CHAINS = """\
The same with each chain on its own results all the way: differences of charges could change masks,
and masks directions; they do not. Time gradients are no part of the marks: both chains fit the same
trimmed line, ctapipe from random beginnings, so that its own next try ends elsewhere in some of the
images.
"""
SPEED = """\
CPU milliseconds per telescope event without imports and compilation, on this machine; the ratio is
that of ctapipe's time over ours. The files hold few events: what belongs to the file, such as its
opening, is divided by 1 to 15 images here, on both sides. `bench/` has the times of larger samples.
"""


def _results() -> list[dict]:
    """Run the command in a process of its own: this folder's ``tables`` hides that of ctapipe."""
    files = sorted((Path(os.environ["IACTFLOW_DATA"]) / "sim").glob("*.simtel.*"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        code = "import sys; from iactflow.cli import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-P", "-W", "ignore", "-c", code]
        command += ["compare-ctapipe", *map(str, files), "--json", str(out)]
        # 1: beyond a mark, which the page tells
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise RuntimeError(done.stderr)
        return json.loads(out.read_text())["files"]


def _name(block) -> str:
    return Path(block["file"]).name.split(".simtel")[0][:34]


def _direction(name, n_events, direction_deg, marks):
    """Largest difference of directions; nothing is judged of no events."""
    allowed = marks["direction_deg"] if n_events else None
    return compare(f"{name}: directions of {n_events}", direction_deg, 0, allowed, unit="deg")


def _step_rows(block):
    """Each step on equal terms."""
    chains, marks, name = block["chains"], block["marks"], _name(block)
    hillas = block["same_masks"]["hillas"]
    angles = [key for key in hillas if key in ("hillas_phi_deg", "hillas_psi_deg")]
    numbers = [key for key in hillas if key not in angles]
    n_images, n_masks = chains["n_telescope_events"], block["same_masks"]["n_images"]
    events, same = chains["n_events"], block["same_images"]
    relative, angle = (max((hillas[k] for k in keys), default=0.0) for keys in (numbers, angles))
    masks = block["same_charges"]["mask_fraction"]
    return [
        compare(f"{name}: events", events["main"], events["check"], marks["alone"]),
        compare(f"{name}: events of one chain alone", events["alone"], 0, marks["alone"]),
        compare(f"{name}: images", n_images["main"], n_images["check"], marks["alone"]),
        compare(f"{name}: images of one chain alone", n_images["alone"], 0, marks["alone"]),
        compare(f"{name}: charges", chains["charge"], 0, marks["charge"]),
        compare(f"{name}: masks", masks, 0, marks["mask_fraction"]),
        compare(f"{name}: parameters of {n_masks}", relative, 0, marks["hillas_fraction"]),
        compare(f"{name}: angles of {n_masks}", angle, 0, marks["hillas_angle_deg"]),
        _direction(name, same["n_events"], same["direction_deg"], marks),
    ]


def _chain_rows(block):
    """Both chains all the way."""
    chains, marks, name = block["chains"], block["marks"], _name(block)
    equal = block["same_masks"]["equal_time_gradients"]
    return [
        compare(f"{name}: masks that differ", chains["mask_fraction"], 0, marks["mask_fraction"]),
        _direction(name, chains["n_equal_events"], chains["direction_deg"], marks),
        compare(f"{name}: equal time gradients", equal, 1.0, None),
    ]


def _speed_lines(blocks):
    """Times of both chains."""
    lines = ["| file | images | step | ours | ctapipe | ratio |", "|" + "---|" * 6]
    for block in blocks:
        ours, theirs = block["cpu_ms"]["ours"], block["cpu_ms"]["ctapipe"]
        steps = sum(theirs[key] for key in ("calibrate", "process_images", "process_shower"))
        n = block["chains"]["n_telescope_events"]["main"]
        for step, a, b in (
            ("read", ours["read"], theirs["read"]),
            ("counts to geometry", ours["reconstruct"], steps),
            ("raw data to file", ours["all"], theirs["all"]),
        ):
            lines.append(f"| {_name(block)} | {n} | {step} | {a:.3f} | {b:.2f} | {b / a:.1f} |")
    return "\n".join(lines)


def _draw(out):
    """The brightest image of an event of four LSTs: counts, charges, times, ellipse."""
    path = Path(os.environ["IACTFLOW_DATA"]) / "sim" / SHOWN
    with open_reader(path) as reader:
        batch = next(iter(reader.batches()))
        subarray = reader.subarray
        found = reconstruct_events(batch, subarray, chain_settings({}, subarray))
    camera = found.cameras[0]
    rows = np.flatnonzero(camera.batch.event_index == EVENT)
    row = rows[np.nanargmax(camera.parameters["hillas_intensity"][rows])]
    kind, mask = subarray.types[camera.batch.type_index], camera.mask[row]
    image, peak_time = camera.images.image_pe[row], camera.images.peak_time_ns[row]
    parameters = {name: values[row] for name, values in camera.parameters.items()}
    counts = camera.batch.adc[row, 0].max(axis=-1).astype(float)
    norm = PowerNorm(0.5, 0.0, float(image.max()))
    panels = (
        ("Largest sample, high gain", counts, "digital counts", None),
        ("Charge", np.clip(image, 0.0, None), "photoelectrons", norm),
        ("Pulse time, pixels kept", np.where(mask, peak_time, np.nan), "ns", None),
        ("Cleaned image, Hillas ellipse", np.where(mask, image, np.nan), "photoelectrons", norm),
    )
    with style():
        figure = new_figure(10.0, 8.6)
        axes = figure.subplots(2, 2, sharex="row", sharey="row")
        for place, (title, values, label, colours) in zip(np.ravel(axes), panels, strict=True):
            draw_camera(place, kind, values, label, colours)
            place.set_title(title, fontsize=11)
        draw_ellipse(np.ravel(axes)[3], parameters)
        centre = (parameters["hillas_fov_lon_deg"], parameters["hillas_fov_lat_deg"])
        axes[1, 0].set(
            xlim=np.add(centre[0], (-ZOOM_DEG, ZOOM_DEG)),
            ylim=np.add(centre[1], (-ZOOM_DEG, ZOOM_DEG)),
        )
        for place in np.ravel(axes):
            place.set_xlabel("longitude in the telescope frame / deg")
        for place in axes[:, 0]:
            place.set_ylabel("latitude / deg")
        text = f"LST {camera.batch.tel_id[row]}, event {batch.event_id[EVENT]}"
        energy = batch.truth.get("true_energy_tev")
        if energy is not None:
            text += f", gamma ray of {energy[EVENT]:.2g} TeV at 40 deg from the zenith"
        figure.suptitle(f"{text}: {parameters['hillas_intensity']:.0f} photoelectrons")
        with atomic_output(out) as temporary:
            figure.savefig(temporary, format="png")


def make() -> str:
    """Run the comparisons.

    Returns
    -------
    str
        The page in Markdown.
    """
    blocks = _results()
    steps = [row for block in blocks for row in _step_rows(block)]
    chains = [row for block in blocks for row in _chain_rows(block)]
    _draw(HERE / FIGURE)
    return "\n\n".join(
        [
            f"**{counted([*steps, *chains])}**",
            "## Step by step", ABOUT.strip(), table(steps),
            "## Whole chains", CHAINS.strip(), table(chains),
            "## CPU time", SPEED.strip(), _speed_lines(blocks),
            "## An event", f"![Stages of an image]({FIGURE})",
        ]
    )  # fmt: skip
