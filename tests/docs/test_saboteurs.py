"""The page about saboteurs says what the code does."""

import re
from pathlib import Path

import pytest

from harness.plugins import Plugins
from harness_saboteurs import FAULTS, THEMES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "saboteurs.md").read_text()


def read_tables():
    """Return the rows of each table of faults, in the order of the page."""
    blocks = re.findall(r"^\| fault \|.*\n\|[- |]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split(" | ")] for line in block.splitlines()] for block in blocks
    ]


def test_every_fault_is_in_the_page_with_what_must_catch_it():
    """A table for each theme, a line for each fault, and no other."""
    scenarios = Plugins().catalogue().scenarios.values()
    expected = [
        [
            (
                f"`{fault.name}`",
                fault.summary,
                f"`{fault.control}`",
                {s.name for s in scenarios if fault.name in s.catches},
            )
            for fault in FAULTS.values()
            if fault.runtime.__module__ == theme.__name__
        ]
        for theme in THEMES
    ]
    assert [[(*row[:3], set(re.findall(r"`(.+?)`", row[3]))) for row in table] for table in read_tables()] == expected


def test_every_saboteur_is_in_the_page_with_its_control():
    """And no other."""
    declared = {b.name: b.control for b in Plugins().catalogue().backends.values() if b.control}
    assert dict(re.findall(r"^\| `(saboteur[\w-]*)` \| `(\w+)` \|$", PAGE, re.MULTILINE)) == declared


def run_example(word):
    """Return what the example with a word in it defines."""
    (example,) = [text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if word in text]
    names = {}
    exec(example, names)
    return names


def test_the_example_of_a_plugin_declares_a_fault_of_its_backend():
    """The spec of the fault names the backend and a choice of its option."""
    names = run_example("hookimpl")
    (backend,), (saboteur,) = names["harness_backends"](), names["harness_saboteurs"]()
    assert saboteur.spec == f"{backend.name}:fault={backend.options[0].default}"
    assert backend.control


def test_the_example_makes_a_broken_runtime():
    """It runs as it stands."""
    names = run_example("SlowStream")
    sent = []

    class Healthy:
        async def sleep(self, seconds):
            sent.append(seconds)

        async def connect(self):
            return self

        async def send_all(self, data):
            sent.append(data)

    async def use():
        await (await names["broken"](Healthy()).connect()).send_all(b"bytes")

    with pytest.raises(StopIteration):
        use().send(None)
    assert sent == [1, b"bytes"]
    assert names["known"] is FAULTS["close-hangs"].runtime
