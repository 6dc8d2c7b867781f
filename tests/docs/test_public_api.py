"""Nothing that plugins are written against is undocumented: classes, functions, methods, attributes and constants."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    file
    for place in ("api", "model", "testing", "plugins")
    for file in (ROOT / "harness" / place).rglob("*.py")
    if "templates" not in file.parts
)
TYPES = {"TypeVar", "ParamSpec"}
"""What names a type only for a checker."""


def list_undocumented(tree: ast.Module | ast.ClassDef, where: str = "", inherited: str = "") -> Iterator[str]:
    """Yield the public names of a module or class that nothing is said of.

    An attribute is documented by the string below it, or by the docstring of its class, which names it in backticks or
    in a section (`name: ...`). One of a base class in the same module is documented there.
    """
    about = f"{inherited}\n{ast.get_docstring(tree) or ''}"
    for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        is_definition = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        names = [node.name] if is_definition else list(_assigned(node))
        for name in names:
            is_said = bool(ast.get_docstring(node)) if is_definition else _is_string(following) or _names(about, name)
            if not name.startswith("_") and not is_said:
                yield f"{where}{name}"
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from list_undocumented(node, f"{where}{node.name}.", _attributes_of_bases(node, tree))


def _attributes_of_bases(node: ast.ClassDef, tree: ast.Module | ast.ClassDef) -> str:
    names = [base.id for base in node.bases if isinstance(base, ast.Name)]
    bases = [base for base in tree.body if isinstance(base, ast.ClassDef) and base.name in names]
    attributes = [name for base in bases for statement in base.body for name in _assigned(statement)]
    return " ".join([*(f"`{name}`" for name in attributes), *(_attributes_of_bases(base, tree) for base in bases)])


def _assigned(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.Assign(targets=targets, value=value):
            is_type = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in TYPES
            yield from (target.id for target in targets if isinstance(target, ast.Name) and not is_type)


def _is_string(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _names(docstring: str, attribute: str) -> bool:
    return re.search(rf"`{attribute}[`=(]|^\s*{attribute}(, \w+)*: ", docstring, re.MULTILINE) is not None


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_everything_public_is_documented(file):
    """Each name has a sentence of its own, or the docstring of its class names it."""
    assert list(list_undocumented(ast.parse(file.read_text()))) == []


@pytest.mark.parametrize(
    ("text", "undocumented"),
    [
        ("class A:\n    '''Say.'''\n    x: int\n    y: int\n    '''Said.'''\n", ["A.x"]),
        ("class A:\n    '''Say what `x` is.'''\n    x: int = 1\n", []),
        ("class A:\n    '''Say.\n\n    Attributes:\n        x: is said.\n    '''\n    x: int\n    xy: int\n", ["A.xy"]),
        ("class A:\n    def f(self): ...\n    def _g(self): ...\n", ["A", "A.f"]),
        ("class _A:\n    x: int\ndef _f(): ...\nasync def g(): ...\n", ["g"]),
        (
            "class A:\n    '''Say.'''\n    x = 1\n    '''Said.'''\nclass B(A):\n    '''Say.'''\n    x = 2\n    y = 3\n",
            ["B.y"],
        ),
        ("LIMIT = 3\nT = TypeVar('T')\n_X = 1\nMOST = 4\n'''Said.'''\n", ["LIMIT"]),
    ],
)
def test_what_is_undocumented_is_found(text, undocumented):
    """The check itself: a string below, or a name in the docstring."""
    assert list(list_undocumented(ast.parse(text))) == undocumented
