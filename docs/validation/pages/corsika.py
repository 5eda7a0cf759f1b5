"""Our showers against CORSIKA's: light on the ground, directions, times."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from judged import compare, counted, table

from iactflow.campaign.atomic import atomic_output
from iactflow.figures.style import COLOURS, OURS, new_figure, note, save, style
from iactflow.shower.compare_corsika import compare_files
from iactflow.shower.compare_settings import LEAST_BINS, LEAST_P_VALUE, MOST_SIGMA

TITLE = "Showers against CORSIKA"
CONFIGS: list[str] = []
MODULES = ["iactflow.campaign.atomic", "iactflow.figures.style", "iactflow.shower.compare_corsika"]
HERE = Path(__file__).resolve().parents[1]
FILES = (
    "gamma_run000007_za40deg_azm180deg_South_subsystem_lsts_7.0.0_test.corsika.zst",
    "3_gammas_reuse_5.dat",
    "two_telescopes.dat",
    "gamma_100gev_1216.eventio",
    "one_shower.dat",
)
QUANTILE_SIGMA = 4.0
THEIRS = COLOURS["vermilion"]
INTRODUCTION = """\
All public CORSIKA files at hand: {primaries} photon showers of {low:.0f} to {high:.0f} GeV. For
each of them ours are simulated by `iactflow compare-corsika`, at least {showers} per primary: same
energy, direction, observation level, atmosphere (the table in the file, else its five layers),
magnetic field, band of wavelengths, cuts, telescope spheres and cores. No light is absorbed in
either.

