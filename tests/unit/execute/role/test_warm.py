"""Warm parents: a forked role is a cell in every respect, and whatever is wrong with its parent costs time only."""

from __future__ import annotations

import os
import signal
import sys

import psutil
import pytest

from harness.api import Scenario, info
from harness.execute import execute, posix, run_guarded
from harness.execute.role import warm as warm_module
from harness.execute.role.warm import WarmParents
from harness.model import BackendSpec, Cell, CellFinished, Outcome, Plan, RoleBackend
from harness.plugins import Plugins

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forked roles are children of the runner on Linux only")

QUESTION = "cancel.cleanup-waits"


@pytest.fixture(scope="module")
def catalogue():
    return Plugins().catalogue()


@pytest.fixture
def warm():
    posix.adopt_orphans()
    parents = WarmParents(7)
    yield parents
    parents.close()
    assert parents.pids == set()


def make_cell(number=1, scenario=QUESTION, backend="asyncio", **fields):
    roles = (RoleBackend("main", BackendSpec(backend)),)
    return Cell(scenario=scenario, roles=roles, round=number, seed=number, hang_after=5, **fields)


def run(cell, catalogue, folder, parents):
    events = list(run_guarded(cell, catalogue, folder, parents))
    result = events[-1].result
    return result, result.roles[0], [event.observation for event in events if hasattr(event, "observation")]


PROBING = """
import os, random, resource, sys, threading
from harness.api import Scenario, info

{start}
generator = random.Random()

async def ask(runtime, probe):
    with open("/proc/self/status") as file:
        status = dict(line.split() for line in file if line.startswith(("SigBlk", "SigIgn", "Umask")))
    facts = dict(
        pid=os.getpid(), parent=os.getppid(), session=os.getsid(0), group=os.getpgid(0),
        fds=sorted(os.readlink(f"/proc/self/fd/{{fd}}").split(":")[0] for fd in range(3)),
        count=len(os.listdir("/proc/self/fd")), argv=len(sys.argv), seed=os.environ["PYTHONHASHSEED"],
        mark=os.environ.get("MARK"), draw=generator.random(), cpu=resource.getrlimit(resource.RLIMIT_CPU),
        native=threading.main_thread().native_id, blocked=status["SigBlk:"], ignored=status["SigIgn:"],
        main=sys.modules["__main__"].__spec__.name, hash=hash("text"), cwd=os.getcwd(), umask=status["Umask:"],
    )
    for key, value in facts.items():
        probe.observe(key, value)

question = Scenario(
    name="probing", question="?", contract=(), ref="probing:question", roles={{"main": ask}}, parameters=(),
    judges={{}}, headline="", rows={{}}, side_by_side=True,
)
"""


@pytest.fixture
def probing(tmp_path, monkeypatch, catalogue):
    """Return a function that makes a scenario which observes its process, and starts something at import."""
    import msgspec

    def make(start=""):
        (tmp_path / "probing.py").write_text(PROBING.format(start=start))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        names = "pid parent session group fds count argv seed mark draw cpu native blocked ignored main hash cwd umask"
        scenario = Scenario(
            name="probing",
            question="?",
            contract=(),
            ref="probing:question",
            roles={"main": None},
            parameters=(),
            judges={name: info() for name in names.split()},
            headline="",
            rows={},
            side_by_side=True,
        )
        return msgspec.structs.replace(catalogue, scenarios={"probing": scenario})

    return make


@pytest.mark.parametrize("backend", ["asyncio", "trio", "threads"])
def test_a_forked_role_is_like_a_fresh_one(tmp_path, warm, probing, monkeypatch, backend):
    """Own session, descriptors, environment, limits, signals and main module; other random numbers."""
    known = probing()
    monkeypatch.setenv("MARK", "before")
    found = []
    for number, mark in ((1, "one"), (2, "two")):
        monkeypatch.setenv("MARK", mark)
        result, role, seen = run(make_cell(number, "probing", backend, limits=(("cpu", 99),)), known, tmp_path, warm)
        assert result.outcome is Outcome.COMPLETED, result
        assert role.is_forked
        found.append({each.key: each.value for each in seen})
    fresh_cell = make_cell(7, "probing", backend, limits=(("cpu", 99),))
    _, role, seen = run(fresh_cell, known, tmp_path, None)
    assert not role.is_forked
    fresh = {each.key: each.value for each in seen}
    own = {"pid", "session", "group", "draw", "native", "mark"}
    for forked in found:
        assert {key: value for key, value in forked.items() if key not in own} == {
            key: value for key, value in fresh.items() if key not in own
        }
        assert forked["pid"] == forked["session"] == forked["group"] == forked["native"]
        assert forked["parent"] == os.getpid()
    assert [forked["mark"] for forked in found] == ["one", "two"]
    assert len({fresh["draw"], *(forked["draw"] for forked in found)}) == 3
    (parent,) = warm.pids
    assert psutil.Process(parent).num_threads() == 1


