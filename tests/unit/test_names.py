"""The core knows no backend and no scenario by name: no string of its code is one, except where a reason is given.

Docstrings and comments are prose and decide nothing; they may give examples.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from harness.api import Capability
from harness.plugins import Plugins

HARNESS = Path(__file__).parents[2] / "harness"
EXAMPLE = "an example in a help text"
KIND = "a kind of resource, wait or clause; the scenario is named for it"
CHAPTER = "the name of a chapter of the contract; the load scenario is named for it"
FIELD = "a field of a text protocol or of a record"
SELF_TEST = "the self-test injects known errors into a scenario whose figures it knows; --scenario takes another one"
ALLOWED = {
    "api/datagrams.py": {"datagrams": CHAPTER},
    "cli/commands.py": {"merge": "the sub-command merge", "orders": "the sub-command orders"},
    "cli/comparing.py": {"uvloop": EXAMPLE},
    "cli/env.py": {"trio": EXAMPLE},
    "cli/orders.py": {"orders": "the sub-command orders"},
    "cli/selection.py": {"asyncio": EXAMPLE, "trio": EXAMPLE},
    "cli/selftest.py": {"switch": SELF_TEST},
    "execute/cell/run.py": {"idle": "the state of a process that takes no CPU time"},
    "execute/posix.py": {"children": "a file of /proc"},
    "explore/families.py": {"stream": KIND},
    "explore/grammar.py": {"stream": KIND},
    "explore/orders.py": {"orders": FIELD},
    "explore/play.py": {"children": FIELD},
    "explore/scenarios.py": {"stream": KIND, "threads": "a word of a user for the subject of a family"},
    "selftest/first_cell.py": {"switch": SELF_TEST},
    "selftest/freeze.py": {"storm": SELF_TEST},
    "selftest/slower_arm.py": {"switch": SELF_TEST},
    "selftest/stuck_arm.py": {"switch": SELF_TEST},
    "testing/fake_clock.py": {"asyncio": "the fake clock governs selector loops of asyncio only, and says so"},
    "testing/hot_path.py": {"asyncio": "plugin check compares costs with a runtime that every Python has"},
    "testing/clauses/__init__.py": {"datagrams": CHAPTER},
    "testing/clauses/datagrams.py": {"datagrams": CHAPTER},
    "testing/wrapping.py": {"datagrams": CHAPTER, "stream": KIND},
    "worker/generic_tasks.py": {"join": KIND},
    "worker/inspection.py": {"threads": FIELD, "timers": FIELD},
}
"""By file and name, why it is there."""
_PLAIN_BACKENDS = {"threads", "saboteur"}


@cache
def is_plain_word(name: str) -> bool:
    """Return whether a name is a word of the field: it counts where it is the whole string, or begins a spec."""
    return name in _PLAIN_BACKENDS or (
        name.isalpha() and name != "storm" and name not in Plugins().catalogue().backends
    )


def installed_names() -> list[str]:
    """Return the names of the backends and scenarios that are installed; a word of a capability is the core's own."""
    catalogue = Plugins().catalogue()
    own = {word for capability in Capability for word in capability.value.split()}
    return sorted({*catalogue.backends, *catalogue.scenarios} - own)


def list_strings(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the strings of the code, and whether each is a whole one; prose is left out."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value, id(node) not in parts


def find_names(source: str, names: list[str]) -> set[str]:
    """Return the names that a string of the source is, has as a word, or begins with as a spec does."""
    found: set[str] = set()
    plain = {name for name in names if is_plain_word(name)}
    for text, is_whole in list_strings(ast.parse(source)):
        for name in (name for name in names if name in text):  # there are more names than patterns in the cache of `re`
            is_spec = is_whole and re.fullmatch(rf"{re.escape(name)}([:@=\[].*)?", text)
            is_word = name not in plain and re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text)
            if is_spec or is_word:
                found.add(name)
    return found


def test_the_core_has_no_name_of_a_plugin():
    """What is allowed is there, so that the list does not outlive its reasons."""
    names = installed_names()
    found = {
        str(path.relative_to(HARNESS)): hits
        for path in sorted(HARNESS.rglob("*.py"))
        if (hits := find_names(path.read_text(), names))
    }
    assert found == {file: set(reasons) for file, reasons in ALLOWED.items()}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 'trio'", {"trio"}),
        ("x = 'trio:offload=wait'", {"trio"}),
        ("if name == 'channel': pass", {"channel"}),
        ("x = 'channel[capacity=1]'", {"channel"}),
        ("x = 'waits for a channel'", set()),
        ("x = 'not on trio yet'", {"trio"}),
        ("x = f'{a} on trio'", {"trio"}),
        ("x = f'channel{a}'", set()),
        ("x = {'cancel.ready-operation': 1}", {"cancel.ready-operation"}),
        ("def f():\n    'As trio does.'\n    x = 'trios'", set()),
        ("x = 1\n'trio: a note'", set()),
        ("import trio", set()),  # for the contracts to find
    ],
)
def test_what_is_a_name(source, found):
    """The check itself."""
    assert find_names(source, ["channel", "trio", "cancel.ready-operation"]) == found
