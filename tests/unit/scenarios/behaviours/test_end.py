"""The end of a program: known answers, faults that are seen, and the programs that a question starts."""

import pytest

from harness.testing.trial import try_scenario
from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import end_interrupt, end_program
from harness_scenarios.behaviours.end_question import AT_ONCE, NEVER, WITH_THE_JOB

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
SCENARIOS = {scenario.name: scenario for scenario in (*end_interrupt.SCENARIOS, *end_program.SCENARIOS)}
LOOPS = ("asyncio", "uvloop")
ALL = (*LOOPS, "trio", "curio", "threads")
SIGINT_AT_ONCE, SIGINT_LATE = f"{AT_ONCE}, SIGINT", f"{WITH_THE_JOB}, SIGINT"
FAILS_AT_ONCE = f"{AT_ONCE}, exit 1"

INTERRUPTED = {
    "no job": {SIGINT_AT_ONCE: (*LOOPS, "curio", "threads"), FAILS_AT_ONCE: ("trio",)},
    "thread job": {
        SIGINT_LATE: (*LOOPS, "trio"),
        SIGINT_AT_ONCE: ("curio", "threads"),
    },
}
"""What Ctrl-C does beside a job, by job and answer."""

CAUGHT = {
    "interrupt-is-ignored": ("end.interrupt-at-each-stage", "all wait", "no end"),
    "sigterm-is-ignored": ("end.sigterm-handler-exits", "all wait", f"{NEVER}, the handler does not run"),
    "exit-status-is-lost": (
        "end.main-ends-while-a-thread-job-runs",
        "the main function raises",
        f"{WITH_THE_JOB}, with another exit status",
    ),
    "end-hangs": ("end.unawaited-coroutine", "dropped", NEVER),
    "second-run-fails": ("end.second-run", "the first returns", "the second run fails"),
}
"""By fault, a question that sees it, the case and the answer."""


def ask(name, backend, key):
    """Return the answer of one case; the trial takes no longer than that, as the others are asked meanwhile."""
    pytest.importorskip(
        f"harness_{backend.partition(':')[0].partition('-')[0]}.backend", exc_type=(ImportError, AttributeError)
    )
    trial = try_scenario(SCENARIOS[name], backend)
    assert trial.errors == {}
    return trial[key], trial


@pytest.mark.parametrize("backend", ALL)
def test_an_interrupt_beside_a_job(backend):
    """The runtimes that wait for a thread job are those that their issues and documentation name."""
    answer, trial = ask("end.interrupt-while-a-job-runs", backend, "no job")
    seen = {"no job": answer, "thread job": trial["thread job"]}
    expected = {
        key: next(said for said, backends in answers.items() if backend in backends)
        for key, answers in INTERRUPTED.items()
    }
    assert seen == expected


@pytest.mark.parametrize("fault", CAUGHT)
def test_faults_are_caught(fault):
    """Each by the answer that it is there for."""
    name, key, answer = CAUGHT[fault]
    assert fault in SCENARIOS[name].catches
    trial = try_scenario(SCENARIOS[name], f"saboteur:fault={fault}")
    assert (trial[key], key in trial.violations) == (answer, True)


def test_every_question_has_a_fault():
    """And each fault of the module is seen by one."""
    declared = {fault.name for fault in FAULTS.values() if fault.runtime.__module__ == "harness_saboteurs.ends"}
    assert set().union(*(scenario.catches for scenario in SCENARIOS.values())) == declared == set(CAUGHT)
    assert [name for name, scenario in SCENARIOS.items() if not scenario.catches] == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_bytes_that_a_runtime_has_accepted(backend):
    """Those in the buffer of a transport are lost with the loop; a send of trio returns when the system has them."""
    answer, _ = ask("end.bytes-are-unsent", backend, "the main function returns")
    assert answer == (end_program.SOME_LOST if backend == "asyncio" else end_program.ALL_ARRIVE)