@pytest.mark.parametrize(
    "start",
    [
        "threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "kept = open('/dev/null')",
        "import signal; signal.setitimer(signal.ITIMER_REAL, 1000)",
        "import subprocess; child = subprocess.Popen(['sleep', '100'])",
        "if '--warm' in sys.orig_argv: raise ValueError",
    ],
)
def test_a_module_that_starts_something_is_never_forked(tmp_path, warm, probing, start):
    """Its parent is replaced, its cells start fresh, and those of other scenarios are forked."""
    result, role, _ = run(make_cell(1, "probing"), probing(start), tmp_path, warm)
    assert result.outcome is Outcome.COMPLETED, result
    assert not role.is_forked
    assert warm.pids == set()


ENDING = """
import atexit
class Last:
    def __init__(self, name):
        self.name = name
    def __del__(self):
        os.write(1, f"{self.name} ends\\n".encode())
of_parent = Last("object of a module")
atexit.register(lambda: os.write(1, f"{sys.modules['probing'].__name__} at exit\\n".encode()))
def make():
    circle = [Last("object in a circle")]
    circle.append(circle)
    sys.own = Last("object of the process")
os.register_at_fork(after_in_child=make)
"""


def test_the_end_of_a_forked_role(tmp_path, warm, probing):
    """Callbacks and objects of its own end as in a fresh one; the modules of its parent are not taken apart."""
    _, role, _ = run(make_cell(1, "probing"), probing(ENDING), tmp_path, warm)
    assert role.is_forked
    (said,) = tmp_path.glob("evidence/*/main.stdout")
    said = sorted(set(said.read_text().splitlines()))  # it has those of the process between its parent and itself
    assert said == ["object in a circle ends", "object of the process ends", "probing at exit"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_warm_parent_that_is_gone_or_stuck_is_replaced(tmp_path, warm, catalogue, monkeypatch, number):
    """The cell is the same, by another parent."""
    run(make_cell(1), catalogue, tmp_path, warm)
    (before,) = warm.pids
    os.kill(before, number)
    monkeypatch.setattr(warm_module, "_ANSWER_SECONDS", 2.0)
    result, role, _ = run(make_cell(2), catalogue, tmp_path, warm)
    assert result.outcome is Outcome.COMPLETED
    assert role.is_forked
    assert role.escaped == ()
    assert warm.pids.isdisjoint({before})
    assert not psutil.pid_exists(before)


def test_an_interpreter_that_cannot_be_a_warm_parent_is_left_alone(tmp_path, warm, catalogue, monkeypatch):
    """After two attempts its cells start fresh at once."""
    monkeypatch.setattr(warm_module, "worker_command", lambda _place: ["/bin/false"])
    for number in (1, 2):
        result, role, _ = run(make_cell(number), catalogue, tmp_path, warm)
        assert (result.outcome, role.is_forked) == (Outcome.COMPLETED, False)
    assert warm._failures.total() == 2


@pytest.mark.parametrize("judges_figures", [True, False])
def test_a_run_of_many_cells_forks_them(tmp_path, catalogue, judges_figures):
    """Those that measure something start fresh, unless the run gives no verdict on figures."""
    cells = (*(make_cell(number) for number in (1, 2, 3)), make_cell(1, "channel", parameters=(("items", 10),)))
    events = list(execute(Plan(cells=cells, judges_figures=judges_figures), catalogue, tmp_path, fresh=False))
    found = [event.result for event in events if isinstance(event, CellFinished)]
    assert [(each.outcome, each.roles[0].is_forked) for each in found] == [(Outcome.COMPLETED, True)] * 3 + [
        (Outcome.COMPLETED, not judges_figures)
    ]
    left = [process for process in map(psutil.Process, posix.child_pids()) if process.status() != psutil.STATUS_ZOMBIE]
    assert not any("--warm" in process.cmdline() for process in left)
