"""Graph of the rules, drawn from provenance."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from figure_samples import text_outside

from iactflow.campaign.json_product import write_json
from iactflow.figures import rule_graph
from iactflow.report.rule_edges import rule_edges
from iactflow.report.summary import cost_per_rule


def sidecar(rule, made, used, cpu_s=1.0):
    """Provenance of a job, as far as the graph reads it."""
    entities = {f"e:{place}": {"prov:location": place} for place in [*made, *used]}
    return {
        "entity": entities,
        "activity": {
            "a": {
                "iactflow:rule": rule,
                "iactflow:wildcards": {},
                "iactflow:cost": {"cpu_s": cpu_s, "wall_s": 1, "max_rss_mb": 1, "output_bytes": 1},
            }
        },
        "wasGeneratedBy": {
            f"g{i}": {"prov:entity": f"e:{p}", "prov:activity": "a"} for i, p in enumerate(made)
        },
        "used": {
            f"u{i}": {"prov:entity": f"e:{p}", "prov:activity": "a"} for i, p in enumerate(used)
        },
    }


JOBS = [
    sidecar("simulate", ["r/events/0"], ["config/a"], 30.0),
    sidecar("simulate", ["r/events/1"], ["config/a"], 31.0),
    sidecar("reconstruct", ["r/dl2"], ["r/events/0/file.root", "r/events/1"], 5.0),
    sidecar("respond", ["r/irf"], ["r/dl2", "r/events/0"], 2.0),
]


def test_a_file_of_a_folder_is_the_work_of_its_rule():
    assert rule_edges(JOBS) == {
        ("simulate", "reconstruct"),
        ("reconstruct", "respond"),
        ("simulate", "respond"),
    }


def test_a_direct_line_beside_a_longer_way_is_left_out():
    edges = {("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")}
    assert rule_graph.reduced(edges) == {("a", "b"), ("b", "c"), ("a", "d")}


def test_a_rule_stands_behind_all_that_it_reads():
    edges = {("a", "b"), ("b", "c"), ("a", "c"), ("d", "c")}
    assert rule_graph.layers_of("abcd", edges) == [["a", "d"], ["b"], ["c"]]


def test_a_circle_is_refused():
    with pytest.raises(ValueError, match="circle"):
        rule_graph.layers_of("ab", {("a", "b"), ("b", "a")})


def test_the_figure_names_every_rule_and_all_text_is_inside(monkeypatch, tmp_path):
    drawn = {}
    monkeypatch.setattr(rule_graph, "save", lambda figure, path: drawn.update({path: figure}))
    file = str(tmp_path / "summary.json")
    summary = {"cost": cost_per_rule(JOBS), "rule_edges": sorted(rule_edges(JOBS))}
    write_json(file, summary)
    inputs, outputs = SimpleNamespace(summary=file), SimpleNamespace(figure="figure")
    rule_graph.plot_rule_graph(inputs, outputs, None, None)
    figure = drawn["figure"]
    texts = [text.get_text().split("\n") for text in figure.axes[0].texts]
    assert {rule for rule, _ in texts} == {"simulate", "reconstruct", "respond"}
    assert ["simulate", "2 jobs, 61 s"] in texts
    assert "4 jobs" in figure.axes[0].get_title() + figure.axes[0].get_title(loc="left")
    assert not text_outside(figure)
