"""Storms on real processes: what becomes of every connection when the server dies, fds run out or the server freezes.

The sabotaged roles are in `sabotaged/distribution`, a plugin that is installed for these tests only.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from harness.journal import read_run
from harness.model import Observed

SABOTAGED = str(Path(__file__).parent / "sabotaged" / "distribution")
NULL_SERVER = Path(__file__).parents[2] / "benchmarks" / "storm_null.py"
PARTS = ("ok", "refused", "reset", "timed out", "out of fds", "other", "dropped", "in flight")
SINGLE_THREADED = ("asyncio", "uvloop", "trio", "curio")
BACKENDS = (*SINGLE_THREADED, "threads")
FREEZE_US = 200_000


class Stormed:
    """One cell and what it observed."""

    def __init__(self, folder, done):
        run = read_run(folder)
        assert run.complete
        (self.record,) = run.records
        self.seen = {fact.key: fact.value for fact in self.record.observations if isinstance(fact, Observed)}
        self.roles = {role.role: role for role in self.record.result.roles}
        self.text = done.stdout
        self.code = done.returncode

    def __getitem__(self, key):
        return self.seen[key]

    def counts(self):
        """Return due and its parts."""
        return self["connections due"], {part: self[f"connections {part}"] for part in PARTS}


def storm(tmp_path, scenario, backend, limit=None, **parameters):
    """Run a cell of a storm and return it."""
    if backend == "curio" and sys.version_info >= (3, 12):
        pytest.skip("curio does not import here")
    named = [word for name, value in parameters.items() for word in ("--param", f"{name}={value}")]
    command = ["run", "--backend", backend, "--scenario", scenario, *named, "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "harness.cli", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=os.environ | {"PYTHONPATH": SABOTAGED, "NO_COLOR": "1"},
        preexec_fn=None if limit is None else lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
    )
    (folder,) = tmp_path.iterdir()
    return Stormed(folder, done)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_counts_add_up_when_the_server_is_killed_in_the_middle(tmp_path, backend):
    """Each connection that was due is ok, reset or refused; the client lives on and tells, the culprit is named."""
    cell = storm(tmp_path, "storm.server-is-killed", backend, rate=400, length=0.5)
    due, parts = cell.counts()
    assert (due, sum(parts.values())) == (200, 200), parts
    assert parts["ok"] <= 100 <= parts["ok"] + parts["reset"] + parts["refused"]
    assert parts["refused"] > 0
    assert cell.record.result.reason == "server: SIGKILL without a result"
    assert cell.roles["client"].outcome == "completed"


@pytest.mark.parametrize(("backend", "place"), [("trio", "in the listen queue"), ("asyncio", "read and never closed")])
def test_connections_that_are_not_answered_are_found_where_they_stay(tmp_path, backend, place):
    """The server is idle, and they are in its queue, or in that of a runtime that accepts and reads ahead."""
    cell = storm(tmp_path, "storm.server-goes-deaf", backend, rate=400, length=0.5, timeout=4)
    assert (cell["connections timed out"], cell[f"unanswered {place}"]) == (100, 100)
    assert cell["server after the storm"].startswith("idle: ")
    if cell["generator"] == "ok":  # a client that was late accuses no server
        details = " ".join(cell.text.split("details", 1)[1].split())
        assert f"{backend}: server after the storm: idle: " in details
        assert f"unanswered {place}: 100; " in details


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_counts_add_up_when_the_client_has_64_fds(tmp_path, backend):
    """A burst of 200 whose server is late: some are ok, the others are out of fds, none is anything else."""
    cell = storm(tmp_path, "storm.client-has-few-files", backend, mode="burst", connections=200)
    due, parts = cell.counts()
    assert (due, sum(parts.values())) == (200, 200), parts
    assert parts["out of fds"] > 0 < parts["ok"]
    assert parts["ok"] + parts["out of fds"] == 200, parts
    assert cell.record.result.outcome == "completed"


@pytest.mark.parametrize("backend", ["trio", "threads"])
def test_the_counts_add_up_when_the_server_has_64_fds(tmp_path, backend):
    """What it cannot accept at once it accepts later, or the client counts it as lost."""
    cell = storm(tmp_path, "storm.server-has-few-files", backend, mode="burst", connections=200)
    due, parts = cell.counts()
    assert (due, sum(parts.values())) == (200, 200), parts
    assert cell.record.result.outcome == "completed"


@pytest.mark.parametrize(
    ("limit", "parameters", "reason"),
    [
        (200, {"mode": "burst"}, "a storm of 200 connections at once is too large: file limit of the server (200)"),
        (200, {"rate": 5000}, "a storm of 5,000 connections/s is too large: file limit of the server (200)"),
        (None, {"mode": "burst", "backlog": 10}, "a storm of 200 connections at once is too large: backlog (10)"),
        (None, {"reply_file": "/nowhere"}, "reply_file=/nowhere cannot be read: No such file or directory"),
    ],
)
def test_a_storm_beyond_a_limit_is_refused_before_it_starts(tmp_path, limit, parameters, reason):
    """Not run, with the limit named, in the record and in the report; no role was started."""
    cell = storm(tmp_path, "storm", "trio", limit=limit, **parameters)
    assert (cell.record.result.outcome, cell.seen, cell.roles) == ("not run", {}, {})
    assert cell.record.result.reason.startswith(reason)
    assert reason.split(":")[0] in " ".join(cell.text.split())


def test_several_rates_are_a_row_each_and_a_table(tmp_path):
    """`--param rate=` can be repeated: one result per rate, and latency against rate."""
    rates = [word for rate in (100, 200, 400) for word in ("--param", f"rate={rate}")]
    command = ["run", "-b", "trio", "-s", "storm", *rates, "--param", "length=0.5", "--out", str(tmp_path)]
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "harness.cli", *command, "--json", str(tmp_path / "report.json")],
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        rows = json.loads((tmp_path / "report.json").read_text())["rows"]
        assert sorted(row["id"] for row in rows) == [f"storm[length=0.5,rate={rate}]" for rate in (100, 200, 400)]
        lines = done.stdout.splitlines()
        if (title := "storm by rate: response p50, p90 (length=0.5)") in lines:
            break  # a machine that is too busy to start connections when they are due has no latencies to show
    start = lines.index(title)
    assert [line.split()[0] for line in lines[start + 2 : start + 8 : 2]] == ["100", "200", "400"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", SINGLE_THREADED)
def test_a_freeze_of_the_server_is_in_the_response_and_both_are_printed(tmp_path, backend):
    """200 ms in 5 s at 200/s: forty were due meanwhile. That is p99, and neither the median nor the others' service."""
    cell = storm(tmp_path, "storm.server-freezes", backend, rate=200, length=5)
    assert cell.counts()[1]["ok"] == 1000
    assert cell["response p99"] >= FREEZE_US / 2
    assert cell["service p50"] <= cell["response p50"] < FREEZE_US / 10
    assert "response p99" in cell.text
    assert "service p50" in cell.text


@pytest.mark.slow
def test_a_null_server_that_is_offered_1000_a_second_gets_98_percent():
    """The generator is not what limits a storm, in the best of several attempts on a machine that others use too."""
    best = 0.0
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, str(NULL_SERVER), "1000", "asyncio"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        best = max(best, json.loads(done.stdout)["ratio"])
        if best >= 0.98:
            return
    raise AssertionError(f"at best {best:.1%}")
