"""Variants in the grid: lines below their row, in the columns of their backends."""

import msgspec
import pytest

from harness.api import metric
from harness_reports.terminal import render_terminal

from ..compare.run_builder import a_run, cell, spec
from .sample_runs import show

JUDGES = {"took": metric("ns")}
BACKENDS = ("asyncio", "uvloop", "trio", "curio", "threads")
IDIOMS = ("io=sock", "timeout=wait_for", "group=gather", "channel=queue", "offload=executor")


def a_run_with_variants(*labels, variants, scenario="drain"):
    """Return a run of one row whose plan added the variants."""
    cells = [
        cell(label, scenario=scenario, observed={"took": 1000 + n}) for n, label in enumerate((*labels, *variants))
    ]
    run = a_run(*cells, judges=JUDGES, headline="took")
    backends = tuple(map(spec, (*labels, *variants)))
    plan = msgspec.structs.replace(run.started.plan, backends=backends, variants=tuple(map(spec, variants)))
    return msgspec.structs.replace(run, started=msgspec.structs.replace(run.started, plan=plan))


def grid(run, width=100):
    """Return the lines of the grid."""
    text = show(render_terminal, run, width=width)
    return text.split("\n\n")[1].splitlines()


def test_a_variant_stands_below_its_row_in_the_column_of_its_backend():
    """One line for an idiom, whichever backends have it."""
    run = a_run_with_variants("asyncio", "uvloop", "trio", variants=("asyncio:io=sock", "uvloop:io=sock"))
    header, _, row, sock = grid(run)
    assert header.split() == ["asyncio", "uvloop", "trio"]
    assert row.split()[0] == "defaults"
    assert sock.split()[0] == "io=sock"
    assert [sock[header.index(name)] for name in ("asyncio", "uvloop")] == ["✓", "✓"]
    assert len(sock) < header.index("trio")
    assert sock.index("io=sock") > row.index("defaults")


def test_what_a_variant_adds_to_a_spec_with_options():
    """Its line has only what differs from the column."""
    run = a_run_with_variants("asyncio:loop=rloop", "trio", variants=("asyncio:io=sock,loop=rloop",))
    *_, row, sock = grid(run)
    assert [line.split()[:2] for line in (row, sock)] == [["defaults", "✓"], ["io=sock", "✓"]]
    assert row.index("✓") == sock.index("✓")


def test_a_spec_that_was_asked_for_is_a_column():
    """Only what the plan added has no column."""
    header, *_ = grid(a_run_with_variants("asyncio", "asyncio:io=sock", variants=()))
    assert header.split() == ["asyncio", "asyncio:io=sock"]


@pytest.mark.parametrize("width", [80, 100])
def test_every_variant_of_every_backend_stays_readable(width):
    """Ten variants are five lines; the grid keeps its columns and its width."""
    variants = [f"{name}:{idiom}" for name in ("asyncio", "uvloop") for idiom in IDIOMS]
    header, _, _, *lines = grid(a_run_with_variants(*BACKENDS, variants=variants), width)
    assert header.split() == list(BACKENDS)
    assert [line.split()[0] for line in lines] == list(IDIOMS)
    assert max(map(len, lines)) <= width


def test_a_narrow_terminal_has_a_line_for_each_variant():
    """The idiom heads the squares of its backends."""
    lines = grid(a_run_with_variants("asyncio", "uvloop", "trio", variants=("uvloop:io=sock",)), 30)
    position = [line.strip() for line in lines].index("io=sock")
    assert lines[position + 1].split()[:2] == ["uvloop", "✓"]
