"""An ordinary user, and a host with few processes or little memory: nothing of it is charged to a backend."""

import os
import shutil
import uuid
from pathlib import Path

import pytest

from harness.journal import read_run
from harness.model import Outcome

from .program import folder_of, linux, outcomes_of, run

CGROUPS = Path("/sys/fs/cgroup")
USER = "61916"
"""A user without a process or a file."""
SELECTION = ("matrix", "-q", "-s", "faulty.steps", "-b", "trio", "-b", "threads")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not linux, reason="the hosts of these faults are Linux")]


@pytest.fixture
def become_user(tmp_path):
    """Return what makes a program one of an ordinary user, with a limit of processes; it can read what root can."""
    if os.getuid() != 0 or shutil.which("setpriv") is None or shutil.which("prlimit") is None:
        pytest.skip("only root can become another user, by setpriv")
    os.chown(tmp_path, int(USER), int(USER))
    reads = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
    for folder in tmp_path.parents[:3]:  # those of pytest are closed to others
        folder.chmod(folder.stat().st_mode | 0o011)
    return lambda number: (
        *("setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", *reads),
        *("prlimit", f"--nproc={number}"),
    )


def test_a_user_without_rights(tmp_path, become_user):
    """Every cell is run."""
    code, out, err = run(*SELECTION, "--jobs", "2", cwd=tmp_path, prefix=become_user(4096), env={"HOME": str(tmp_path)})
    assert code == 0, out + err
    assert set(outcomes_of(folder_of(tmp_path)).values()) == {"completed"}


@pytest.mark.parametrize("jobs", ["1", "8"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_user_with_few_processes(tmp_path, become_user, number, jobs):
    """`ulimit -u`: no watcher, no lane, no worker, or no child of a worker can be started; the limit is named."""
    code, out, err = run(*SELECTION, "--jobs", jobs, cwd=tmp_path, prefix=become_user(number))
    assert code == 5, out + err
    assert "Traceback" not in out + err
    run_ = read_run(folder_of(tmp_path))
    assert run_.complete
    assert {record.result.outcome for record in run_.records} == {Outcome.INVALID_ENV}
    assert all("(ulimit -u)" in record.result.reason for record in run_.records)


@pytest.fixture
def limit_group():
    """Return what puts a program into a cgroup with a limit, of either version."""
    made = []

    def limit(controller, names, value):
        for top, name in ((CGROUPS / controller, names[0]), (CGROUPS, names[1])):
            folder = top / f"harness-test-{uuid.uuid4().hex[:8]}"
            try:
                folder.mkdir()
                made.append(folder)
                (folder / name).write_text(f"{value}\n")
            except OSError:
                continue
            return ("sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$@"', "sh")
        return pytest.skip(f"no cgroup with a limit of {controller} can be made here")

    yield limit
    for folder in made:
        folder.rmdir()


def test_a_cgroup_with_few_processes(tmp_path, limit_group):
    """Its limit is named."""
    prefix = limit_group("pids", ("pids.max", "pids.max"), 4)
    code, out, err = run(*SELECTION, "--jobs", "2", cwd=tmp_path, prefix=prefix)
    assert code == 5, out + err
    results = [record.result for record in read_run(folder_of(tmp_path)).records]
    assert {result.outcome for result in results} == {Outcome.INVALID_ENV}
    assert all("(pids.max)" in result.reason for result in results)


def test_a_cgroup_with_little_memory(tmp_path, limit_group):
    """The kernel ends the worker that needs most: no backend is charged, the other cells are run."""
    prefix = limit_group("memory", ("memory.limit_in_bytes", "memory.max"), 200 << 20)
    selection = ("-s", "faulty.steps", "-s", "faulty.balloon", "-b", "trio", "-b", "threads", "--jobs", "1")
    code, out, err = run("matrix", "-q", *selection, cwd=tmp_path, prefix=prefix)
    assert code == 5, out + err
    records = read_run(folder_of(tmp_path)).records
    ended = {(record.cell.scenario, record.result.outcome) for record in records}
    assert ended == {("faulty.balloon", Outcome.INVALID_ENV), ("faulty.steps", Outcome.COMPLETED)}
    reasons = {record.result.reason for record in records if record.cell.scenario == "faulty.balloon"}
    assert all("ran out of memory" in reason for reason in reasons)
