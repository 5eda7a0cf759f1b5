"""Figures of a node's performance: what is drawn is what the summary says."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from iactflow.campaign.json_product import plain, write_json
from iactflow.figures import performance
from iactflow.figures.style import style
from iactflow.response.spectra import SPECTRA

EDGES = 10.0 ** np.arange(-1.0, 1.1, 0.2)
N = len(EDGES) - 1
ERG_PER_TEV = 1.602176634


def by_offset(values):
    """The same by energy at two offsets, half as large at the second; its last bin is empty."""
    rows = np.array([values, 0.5 * np.asarray(values)])
    rows[1, -1] = np.nan
    return rows


def sensitivity(scale):
    centre = np.sqrt(EDGES[1:] * EDGES[:-1])
    flux = scale * 0.01 * SPECTRA["crab_hess"](centre)
    limited = ["significance"] * N
    limited[-2:] = ["no background", "no signal"]
    return {
        "energy_min_tev": EDGES[:-1], "energy_max_tev": EDGES[1:], "energy_ref_tev": centre,
        "relative_flux": 0.01 * np.ones(N), "flux": flux, "flux_error": 0.1 * flux,
        "limited_by": limited,
    }  # fmt: skip


def node_summary():
    centre = np.sqrt(EDGES[1:] * EDGES[:-1])
    widths = np.linspace(-3.0, 8.0, 56)
    middle = 0.5 * (widths[1:] + widths[:-1])
    gauss = [np.exp(-0.5 * ((middle - m) / s) ** 2) for m, s in ((0.0, 1.0), (3.0, 1.5))]
    efficiency = np.linspace(0.0, 1.0, 101)
    roc = {"signal_efficiency": efficiency, "background_fraction": efficiency**4}
    return plain(
        {
            "node": "zen20-az180-nsb1",
            "cuts": {"name": "standard", "bands": [{"mean_scaled_width_max": 0.9}]},
            "energy_edges_tev": EDGES,
            "offset_deg": [0.5, 1.5],
            "effective_area_m2": by_offset(1e5 * centre**0.3),
            "effective_area_error_m2": by_offset(1e3 * np.ones(N)),
            "angular_resolution_deg": by_offset(0.1 * centre**-0.2),
            "angular_resolution_error_deg": by_offset(0.01 * np.ones(N)),
            "energy_resolution": by_offset(0.15 * np.ones(N)),
            "energy_resolution_error": by_offset(0.01 * np.ones(N)),
            "energy_bias": by_offset(0.05 * np.ones(N)),
            "energy_bias_error": by_offset(0.01 * np.ones(N)),
            "energy_reco_edges_tev": EDGES,
            "background_offset_edges_deg": [0.0, 0.5, 1.0, 1.5, 2.0],
            "background_rate_per_s": np.append(0.1 * centre[:-1] ** -1.7, 0.0),
            "background_rate_error_per_s": np.append(0.01 * np.ones(N - 1), 0.0),
            "background_per_s_mev_sr": np.outer(1e-6 * centre**-2.7, [4.0, 3.0, 2.0, 1.0]),
            "n_background_showers_in_all": 321,
            "sensitivity": {
                "reference": "crab_hess",
                "time_h": 50.0,
                "significance": 5.0,
                "offset_deg": [0.5, 1.5],
                "by_offset": [sensitivity(1.0), sensitivity(2.0)],
            },
            "discrimination": {
                "signal_efficiency": 0.8,
                "background_energy_min_tev": 0.5,
                "particle_id": 14,
                "trees": {
                    "signal_efficiency_reached": 0.8,
                    "background_fraction": 0.8**4,
                    "background_fraction_error": 0.02,
                    "roc": roc,
                },
                "scaled_cuts": None,
            },
            "distributions": {
                "mean_scaled_width": {
                    "edges": widths,
                    "signal": gauss[0] / gauss[0].sum(),
                    "signal_error": 0.01 * np.ones(55),
                    "background": gauss[1] / gauss[1].sum(),
                    "background_error": 0.01 * np.ones(55),
                }
            },
        }
    )


@pytest.fixture(scope="module")
def summary():
    return node_summary()


def points(container):
    return np.asarray(container.lines[0].get_ydata(), dtype=float)


def drawn(draw, summary):
    with style():
        return draw(summary)


def test_areas_and_resolutions_are_those_of_the_summary(summary):
    for draw, name in (
        (performance.FIGURES["effective_area"], "effective_area_m2"),
        (performance.FIGURES["angular_resolution"], "angular_resolution_deg"),
    ):
        (axes,) = drawn(draw, summary).axes
        first, second = axes.containers
        np.testing.assert_allclose(points(first), summary[name][0])
        # The empty bin of the second offset has no point.
        np.testing.assert_allclose(points(second), np.array(summary[name][1][:-1], float))
        assert [t.get_text() for t in axes.get_legend().get_texts()] == ["0.5 deg", "1.5 deg"]
    top, bottom = drawn(performance.FIGURES["energy"], summary).axes
    np.testing.assert_allclose(points(top.containers[0]), summary["energy_resolution"][0])
    np.testing.assert_allclose(points(bottom.containers[0]), summary["energy_bias"][0])


def test_sensitivity_and_its_limits(summary):
    (axes,) = drawn(performance.FIGURES["sensitivity"], summary).axes
    row = summary["sensitivity"]["by_offset"][1]
    centre, flux = np.array(row["energy_ref_tev"]), np.array(row["flux"])
    expected = flux * centre**2 * ERG_PER_TEV
    np.testing.assert_allclose(points(axes.containers[1]), expected[:-2])
    limits = [line for line in axes.lines if line.get_marker() == "^"]
    assert [line.get_ydata().tolist() for line in limits][1] == pytest.approx([expected[-2]])
    assert any("triangles: lower limits" in text.get_text() for text in axes.texts)
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    crab = SPECTRA["crab_hess"](dashed[2].get_xdata()) * dashed[2].get_xdata() ** 2
    np.testing.assert_allclose(dashed[2].get_ydata(), 0.01 * crab * ERG_PER_TEV)


def test_background_distributions_and_rejection(summary):
    left, right = drawn(performance.FIGURES["background"], summary).axes
    np.testing.assert_allclose(points(left.containers[0]), summary["background_rate_per_s"][:-1])
    assert "321 showers" in left.texts[0].get_text()
    first = right.patches[0].get_data()
    np.testing.assert_allclose(first.values, 1e6 * np.array(summary["background_per_s_mev_sr"])[0])
    (axes,) = drawn(performance.FIGURES["distributions"], summary).axes
    rows = summary["distributions"]["mean_scaled_width"]
    np.testing.assert_allclose(axes.patches[0].get_data().values, rows["signal"])
    assert [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"] == [0.9]
    (axes,) = drawn(performance.FIGURES["rejection"], summary).axes
    assert points(axes.containers[0]) == pytest.approx([0.8**4])
    (text,) = axes.get_legend().get_texts()
    assert text.get_text() == "boosted trees: 41 ± 2 %"


def test_a_node_without_background_says_so(summary, tmp_path):
    lost = ("sensitivity", "discrimination", "distributions", "background_rate_per_s")
    lean = {name: value for name, value in summary.items() if name not in lost}
    for name in ("sensitivity", "rejection", "background", "distributions"):
        (axes,) = drawn(performance.FIGURES[name], lean).axes
        assert axes.texts[0].get_text()
        assert not axes.lines
    undirected = {**summary["sensitivity"], "by_offset": [None, None]}
    (axes,) = drawn(performance.FIGURES["sensitivity"], {**summary, "sensitivity": undirected}).axes
    assert "cut on the direction" in axes.texts[0].get_text()


def test_stage_writes_all_figures(summary, tmp_path):
    write_json(tmp_path / "summary.json", summary)
    inputs = SimpleNamespace(summary=tmp_path / "summary.json")
    outputs = SimpleNamespace(figures=tmp_path / "figures")
    performance.plot_performance(inputs, outputs, SimpleNamespace(), SimpleNamespace())
    written = {path.stem: path.stat().st_size for path in (tmp_path / "figures").glob("*.png")}
    assert set(written) == set(performance.FIGURES)
    assert min(written.values()) > 10_000
