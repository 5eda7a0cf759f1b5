"""What all figures share: the style, the colours and how a figure is written.

The qualitative colours are those of Okabe and Ito (2008, *Color Universal Design*), which stay
distinct with every common colour vision deficiency. Figures are written without dates or program
names, so that the same data give the same bytes with one version of matplotlib.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "OURS",
    "log_ticks",
    "new_figure",
    "note",
    "save",
    "scientific",
    "style",
    "unit_text",
]

COLOURS = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
    "grey": "#7F7F7F",
}
OURS = COLOURS["blue"]


@contextmanager
def style() -> Iterator[None]:
    """Draw with the style of the package, and with nothing of the user's own settings.

    Yields
    ------
    None
        The style holds inside the block only.
    """
    with as_file(files("iactflow.figures") / "iactflow.mplstyle") as path:
        sheet = matplotlib.rc_params_from_file(path, use_default_template=True)
    sheet["backend"] = matplotlib.rcParams["backend"]
    with matplotlib.rc_context(sheet):
        yield


def new_figure(width_in: float = 7.2, height_in: float = 5.0) -> Figure:
    """Make a figure outside of pyplot, so that nothing is kept between figures.

    Parameters
    ----------
    width_in, height_in : float
        Size in inches.

    Returns
    -------
    Figure
        The empty figure with constrained layout.
    """
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG without a date or program name.

    Parameters
    ----------
    figure : Figure
        The figure.
    path : str or Path
        The file; its folder is made.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", metadata={"Software": None})


def note(axes: Axes, text: str, corner: str = "upper left", shift: float = 0.0, **keywords) -> None:
    """Write a text into a corner of the axes on a nearly opaque ground.

    Parameters
    ----------
    axes : Axes
        Where to write.
    text : str
        What to write.
    corner : str
        Vertical and horizontal place, as in ``"upper left"``.
    shift : float
        Distance from that corner towards the middle, as a fraction of the height.
    **keywords
        Passed on to `matplotlib.axes.Axes.text`.
    """
    vertical, horizontal = corner.split()
    x = {"left": 0.025, "right": 0.975}[horizontal]
    y = {"upper": 0.97 - shift, "lower": 0.03 + shift}[vertical]
    keywords = {"fontsize": 9.5, "linespacing": 1.35, "zorder": 10} | keywords
    box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2.5}
    axes.text(
        x,
        y,
        text,
        transform=axes.transAxes,
        ha=horizontal,
        va={"upper": "top", "lower": "bottom"}[vertical],
        bbox=box,
        **keywords,
    )


def scientific(value: float, error: float | None = None, digits: int = 2) -> str:
    """Format a value, with its error to two digits, in mathtext.

    Parameters
    ----------
    value : float
        The value.
    error : float, optional
        Its standard error.
    digits : int
        Significant digits after the first where there is no error.

    Returns
    -------
    str
        Such as ``(3.45 ± 0.11) × 10⁻¹¹`` in mathtext.
    """
    if not np.isfinite(value):
        return "not available"
    exponent = int(np.floor(np.log10(abs(value)))) if value else 0
    plain = -3 <= exponent <= 3
    scale = 1.0 if plain else 10.0**exponent
    if error is None or not np.isfinite(error) or error <= 0:
        text = f"{value / scale:.{digits}f}"
    else:
        decimals = max(0, 1 - int(np.floor(np.log10(error / scale))))
        text = f"{value / scale:.{decimals}f} \\pm {error / scale:.{decimals}f}"
        text = text if plain else f"({text})"
    return f"${text}$" if plain else f"${text} \\times 10^{{{exponent}}}$"


def log_ticks(axes: Axes, which: str = "x") -> None:
    """Label a logarithmic energy axis with plain numbers (0.1, 1, 10) instead of powers.

    Parameters
    ----------
    axes : Axes
        The axes.
    which : str
        ``"x"`` or ``"y"``.
    """
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda v, _: f"{v:g}"))
    low, high = axis.get_view_interval()
    if high / low < 30:
        axis.set_minor_formatter(
            matplotlib.ticker.FuncFormatter(lambda v, _: f"{v:g}" if f"{v:e}"[0] in "25" else "")
        )
    else:
        axis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def unit_text(unit: str) -> str:
    """Write the exponents of a unit as superscripts of mathtext.

    Parameters
    ----------
    unit : str
        Such as ``cm-2 s-1 TeV-1``.

    Returns
    -------
    str
        Text with mathtext.
    """
    return re.sub(r"-(\d+)", r"$^{-\1}$", unit)
