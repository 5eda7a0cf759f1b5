"""Figure of the comparison of the two chains."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from figure_samples import text_outside

from iactflow.errors import InputError
from iactflow.figures import verdicts
from iactflow.figures.style import style

ROWS = [
    ("crab", "sky_map", "1-10 peak_significance", 30.0, 30.1, 0.3, True),
    ("crab", "spectrum", "n_on", 698.0, 698.0, 0.0, True),
    ("crab", "spectrum", "models.pl.index", 2.6, 2.75, 0.1, False),
    ("crab", "spectrum", "models.pl.amplitude", 4.6, 9.9, 0.1, False),
    ("msh1552", "light_curve", "flux 1", 1.0, float("nan"), 0.1, False),
]


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Draw a table of verdicts."""
    drawn = {}
    monkeypatch.setattr(verdicts, "save", lambda figure, path: drawn.update({path: figure}))

    def call(rows):
        columns = ["target", "product", "quantity", "main", "check", "tolerance", "passed"]
        path = tmp_path / "verdicts.tsv"
        pd.DataFrame(rows, columns=columns).to_csv(path, sep="\t", index=False)
        verdicts.plot_verdicts(
            SimpleNamespace(verdicts=str(path)),
            SimpleNamespace(figure="figure"),
            SimpleNamespace(settings={}),
            SimpleNamespace(),
        )
        return drawn["figure"]

    return call


@pytest.mark.parametrize(
    ("main", "check", "tolerance", "expected"),
    [
        (2.6, 2.75, 0.1, 1.5),
        (3.0, 3.0, 0.0, 0.0),
        (3.0, 4.0, 0.0, math.inf),
        (1.0, math.nan, 0.1, math.inf),
    ],
)
def test_deviation(main, check, tolerance, expected):
    row = {"main": main, "check": check, "tolerance": tolerance}
    assert verdicts.deviation(row) == pytest.approx(expected)


def test_failures_are_crosses_beyond_the_line_and_named(draw):
    with style():
        figure = draw(ROWS)
        assert text_outside(figure) == []
    axes = figure.axes[0]
    crosses = [line for line in axes.lines if line.get_marker() == "X" and line.get_xdata().size]
    x = np.concatenate([line.get_xdata() for line in crosses])
    np.testing.assert_allclose(sorted(x), [1.5, verdicts.REACH, verdicts.REACH])
    texts = [text.get_text() for text in axes.texts]
    assert "models.pl.index and 1 more" in texts
    assert "flux 1" in texts
    assert "1 / 3" in texts
    assert axes.get_title(loc="left") == "5 numbers compared, 3 beyond tolerance: gate closed"
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["crab   sky map", "spectrum", "msh1552   light curve"]


def test_all_passed(draw):
    axes = draw(ROWS[:2]).axes[0]
    assert axes.get_title(loc="left") == "2 numbers compared, 0 beyond tolerance: gate open"


def test_nothing_compared_is_no_open_gate(draw):
    assert draw([]).axes[0].get_title(loc="left").endswith("gate closed")


def test_missing_column_is_bad_input(tmp_path):
    path = tmp_path / "verdicts.tsv"
    path.write_text("target\tproduct\ncrab\tspectrum\n")
    with pytest.raises(InputError, match="quantity"):
        verdicts.read_verdicts(path)
