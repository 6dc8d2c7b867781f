"""An existing suite with each loop in force: the rules that only a started runner can show."""

import os
import re
import subprocess
import sys
import time
from collections import defaultdict

import pytest

from harness.model import BackendSpec, CellFinished, CellObserved, Outcome, Request, Suite
from harness.plan import make_plan
from harness.plugins import Plugins
from harness.suite.batch import collect
from harness.suite.stage import choose_stage

UVLOOP = "uvloop.Loop"
STOCK = "asyncio.unix_events._UnixSelectorEventLoop"
WAYS = """
import asyncio, unittest

class Isolated(unittest.IsolatedAsyncioTestCase):
    async def test_isolated(self): await asyncio.sleep(0)

def test_run(): asyncio.run(asyncio.sleep(0))

def test_runner():
    with asyncio.Runner() as runner: runner.run(asyncio.sleep(0))

def test_new_event_loop():
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.sleep(0)); loop.close()

def test_default_policy():
    asyncio.set_event_loop_policy(None)
    loop = asyncio.get_event_loop_policy().new_event_loop()
    loop.run_until_complete(asyncio.sleep(0)); loop.close()

def test_own_loop():
    loop = asyncio.SelectorEventLoop()
    loop.run_until_complete(asyncio.sleep(0)); loop.close()

def test_without_loop(): pass

def test_trio():
    import trio
    trio.run(trio.sleep, 0)
"""
VARIANTS = """
import asyncio, socket
import pytest, trio

@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request): return request.param

def test_both(anyio_backend):
    asyncio.run(asyncio.sleep(0)) if anyio_backend == "asyncio" else trio.run(trio.sleep, 0)

def test_leaks():
    if type(asyncio.new_event_loop()).__module__.startswith("uvloop"): test_leaks.kept = socket.socket()

def test_loses_a_race():
    async def main():
        done = []
        async def first(): done.append(1)
        async def second():
            await asyncio.sleep(0)
            assert done
        await asyncio.gather(first(), second())
    asyncio.run(main())
"""
ENDINGS = """
import asyncio, os, unittest
import pytest

def is_stock():
    async def main(): return type(asyncio.get_running_loop()).__module__.startswith("asyncio")
    return asyncio.run(main())

@pytest.fixture
def torn():
    yield
    assert is_stock()

def test_teardown(torn): pass

def test_fails(): assert is_stock()

def test_exits():
    if not is_stock(): os._exit(3)

def test_after_the_exit(): assert is_stock() is not None

def test_broken(): assert 1 == 2

@pytest.mark.skip(reason="not today")
def test_skip(): pass

@pytest.mark.xfail
def test_xfail(): assert 0

@pytest.mark.parametrize("x", ["a b", "\\u00fc[/]", "::", "*", "-k"])
def test_ids(x): pass

class Several(unittest.TestCase):
    def test_subtests(self):
        for number in range(3):
            with self.subTest(number=number): self.assertEqual(number, 1)
"""


INI = "[pytest]\nfilterwarnings = error\naddopts = -n 2 --strict-markers -x\n"


def write_suite(folder):
    """Write the files of the suite."""
    for name, text in (("test_ways.py", WAYS), ("test_endings.py", ENDINGS), ("pytest.ini", INI)):
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """Return the results by column and test, and the facts, of a suite with warnings as errors, xdist and -x."""
    folder = tmp_path_factory.mktemp("suite")
    write_suite(folder)
    return run_stage(folder, ("test_ways.py", "test_endings.py"), ("asyncio", "uvloop"))


