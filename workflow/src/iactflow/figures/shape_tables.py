"""Tables of shapes and energies as maps of size and impact distance, a figure per type."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from iactflow.discrimination.shape_sums import ShapeTableSettings
from iactflow.discrimination.shape_table_files import read_shape_sums
from iactflow.discrimination.smoothing import smooth
from iactflow.discrimination.table_kernels import QUANTITIES
from iactflow.figures.style import new_figure, save, style

__all__ = ["draw_shape_tables", "plot_shape_tables"]

LABELS = {
    "width_deg": "Width [deg]",
    "length_deg": "Length [deg]",
    "ln_energy_per_size": "ln(energy / TeV / (size / p.e.))",
    "disp_deg": "Distance of the source [deg]",
}
# Colours stand for the central part of the filled bins: single ones must not set them.
CENTRAL = (0.01, 0.99)


def plot_shape_tables(inputs, outputs, params, wildcards) -> None:
    """Draw the tables of the node nearest to the zenith of every type of telescope.

    Parameters
    ----------
    inputs : namespace
        ``tables``: ROOT file of all sums.
    outputs : namespace
        ``figures``: a folder of PNG files.
    params, wildcards : namespace
        Not used.

    Raises
    ------
    InputError
        If the file is broken.
    """
    sums = read_shape_sums(inputs.tables)
    folder = Path(outputs.figures)
    folder.mkdir(parents=True)
    with style():
        for name in sorted({node.telescope_type for node in sums.sums}):
            node = min(node for node in sums.sums if node.telescope_type == name)
            figure = draw_shape_tables(sums.sums[node], sums.settings, _text(node))
            save(figure, folder / f"{re.sub('[^A-Za-z0-9.-]+', '_', name)}.png")


def _text(node) -> str:
    night = "" if not node.nsb_rate_ghz else f", night sky {node.nsb_rate_ghz:.2g} GHz"
    return (
        f"{node.telescope_type}: zenith {node.zenith_deg:g} deg, offset {node.offset_deg:g} deg"
        f"{night}, throughput {node.throughput:g}"
    )


def draw_shape_tables(sums: np.ndarray, settings: ShapeTableSettings, title: str) -> Figure:
    """Draw means and scatters of a node.

    Parameters
    ----------
    sums : ndarray of int64, shape (n_size, n_impact, n_sums)
        Sums of a node.
    settings : ShapeTableSettings
        Bins and smoothing.
    title : str
        Title.

    Returns
    -------
    Figure
        A column per quantity: means above, scatters below.
    """
    mean, scatter = smooth(sums, settings.smoothing_bins, settings.min_entries)
    binning = settings.binning
    size_pe = np.exp(binning.ln_size_min + binning.ln_size_step * np.arange(binning.n_size + 1))
    impact_m = binning.impact_step_m * np.arange(binning.n_impact + 1)
    figure = new_figure(4.1 * len(QUANTITIES), 7.4)
    panels = figure.subplots(2, len(QUANTITIES), sharex=True, sharey=True, squeeze=False)
    filled = np.argwhere(np.isfinite(mean[..., 0]))
    for row, (values, what) in zip(panels, ((mean, "mean"), (scatter, "scatter")), strict=True):
        for axes, quantity, i in zip(row, QUANTITIES, range(len(QUANTITIES)), strict=True):
            shown = np.ma.masked_invalid(values[..., i])
            limits = (0.0, 1.0)
            if shown.count():
                limits = np.quantile(shown.compressed(), CENTRAL)
            mesh = axes.pcolormesh(
                impact_m, size_pe, shown, cmap="viridis", vmin=limits[0], vmax=limits[1]
            )
            figure.colorbar(mesh, ax=axes, pad=0.02)
            axes.set(yscale="log", facecolor="0.95")
            axes.set_title(f"{LABELS[quantity]}: {what}", fontsize=10)
    if len(filled):
        (low, _), (high, far) = filled.min(axis=0), filled.max(axis=0)
        panels[0, 0].set(xlim=(0.0, impact_m[far + 1]), ylim=(size_pe[low], size_pe[high + 1]))
    figure.supxlabel("Impact distance [m]", fontsize=11)
    figure.supylabel("Size [p.e.]", fontsize=11)
    figure.suptitle(title, fontsize=12, x=0.02, ha="left")
    return figure
