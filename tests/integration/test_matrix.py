"""The whole program on real backends: nothing hangs, nothing is found, everything is reported."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.journal import read_run
from harness.model import Observed

PLANTED = str(Path(__file__).parents[1] / "planted" / "distribution")
BACKENDS = ["asyncio", "uvloop", "trio", "curio", "threads"]
curio_imports = sys.version_info < (3, 12)


def start(*arguments, cwd, env=None, **streams):
    command = [sys.executable, "-P", "-m", "harness.cli", *arguments]
    return subprocess.Popen(command, cwd=cwd, env=os.environ | {"NO_COLOR": "1"} | (env or {}), text=True, **streams)


def run(*arguments, cwd, env=None):
    with start(*arguments, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=200)
    return process.returncode, out, err


def only_run(cwd):
    (folder,) = (cwd / ".harness" / "runs").iterdir()
    return folder


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A quick matrix of the scenarios of the mission."""
    cwd = tmp_path_factory.mktemp("quick")
    names = ("storm", "timeout-select", "sink", "channel")
    selection = [argument for name in names for argument in ("--scenario", name)]
    return (*run("matrix", "--preset", "quick", *selection, "--json", "report.json", cwd=cwd), cwd)


def test_a_healthy_matrix_finds_nothing(quick):
    """Every cell is completed on every backend, or the runtime is not here; exit code 0."""
    code, out, err, cwd = quick
    found = read_run(only_run(cwd))
    assert found.complete
    wanted = {name: "completed" if name != "curio" or curio_imports else "unavailable" for name in BACKENDS}
    strange = [
        (record.cell.id, record.result.outcome.value, record.result.reason)
        for record in found.records
        if record.result.outcome != wanted[record.cell.label]
    ]
    assert strange == []
    assert code == 0, out + err
    assert json.loads((cwd / "report.json").read_text())["format"] == 1


def test_every_storm_conserves_its_counts(quick):
    """Due is the sum of the outcomes."""
    for record in read_run(only_run(quick[3])).records:
        if record.cell.scenario == "storm" and record.result.outcome == "completed":
            seen = {o.key: o.value for o in record.observations if isinstance(o, Observed)}
            parts = ("ok", "refused", "reset", "timed out", "out of fds", "other", "dropped", "in flight")
            assert seen["connections due"] == sum(seen[f"connections {part}"] for part in parts)
            assert seen["connections due"] > 0


def test_the_grid_names_every_backend(quick):
    """And the last line is the folder of the run."""
    out, cwd = quick[1], quick[3]
    assert all(name in out for name in BACKENDS)
    assert out.strip().splitlines()[-1] == f"run: {only_run(cwd).relative_to(cwd)}"


def test_show_and_report_give_the_same_again(quick):
    """A stored run is judged again, with the same words."""
    code, out, _err, cwd = quick
    again = run("show", "latest", cwd=cwd)
    assert again[0] == code
    assert out.startswith(again[1].rstrip("\n"))
    report = run("report", "latest", "--format", "json", cwd=cwd)
    assert json.loads(report[1]) == json.loads((cwd / "report.json").read_text())
    cell = run("show", "latest", "storm", cwd=cwd)
    assert "due" in cell[1]


def test_a_runtime_that_does_not_import_is_unavailable(tmp_path):
    """The real error is shown, with what to do; the other backends run, and it is not an unexpected finding."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "curio.py").write_text("raise ImportError('curio is too old for this Python')")
    selection = ("-b", "curio", "-b", "trio", "-s", "channel", "-p", "items=100", "-p", "capacity=1")
    code, out, _ = run("matrix", *selection, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "broken")})
    assert code == 0
    assert "ImportError: curio is too old for this Python" in " ".join(out.split())
    outcomes = {record.cell.label: record.result.outcome for record in read_run(only_run(tmp_path)).records}
    assert outcomes == {"curio": "unavailable", "trio": "completed"}


def test_an_option_is_attested(tmp_path):
    """A loop that is asked for is the loop that ran."""
    selection = ("-b", "asyncio:loop=uvloop", "-s", "channel", "-p", "items=100", "-p", "capacity=1")
    assert run("run", *selection, cwd=tmp_path)[0] == 0
    record = read_run(only_run(tmp_path)).records[0]
    assert record.result.roles[0].attestation.scheduler == "uvloop.Loop"


def wait_for_worker(runner, folder_of):
    """Return the pid of a worker that observed something."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert runner.poll() is None
        runs = list(folder_of.glob(".harness/runs/*/journal.jsonl"))
        if runs and '"cell-observed"' in (text := runs[0].read_text()):
            started = next(line for line in text.splitlines() if '"cell-started"' in line)
            return json.loads(started)["pids"]["main"]
        time.sleep(0.02)
    raise AssertionError("no worker observed anything")


def runs(pid):
    # Other tests make this process adopt orphans: one that ended then stays as a zombie, which is gone as well.
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(pid):
    deadline = time.monotonic() + 10
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not runs(pid)