@pytest.fixture(scope="module")
def variants(tmp_path_factory):
    """Return the same of a suite with variants for asyncio and trio, each test under other orders as well."""
    folder = tmp_path_factory.mktemp("variants")
    (folder / "test_variants.py").write_text(VARIANTS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    columns = ("asyncio", "uvloop", "trio")
    return run_stage(folder, ("test_variants.py",), columns, families=("asyncio", "trio"), schedules=20)


def run_stage(folder, targets, backends, **options):
    """Return the results by column and test, and the facts, of a suite in a folder."""
    catalogue = Plugins().catalogue()
    results, facts = defaultdict(dict), defaultdict(lambda: defaultdict(dict))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        named = Suite(runner="pytest", targets=targets, **options)
        found = collect(named, BackendSpec("asyncio"), catalogue, folder)
        request = Request(backends=backends, preset="", suite=found)
        tests, stage = choose_stage(request, catalogue)
        for event in stage(make_plan(request, tests), tests, folder):
            if isinstance(event, CellFinished | CellObserved):
                about = event.result.cell_id if isinstance(event, CellFinished) else event.cell_id
                name, _, column = about.rpartition("@")
                if isinstance(event, CellFinished):
                    results[column.removesuffix("#1")][name] = event.result
                else:
                    facts[column.removesuffix("#1")][name][event.observation.key] = event.observation.value
    return results, facts


def test_every_way_to_make_a_loop_makes_the_one_in_force(suite):
    """The policy and the function together; what really ran is attested."""
    results, facts = suite
    asked = ("Isolated::test_isolated", "test_run", "test_runner", "test_new_event_loop", "test_default_policy")
    for label, loop in (("asyncio", STOCK), ("uvloop", UVLOOP)):
        assert {facts[label][f"test_ways.py::{name}"]["schedulers"] for name in asked} == {loop}
    own = results["uvloop"]["test_ways.py::test_own_loop"]
    assert (own.outcome, own.reason) == (Outcome.UNSUPPORTED, f"not asked: ran {STOCK}, not {UVLOOP}")
    assert facts["uvloop"]["test_ways.py::test_without_loop"] == {"outcome": "passed"}


def test_each_ending_is_told_from_the_others(suite):
    """A test that ends its process costs itself; warnings as errors see nothing of ours."""
    results, facts = suite
    ended = {name.rpartition("::")[2]: found.get("outcome") for name, found in facts["uvloop"].items()}
    assert ended["test_teardown"] == "error in teardown"
    assert ended["test_fails"] == ended["test_broken"] == ended["test_subtests"] == "failed"
    assert ended["test_xfail"] == "xfailed"
    assert ended["test_after_the_exit"] == "passed"
    crashed = results["uvloop"]["test_endings.py::test_exits"]
    assert (crashed.outcome, crashed.reason) == (Outcome.CRASHED, "exit code 3 without a result")
    assert results["uvloop"]["test_endings.py::test_skip"].reason == "skipped: not today"
    stock = {name.rpartition("::")[2]: found.get("outcome") for name, found in facts["asyncio"].items()}
    assert {name for name in stock if stock[name] != ended.get(name)} == {"test_teardown", "test_fails", "test_exits"}


def test_ids_have_any_characters(suite):
    """They are chosen by comparison, not by a pattern."""
    results, _ = suite
    ids = [result for name, result in results["uvloop"].items() if "test_ids" in name]
    assert [result.outcome for result in ids] == [Outcome.COMPLETED] * 5


def test_each_column_runs_its_own_variant(variants):
    """The row has no backend in its name, and each scheduler is attested."""
    _, facts = variants
    row = "test_variants.py::test_both"
    ran = {label: facts[label][row]["schedulers"] for label in ("asyncio", "uvloop", "trio")}
    assert ran == {"asyncio": STOCK, "uvloop": UVLOOP, "trio": "trio"}
    refused = variants[0]["trio"]["test_variants.py::test_loses_a_race"]
    assert (refused.outcome, refused.reason) == (Outcome.UNSUPPORTED, f"not asked: ran {STOCK}, not trio")


def test_a_leak_is_an_outcome(variants):
    """Of the loop where the descriptor stays."""
    _, facts = variants
    row = "test_variants.py::test_leaks"
    assert {label: facts[label][row]["outcome"] for label in ("asyncio", "uvloop")} == {
        "asyncio": "passed",
        "uvloop": "leaked",
    }


def test_a_race_is_found_under_other_orders(variants):
    """On both loops under the same seed; the variants of another test pass under all."""
    _, facts = variants
    found = {label: facts[label]["test_variants.py::test_loses_a_race"] for label in ("asyncio", "uvloop")}
    assert {label: (each["outcome"], each["under orders"]) for label, each in found.items()} == dict.fromkeys(
        ("asyncio", "uvloop"), ("passed", "failed")
    )
    assert found["asyncio"]["order"] == found["uvloop"]["order"]
    assert {facts[label]["test_variants.py::test_both"]["under orders"] for label in found} == {"passed"}


CONTROL = """
import asyncio

class Loop(asyncio.SelectorEventLoop): pass
"""
ALONE = """
import asyncio, socket
import pytest

def is_stock():
    async def main(): return type(asyncio.get_running_loop()).__module__.startswith("asyncio")
    return asyncio.run(main())

def test_leaves_a_trace(tmp_path_factory):
    if not is_stock(): (tmp_path_factory.getbasetemp() / "trace").touch()

def test_meets_the_trace(tmp_path_factory):
    assert not (tmp_path_factory.getbasetemp() / "trace").exists()

def test_meets_it_in_a_loop(tmp_path_factory):
    is_stock()
    assert (tmp_path_factory.getbasetemp() / "trace").exists() is False

def test_hangs():
    async def main():
        if not type(asyncio.get_running_loop()).__module__.startswith("asyncio"): await asyncio.Event().wait()
    asyncio.run(main())

def test_reads_a_private_attribute():
    async def main(): asyncio.get_running_loop()._selector
    asyncio.run(main())
"""


def run_suite(folder, *arguments):
    """Run the program in a folder; return its exit code and stdout."""
    command = [sys.executable, "-m", "harness.cli", "suite", *arguments, "-q", "--out", "runs"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_the_same_loop_under_another_name_shows_nothing(tmp_path):
    """Whatever the suite does with loops."""
    write_suite(tmp_path)
    (tmp_path / "control.py").write_text(CONTROL)
    code, text = run_suite(tmp_path, "test_ways.py", "-b", "asyncio", "-b", "asyncio:loop=control:Loop")
    assert text.startswith("8 tests, 8 agree\n")
    assert code == 0


@pytest.mark.slow
def test_what_differs_is_run_alone(tmp_path):
    """Order dependence, a hang and a test of internals are told from each other."""
    (tmp_path / "test_alone.py").write_text(ALONE)
    code, text = run_suite(tmp_path, "test_alone.py", "-b", "asyncio", "-b", "uvloop", "--hang-after", "15s")
    assert text.startswith("5 tests, 1 agree; 4 worse on uvloop: 4 causes; 1 hang\n")
    kinds = dict(re.findall(r"\n   ([a-z ]+) \(1 test, . of 1 differ alone\)\n   test_alone.py::(\w+):", text))
    assert {name: kind for kind, name in kinds.items()} == {
        "test_meets_the_trace": "no loop in it",
        "test_meets_it_in_a_loop": "not repeated alone",
        "test_hangs": "behaviour of the loop",
        "test_reads_a_private_attribute": "test of internals",
    }
    assert code == 1


@pytest.mark.slow
def test_a_suite_that_cannot_be_collected_is_one_line(tmp_path):
    """With the first error."""
    (tmp_path / "test_broken.py").write_text("import no_such_module\n")
    code, text = run_suite(tmp_path, "test_broken.py", "-b", "asyncio")
    assert code == 2
    assert "the suite could not be asked on asyncio: error in collection: test_broken.py: Mod" in text
    (tmp_path / "test_broken.py").write_text("")
    assert run_suite(tmp_path, "test_broken.py", "-b", "asyncio")[0] == 3


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info[:2] != (3, 12), reason="counts of CPython 3.12's own tests")
def test_the_tests_of_streams_of_cpython_are_one_cause(tmp_path):
    """All of it is a teardown that reads a private attribute; the tests of locks agree."""
    modules = [f"unittest:test.test_asyncio.{name}" for name in ("test_locks", "test_streams")]
    code, text = run_suite(tmp_path, *modules, "-b", "asyncio", "-b", "uvloop")
    assert text.startswith("137 tests, 70 agree; 67 worse on uvloop: 1 cause\n")
    assert "AttributeError: 'Loop' object has no attribute '_default_executor'" in text
    assert "test of internals (67 tests, 3 of 3 differ alone)" in text
    assert code == 1


@pytest.mark.slow
def test_an_interrupted_suite_is_resumed(tmp_path):
    """What has its result is not run again."""
    text = "import pathlib, time\n"
    for number in range(4):
        text += f"def test_{number}():\n    pathlib.Path('ran').open('a').write('{number}')\n    time.sleep(2)\n"
    (tmp_path / "test_slow.py").write_text(text)
    command = [sys.executable, "-m", "harness.cli", "suite", "test_slow.py", "-b", "asyncio", "-q", "--out", "runs"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    while len((tmp_path / "ran").read_text() if (tmp_path / "ran").exists() else "") < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert "incomplete:" in process.communicate()[0]
    assert process.returncode == 143
    command = [sys.executable, "-m", "harness.cli", "resume", "-q", "--out", "runs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("4 tests, 4 agree\n")
    ran = (tmp_path / "ran").read_text()
    assert (ran.count("0"), set(ran)) == (1, set("0123"))
