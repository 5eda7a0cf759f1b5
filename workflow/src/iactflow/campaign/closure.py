"""Import closure of a module: which code of the package a rule's result depends on.

The closure is found in the source, without importing it. Its digest leaves out docstrings,
comments, layout and the package's version number, so that neither documentation nor a release
reruns a production.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path

__all__ = ["closure_digest", "import_closure"]

PACKAGE = __name__.partition(".")[0]
ROOT = Path(__file__).resolve().parents[1]
# Parts of a statement that hold statements.
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
# Files of the package that are read at run time (styles, templates) count with their folder.
DATA_SUFFIXES = (".mplstyle", ".html", ".css", ".yaml", ".json")


@cache
def _module_file(module: str, root: Path) -> Path | None:
    """Source of a module of the package; None where the name is no module of it."""
    package, *parts = module.split(".")
    if package != PACKAGE:
        return None
    base = root.joinpath(*parts)
    if (base / "__init__.py").is_file():
        return base / "__init__.py"
    source = base.with_name(base.name + ".py")
    return source if parts and source.is_file() else None


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements of a module, those inside others too; not their expressions."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in BLOCKS:
            block = getattr(node, name, None)
            if isinstance(block, list):
                waiting.extend(block)


@cache
def _imports(module: str, root: Path) -> frozenset[str]:
    """Modules of the package that one module imports, those inside functions included."""
    file = _module_file(module, root)
    is_package = file.name == "__init__.py"
    names = set()
    for node in _parsed(file)[0]:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        else:
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, base] if base else parts)
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    # Importing a.b.c runs a and a.b as well.
    parents = {name.rpartition(".")[0] for name in names} | {module.rpartition(".")[0]}
    grand = {
        ".".join(n.split(".")[:i]) for n in names | parents for i in range(1, n.count(".") + 1)
    }
    return frozenset(n for n in names | parents | grand if _module_file(n, root) is not None)


@cache
def import_closure(module: str, root: Path = ROOT) -> tuple[Path, ...]:
    """Source files of the package that a module needs, its own among them.

    Parameters
    ----------
    module : str
        Dotted name, such as ``iactflow.science.stages``.
    root : Path, optional
        Folder of the package; by default the installed one.

    Returns
    -------
    tuple of Path
        Absolute and sorted.

    Raises
    ------
    ModuleNotFoundError
        If the package holds no such module.
    """
    if _module_file(module, root) is None:
        raise ModuleNotFoundError(f"{module} is no module of {PACKAGE} in {root}")
    seen, waiting = {module}, [module]
    while waiting:
        new = _imports(waiting.pop(), root) - seen
        seen |= new
        waiting.extend(new)
    return tuple(sorted({_module_file(name, root) for name in seen}))


def _is_inert(node: ast.stmt) -> bool:
    """Whether a statement is a string that nothing reads, or the version number."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "__version__" for target in node.targets
    )


def _serialise(node, parts: list[str]) -> None:
    """Append the canonical text of a syntax tree: no positions, no empty fields.

    Empty fields are left out because Python versions differ in which of them exist.
    """
    if isinstance(node, ast.AST):
        parts.append(type(node).__name__)
        parts.append("(")
        for name in node._fields:
            value = getattr(node, name, None)
            if name == "body" and isinstance(value, list):
                value = [item for item in value if not _is_inert(item)]
            if (value is None or value == []) and not isinstance(node, ast.Constant):
                continue
            if name in ("ctx", "kind"):
                continue
            parts.append(name)
            _serialise(value, parts)
        parts.append(")")
    elif isinstance(node, list):
        parts.append("[")
        for item in node:
            _serialise(item, parts)
        parts.append("]")
    else:
        parts.append(repr(node))
        parts.append(",")


@cache
def _parsed(file: Path) -> tuple[tuple[ast.Import | ast.ImportFrom, ...], bytes]:
    """Imports of a source file, and the digest of its code; its tree is not kept."""
    tree = ast.parse(file.read_bytes(), filename=str(file))
    imports = tuple(n for n in _statements(tree) if isinstance(n, ast.Import | ast.ImportFrom))
    parts: list[str] = []
    _serialise(tree, parts)
    code = "".join(parts).encode("utf-8", "surrogatepass")
    return imports, blake2b(code, digest_size=16).digest()


@cache
def _file_digest(file: Path) -> bytes:
    if file.suffix != ".py":
        return blake2b(file.read_bytes(), digest_size=16).digest()
    return _parsed(file)[1]


@cache
def closure_digest(module: str, root: Path = ROOT) -> str:
    """Digest of the code that a module needs: changes when a result could.

    Parameters
    ----------
    module : str
        Dotted name.
    root : Path, optional
        Folder of the package; by default the installed one.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    ModuleNotFoundError
        If the package holds no such module.
    """
    sources = import_closure(module, root)
    folders = sorted({source.parent for source in sources})
    data = (f for folder in folders for f in folder.iterdir() if f.suffix in DATA_SUFFIXES)
    digest = blake2b(digest_size=16)
    for file in sorted([*sources, *data]):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + _file_digest(file))
    return digest.hexdigest()