@pytest.fixture
def hanging(tmp_path):
    """A run whose first cell hangs, and the pid of its worker."""
    selection = ("-b", "trio", "-b", "threads", "-s", "planted.spinning-hang", "-s", "planted.idle-hang")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    runner = start("matrix", *selection, "--timeout", "600", cwd=tmp_path, env={"PYTHONPATH": PLANTED}, **pipes)
    with runner:
        yield runner, wait_for_worker(runner, tmp_path), tmp_path
        runner.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_is_whole(hanging, number):
    """What ran is in the journal, what did not is named, no process survives, and the exit code says so."""
    runner, pid, cwd = hanging
    runner.send_signal(number)
    out, err = runner.communicate(timeout=30)
    assert runner.returncode == 128 + number, out + err
    assert gone(pid)
    found = read_run(only_run(cwd))
    outcomes = [record.result.outcome.value for record in found.records]
    assert len(outcomes) == 4
    assert outcomes.count("interrupted") == 1
    assert set(outcomes) <= {"interrupted", "not run", "hung"}
    assert found.note == "the run was interrupted"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed process")
def test_a_killed_runner_leaves_no_worker(hanging):
    """SIGKILL of the runner: the kernel ends the worker; the journal is read as far as it goes."""
    runner, pid, cwd = hanging
    runner.kill()
    runner.wait()
    assert gone(pid)
    found = read_run(only_run(cwd))
    assert not found.complete
    assert len(found.records) == 4


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    """`harness ... | head -1`: no traceback, no complaint."""
    with start("list", "scenarios", "-v", cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert err == ""


def test_planted_faults_are_caught(tmp_path):
    """`--saboteurs` runs them beside the healthy backend, and each is caught."""
    code, out, err = run("matrix", "--saboteurs", "--preset", "quick", "--scenario", "frames", cwd=tmp_path)
    assert code == 0, out + err
    assert "frames  1 of 1 caught" in out
    assert "1 of 1 planted faults caught" in out
    assert "nothing unexpected" in out


def test_bisect_finds_the_number(tmp_path):
    """A real fault that shows itself from the fiftieth connection on: 51 are needed to see it."""
    code, out, err = run(
        *("bisect", "-b", "saboteur:fault=accept-stops", "-s", "storm", "--param", "mode=burst"),
        *("--param", "timeout=0.5", "--param", "cooldown=1", "--vary", "connections=40..60"),
        cwd=tmp_path,
    )
    assert code == 1, out + err
    assert "goes wrong from connections=51 on: violation: connections timed out is more than 0" in out


def test_resume_runs_what_is_left(tmp_path):
    """After a kill in the middle: what has its result is not run again, and nothing is missing in the end."""
    selection = ["-s", "switch", "-s", "join", "--preset", "quick", "--rounds", "2"]
    with start("matrix", *selection, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        journal = wait_for_cells(tmp_path, 3)
        process.kill()
    before = {r.cell.id: r.result for r in read_run(journal.parent).records if r.result.outcome == "completed"}
    code, out, err = run("resume", cwd=tmp_path)
    after = read_run(journal.parent)
    assert code == 0, out + err
    assert after.complete
    assert {r.cell.id: r.result for r in after.records if r.cell.id in before} == before
    assert "not run" not in {r.result.outcome for r in after.records}
    code, out, err = run("resume", cwd=tmp_path)
    assert code == 2
    name = journal.parent.name
    assert err.strip() == f"harness: cannot resume {name}: every cell of it has its result; see harness show {name}"


def wait_for_cells(cwd, number):
    """Return the journal of the only run when so many of its cells are finished."""
    for _ in range(2400):
        found = list((cwd / ".harness" / "runs").glob("*/journal.jsonl"))
        if found and found[0].read_bytes().count(b'"cell-finished"') >= number:
            return found[0]
        time.sleep(0.025)
    raise AssertionError("no cells were finished")


def test_a_run_in_the_background_of_a_shell(tmp_path):
    """There SIGINT is ignored, and what a process ignores its children ignore: cells must not."""
    ignoring = f"trap '' INT; exec {sys.executable} -P -m harness.cli run -b asyncio -s shutdown.interrupt -q"
    done = subprocess.run(["sh", "-c", ignoring], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_known_of_asyncio_is_known_with_any_loop(tmp_path):
    """A group, a lock or a pool of asyncio's is no fault of the loop that it runs on."""
    loop = "asyncio:loop=asyncio:SelectorEventLoop"
    scenarios = ("group.nested-failures", "offload.stop-iteration", "lock.notified-and-cancelled")
    selected = [word for name in scenarios for word in ("-s", name)]
    code, out, err = run("matrix", "-b", loop, *selected, "--json", "report.json", cwd=tmp_path)
    assert code == 0, out + err
    findings = json.loads((tmp_path / "report.json").read_text())["findings"]
    assert all(finding["known"] for finding in findings)
    seen = {finding["row"]["scenario"] for finding in findings}
    assert seen == (set(scenarios) if sys.version_info < (3, 12, 2) else set())
