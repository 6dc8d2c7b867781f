"""What a cell may take: how it is measured, and how a cgroup is used where there is one."""

import os
import resource
import signal
import subprocess
import sys

import psutil
import pytest

from harness.execute import describe_limits
from harness.execute.limits import cgroup as limits_cgroup
from harness.execute.limits import enforce
from harness.execute.limits.cgroup import CellGroup, make_group
from harness.execute.limits.enforce import CellLimits
from harness.execute.limits.rlimits import arrange_limits
from harness.execute.limits.usage import count_oom_kills, read_open_files, read_own_bytes, read_usage
from harness.model import BackendSpec, Cell, ErrorReport, Outcome, RoleBackend, RoleResult

linux = pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that has it")


def cell(**fields):
    return Cell(scenario="s", roles=(RoleBackend("main", BackendSpec("trio")),), **fields)


def result(outcome, **fields):
    return RoleResult(role="main", backend="trio", outcome=outcome, **fields)


def emfile(text="OSError: [Errno 24] Too many open files"):
    return ErrorReport(type="ExceptionGroup", message="several", traceback="", leaves=(text,))


@pytest.fixture
def hierarchy(tmp_path):
    """A folder in which cgroups can be made, as far as files can stand for them."""
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (tmp_path / "cgroup.procs").write_text("")
    return tmp_path


@pytest.fixture
def others():
    """Children that other tests have left to us."""
    return [child.pid for child in psutil.Process().children()]


@pytest.fixture
def sleeper(others):
    """A process that has a child; both wait to be killed."""
    code = "import os, signal\nif os.fork(): print(1, flush=True)\nsignal.pause()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as process:
        process.stdout.readline()
        yield process
        os.killpg(process.pid, signal.SIGKILL)


def test_a_tree_is_measured(sleeper, others):
    """The process and its child, with their memory."""
    usages = read_usage([sleeper.pid], others)
    assert sleeper.pid in {usage.pid for usage in usages}
    assert len(usages) == 2
    assert all(usage.resident_bytes > 1 << 20 for usage in usages)


@linux
def test_what_is_spared_is_not_the_cells(sleeper, others):
    """Another child of ours is counted unless it was there before."""
    assert len(read_usage([], others)) >= 2
    assert read_usage([], [sleeper.pid, *others]) == []


@linux
def test_what_is_shared_is_counted_once(sleeper, others):
    """A process and its fork hold less than the sum of what each has resident."""
    usages = read_usage([sleeper.pid], others)
    resident = sum(usage.resident_bytes for usage in usages)
    assert 0 < read_own_bytes([usage.pid for usage in usages], resident) < resident


def test_open_files_are_counted():
    """One more is one more; who is gone has none."""
    before = read_open_files(os.getpid())
    fd = os.open(os.devnull, os.O_RDONLY)
    assert read_open_files(os.getpid()) == before + 1
    os.close(fd)
    assert read_open_files(2**22 + 1) == 0


def test_a_child_lowers_its_own_limits():
    """For good: neither it nor its children can raise them again, unless they may do anything."""
    code = "import resource as r; print(r.getrlimit(r.RLIMIT_NOFILE), r.getrlimit(r.RLIMIT_CPU))"
    arrange = arrange_limits({"fds": 64, "cpu": 10})
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, preexec_fn=arrange)
    assert done.stdout.strip() == "(64, 80) (12, 14)"


def test_a_limit_above_the_hosts_is_the_hosts():
    """It cannot be raised, and that is no error."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    code = "import resource as r; print(r.getrlimit(r.RLIMIT_NOFILE)[1])"
    arrange = arrange_limits({"fds": 1 << 40})
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, preexec_fn=arrange)
    assert int(done.stdout) == hard


def test_a_group_is_made_and_has_the_limits(hierarchy):
    """pids.max leaves room for threads, which it counts as well."""
    group = make_group({"memory": 512 << 20, "processes": 64}, hierarchy)
    assert (group.path / "memory.max").read_text() == f"{512 << 20}\n"
    assert int((group.path / "pids.max").read_text()) > 10_000
    assert (group.path / "memory.oom.group").read_text() == "1\n"
    assert (group.path / "memory.swap.max").read_text() == "0\n"


def test_where_no_group_can_be_made_there_is_none(tmp_path):
    """The cell's processes are polled then."""
    assert make_group({"memory": 1, "processes": 1}, tmp_path / "missing") is None


def test_a_child_joins_the_group(hierarchy):
    """It writes itself into the group before it becomes what it runs."""
    group = CellGroup(hierarchy, {"memory": 1 << 30, "processes": 64})
    (group.path / "cgroup.procs").write_text("")
    subprocess.run([sys.executable, "-c", ""], check=True, preexec_fn=arrange_limits({}, group.members))
    assert (group.path / "cgroup.procs").read_text() == "0"


def test_a_child_that_may_not_join_runs_all_the_same():
    """It is polled."""
    subprocess.run([sys.executable, "-c", ""], check=True, preexec_fn=arrange_limits({}, "/nowhere/cgroup.procs"))


