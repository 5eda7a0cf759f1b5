"""Figures of the page on the calibration of cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from muon_events import ring_of_fit
from throughput_rows import N_MUONS

from iactflow.calibration.single_pe import charge_spectra, spectrum_probabilities
from iactflow.campaign.atomic import atomic_output
from iactflow.figures.style import COLOURS, OURS, new_figure, note

HERE = Path(__file__).resolve().parent


def write_figure(figure, name, text):
    path = HERE / f"{name}.png"
    with atomic_output(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})
    return f"![{text}]({path.name})"


def draw_pulls(pulls):
    wanted = [name for name in pulls if "low gain" not in name]
    figure = new_figure(11.0, 6.4)
    panels = figure.subplots(2, -(-len(wanted) // 2), sharex=True, sharey=True)
    edges = np.linspace(-4.0, 4.0, 33)
    x = np.linspace(-4.0, 4.0, 161)
    for axes, name in zip(panels.flat, wanted, strict=False):
        axes.hist(pulls[name], edges, density=True, color=OURS, alpha=0.75)
        axes.plot(x, np.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi), color=COLOURS["vermilion"])
        camera, _, quantity = name.partition(": ")
        axes.set_title(f"{camera}\n{quantity}", fontsize=9)
        note(axes, f"mean {pulls[name].mean():+.2f}\nwidth {pulls[name].std():.2f}", fontsize=8)
        axes.set_ylim(0.0, 0.58)
    figure.supxlabel("(found − injected) / error")
    figure.supylabel("density; line: standard normal")
    return figure


def draw_gains(single, camera, found, name):
    """Spectrum of one pixel with its fit; gains found against those injected."""
    fit, events, shape, _ = single
    figure = new_figure(11.0, 4.4)
    left, right = figure.subplots(1, 2)
    spectra = charge_spectra(events.single_adu[:, 0, :1].astype(float), 6.0)
    counts, edge = (
        spectra.counts[0],
        spectra.start_adu[0] + 6.0 * np.arange(spectra.counts.shape[1] + 1),
    )
    model, _ = spectrum_probabilities(fit.value[:1], shape, spectra.start_adu, 6.0, counts.size)
    left.stairs(counts, edge, color=OURS, label="one pixel")
    centre = 0.5 * (edge[1:] + edge[:-1])
    left.plot(centre, model[0] * counts.sum(), color=COLOURS["vermilion"], label="fit")
    left.set(xlabel="charge less pedestal [counts]", ylabel="events / 6 counts", yscale="log")
    left.set(ylim=(0.5, None), xlim=(None, 500.0), title="Single photoelectrons")
    left.legend()
    ok = found.status[0] == 0
    truth = camera.gain[0]
    right.errorbar(
        truth[ok], found.gain_adu[0, ok], found.gain_error_adu[0, ok], fmt="o", ms=2, lw=0.4,
        color=OURS, alpha=0.4, label="photo-statistics",
    )  # fmt: skip
    right.plot(truth[ok], fit.value[ok, 1] / events.pulse_part[0], "o", ms=2,
               color=COLOURS["orange"], label="single photoelectrons")  # fmt: skip
    ends = [truth[ok].min(), truth[ok].max()]
    right.plot(ends, ends, color="0.2", lw=1.0)
    right.set(xlabel="injected gain [counts / p.e.]", ylabel="found [counts / p.e.]")
    right.set_title(f"{name}, gains of run 3255")
    right.legend()
    return figure


def draw_sky(points):
    figure = new_figure(6.5, 5.0)
    axes = figure.subplots()
    for (name, values), colour in zip(points.items(), (OURS, COLOURS["vermilion"]), strict=True):
        axes.errorbar(
            values[:, 0], values[:, 1], values[:, 2], fmt="o", color=colour,
            label=f"{name}: mean and rms of pixels",
        )  # fmt: skip
    ends = np.array([0.02, 3.0])
    axes.plot(ends, ends, color="0.4", lw=0.8)
    axes.set(xscale="log", yscale="log", xlabel="injected night sky [p.e. / ns]")
    axes.set(ylabel="from the width of pedestals [p.e. / ns]", title="Night sky from pedestals")
    axes.legend()
    return figure


def draw_muons(throughputs, muons):
    injected, value, sigma, pulls = throughputs
    telescope, images, fits, settings = muons
    figure = new_figure(12.0, 4.4)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.15, 1.0, 1.0))
    number, fit = fits[0]
    lon, lat = telescope.kind.pixel_lon_deg, telescope.kind.pixel_lat_deg
    image = left.scatter(lon, lat, c=images.image_pe[number], marker="h", s=22, cmap="viridis")
    figure.colorbar(image, ax=left, label="p.e.")
    turn = np.linspace(0.0, 2.0 * np.pi, 200)
    left.plot(fit.lon_deg + fit.radius_deg * np.cos(turn),
              fit.lat_deg + fit.radius_deg * np.sin(turn), color=COLOURS["vermilion"])  # fmt: skip
    left.set(xlabel="longitude [deg]", ylabel="latitude [deg]", aspect="equal")
    left.set(xlim=(-2.3, 2.3), ylim=(-2.3, 2.3), title="Muon ring and its fit")
    x, y = lon - fit.lon_deg, lat - fit.lat_deg
    near = np.abs(np.hypot(x, y) - fit.radius_deg) < settings.annulus_deg
    sector = ((np.degrees(np.arctan2(y, x)) % 360.0) // 20.0).astype(int)
    ours = np.bincount(sector[near], images.image_pe[number][near], 18)
    model = np.bincount(sector[near], ring_of_fit(fit, telescope.kind, settings)[near], 18)
    middle.errorbar(np.arange(18) * 20 + 10, ours, np.sqrt(np.maximum(model, 1) * 1.15 + 15 * 1.6),
                    fmt="o", color=OURS, label="image")  # fmt: skip
    middle.stairs(model, np.arange(19) * 20, color=COLOURS["vermilion"], label="fit")
    middle.set(xlabel="azimuth around the ring [deg]", ylabel="p.e. per 20°", xlim=(0, 360))
    middle.set(title="Light along the ring", ylim=(0.0, None))
    middle.legend()
    right.errorbar(injected, value, sigma, fmt="o", ms=3, lw=0.6, color=OURS)
    right.plot([0.5, 1.0], [0.5, 1.0], color="0.3", lw=1.0)
    right.set(xlabel="injected throughput", ylabel=f"from {N_MUONS} muons", title="Throughput")
    note(right, f"pulls: mean {pulls.mean():+.2f}, width {pulls.std():.2f}")
    return figure
