"""The pages of the validation belong to the code of this checkout, and none of them fails."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
from pathlib import Path

import pytest

from iactflow.campaign.closure import import_closure

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "validation"


def _stamps():
    spec = importlib.util.spec_from_file_location("validation_stamps", FOLDER / "stamps.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STAMPS = _stamps()
NAMES = STAMPS.page_names()


@pytest.fixture(autouse=True)
def helpers_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))


def _modules(script):
    """Modules of the package that a script imports."""
    names = set()
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("iactflow"):
            names.add(node.module)
    return names


def test_there_are_pages():
    assert sorted(JUDGED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_page_is_of_this_code(name):
    found = STAMPS.stamp_of_page(name)
    rerun = f"run: make validate PAGE={name}"
    assert found is not None, f"docs/validation/{name}.md lacks, or has no stamp; {rerun}"
    assert found == STAMPS.stamp_of_sources(name), (
        f"docs/validation/{name}.md was written by other code or configuration; {rerun}"
    )


# Comparisons that each page judges: a row that is judged no longer must be seen to go.
JUDGED = {
    "atmosphere": 14,
    "camera-calibration": 47,
    "camera-electronics": 24,
    "cascade": 38,
    "cascade-steps": 29,
    "chain-closure": 18,
    "compare-ctapipe": 80,
    "corsika": 14,
    "ctao-north-performance": 4,
    "dr1-references": 79,
    "dr1-responses": 12,
    "eventdisplay": 20,
    "hadron-rates": 9,
    "hess-reconstruction": 19,
    "image-extraction": 48,
    "light": 55,
    "lst-response": 16,
    "mock-closure": 10,
    "muon-ring": 36,
    "proton-rejection": 4,
    "proton-showers": 5,
    "ray-tracing": 39,
    "statistics": 24,
    "trigger": 10,
}


@pytest.mark.parametrize("name", NAMES)
def test_no_comparison_fails(name):
    lines = (FOLDER / f"{name}.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "FAIL" in line] == []
    assert sum("| pass |" in line for line in lines) == JUDGED[name]


@pytest.mark.parametrize("name", NAMES)
def test_figures_of_a_page_stand_beside_it(name):
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert all((FOLDER / figure).is_file() for figure in re.findall(r"!\[[^\]]*\]\((.+?)\)", text))


@pytest.mark.parametrize("name", NAMES)
def test_a_stamp_covers_all_that_a_page_imports(name):
    scripts = STAMPS.page_sources(name)
    assert scripts[0] == STAMPS.page_script(name)
    assert FOLDER / "judged.py" in scripts
    page = STAMPS.load_page(name)
    covered = {file for module in page.MODULES for file in import_closure(module, STAMPS.PACKAGE)}
    for module in set().union(*map(_modules, scripts)):
        assert set(import_closure(module, STAMPS.PACKAGE)) <= covered, module


def test_a_stamp_moves_with_the_code_but_not_with_comments(tmp_path):
    root = tmp_path / "iactflow"
    shutil.copytree(STAMPS.PACKAGE, root, ignore=shutil.ignore_patterns("__pycache__"))
    before = STAMPS.stamp_of_sources("statistics", root)
    assert before == STAMPS.stamp_of_sources("statistics")
    source = tmp_path / "comment" / "iactflow"
    shutil.copytree(root, source)
    kernel = source / "science" / "statistics.py"
    kernel.write_text("# Why.\n" + kernel.read_text())
    assert STAMPS.stamp_of_sources("statistics", source) == before
    changed = tmp_path / "change" / "iactflow"
    shutil.copytree(root, changed)
    kernel = changed / "science" / "statistics.py"
    kernel.write_text(kernel.read_text().replace("2.0 * value", "2.1 * value"))
    assert STAMPS.stamp_of_sources("statistics", changed) != before
