"""Pages of the validation and the stamps that tell whether they are up to date.

A stamp is a digest of all that a page's numbers follow from in this repository: the code of the
package that the page rests on, the page's script and the helpers here, the configuration. It holds
neither commit nor date nor path, so that the same sources give the same page.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import sys
from hashlib import blake2b
from pathlib import Path

import yaml

from iactflow.campaign.closure import closure_digest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
PACKAGE = REPOSITORY / "workflow" / "src" / "iactflow"
STAMP = re.compile(r"^<!-- stamp: ([0-9a-f]{32}) -->$", re.MULTILINE)


def page_names() -> list[str]:
    """Names of all pages, in order.

    Returns
    -------
    list of str
        A page ``a-b`` is made by ``pages/a_b.py`` and written to ``a-b.md``.
    """
    return sorted(script.stem.replace("_", "-") for script in (HERE / "pages").glob("*.py"))


def page_script(name: str) -> Path:
    """Script of a page.

    Parameters
    ----------
    name : str
        Name of the page.

    Returns
    -------
    Path
        The script.
    """
    return HERE / "pages" / (name.replace("-", "_") + ".py")


def page_sources(name: str) -> list[Path]:
    """Scripts of this folder that a page is made by.

    Parameters
    ----------
    name : str
        Name of the page.

    Returns
    -------
    list of Path
        Its own, and the helpers that it imports, and those that they import.
    """
    found, waiting = [], [page_script(name)]
    while waiting:
        script = waiting.pop()
        if script in found or not script.is_file():
            continue
        found.append(script)
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                waiting.append(HERE / f"{node.module}.py")
            elif isinstance(node, ast.Import):
                waiting += [HERE / f"{alias.name}.py" for alias in node.names]
    return [found[0], *sorted(found[1:])]


def load_page(name: str):
    """Import the script of a page.

    Parameters
    ----------
    name : str
        Name of the page.

    Returns
    -------
    module
        With TITLE, MODULES, CONFIGS and ``make() -> str``.
    """
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    script = page_script(name)
    spec = importlib.util.spec_from_file_location(f"validation_{script.stem}", script)
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    return page


def _sorted(value):
    """Mappings as sorted pairs, at every depth; numbers and words may be keys of one mapping."""
    if isinstance(value, dict):
        return sorted(([repr(key), _sorted(item)] for key, item in value.items()), key=str)
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _content(path: Path) -> bytes:
    """What counts in a file: comments and layout of YAML do not."""
    if path.suffix == ".yaml":
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
        return json.dumps(_sorted(loaded), default=str).encode()
    return path.read_bytes()


def stamp_of_sources(name: str, root: Path = PACKAGE) -> str:
    """Digest of what a page's numbers follow from.

    Parameters
    ----------
    name : str
        Name of the page.
    root : Path
        Folder of the package whose code counts.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    page = load_page(name)
    digest = blake2b(digest_size=16)
    for module in sorted(page.MODULES):
        digest.update(f"{module} {closure_digest(module, root)}\n".encode())
    files = page_sources(name) + [REPOSITORY / config for config in page.CONFIGS]
    for path in files:
        label = path.relative_to(REPOSITORY).as_posix().encode()
        digest.update(label + b"\0" + blake2b(_content(path), digest_size=16).digest())
    return digest.hexdigest()


def stamp_of_page(name: str) -> str | None:
    """Stamp written in a page.

    Parameters
    ----------
    name : str
        Name of the page.

    Returns
    -------
    str or None
        32 hexadecimal digits; None without page or stamp.
    """
    path = HERE / f"{name}.md"
    found = STAMP.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    return found.group(1) if found else None
