"""Figure of mock results against what was injected."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from figure_samples import text_outside

from iactflow.figures import truth
from iactflow.figures.style import style

ROWS = [
    ("crab", "spectrum", "n_on", 698.0, 698.0, 0.0, True),
    ("crab", "truth", "pl.amplitude", 3.9e-11, 3.6e-11, 9e-12, True),
    ("crab", "truth", "pl.index", 2.9, 2.6, 0.1, False),
    ("crab", "truth", "1-10.position_deg", float("nan"), 0.0, float("nan"), False),
]


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Draw a table of verdicts."""
    drawn = {}
    monkeypatch.setattr(truth, "save", lambda figure, path: drawn.update({path: figure}))

    def call(rows):
        columns = ["target", "product", "quantity", "main", "check", "tolerance", "passed"]
        path = tmp_path / "verdicts.tsv"
        pd.DataFrame(rows, columns=columns).to_csv(path, sep="\t", index=False)
        params = SimpleNamespace(settings={"truth_sigma": 3.0})
        truth.plot_truth(
            SimpleNamespace(verdicts=str(path)), SimpleNamespace(figure="figure"), params, None
        )
        return drawn["figure"]

    return call


@pytest.mark.parametrize(
    ("main", "check", "tolerance", "expected"),
    [(2.75, 2.6, 0.3, 1.5), (2.5, 2.6, 0.3, -1.0), (1.0, 2.0, 0.0, math.nan)],
)
def test_pull(main, check, tolerance, expected):
    row = {"main": main, "check": check, "tolerance": tolerance}
    assert truth.truth_pull(row, 3.0) == pytest.approx(expected, nan_ok=True)


def test_rows_of_other_products_are_left_out_and_failures_stand_at_the_end(draw):
    with style():
        figure = draw(ROWS)
        assert text_outside(figure) == []
    axes = figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["crab   pl.amplitude", "pl.index", "1-10.position deg"]
    marks = {
        line.get_marker(): line.get_xdata() for line in axes.lines if line.get_marker() != "None"
    }
    np.testing.assert_allclose(marks["o"], [1.0])
    np.testing.assert_allclose(marks["X"], [6.0, 6.0])
    assert "2 beyond 3 errors" in axes.get_title(loc="left")


def test_nothing_to_hold_against_the_truth(draw):
    assert draw(ROWS[:1]).axes[0].get_title(loc="left").startswith("no result")