Theirs is one shower per primary, so its fluctuation is taken from our ensemble, with all its
correlations between distances; what bunches add is taken from their weights. Total light must
agree within {sigma:g} of these shower-level errors. The chi-square over core distances uses the
full covariance; its probability comes from pseudo-experiments in which one of our showers per
primary plays theirs, and must be above {p}. A bin qualifies with light worth {bunches:g} of their
bunches; {bins} bins are asked for of all files together. Directions and times are compared in the
qualifying bins of all files, by quantiles, to which single photons from far off matter little:
median angle away from the axis and half the width of its central 68 %, the angle across it that
holds 68 %, median delay behind the front and half the width of its central 68 %, in units of the
spread of such samples of ours. Their largest deviation, of {n_quantiles} correlated numbers, must
be below {largest:g}.
"""
COLUMNS = (
    "file",
    "primaries",
    "zenith / deg",
    "level / m",
    "band / nm",
    "photons",
    "ours / theirs",
    "bins",
)
QUANTILES = {
    "outward_median_deg": "median angle away from the axis, deg",
    "outward_spread_deg": "half width of the angle away from the axis, deg",
    "across_68_deg": "angle across, deg",
    "delay_median_ns": "median delay, ns",
    "delay_spread_ns": "half width of the delay, ns",
}


def _block_rows(name, block, judged):
    total = block["total_light"]
    sigma, p_value = (MOST_SIGMA, 1.0 - LEAST_P_VALUE) if judged else (None, None)
    error = total["ratio_error"]
    return [
        compare(f"{name}: light, ours / theirs", total["ratio"], 1.0, sigma, error=error,
                unit="sigma"),
        compare(f"{name}: probability of the chi-square, {block['ndf']} bins",
                block["p_value"], 1.0, p_value),
    ]  # fmt: skip


def _quantile_rows(bins):
    rows = []
    for key, label in QUANTILES.items():
        pulls = [
            (row[key]["ours"] - row[key]["theirs"]) / row[key]["error"]
            for row in bins
            if row["qualifies"]
        ]
        at = int(np.argmax(np.abs(pulls)))
        chosen = [row for row in bins if row["qualifies"]][at]
        distance = f"{chosen['core_distance_min_m']:.0f}-{chosen['core_distance_max_m']:.0f} m"
        error = chosen[key]["error"]
        label = f"{label}: largest of {len(pulls)} bins, at {distance}, +- {error:.2g}"
        rows.append(compare(label, chosen[key]["ours"], chosen[key]["theirs"], QUANTILE_SIGMA,
                            error=error, unit="sigma"))  # fmt: skip
    return rows


def _centres(bins):
    return np.array([0.5 * (r["core_distance_min_m"] + r["core_distance_max_m"]) for r in bins])


def _figure(result):
    """Light against distance and its ratio for all files; angles and delays."""
    bins = [row for row in result["combined"]["bins"] if row["qualifies"]]
    x = _centres(bins)
    with style():
        figure = new_figure(10.5, 7.4)
        grid = figure.subplots(2, 2, sharex=True)
        _light(grid[0, 0], bins, x)
        _ratio(grid[1, 0], bins, x, result["combined"])
        _quantile(grid[0, 1], bins, x, "outward_median_deg", "median angle from the axis (deg)")
        _quantile(grid[1, 1], bins, x, "delay_spread_ns", "half width of the delay (ns)")
        for axes in grid[1]:
            axes.set_xlabel("distance from the shower axis (m)")
        grid[0, 0].set_xlim(0.0, 1.02 * bins[-1]["core_distance_max_m"])
        figure.suptitle("Cherenkov light of photon showers, 9 to 200 GeV: ours and CORSIKA's",
                        x=0.02, ha="left", fontsize=13)  # fmt: skip
        with atomic_output(HERE / "corsika.png") as path:
            save(figure, path)


def _light(axes, bins, x):
    ours = np.array([row["ours_per_m2"] for row in bins])
    spread = np.array([row["expected_spread_per_m2"] for row in bins])
    lower = np.maximum(ours - spread, 0.01 * ours)
    axes.fill_between(x, lower, ours + spread, color=OURS, alpha=0.2, lw=0)
    axes.plot(x, ours, "-", color=OURS, label="ours, with the spread expected of theirs")
    theirs = [row["theirs_per_m2"] for row in bins]
    axes.plot(x, theirs, "o", color=THEIRS, ms=4.5, label="CORSIKA, 27 showers")
    axes.set(yscale="log", ylabel=r"photons per m$^2$", ylim=(0.3, 60.0))
    axes.legend(loc="lower left", fontsize=9)


def _ratio(axes, bins, x, combined):
    ratio = [row["ratio"] for row in bins]
    axes.errorbar(x, ratio, [row["ratio_error"] for row in bins], fmt="o", color=OURS, ms=4.5)
    axes.axhline(1.0, color=COLOURS["grey"], lw=1)
    axes.set(ylabel="ours / CORSIKA", ylim=(0.0, 2.8))
    total = combined["total_light"]
    text = f"all light: {total['ratio']:.3f} $\\pm$ {total['ratio_error']:.3f}\n"
    text += f"$\\chi^2$ = {combined['chi_square']:.1f} in {combined['ndf']} bins, "
    note(axes, text + f"p = {combined['p_value']:.2f}", "upper right")


def _quantile(axes, bins, x, key, label):
    ours, error, theirs = (
        np.array([row[key][k] for row in bins]) for k in ("ours", "error", "theirs")
    )
    axes.fill_between(x, ours - error, ours + error, color=OURS, alpha=0.2, lw=0)
    axes.plot(x, ours, "-", color=OURS)
    axes.plot(x, theirs, "o", color=THEIRS, ms=4.5)
    axes.set(ylabel=label)


def _file_line(block):
    total = block["total_light"]
    energies = [primary["energy_tev"] * 1000.0 for primary in block["primaries"]]
    return (
        f"| `{Path(block['file']).name}` | {len(energies)} x {np.mean(energies):.0f} GeV "
        f"| {90.0 - block['primaries'][0]['altitude_deg']:.0f} "
        f"| {block['observation_level_m']:.0f} "
        f"| {block['wavelength_min_nm']:.0f}-{block['wavelength_max_nm']:.0f} "
        f"| {total['theirs_photons']:.0f} | {total['ratio']:.3f} +- {total['ratio_error']:.3f} "
        f"| {block['n_qualifying_bins']} |"
    )


def make() -> str:
    """Compare with all files and write the figure.

    Returns
    -------
    str
        Body of the page in Markdown.
    """
    folder = Path(os.environ["IACTFLOW_DATA"]) / "sim"
    result = compare_files([folder / name for name in FILES], progress=lambda text: None)
    combined, blocks = result["combined"], result["files"]
    energies = [1e3 * p["energy_tev"] for block in blocks for p in block["primaries"]]
    rows = _block_rows("all files", combined, True)
    n_bins = combined["n_qualifying_bins"]
    missing = max(0, LEAST_BINS - n_bins)
    rows.append(compare(f"bins that do not qualify, of {LEAST_BINS} needed", missing, 0, 0))
    rows += _block_rows("run 7", blocks[0], True)
    for block in blocks[1:]:
        # The spread of single showers is too large and too skew for sigmas; probabilities hold.
        rows.append(_block_rows(Path(block["file"]).name, block, True)[1])
    quantiles = _quantile_rows(combined["bins"])
    _figure(result)
    introduction = INTRODUCTION.format(
        primaries=len(energies), low=min(energies), high=max(energies), sigma=MOST_SIGMA,
        showers=result["settings"]["showers_per_primary"], p=LEAST_P_VALUE,
        bunches=combined["min_bunches"], bins=LEAST_BINS, largest=QUANTILE_SIGMA,
        n_quantiles=n_bins * len(QUANTILES),
    )  # fmt: skip
    head = f"| {' | '.join(COLUMNS)} |"
    return "\n".join(
        [
            introduction,
            head,
            "|" + "---|" * len(COLUMNS),
            *map(_file_line, blocks),
            "",
            "## Light",
            "",
            table(rows),
            "",
            "## Directions and times",
            "",
            table(quantiles),
            "",
            "![Light, ratio, angles and delays against core distance](corsika.png)",
            "",
            counted([*rows, *quantiles]),
        ]
    )