def test_memory_that_the_kernel_has_cut_off_is_named(hierarchy):
    """Whether it is seen while the cell runs or after the kernel ended it."""
    limits = CellLimits(cell(limits=(("memory", 1 << 20),)), (), hierarchy)
    (made,) = (path for path in hierarchy.iterdir() if path.is_dir())
    (made / "memory.events").write_text("low 0\nmax 7\noom_kill 0\n")
    killed = result(Outcome.CRASHED, reason="SIGKILL without a result", exit_code=-signal.SIGKILL)
    assert limits.explain(killed) == killed
    (made / "memory.events").write_text("low 0\nmax 9\noom_kill 1\n")
    expected = "exceeded the limit memory=1 MiB (by cgroup v2 (memory.max))"
    assert (limits.explain(killed).outcome, limits.explain(killed).reason) == (Outcome.LIMIT, expected)
    assert limits.find_exceeded([]) == expected


def test_a_host_without_memory_is_no_crash(monkeypatch, tmp_path):
    """A worker that is killed while the kernel ends processes for lack of memory is charged to no backend."""
    kills = [2, 2, 3]
    monkeypatch.setattr(enforce, "count_oom_kills", lambda: kills.pop(0))
    limits = CellLimits(cell(), (), tmp_path / "missing")
    killed = result(Outcome.CRASHED, reason="SIGKILL without a result", exit_code=-signal.SIGKILL)
    assert limits.explain(killed) == killed
    explained = limits.explain(killed)
    assert explained.outcome is Outcome.INVALID_ENV
    assert "ran out of memory" in explained.reason


def test_processes_that_the_kernel_ended_for_memory(tmp_path):
    """Are counted where it reports them."""
    (tmp_path / "vmstat").write_text("oom_kill_disable 7\noom_kill 12\n")
    assert count_oom_kills(tmp_path / "vmstat") == 12
    assert count_oom_kills(tmp_path / "missing") == 0


def test_the_group_counts_what_has_left_the_tree(hierarchy, others):
    """Processes and their CPU time."""
    limits = CellLimits(cell(limits=(("processes", 3), ("cpu", 5))), others, hierarchy)
    (made,) = (path for path in hierarchy.iterdir() if path.is_dir())
    (made / "cgroup.procs").write_text("11\n12\n13\n14\n")
    assert limits.find_exceeded([]) == "exceeded the limit processes=3: 4 at one time (by cgroup v2)"
    (made / "cgroup.procs").write_text("11\n")
    (made / "cpu.stat").write_text("usage_usec 6500000\nuser_usec 1\n")
    assert limits.find_exceeded([], is_due=True) == "exceeded the limit cpu=5 s: 6.5 s used (by cgroup v2)"
    limits.kill()
    assert (made / "cgroup.kill").read_text() == "1\n"


def test_which_cgroups_are_looked_at():
    """Ours first, then those above it; none where version 2 is not there."""
    mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"
    found = [str(path) for path in limits_cgroup._candidates(mounts, "4:memory:/x\n0::/user.slice/me.scope\n")]
    top = "/sys/fs/cgroup/unified"
    assert found == [f"{top}/user.slice/me.scope", f"{top}/user.slice", top]
    assert list(limits_cgroup._candidates("tmpfs / tmpfs rw 0 0\n", "4:memory:/x\n")) == []


def test_a_cgroup_without_its_controllers_is_of_no_use(hierarchy):
    """What limits nothing is not taken for a limit."""
    (hierarchy / "cgroup.subtree_control").write_text("cpu io\n")
    assert not limits_cgroup._is_usable(hierarchy)


@pytest.mark.parametrize(
    ("given", "fields", "expected"),
    [
        (result(Outcome.RAISED, error=emfile()), {"limits": (("fds", 64),)}, Outcome.LIMIT),
        (result(Outcome.RAISED, error=emfile()), {}, Outcome.RAISED),
        (result(Outcome.RAISED, error=emfile("KeyError: 24")), {"limits": (("fds", 64),)}, Outcome.RAISED),
        (result(Outcome.CRASHED, exit_code=-signal.SIGXCPU), {}, Outcome.LIMIT),
        (result(Outcome.CRASHED, exit_code=-signal.SIGSEGV), {}, Outcome.CRASHED),
        (result(Outcome.COMPLETED), {"limits": (("fds", 64),)}, Outcome.COMPLETED),
    ],
)
def test_an_end_by_a_limit_is_told_from_others(given, fields, expected, tmp_path):
    """An error of too many files is the limit's only where the user set one, and nothing else disturbs the cell."""
    assert CellLimits(cell(**fields), (), tmp_path / "missing").explain(given).outcome == expected


def test_a_limit_that_a_perturbation_sets_itself_is_not_the_cells(tmp_path):
    """Few files are then the question of the run, and an error of too many is an answer."""
    limits = CellLimits(cell(limits=(("fds", 64),)), (), tmp_path / "missing", own={"fds"})
    assert limits.explain(result(Outcome.RAISED, error=emfile())).outcome is Outcome.RAISED


def test_each_limit_is_described_with_its_means():
    """Also those that nobody set."""
    said = describe_limits((("memory", 1 << 30),))
    assert set(said) == {"memory", "processes", "cpu", "output", "fds"}
    assert said["memory"].startswith("1 GiB by ")
    assert said["fds"] == "as many as the host gives, by RLIMIT_NOFILE"
