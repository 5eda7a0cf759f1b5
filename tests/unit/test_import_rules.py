"""Who may import whom: the data flow is the import order, and the check chain stands alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import iactflow

ROOT = Path(iactflow.__file__).parents[1]

# A package imports from itself, from those before it and from the foundation.
FOUNDATION = {"iactflow", "errors", "_jit", "campaign", "io"}
ORDER = [
    "atmosphere",
    "instrument",
    "shower",
    "telescope",
    "calibration",
    "imaging",
    "stereo",
    "discrimination",
    "response",
    "dl3",
    "science",
    "crosscheck",
    "figures",
    "report",
    "cli",
]
PHYSICS_LIBRARIES = {"gammapy", "ctapipe", "pyirf", "iminuit", "regions"}
KNOWS_SNAKEMAKE = {"campaign", "cli", "report"}


def module_name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_package(root: Path) -> dict[str, set[str]]:
    """Every module of the package and what it imports, wherever in the file the import stands."""
    files = {module_name(f, root): f for f in sorted((root / "iactflow").rglob("*.py"))}
    return {name: imported(name, file, files) for name, file in files.items()}


def imported(name: str, file: Path, files: dict[str, Path]) -> set[str]:
    found = set()
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - (node.level - 1)]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            found |= {
                f"{base}.{a.name}" if f"{base}.{a.name}" in files else base for a in node.names
            }
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    return found


def closure(modules: dict[str, set[str]], name: str) -> set[str]:
    """Modules of the package that importing one of them executes, parents included."""
    seen, todo = set(), [name]
    while todo:
        current = todo.pop()
        if current in seen or current not in modules:
            continue
        seen.add(current)
        todo += modules[current]
        if "." in current:
            todo.append(current.rpartition(".")[0])
    return seen


def block_of(module: str) -> str:
    """Package below iactflow that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def backward_imports(modules: dict[str, set[str]]) -> list[str]:
    wrong = []
    for name, targets in modules.items():
        here = block_of(name)
        for target in targets:
            there = block_of(target)
            if not target.startswith("iactflow") or there == here or there in FOUNDATION:
                continue
            forward = here in ORDER and there in ORDER and ORDER.index(there) < ORDER.index(here)
            if not forward:
                wrong.append(f"{name} imports {target}")
    return wrong


def foreign_to_check_chain(modules: dict[str, set[str]]) -> list[str]:
    wrong = []
    for name in modules:
        if not name.startswith("iactflow.crosscheck"):
            continue
        for used in closure(modules, name):
            own = used.startswith(("iactflow.crosscheck", "iactflow.campaign"))
            if not own and used not in ("iactflow", "iactflow.errors"):
                wrong.append(f"{name} reaches {used}")
    return wrong


def physics_in_campaign(modules: dict[str, set[str]]) -> list[str]:
    wrong = []
    for name in modules:
        if block_of(name) != "campaign":
            continue
        for used in closure(modules, name):
            if block_of(used) not in FOUNDATION:
                wrong.append(f"{name} reaches {used}")
        wrong += [
            f"{name} imports {t}" for t in modules[name] if t.split(".")[0] in PHYSICS_LIBRARIES
        ]
    return wrong


def snakemake_in_physics(modules: dict[str, set[str]]) -> list[str]:
    return [
        f"{name} imports {target}"
        for name, targets in modules.items()
        for target in targets
        if target.split(".")[0].startswith("snakemake") and block_of(name) not in KNOWS_SNAKEMAKE
    ]


RULES = [backward_imports, foreign_to_check_chain, physics_in_campaign, snakemake_in_physics]


@pytest.fixture(scope="module")
def modules():
    found = read_package(ROOT)
    assert "iactflow.crosscheck.gammapy_spectrum" in found
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_package_keeps_the_rule(modules, rule):
    assert rule(modules) == []


def test_every_package_has_its_place_in_the_order(modules):
    blocks = {block_of(name) for name in modules}
    assert blocks <= FOUNDATION | set(ORDER)


def test_gammapy_stays_in_the_check_chain(modules):
    users = {n for n, t in modules.items() if any(m.split(".")[0] == "gammapy" for m in t)}
    assert users
    assert all(name.startswith("iactflow.crosscheck.gammapy_") for name in users)


@pytest.mark.parametrize(
    ("rule", "file", "line"),
    [
        (backward_imports, "io/a.py", "from iactflow.science import dataset"),
        (backward_imports, "science/a.py", "def f():\n    import iactflow.figures.sed"),
        (foreign_to_check_chain, "crosscheck/a.py", "from iactflow.science import dataset"),
        (foreign_to_check_chain, "crosscheck/a.py", "from ..io import gadf"),
        (foreign_to_check_chain, "campaign/used.py", "import iactflow._jit"),
        (physics_in_campaign, "campaign/used.py", "from iactflow.science.dataset import x"),
        (physics_in_campaign, "campaign/used.py", "import iminuit"),
        (
            physics_in_campaign,
            "campaign/used.py",
            "import importlib\nimportlib.import_module('iactflow.science.dataset')",
        ),
        (snakemake_in_physics, "science/a.py", "from snakemake.script import snakemake"),
    ],
)
def test_a_breach_is_found(tmp_path, rule, file, line):
    package = tmp_path / "iactflow"
    written = {
        "__init__.py": "",
        "errors.py": "",
        "_jit.py": "import numba",
        "campaign/__init__.py": "",
        "campaign/used.py": "",
        "io/__init__.py": "",
        "io/gadf.py": "",
        "science/__init__.py": "",
        "science/dataset.py": "",
        "figures/__init__.py": "",
        "figures/sed.py": "",
        "crosscheck/__init__.py": "",
        "crosscheck/b.py": "from iactflow.campaign import used",
    }
    for path, text in written.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text)
    assert rule(read_package(tmp_path)) == []
    (package / file).write_text(line)
    assert rule(read_package(tmp_path))
