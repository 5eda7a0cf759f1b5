"""The index of the design notes names every note with its own title."""

from __future__ import annotations

import re


def test_index_holds_every_note(repository):
    folder = repository / "docs" / "design"
    notes = {
        path.name: path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        for path in folder.glob("[0-9]*.md")
    }
    index = (folder / "README.md").read_text(encoding="utf-8")
    rows = {name: title for title, name in re.findall(r"^\| \[(.+?)\]\((.+?)\)", index, re.M)}
    assert notes
    assert rows == notes
