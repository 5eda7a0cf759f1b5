"""What every rule and script keeps to."""

from __future__ import annotations

import re

import pytest


def rules(repository):
    """Yield the name and text of every rule that runs a script."""
    for file in sorted((repository / "workflow" / "rules").glob("*.smk")):
        for block in re.split(r"^(?=rule )", file.read_text(), flags=re.M)[1:]:
            if "script:" in block:
                yield re.match(r"rule (\w+):", block)[1], block


def test_rules_and_scripts_have_the_same_names(repository):
    scripts = {p.stem for p in (repository / "workflow" / "scripts").glob("*.py")}
    assert scripts == {name for name, _ in rules(repository)}


def test_every_rule_is_complete(repository):
    for name, block in rules(repository):
        for part in ('"""', "log:", "benchmark:", "message:", "provenance=", "code=", "settings="):
            assert part in block, f"{name} lacks {part}"
        assert f"../scripts/{name}.py" in block
        assert f'campaign.code("{name}")' in block


def test_scripts_are_thin(repository):
    for script in (repository / "workflow" / "scripts").glob("*.py"):
        lines = script.read_text().splitlines()
        assert len(lines) <= 30, script.name
        assert lines[-1].startswith(f"run_job(snakemake, {script.stem}"), script.name


def test_snakefile_is_short(repository):
    assert len((repository / "Snakefile").read_text().splitlines()) <= 60


@pytest.mark.parametrize("profile", ["local", "local-apptainer", "slurm", "dirac", "ci"])
def test_every_line_of_a_profile_is_commented(repository, profile):
    """A comment stands above every key, its own or that of its group."""
    comments = 0
    for line in (repository / "profiles" / profile / "config.yaml").read_text().splitlines():
        comments += line.startswith("#")
        if re.match(r"\w", line):
            assert comments > 0
    assert comments >= 3


def test_files_of_tests_have_names_of_their_own(repository):
    """Pytest takes two files of one name in two folders for the same module."""
    files = [*(repository / "tests").rglob("test_*.py"), *repository.glob("plugins/*/tests/*.py")]
    names = [file.name for file in files if file.name.startswith("test_")]
    assert len(names) > 100
    assert {name for name in names if names.count(name) > 1} == set()
