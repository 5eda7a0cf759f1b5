"""The report of a finished campaign opens in a real browser, with its figures and tables.

The campaign ``ci`` is run for this unless IACTFLOW_RESULTS names a working folder in which it has
run already.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from browser import browser, document, found, screenshot, with_clicks
from tests.conftest import missing
from tests.workflow import REPOSITORY, snakemake

pytestmark = [pytest.mark.platform, pytest.mark.slow]

CAMPAIGN = REPOSITORY / "config/campaigns/ci.yaml"
STYLE = REPOSITORY / "workflow/report/report.css"
CATEGORIES = ["0 Overview", "1 Verdicts", "2 Sky maps", "3 Spectra", "4 Light curves"]
FIGURES = {
    "2 Sky maps": {"sky_map.png", "significance.png"},
    "3 Spectra": {"sed.png", "counts.png", "theta_squared.png", "profiles.png", "regions.png"},
    "4 Light curves": {"light_curve.png"},
}
EYE, INFORMATION = "css:nav a[iconname=eye]", "css:nav a[iconname=information-circle]"


@pytest.fixture(scope="module", autouse=True)
def _browser_is_there():
    if browser() is None:
        missing("no Chromium is installed (tests/platform/setup.sh installs one)")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """Working folder in which the campaign ``ci`` has run."""
    if os.environ.get("IACTFLOW_RESULTS"):
        return Path(os.environ["IACTFLOW_RESULTS"])
    folder = tmp_path_factory.mktemp("ci")
    snakemake("products", "--cores", "2", "--configfile", CAMPAIGN, folder=folder, check=True)
    return folder


def _report(finished: Path, path: Path) -> Path:
    options = ["--configfile", CAMPAIGN, "--report", path, "--report-stylesheet", STYLE]
    snakemake("products", *options, folder=finished, profile=None, check=True)
    return path


@pytest.fixture(scope="module")
def report(finished, tmp_path_factory) -> Path:
    """Return the report as one HTML file."""
    return _report(finished, tmp_path_factory.mktemp("html") / "report.html")


@pytest.fixture(scope="module")
def zipped(finished, tmp_path_factory) -> Path:
    """Return the page of the report that was written as a zip file, unpacked."""
    folder = tmp_path_factory.mktemp("zip")
    with zipfile.ZipFile(_report(finished, folder / "report.zip")) as archive:
        archive.extractall(folder)
    return folder / "report" / "report.html"


def _seen(html: str) -> str:
    """Text of the page without scripts, styles and tags."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


@pytest.mark.parametrize("kind", ["report", "zipped"])
def test_it_opens_with_its_categories_and_text(request, tmp_path, kind):
    page = request.getfixturevalue(kind)
    text = _seen(document(page, tmp_path / "profile"))
    for category in CATEGORIES:
        assert category in text
    assert "This report shows what one campaign made" in text
    assert "Where to begin" in text
    assert "Please enable Javascript" not in text.partition("Where to begin")[2]


def test_every_figure_and_table_of_the_campaign_is_in_it(report, finished, tmp_path):
    page = with_clicks(report, [])
    results = found(document(page, tmp_path / "profile"))["results"]
    names = {}
    for category, _, name, _ in results:
        names.setdefault(category, set()).add(name)
    assert set(names) == set(CATEGORIES)
    assert names["0 Overview"] == {"overview.html", "rule_graph.png"}
    assert names["1 Verdicts"] == {"verdicts.html", "verdicts.png", "truth.png"}
    for category, expected in FIGURES.items():
        assert names[category] == expected
    assert {row[1] for row in results if row[0] in FIGURES} == {"crab"}
    on_disk = {path.name for path in (finished / "results/ci").rglob("*.png")}
    assert on_disk == {name for _, _, name, _ in results if name.endswith(".png")}


def test_every_caption_is_filled_in(report, tmp_path):
    page = with_clicks(report, [])
    results = found(document(page, tmp_path / "profile"))["results"]
    for category, _, name, caption in results:
        text = _seen(caption)
        assert len(text) > 200, name
        assert not re.search(r"\{\{|\{%|None|system-message|Undefined", caption), name
        if category in FIGURES:
            assert "Crab Nebula (mock)" in text, name
            assert "How to read it" in text, name


@pytest.mark.parametrize("kind", ["report", "zipped"])
@pytest.mark.parametrize("category", sorted(FIGURES))
def test_a_figure_is_shown_whole(request, tmp_path, category, kind):
    page = with_clicks(request.getfixturevalue(kind), [category, EYE])
    seen = found(document(page, tmp_path / "profile"))
    assert seen["steps_left"] == 0
    width, height, shown = seen["image"]
    assert width >= 1000
    assert height >= 600
    assert 300 < shown <= 1100


def test_caption_stands_beside_the_figure(report, tmp_path):
    page = with_clicks(report, ["2 Sky maps", EYE, INFORMATION])
    text = _seen(document(page, tmp_path / "profile"))
    assert "Li & Ma" in text.replace("&amp;", "&")
    assert "Description" in text
    assert "plot_sky_map" in text


@pytest.mark.parametrize(
    ("category", "file"), [("0 Overview", "overview.html"), ("1 Verdicts", "verdicts.html")]
)
def test_pages_of_the_campaign_are_shown_with_their_tables(
    report, finished, tmp_path, category, file
):
    (page,) = (finished / "results/ci").rglob(file)
    dom = document(page, tmp_path / "profile")
    assert dom.count("<table") >= 1
    assert "crab" in _seen(dom).lower()
    if category == "0 Overview":
        verdicts = json.loads((finished / "results/ci/summary.json").read_text())["cross_checks"]
        gate = "Gate open" if all(row["passed"] for row in verdicts) else "Gate closed"
        assert gate in _seen(dom)
        seen = found(document(with_clicks(report, [category, EYE]), tmp_path / "profile"))
        assert seen["frame"].startswith("data:text/html")


def test_nothing_is_fetched_from_the_network(report, tmp_path):
    for steps in ([], ["0 Overview", EYE], ["2 Sky maps", EYE]):
        dom = document(with_clicks(report, steps), tmp_path / "profile")
        assert not re.search(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="https?:', dom)


@pytest.mark.parametrize(
    ("name", "steps"),
    [("start", []), ("overview", ["0 Overview", EYE]), ("sky_map", ["2 Sky maps", EYE])],
)
def test_a_reader_sees_side_bar_and_content(report, tmp_path, name, steps):
    picture = tmp_path / f"{name}.png"
    screenshot(with_clicks(report, steps), tmp_path / "profile", picture)
    pixels = matplotlib.image.imread(picture)[..., :3]
    assert pixels.shape[:2] == (900, 1400)
    side_bar, content = pixels[150:850, 20:200], pixels[20:880, 460:1380]
    navy = np.array([0x14, 0x28, 0x3A]) / 255
    assert np.mean(np.abs(side_bar - navy).max(axis=-1) < 0.02) > 0.5
    ink = np.mean(content.min(axis=-1) < 0.6)
    assert 0.01 < ink < 0.9
