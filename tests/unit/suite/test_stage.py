"""Records of a worker become cells."""

import pytest

from harness.model import (
    BackendSpec,
    Cell,
    CellFinished,
    CellObserved,
    CellResult,
    CellStarted,
    Observed,
    Outcome,
    Plan,
    RoleBackend,
    Suite,
)
from harness.suite import stage as stage_module
from harness.suite.stage import SuiteStage

WANTED = "fast.Loop"


def a_cell(name, number=1):
    """Return a cell of a test."""
    return Cell(scenario=name, roles=(RoleBackend("main", BackendSpec("fast")),), round=number)


def record(key, value):
    """Return a record of a worker."""
    return CellObserved(cell_id="batch", observation=Observed(role="main", key=key, value=value, at=1.0))


def ending(name, result="passed", ran=(WANTED,), left=(), orders=None, **facts):
    """Return the start and the end of a test."""
    end = {
        "test": name,
        "seconds": 0.1,
        "wanted": WANTED,
        "ran": list(ran),
        "made": len(ran),
        "worst": {"result": result, **facts},
        "all": [],
        "left": list(left),
        "warnings": [],
        "reordered": orders or {},
    }
    return [record("start", name), record("end", end)]


def over(outcome, reason=""):
    """Return the end of a process."""
    return CellFinished(result=CellResult(cell_id="batch", outcome=outcome, reason=reason))


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return what runs tests in processes with the given events; it returns results by test, and each batch's tests."""

    def run(processes, names=("a", "b", "c"), number=1, skip_reason=lambda _cell: ""):
        batches = []
        script = iter(processes)

        def run_batch(suite, tests, spec, catalogue, folder, batch):
            batches.append((tests, suite.targets))
            yield CellStarted(cell_id="batch", pids={"main": 7})
            yield from next(script)

        monkeypatch.setattr(stage_module, "run_batch", run_batch)
        suite = Suite(runner="pytest", targets=("tests",), files={name: f"{name}.py" for name in names})
        plan = Plan(cells=tuple(a_cell(name, number) for name in names))
        events = list(SuiteStage(suite, rounds=1)(plan, None, tmp_path, skip_reason=skip_reason))
        found = {e.result.cell_id.partition("@")[0]: e.result for e in events if isinstance(e, CellFinished)}
        for event in events:
            if isinstance(event, CellObserved):
                run.facts[event.cell_id.partition("@")[0], event.observation.key] = event.observation.value
        return found, batches

    run.facts = {}
    return run


def outcomes(results):
    """Return outcome and reason by test."""
    return {name: (result.outcome, result.reason) for name, result in results.items()}


def test_each_test_has_its_result(run):
    """In one process."""
    results, batches = run([[*ending("a"), *ending("b", "failed"), *ending("c"), over(Outcome.COMPLETED)]])
    assert outcomes(results) == dict.fromkeys("abc", (Outcome.COMPLETED, ""))
    assert batches == [(("a", "b", "c"), ("tests",))]


@pytest.mark.parametrize("outcome", [Outcome.HUNG, Outcome.CRASHED, Outcome.LIMIT])
def test_a_test_that_ends_its_process_costs_one_test(run, outcome):
    """The rest goes on in another process, which collects the files of the rest only."""
    results, batches = run(
        [
            [*ending("a"), record("start", "b"), over(outcome, "why")],
            [*ending("c"), over(Outcome.COMPLETED)],
        ]
    )
    assert outcomes(results) == {"a": (Outcome.COMPLETED, ""), "b": (outcome, "why"), "c": (Outcome.COMPLETED, "")}
    assert batches == [(("a", "b", "c"), ("tests",)), (("c",), ("c.py",))]


def test_a_process_that_does_not_end_is_left_behind_by_its_last_test(run):
    """A thread that is no daemon keeps it, for example; the result of the test stays."""
    results, _ = run([[*ending("a"), *ending("b"), *ending("c"), over(Outcome.HUNG, "did not exit within 5.0 s")]])
    assert outcomes(results) == dict.fromkeys("abc", (Outcome.COMPLETED, ""))
    left = {name: result.roles[0].leaks for name, result in results.items()}
    assert left == {"a": (), "b": (), "c": ("after the last test: did not exit within 5.0 s",)}


def test_a_test_in_which_another_loop_ran_is_not_asked(run):
    """Passed or failed; a test in which none ran is."""
    results, _ = run(
        [
            [
                *ending("a", ran=["slow.Loop"]),
                *ending("b", "failed", ran=["slow.Loop"]),
                *ending("c", ran=[]),
                over(Outcome.COMPLETED),
            ]
        ]
    )
    refused = (Outcome.UNSUPPORTED, "not asked: ran slow.Loop, not fast.Loop")
    assert outcomes(results) == {"a": refused, "b": refused, "c": (Outcome.COMPLETED, "")}


