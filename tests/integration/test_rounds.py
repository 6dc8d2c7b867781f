"""Runs of several rounds on real backends: intervals, the twin of the reference, and a budget."""

import json
import os
import subprocess
import sys

import pytest

from harness.journal import read_run
from harness.model import Outcome

SPINNING = """
import asyncio
from time import perf_counter_ns


class Loop(asyncio.SelectorEventLoop):
    share = 0.0

    def _run_once(self):
        start = perf_counter_ns()
        super()._run_once()
        end = perf_counter_ns()
        end += (end - start) * self.share
        while perf_counter_ns() < end:
            pass


class Slightly(Loop):
    share = 0.05


class Much(Loop):
    share = 3.0
"""
"""Loops that spin after each turn: differences whose size is known."""


def harness(*arguments, cwd):
    command = [sys.executable, "-P", "-m", "harness.cli", *arguments]
    environment = os.environ | {"NO_COLOR": "1", "PYTHONPATH": str(cwd)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False)


def inject(folder, loop, *more):
    """Return the ratio of a loop that spins to one that does not."""
    (folder / "spinning.py").write_text(SPINNING)
    backends = ("-b", "asyncio:loop=spinning:Loop", "-b", f"asyncio:loop=spinning:{loop}")
    done = harness("matrix", "-s", "switch", "--preset", "quick", *backends, *more, "--json", "r.json", cwd=folder)
    assert done.returncode == 0, done.stderr + done.stdout
    (row,) = json.loads((folder / "r.json").read_text())["rows"]
    return row["cells"][1]["ratio"]


def test_rounds_have_intervals_and_a_self_check(tmp_path):
    """Eight rounds of two backends: every planned cell is there, and the ratio has its interval."""
    small = ("-s", "switch", "-b", "asyncio", "-b", "trio", "--preset", "quick", "--set", "yields=20")
    done = harness("matrix", *small, "--rounds", "8", "--json", "report.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    (row,) = report["rows"]
    trio = row["cells"][1]
    assert (trio["ratio"]["rounds"], trio["ratio"]["confidence"]) == (8, 0.95)
    assert 0 < trio["ratio"]["low"] <= trio["ratio"]["ratio"] <= trio["ratio"]["high"]
    assert row["alias"]["confidence"] == 0.99
    assert report["self_check"]["checked"] == [row["id"]]
    assert "self-check" in done.stdout
    (folder,) = (tmp_path / ".harness" / "runs").iterdir()
    assert len(read_run(folder).records) == 8 * 3


def test_work_is_chosen_before_the_rounds_and_kept_when_a_run_goes_on(tmp_path):
    """One cell of each backend says how much; both do the same in each round, also in what is run again later."""
    small = ("-s", "switch", "-b", "asyncio", "-b", "trio", "--preset", "quick")
    done = harness("matrix", *small, "--rounds", "6", "--json", "report.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    (row,) = json.loads((tmp_path / "report.json").read_text())["rows"]
    assert row["cells"][1]["ratio"]["rounds"] == 6
    (folder,) = (tmp_path / ".harness" / "runs").iterdir()
    before = works_by_round(folder)
    assert {number: len(works) for number, works in before.items()} == {0: 2, **dict.fromkeys(range(1, 7), 3)}
    assert set(before[0]) == {None}
    assert all(len(set(works)) == 1 and works[0][0] == "yields" for number, works in before.items() if number)
    cut_off_last_cell(folder / "journal.jsonl")
    done = harness("resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    assert works_by_round(folder) == before
    name, amount = before[6][0]
    shown = harness("show", "latest", "switch[tasks=200,yields=100]@trio#6", "-v", cwd=tmp_path)
    assert f"{name}={amount} for each value" in shown.stdout


def works_by_round(folder):
    """Return the work of each cell that was completed."""
    works = {}
    run = read_run(folder)
    assert run.complete, run.note
    for record in run.records:
        assert record.result.outcome is Outcome.COMPLETED
        works.setdefault(record.cell.round, []).append(record.cell.work)
    return dict(sorted(works.items()))


def cut_off_last_cell(journal):
    """Leave a journal as if the runner had been killed while it ran its last cell."""
    lines = journal.read_bytes().splitlines(keepends=True)
    last = json.loads(lines[-2])["result"]["cell_id"]
    first = next(number for number, line in enumerate(lines) if json.loads(line).get("cell_id") == last)
    journal.write_bytes(b"".join(lines[:first]))


def test_a_budget_buys_rounds(tmp_path):
    """To a number of rounds at which a row is looked at; a slow machine gets no further than one."""
    small = ("-s", "switch", "-b", "asyncio", "-b", "trio", "--preset", "quick", "--set", "yields=20")
    done = harness("matrix", *small, "--budget", "10s", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    (folder,) = (tmp_path / ".harness" / "runs").iterdir()
    run = read_run(folder)
    assert run.complete, run.note
    assert max(record.cell.round for record in run.records) in (1, 10, 15, 20, 30, 40, 60)


def test_what_takes_four_times_as_long_is_slower(tmp_path):
    """Whatever disturbs the machine; it is called slower, or on a very bad one nothing."""
    ratio = inject(tmp_path, "Much", "--rounds", "6")
    assert ratio["ratio"] > 1.5
    assert ratio["verdict"] in ("slower", "inconclusive")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_twentieth_is_found(tmp_path):
    """Live, on a machine that does nothing else: 5 % more time is called slower in 19 of 20 runs (MEASUREMENT, 12)."""
    verdicts = []
    for seed in range(20):
        folder = tmp_path / str(seed)
        folder.mkdir()
        verdicts.append(inject(folder, "Slightly", "--rounds", "40", "--seed", str(seed))["verdict"])
    assert sum(verdict in ("slower", "slightly slower") for verdict in verdicts) >= 19, verdicts
    assert "faster" not in verdicts
