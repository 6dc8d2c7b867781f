"""Cells that go wrong in every way: each gets its right outcome, its neighbours are untouched, nothing survives."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.journal import read_run
from harness.model import CellRecord

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text())
BACKENDS = ("asyncio", "trio", "threads")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], dict[tuple[str, str], CellRecord]]:
    out = tmp_path_factory.mktemp("planted")
    selection = [argument for name in BACKENDS for argument in ("--backend", name)]
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "matrix", *selection, "--scenario", "planted.*", "--out", str(out)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env=os.environ | {"PYTHONPATH": str(HERE / "distribution"), "NO_COLOR": "1"},
    )
    (folder,) = out.iterdir()
    run = read_run(folder)
    assert run.complete
    return done, {(record.cell.scenario, record.cell.label): record for record in run.records}


def test_every_planted_cell_is_reported(finished):
    """The plan is complete: each scenario on each backend has a record."""
    assert set(finished[1]) == {(scenario, backend) for scenario in EXPECTED for backend in BACKENDS}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", EXPECTED)
def test_outcome(finished, scenario, backend):
    """Each planted cell has the outcome, the reason and the leftovers of the model."""
    record, expected = finished[1][scenario, backend], EXPECTED[scenario]
    (role,) = record.result.roles
    assert record.result.outcome == expected["outcome"], record.result
    assert re.search(expected["reason"], record.result.reason)
    assert len(role.escaped) == expected.get("escaped", 0)
    assert role.survivors == ()
    # Where tasks are threads a thread is a task.
    for kinds, key in ((("fd ",), "leaks"), (("thread ", "task "), "threads"), (("child ",), "children")):
        assert sum(leak.startswith(kinds) for leak in role.leaks) == expected.get(key, 0), role.leaks
    assert len(role.error.leaves if role.error else ()) == expected.get("leaves", 0)


def test_forked_and_fresh_processes_agree(finished):
    """Every cell was forked; what went wrong there went wrong in the same way in a fresh process."""
    wrong = [record.result.starts for record in finished[1].values() if record.result.starts]
    assert len(wrong) >= len(BACKENDS) * sum(expected["outcome"] != "completed" for expected in EXPECTED.values())
    for starts in wrong:
        assert [start.is_forked for start in starts] == [True, False]
        assert starts[0].problems == starts[1].problems
    right = [record.result.roles[0].is_forked for record in finished[1].values() if not record.result.starts]
    assert all(right)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_hang_shows_how_far_it_came_and_where_it_is(finished, backend):
    """What was observed before the hang is kept, and the stacks name the line."""
    record = finished[1]["planted.spinning-hang", backend]
    assert [(seen.key, seen.value) for seen in record.observations] == [("steps", 1)]
    assert "spinning_hang" in record.result.roles[0].stacks


def test_nothing_survives(finished):
    """No process of the planted distribution runs any more."""
    pids = {role.pid for record in finished[1].values() for role in record.result.roles}
    pids |= {seen.value for record in finished[1].values() for seen in record.observations if seen.key == "child"}
    assert {pid for pid in pids if psutil.pid_exists(pid)} == set()


def test_the_program_says_it_without_a_traceback_of_its_own(finished):
    """Exit code 1, the broken plugin named, and no control character of a hostile message in the report."""
    done = finished[0]
    assert done.returncode == 1
    assert "planted-broken" in done.stderr
    assert "\x1b" not in done.stdout
