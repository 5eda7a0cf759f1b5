"""Import closures and their digests, on a package made for the purpose and on this one."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from iactflow.campaign import closure
from iactflow.campaign.closure import ROOT, closure_digest, import_closure

FILES = {
    "__init__.py": '"""Package."""\n\n__version__ = "1.0"\n',
    "errors.py": "class InputError(ValueError):\n    pass\n",
    "a/__init__.py": "",
    "a/one.py": '"""One."""\nfrom iactflow.b import two\nimport numpy\n\nx = 1\n',
    "a/lazy.py": "def f():\n    from ..errors import InputError\n    return InputError\n",
    "b/__init__.py": "from . import four\n",
    "b/two.py": "from .three import f\n\ny = f()  # a call\n",
    "b/three.py": 'def f():\n    """Doc."""\n    return 3\n',
    "b/four.py": "z = 4\n",
    "b/unused.py": "w = 5\n",
    "b/style.css": "p {}\n",
}


@pytest.fixture
def package(tmp_path):
    """A package with the name of this one."""

    def write(**changes):
        root = tmp_path / str(len(list(tmp_path.iterdir()))) / "iactflow"
        for name, text in {**FILES, **{k.replace("|", "/"): v for k, v in changes.items()}}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return root

    return write


def relative(root, module):
    return [p.relative_to(root).as_posix() for p in import_closure(module, root)]


def test_closure_follows_imports_relative_lazy_and_of_packages(package):
    root = package()
    assert relative(root, "iactflow.a.one") == [
        "__init__.py",
        "a/__init__.py",
        "a/one.py",
        "b/__init__.py",
        "b/four.py",
        "b/three.py",
        "b/two.py",
    ]
    assert "errors.py" in relative(root, "iactflow.a.lazy")
    assert relative(root, "iactflow.errors") == ["__init__.py", "errors.py"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a/one.py", "# comment\nfrom iactflow.b import two\nimport numpy\nx = (1)\n"),
        ("b/three.py", "def f():\n\n    '''Other words.'''\n    return 3\n"),
        ("__init__.py", '"""Package."""\n\n__version__ = "2.0"\n'),
        ("b/unused.py", "w = 6\n"),
        ("errors.py", "class InputError(ValueError):\n    code = 3\n"),
    ],
)
def test_what_cannot_change_a_result_keeps_the_digest(package, name, text):
    before = closure_digest("iactflow.a.one", package())
    assert closure_digest("iactflow.a.one", package(**{name: text})) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a/one.py", "from iactflow.b import two\nimport numpy\n\nx = 1.0\n"),
        ("a/one.py", "from iactflow.b import two\nimport numpy\n\nx = -1\n"),
        ("b/three.py", "def f():\n    return 4\n"),
        ("b/three.py", "def f():\n    return '3'\n"),
        ("b/three.py", "def f(a=None):\n    return 3\n"),
        ("b/four.py", "z = 5\n"),
        ("b/style.css", "p { color: red }\n"),
    ],
)
def test_what_can_change_a_result_changes_the_digest(package, name, text):
    before = closure_digest("iactflow.a.one", package())
    assert closure_digest("iactflow.a.one", package(**{name: text})) != before


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("x = None", "x = ..."),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("f(a, b)", "f(a)\nb"),
        ("x = [1, 2]", "x = [12]"),
        ("x = a < b", "x = a <= b"),
        ("if a:\n    b\nelse:\n    c", "if a:\n    b\nc"),
        ("x: int = 1", "x: float = 1"),
        ("from .. import a", "from . import a"),
        ("f'{a}b'", "f'{a}{b}'"),
        ("lambda: (yield)", "lambda: None"),
    ],
)
def test_digest_tells_programs_apart_as_the_syntax_tree_does(left, right):
    assert ast.dump(ast.parse(left)) != ast.dump(ast.parse(right))
    texts = []
    for source in (left, right):
        parts = []
        closure._serialise(ast.parse(source), parts)
        texts.append("".join(parts))
    assert texts[0] != texts[1]


def test_unknown_module_is_named(package):
    with pytest.raises(ModuleNotFoundError, match=r"iactflow\.nothing"):
        closure_digest("iactflow.nothing", package())
    with pytest.raises(ModuleNotFoundError, match="numpy"):
        import_closure("numpy", package())


def test_every_file_of_this_package_is_read_once():
    names = [
        ".".join(("iactflow", *p.relative_to(ROOT).with_suffix("").parts))
        for p in sorted(ROOT.rglob("*.py"))
        if p.name not in ("__init__.py", "__main__.py")
    ]
    for function in (
        closure._parsed,
        closure._imports,
        closure.import_closure,
        closure._file_digest,
    ):
        function.cache_clear()
    closure_digest.cache_clear()
    for name in names:
        closure_digest(name)
    read = closure._parsed.cache_info().misses
    assert len(names) <= read <= len(list(ROOT.rglob("*.py")))
    for name in names:
        closure_digest(name)
    assert closure._parsed.cache_info().misses == read
    assert closure_digest.cache_info().hits >= len(names)


def test_static_closure_holds_what_python_imports():
    code = (
        "import sys, iactflow.campaign.job; print(*sorted(getattr(m, '__file__', '') for n, m in "
        "sys.modules.items() if n.partition('.')[0] == 'iactflow'), sep='\\n')"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {Path(line).resolve() for line in run.stdout.split()}
    assert loaded <= set(import_closure("iactflow.campaign.job"))
