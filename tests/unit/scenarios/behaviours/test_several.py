"""Several at once, one of them cancelled or failed: no runtime spoils another one, and a fault that does is seen.

`tests/unit/saboteurs` asks each question of its faults; here are those that it leaves out, and the cases they name.
"""

import pytest

from harness_saboteurs import FAULTS
from harness_scenarios.behaviours import several_crowds as crowds
from harness_scenarios.behaviours import several_things as things
from harness_scenarios.behaviours import several_waiters as waiters

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
]
ROWS = [(question, dict(row), answer) for question, answer in HEALTHY for row in question.preset_rows("default")]
SABOTEURS = [
    (things.one_child, "exit-codes-mixed-up", {}, things.WRONG_CODE, "number 1 of 3 is killed"),
    (things.one_child, "kill-reaches-the-first-child", {}, things.WRONG_CODE, "number 2 of 3 is killed"),
    (things.one_sleep, "cancelled-sleep-wakes-the-others", {}, things.EARLY, "number 1 of 2"),
    (things.one_job, "error-of-a-later-job-lost", {}, things.ERROR_LOST, "number 2 of 2 fails"),
    (crowds.channel_crowd, "full-channel-miscounted", {}, crowds.MISCOUNTED, "capacity 2"),
    (crowds.notify_count, "notify-zero-wakes-one", {}, crowds.MORE, "notify(0) with 4 waiters"),
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
    assert ask(question, backend, row) == {answer}


@pytest.mark.parametrize(("question", "fault", "row", "answer", "case"), SABOTEURS)
def test_broken_contract_is_seen_with_its_case(run_roles, question, fault, row, answer, case):
    """The number or the size at which it shows."""
    report = run_roles(question, row, backend=FAULTS[fault].control, wrap={"main": FAULTS[fault].runtime})
    assert (report.errors, report["answer"], report["case"]) == ({}, answer, case)
    assert report.violations == {"answer"}
