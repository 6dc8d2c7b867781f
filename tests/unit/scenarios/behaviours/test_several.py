"""Several at once, one of them cancelled or failed: no runtime spoils another one, and a fault that does is seen.

`tests/unit/saboteurs` asks each question of its faults; here are those that it leaves out, and the cases they name.
"""

import pytest

from harness.api import Capability
from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import contract_rest as rest
from harness_scenarios.behaviours import several_crowds as crowds
from harness_scenarios.behaviours import several_things as things
from harness_scenarios.behaviours import several_waiters as waiters
from harness_scenarios.behaviours.question import NEVER_ENDS

HEALTHY = [
    (waiters.of_primitives, waiters.WHOLE),
    (waiters.of_channels, waiters.WHOLE),
    (waiters.holder_ends, waiters.GIVEN_BACK),
    (things.one_sleep, things.OWN_TIME),
    (things.one_job, things.OWN_RESULT),
    (things.one_connection, things.OTHERS_ECHO),
    (things.one_child, things.OWN_CODE),
    (crowds.channel_crowd, crowds.ONCE),
    (crowds.notify_count, crowds.AS_MANY),
    (crowds.stream_sizes, crowds.SAME),
    (rest.states, rest.AS_IT_IS),
    (rest.first_of_several, rest.ALL_TOLD),
    (rest.start_arguments, rest.KEPT),
    (rest.call_returns, rest.RETURNED),
]
ROWS = [(question, dict(row), answer) for question, answer in HEALTHY for row in question.preset_rows("default")]
STARTS = {
    "start-ignores-env": "env",
    "start-ignores-cwd": "cwd",
    "start-mixes-no-stderr": "stderr",
    "run-drops-data": "run_process",
    "poll-never-knows": "env",
    "pid-is-another-one": "pid",
    "stderr-is-mute": "pid",
}
"""Faults of starts, and the argument that a finding names."""
SABOTEURS = [
    (things.one_child, "exit-codes-are-mixed-up", {}, things.WRONG_CODE, "number 1 of 3 is killed"),
    (things.one_child, "kill-reaches-the-first-child", {}, things.WRONG_CODE, "number 2 of 3 is killed"),
    *((rest.start_arguments, fault, {}, rest.IGNORED, case) for fault, case in STARTS.items()),
    (things.one_sleep, "cancelled-sleep-wakes-the-others", {}, things.EARLY, "number 1 of 2"),
    (things.one_job, "error-of-a-later-job-lost", {}, things.ERROR_LOST, "number 2 of 2 fails"),
    (things.one_connection, "accept-ends-with-a-cut-connection", {}, NEVER_ENDS, ""),
    (crowds.channel_crowd, "full-channel-miscounted", {}, crowds.MISCOUNTED, "capacity 2"),
    (crowds.notify_count, "notify-zero-wakes-one", {}, crowds.MORE, "notify(0) with 4 waiters"),
    (crowds.stream_sizes, "stream-reads-its-own-bytes", {}, crowds.BYTES_LOST, "1 bytes each way"),
    (crowds.stream_sizes, "large-send-cut", {}, crowds.EARLY_END, "1500000 bytes each way, in reads of at most 1000"),
    (waiters.holder_ends, "async-with-swallows", {}, waiters.SWALLOWED, "lock: its holder fails inside `async with`"),
    (
        waiters.holder_ends,
        "failed-block-gives-two-permits-back",
        {},
        waiters.BROKEN,
        "semaphore: its holder fails inside `async with`",
    ),
]


@pytest.mark.parametrize(("question", "row", "answer"), ROWS)
def test_each_runtime_keeps_the_others_apart(ask, backend, question, row, answer):
    """In every row."""
    if backend == "curio" and Capability.BRIDGE_CALL in question.requires:
        pytest.skip("curio takes no calls from threads that it did not start")
    assert ask(question, backend, row) == {answer}


@pytest.mark.parametrize(("question", "fault", "row", "answer", "case"), SABOTEURS)
def test_broken_contract_is_seen_with_its_case(run_roles, question, fault, row, answer, case):
    """The number or the size at which it shows; a trial that never ends has no case."""
    report = run_roles(question, row, backend=FAULTS[fault].control, wrap={"main": FAULTS[fault].runtime})
    assert (report.errors, report["answer"]) == ({}, answer)
    assert ("case" in report) == bool(case)
    assert not case or report["case"].startswith(case)
    assert report.violations == {"answer"}
