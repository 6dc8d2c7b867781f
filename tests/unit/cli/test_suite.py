"""Arguments and the summary of `harness suite`."""

import pytest

from harness.cli.suite import _choose_tests, _make_suite, _select_failed, describe_suite
from harness.compare.suites import CauseKind, OrderBreach, SuiteCause, SuiteDifference, SuiteSummary
from harness.journal import JOURNAL_NAME, read_run
from harness.model import NothingSelectedError, RowId, Suite, UsageError
from tests.unit.compare.test_suites import pair, suite_run

from .stored_runs import write


def test_targets_and_arguments_of_the_runner(monkeypatch, tmp_path):
    """What begins with a dash, and everything behind it, is the runner's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_a.py").touch()
    suite = _make_suite(("test_a.py::test_x", "-k", "fast"))
    assert (suite.runner, suite.targets, suite.arguments) == ("pytest", ("test_a.py::test_x",), ("-k", "fast"))
    suite = _make_suite(("unittest:a.b", "unittest:c"))
    assert (suite.runner, suite.targets) == ("unittest", ("a.b", "c"))


def test_options_of_the_runner_choose_tests():
    """Before what stands behind the dashes, which is last and wins."""
    suite = Suite(runner="pytest", targets=("t",), arguments=("-k", "b"))
    assert _choose_tests(suite, "a", "slow", exit_first=True).arguments == ("-k", "a", "-m", "slow", "-x", "-k", "b")
    assert _choose_tests(suite, "", "", exit_first=False) == suite
    with pytest.raises(UsageError, match="unittest has no marks"):
        _choose_tests(Suite(runner="unittest", targets=("t",)), "", "slow", exit_first=False)


def test_last_failed_takes_the_last_run_of_the_same_targets(tmp_path):
    """Without one, all tests run; without a failure, there is nothing to run."""
    suite = Suite(runner="pytest", targets=("t.py",), files={"a": "t.py", "b": "t.py"})
    assert _select_failed(suite, tmp_path) == suite
    write(tmp_path / "20260101-000000-aaaa", suite_run(*pair("a", "failed"), *pair("b", "passed")))
    write(tmp_path / "20260102-000000-bbbb", suite_run(*pair("x", "failed"), targets=("other.py",)))
    assert set(_select_failed(suite, tmp_path).files) == {"a"}
    write(tmp_path / "20260103-000000-cccc", suite_run(*pair("a", "passed")))
    with pytest.raises(NothingSelectedError, match="passed in 20260103-000000-cccc"):
        _select_failed(suite, tmp_path)


def test_last_failed_reads_no_run_of_other_targets(monkeypatch, tmp_path):
    """Its header is enough; a run that cannot be read is passed over."""
    suite = Suite(runner="pytest", targets=("t.py",), files={"a": "t.py", "b": "t.py"})
    write(tmp_path / "20260101-000000-aaaa", suite_run(*pair("a", "failed"), *pair("b", "passed")))
    write(tmp_path / "20260102-000000-bbbb", suite_run(*pair("x", "failed"), targets=("other.py",)))
    (tmp_path / "20260103-000000-cccc").mkdir()
    (tmp_path / "20260103-000000-cccc" / JOURNAL_NAME).write_text("no journal\n")
    read = []
    monkeypatch.setattr("harness.journal.read_run", lambda folder: read.append(folder.name) or read_run(folder))
    assert set(_select_failed(suite, tmp_path).files) == {"a"}
    assert read == ["20260101-000000-aaaa"]


@pytest.mark.parametrize("targets", [("unittest:a", "tests"), ("no-such-folder",)], ids=["mixed", "missing"])
def test_targets_that_cannot_be_run(harness, targets):
    """They are refused before a process starts."""
    with pytest.raises(UsageError):
        _make_suite(targets)
    assert harness("suite", *targets, "-b", "asyncio")[0] == 2


def test_a_backend_that_cannot_run_a_suite_is_refused(harness, tmp_path):
    """It declares no way to put its scheduler in force."""
    (tmp_path / "test_a.py").touch()
    code, _, err = harness("suite", "test_a.py", "-b", "asyncio", "-b", "threads")
    assert code == 2
    assert "backend threads cannot run a test suite" in err


def difference(name, repeated):
    """Return a difference of a test."""
    return SuiteDifference(
        row=RowId(name, ()),
        label="fast",
        usual={"passed": 20},
        seen={"failed": 2, "passed": 18},
        error="OSError: gone",
        is_repeated=repeated,
        cell_id=f"{name}@fast#1",
    )


def test_the_summary_has_counts_causes_and_frequencies():
    """Causes are numbered; tests that were not asked and those that are broken on all follow."""
    cause = SuiteCause(
        label="fast",
        title="OSError: gone",
        place="loop.py:connect",
        kind=CauseKind.BEHAVIOUR,
        differences=(difference("a", True), difference("b", None)),
    )
    summary = SuiteSummary(
        tests=1005,
        agree=1000,
        not_run=3,
        broken=("z",),
        hung=0,
        causes=(cause,),
        not_asked={"fast": {"not asked: ran slow.Loop, not fast.Loop": 3}},
        fixed={"slow.Loop": 1},
        leaking=("y",),
        asked_orders=9,
        breaches=(
            OrderBreach(
                row=RowId("t.py::a[b c]", ()),
                label="fast",
                error="E",
                order="seed 7, 3 of 9",
                rounds=(2, 2),
                command="harness suite 't.py::a[b c]' --backend fast --replay 7",
            ),
        ),
        changes=("-n0",),
    )
    assert list(describe_suite(summary, frozenset([RowId("b", ())]))) == [
        "1,005 tests, 1,000 agree; 2 worse on fast: 1 cause; 3 not run; 1 broken on all",
        "\n1. fast: OSError: gone in loop.py:connect",
        "   behaviour of the loop (2 tests, 1 of 1 differ alone, 1 known)",
        "   a: failed 2 of 20, passed 18 of 20 (elsewhere passed)",
        "   b: failed 2 of 20, passed 18 of 20 (elsewhere passed)",
        "",
        "fast: 3 not asked: ran slow.Loop, not fast.Loop",
        "1 test with slow.Loop on every backend: the suite chooses it",
        "\nunder other orders of steps: 1 of 9 tests fail",
        "   t.py::a[b c]",
        "      fast: E (first seed 7, 3 of 9, in 2 of 2 rounds)",
        "      again: harness suite 't.py::a[b c]' --backend fast --replay 7",
        "\nbroken on all, no findings: z",
        "\nleaks on all, no findings: y",
        "\nadded to the suite's arguments: -n0",
    ]


@pytest.mark.parametrize("command", ["show", "merge"])
def test_a_stored_suite_has_its_own_report(harness, tmp_path, command):
    """Tests and causes, as when it ran."""
    first, second = (tmp_path / name for name in ("20260101-000000-aaaa", "20260101-000001-bbbb"))
    write(first, suite_run(*pair("a", "failed"), *pair("b", "passed")))
    write(second, suite_run(*pair("c", "passed")))
    names = (first,) if command == "show" else (first, second, "--force")
    _, out, err = harness(command, *map(str, names))
    tests = 2 if command == "show" else 3
    assert f"{tests} tests, {tests - 1} agree; 1 worse on fast: 1 cause" in out, err
    assert "DIVERGENCE" not in out