def test_a_suite_that_cannot_be_collected_could_not_be_asked(run):
    """With the first error; another process would not do better."""
    results, batches = run([[over(Outcome.RAISED, "error in collection: x.py: SyntaxError")]])
    reason = "the suite could not be asked: error in collection: x.py: SyntaxError"
    assert outcomes(results) == dict.fromkeys("abc", (Outcome.INVALID_ENV, reason))
    assert len(batches) == 1


def test_a_runtime_that_is_not_there_is_unavailable(run):
    """As in any run."""
    results, _ = run([[over(Outcome.UNAVAILABLE, "ImportError: no fast")]])
    assert outcomes(results) == dict.fromkeys("abc", (Outcome.UNAVAILABLE, "ImportError: no fast"))


def test_a_runner_that_stops_early_leaves_tests_not_run(run):
    """For example with -x."""
    results, _ = run([[*ending("a", "failed"), over(Outcome.COMPLETED)]])
    assert outcomes(results)["c"] == (Outcome.NOT_RUN, "the runner of the suite did not run it")


def test_a_test_that_passes_and_leaves_a_resource_is_leaked(run):
    """A test that fails counts as failed; the resources that it leaves are shown as well."""
    left = ["fd socket", "fd socket"]
    run([[*ending("a", left=left), *ending("b", "failed", left=left), *ending("c"), over(Outcome.COMPLETED)]])
    assert {name: run.facts[name, "outcome"] for name in "abc"} == {"a": "leaked", "b": "failed", "c": "passed"}
    assert run.facts["a", "error"] == "left behind: fd socket"
    assert run.facts["b", "left"] == left


def test_a_failure_without_a_scheduler_says_so(run):
    """It is not about the loop."""
    run([[*ending("a", "failed", ran=[], type="OSError", message="gone"), over(Outcome.COMPLETED)]], names=("a",))
    assert run.facts["a", "cause"]["without_loop"] is True


def test_results_under_other_orders_are_facts_of_the_test(run):
    """With the seed that shows the first failure again."""
    first = {"seed": 19, "result": "failed", "type": "AssertionError", "message": "0 != 1"}
    orders = {"asked": 100, "failed": 10, "first": first}
    refused = {"refused": "TypeError: no task"}
    run([[*ending("a", orders=orders), *ending("b", orders=refused), *ending("c"), over(Outcome.COMPLETED)]])
    assert (run.facts["a", "outcome"], run.facts["a", "under orders"]) == ("passed", "failed")
    assert (run.facts["a", "order"], run.facts["a", "order error"]) == ("seed 19, 10 of 100", "AssertionError: 0 != 1")
    assert ("b", "under orders") not in run.facts
    assert run.facts["b", "order"] == "not asked under other orders: TypeError: no task"


def test_a_hang_under_another_order_names_it(run):
    """So that it can be run again."""
    process = [record("start", "a"), record("order", 0), record("order", 7), over(Outcome.HUNG, "no progress")]
    results, _ = run([process], names=("a",))
    assert outcomes(results) == {"a": (Outcome.HUNG, "under order 7: no progress")}


def test_further_rounds_run_each_test_alone(run):
    """In a process of its own."""
    processes = [[*ending(name), over(Outcome.COMPLETED)] for name in "abc"]
    _, batches = run(processes, number=2)
    assert [tests for tests, _ in batches] == [("a",), ("b",), ("c",)]


def test_a_run_that_is_stopped_starts_no_process(run):
    """As after --max-hangs."""
    results, batches = run([], skip_reason=lambda _cell: "stopped after 1 hang")
    assert outcomes(results) == dict.fromkeys("abc", (Outcome.NOT_RUN, "stopped after 1 hang"))
    assert batches == []


@pytest.mark.parametrize("moment", range(1, 6))
def test_an_interrupt_leaves_the_rest_to_be_resumed(monkeypatch, tmp_path, moment):
    """Each planned cell has one result, whenever it comes."""
    closed = []

    def run_batch(*_arguments):
        try:
            yield from ending("a")
            yield record("start", "b")
            yield record("phase", "call")
        finally:
            closed.append(True)

    monkeypatch.setattr(stage_module, "run_batch", run_batch)
    suite = Suite(runner="pytest", targets=("t",), files={"a": "a.py", "b": "b.py"})
    plan = Plan(cells=(a_cell("a"), a_cell("b")))
    events = SuiteStage(suite, rounds=1)(plan, None, tmp_path)
    seen = [next(events) for _ in range(moment)]
    seen.append(events.throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        seen.extend(iter(lambda: next(events), None))
    finished = [event.result for event in seen if isinstance(event, CellFinished)]
    assert sorted(result.cell_id for result in finished) == ["a@fast#1", "b@fast#1"]
    assert finished[-1].reason.startswith("the run was interrupted")
    assert closed == [True]
