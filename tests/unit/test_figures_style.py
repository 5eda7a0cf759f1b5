"""What all figures share."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from figure_samples import text_outside

from iactflow.figures.style import (
    COLOURS,
    log_ticks,
    new_figure,
    note,
    save,
    scientific,
    style,
    unit_text,
)


def _figure():
    figure = new_figure(4.0, 3.0)
    axes = figure.add_subplot()
    axes.plot([1, 10, 100], [1, 2, 3])
    axes.set_xscale("log")
    axes.set_xlabel("Energy (TeV)")
    return figure, axes


def test_style_ignores_and_restores_the_settings_of_the_user():
    with matplotlib.rc_context({"font.size": 3.0, "lines.linewidth": 9.0}):
        with style():
            assert matplotlib.rcParams["font.size"] == 11.0
            assert matplotlib.rcParams["lines.linewidth"] == 1.6
        assert matplotlib.rcParams["font.size"] == 3.0


def test_the_same_figure_has_the_same_bytes_and_no_date(tmp_path):
    for name in ("a", "b"):
        with style():
            figure, _ = _figure()
            save(figure, tmp_path / "new" / f"{name}.png")
    first, second = ((tmp_path / "new" / f"{n}.png").read_bytes() for n in "ab")
    assert first == second
    assert b"Software" not in first
    assert b"Date" not in first
    width = int.from_bytes(first[16:20], "big")
    assert 150 <= width / 4.0 <= 200


def test_colours_differ_in_lightness_for_readers_without_colour_vision():
    def lightness(code):
        rgb = np.array(matplotlib.colors.to_rgb(code))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    blue, vermilion = lightness(COLOURS["blue"]), lightness(COLOURS["vermilion"])
    assert abs(blue - vermilion) > 0.03
    assert lightness(COLOURS["orange"]) - vermilion > 0.15


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (2.5934, 0.0612, r"$2.593 \pm 0.061$"),
        (3.451e-11, 1.2e-12, r"$(3.45 \pm 0.12) \times 10^{-11}$"),
        (4.3e-12, None, r"$4.30 \times 10^{-12}$"),
        (-0.02, 0.5, r"$-0.02 \pm 0.50$"),
        (float("nan"), None, "not available"),
        (2.0, float("nan"), "$2.00$"),
    ],
)
def test_scientific(value, error, expected):
    assert scientific(value, error) == expected


def test_unit_text():
    assert unit_text("cm-2 s-1 TeV-1") == "cm$^{-2}$ s$^{-1}$ TeV$^{-1}$"
    assert unit_text("") == ""


def test_energies_are_written_as_plain_numbers_inside_the_figure():
    with style():
        figure, axes = _figure()
        log_ticks(axes)
        note(axes, "a note", "lower right")
        assert text_outside(figure) == []
        labels = {tick.get_text() for tick in axes.get_xticklabels()}
    assert {"1", "10", "100"} <= labels


def test_text_outside_is_found():
    with style():
        figure, _ = _figure()
        figure.text(0.97, 0.5, "a text that is cut off")
        assert text_outside(figure) == ["a text that is cut off"]
