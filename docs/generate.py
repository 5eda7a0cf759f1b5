"""Write the generated pages: the rules, from ``workflow/rules``, and the data model.

usage: generate.py [--check]   with --check nothing is written; exit code 1 if a page has drifted
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from iactflow.io.datamodel import render
from iactflow.io.tables import TABLES

ROOT = Path(__file__).resolve().parents[1]
STAGES = (
    "hadrons",
    *("simulate_events", "simulate_showers", "simulate_corsika", "simulate_telescopes", "frozen"),
    "simulate",
    *("calibrate", "reconstruct", "train", "check_reconstruction", "cuts", "respond"),
    *("fetch", "mock", "dl3", "select", "skymap", "spectrum", "lightcurve", "crosscheck"),
    *("verdicts", "truth", "report"),
)


def pages() -> dict[str, str]:
    """Text of the generated pages by path."""
    return {"docs/rules.md": rules_page(), "docs/data-model.md": render(TABLES.values())}


def rules_page() -> str:
    """Every rule with its docstring, inputs and outputs, by stage."""
    lines = ["# Rules", "", "Written by `make docs` from `workflow/rules`: do not edit."]
    for stage in STAGES:
        text = (ROOT / "workflow" / "rules" / f"{stage}.smk").read_text(encoding="utf-8")
        title = re.match(r'"""(.*?)"""', text, flags=re.S)[1]
        lines += ["", f"## `{stage}.smk`", "", title]
        for block in re.split(r"^(?=rule \w+:)", text, flags=re.M)[1:]:
            lines += ["", *_rule(block)]
    return "\n".join(lines) + "\n"


def _rule(block: str) -> list[str]:
    name = re.match(r"rule (\w+):", block)[1]
    doc = " ".join(re.search(r'"""(.*?)"""', block, flags=re.S)[1].split())
    lines = [f"### `{name}`", "", doc]
    named = {
        kind: re.findall(r"^        (\w+)=", _section(block, kind), flags=re.M)
        for kind in ("input", "output")
    }
    table = [
        f"- {kind}: {', '.join(f'`{n}`' for n in names)}" for kind, names in named.items() if names
    ]
    return [*lines, "", *table] if table else lines


def _section(block: str, kind: str) -> str:
    match = re.search(rf"^    {kind}:\n((?:        .*\n)+)", block, flags=re.M)
    return match[1] if match else ""


def main(arguments: list[str]) -> int:
    """Write or check the pages."""
    drifted = []
    for name, text in pages().items():
        path = ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        drifted.append(name)
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    for name in drifted:
        print(f"{name}: {'differs, run make docs' if '--check' in arguments else 'written'}")
    return 1 if drifted and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
