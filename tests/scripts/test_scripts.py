"""Each standalone script exits with 0 on healthy runtimes and with 1 on a loop that has its bug."""

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness_asyncio.reproducers import import_loop

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob("scenarios/*/scripts/*/*.py"))
EVERY = sys.version_info >= (3, 11)
EAGER_GROUP_FORGETS = (3, 12) <= sys.version_info < (3, 12, 9) or (3, 13) <= sys.version_info < (3, 13, 2)
KNOWN = {
    ("bridge.call-as-it-ends/asyncio.py", "asyncio uvloop"): EVERY,
    ("bridge.direct-item/trio.py", "trio"): EVERY,
    ("datagram.address-in-use/asyncio.py", "uvloop"): EVERY,
    ("datagram.close-wakes-receives/curio.py", "curio"): EVERY,
    ("datagram.close-wakes-receives/threads.py", "threads"): EVERY,
    ("datagram.empty-is-sent/asyncio.py", "asyncio"): sys.version_info < (3, 13),
    ("datagram.empty-is-sent/asyncio.py", "uvloop"): EVERY,
    ("datagram.failed-send/asyncio.py", "asyncio"): EVERY,
    ("datagram.use-after-close/asyncio.py", "asyncio"): EVERY,
    ("end.interrupt-with-queued-jobs/curio.py", "curio"): EVERY,
    ("process.communicate-any-size/curio.py", "curio"): EVERY,
    ("process.communicate-unread/curio.py", "curio"): EVERY,
    ("process.communicate-waits/curio.py", "curio"): EVERY,
    ("server.graceful-stop-keeps-reply/asyncio.py", "asyncio"): sys.version_info < (3, 12),
    ("server.graceful-stop-keeps-reply/asyncio.py", "uvloop"): EVERY,
    ("server.close-ends-serve-forever/asyncio.py", "uvloop"): EVERY,
    ("server.close-with-live-connections/curio.py", "curio"): EVERY,
    ("server.restart-on-same-address/threads.py", "threads"): EVERY,
    ("server.wait-closed/asyncio.py", "asyncio"): (3, 12) <= sys.version_info < (3, 13),
    ("cancel.not-lost-in-a-timed-call/asyncio.timeout=wait_for.py", "asyncio uvloop"): sys.version_info < (3, 12),
    ("deadline.accept-keeps-connection/asyncio.io=sock.py", "asyncio uvloop"): EVERY,
    ("deadline.read-keeps-bytes/asyncio.io=sock.py", "asyncio uvloop"): EVERY,
    ("deadline.pending-cancellation/asyncio.cancel=task.py", "asyncio uvloop"): EVERY,
    ("descriptors.cancelled-call/curio.py", "curio"): EVERY,
    ("descriptors.number-used-again/asyncio.io=sock.py", "asyncio"): EVERY,
    ("descriptors.number-used-again/curio.py", "curio"): EVERY,
    ("descriptors.several-acceptors/asyncio.io=sock.py", "asyncio uvloop"): EVERY,
    ("end.bytes-are-unsent/asyncio.py", "asyncio uvloop"): EVERY,
    ("end.interrupt-while-a-job-runs/asyncio.py", "asyncio uvloop"): EVERY,
    ("end.interrupt-while-a-job-runs/trio.py", "trio"): EVERY,
    ("end.interrupts-needed/trio.py", "trio"): EVERY,
    ("group.cancel-after-failure/asyncio.py", "asyncio uvloop"): sys.version_info < (3, 13),
    ("group.failure-cancels-each-task/asyncio.eager=true.py", "asyncio uvloop"): EAGER_GROUP_FORGETS,
    ("group.nested-failures/asyncio.py", "asyncio uvloop"): sys.version_info < (3, 13),
    ("listener.cancelled-accept-keeps-connection/asyncio.io=sock.py", "asyncio uvloop"): EVERY,
    ("listener.close-wakes-accept/asyncio.py", "uvloop"): EVERY,
    ("listener.out-of-fds/asyncio.py", "uvloop"): EVERY,
    ("lock.cancelled-wait-wakes-no-other/asyncio.py", "asyncio uvloop"): sys.version_info >= (3, 13),
    ("lock.notified-and-cancelled/trio.py", "trio"): EVERY,
    ("lock.notify-more-than-wait/curio.py", "curio"): EVERY,
    ("stream.close-wakes-reader/curio.py", "curio"): EVERY,
    ("stream.close-wakes-reader/threads.py", "threads"): EVERY,
    ("listener.close-wakes-accept/curio.py", "curio"): EVERY,
    ("listener.close-wakes-accept/threads.py", "threads"): EVERY,
    ("lock.notified-and-cancelled/asyncio.py", "asyncio uvloop"): sys.version_info < (3, 13),
    ("offload.stop-iteration/asyncio.py", "asyncio uvloop"): sys.version_info < (3, 12, 2),
    ("process.communicate-unread/asyncio.py", "uvloop"): EVERY,
    ("process.inherits-descriptors/asyncio.py", "uvloop"): EVERY,
    ("process.streams-by-name/asyncio.py", "uvloop"): EVERY,
    ("process.wait-ends-with-the-process/asyncio.py", "asyncio"): sys.version_info < (3, 14),
    ("stream.bytes-before-reset/asyncio.py", "asyncio uvloop"): EVERY,
    ("stream.send-after-reset/asyncio.py", "uvloop"): EVERY,
    ("tls.close-while-peer-sends/asyncio.py", "uvloop"): EVERY,
    ("tls.handshake-fails/curio.py", "curio"): EVERY,
    ("tls.handshake-given-up/asyncio.py", "asyncio uvloop"): EVERY,
    ("tls.handshake-given-up/curio.py", "curio"): EVERY,
    ("tls.stalled-client/threads.py", "threads"): EVERY,
    ("tls.upgrade-given-up/asyncio.py", "asyncio"): EVERY,
    ("tls.upgrade-given-up/curio.py", "curio"): EVERY,
    ("tls.upgrade-with-bytes-buffered/asyncio.py", "asyncio uvloop"): EVERY,
    ("timer.close-deadlines/asyncio.py", "uvloop"): EVERY,
    ("names.all-addresses-refuse/asyncio.py", "asyncio"): EVERY,
    ("names.all-addresses-refuse/trio.py", "trio"): EVERY,
    ("names.cancelled-look-up/asyncio.py", "asyncio"): EVERY,
    ("names.many-look-ups/asyncio.py", "asyncio"): EVERY,
    ("names.numeric-host-while-look-ups-wait/curio.py", "curio"): EVERY,
    ("unix.close-wakes-accept/curio.py", "curio"): EVERY,
    ("unix.close-wakes-accept/threads.py", "threads"): EVERY,
    ("unix.connect-beyond-backlog/asyncio.py", "asyncio"): EVERY,
    ("unix.connect-beyond-backlog/curio.py", "curio"): EVERY,
    ("unix.connect-beyond-backlog/trio.py", "trio"): EVERY,
    ("unix.connect-to-longer-path/asyncio.py", "uvloop"): EVERY,
    ("unix.path-in-use/asyncio.py", "asyncio uvloop"): EVERY,
    ("timer.early-by-own-clock/asyncio.py", "uvloop"): EVERY,
    ("timer.early-by-system-clock/asyncio.py", "uvloop"): EVERY,
    ("timer.nan-sleep/asyncio.py", "asyncio"): sys.version_info < (3, 13),
    ("timer.short-sleep/asyncio.py", "uvloop"): EVERY,
}
"""(script, runtimes) → whether the released runtimes have the bug on this Python. The script must fail there."""
PLANTED = {
    "cancel.again-in-cleanup": "cancels_nothing",
    "cancel.as-the-block-ends": "timeouts_leave_a_cancellation",
    "cancel.before-first-step": "cancels_late",
    "cancel.cleanup-waits": "cancels_again",
    "cancel.dropped-generator": "leaves_generators_behind",
    "cancel.ends-every-wait": "cancels_nothing",
    "cancel.nested-in-the-same-turn": "timeouts_never_expire",
    "cancel.not-lost-in-a-timed-call": "cancels_nothing",
    "cancel.ready-operation": "cancels_nothing",
    "cancel.receive-keeps-item": "queue_loses_the_item_of_a_cancelled_getter",
    "cancel.repeated-at-each-wait": "cancels_again",
    "cancel.send-sends-once": "cancels_late",
    "cancel.shielded-call": "shields_nothing",
    "cancel.swallowed-leaves-nothing-behind": "counts_cancellations_twice",
    "cancel.tells-its-reason": "forgets_messages",
    "cancel.wake-up-as-the-group-fails": "group_lets_go",
    "cancel.wake-up-in-the-same-turn": "cancels_late",
    "channel.capacity-zero": "queue_of_size_zero_is_full",
    "channel.close-wakes-all-receivers": "queue_is_not_shut_down",
    "channel.close-while-a-send-waits": "queue_is_not_shut_down",
    "channel.close-with-items-inside": "queue_is_not_shut_down",
    "channel.end-is-seen": "queue_is_not_shut_down",
    "channel.item-is-for-who-waits": "queue_loses_every_item",
    "channel.producers-take-turns": "queue_loses_items",
    "channel.send-after-close": "queue_is_not_shut_down",
    "channel.slow-consumer-stops-producer": "queue_is_never_full",
    "channel.unbounded-grows": "queue_loses_items",
    "channel.waiting-sender-keeps-its-place": "queue_loses_items",
    "datagram.address-after-close": "endpoints_stay_open",
    "datagram.both-ways": "loses_every_third_datagram",
    "datagram.burst-without-receiver": "stops_after_fifty_datagrams",
    "datagram.closed-port": "reports_no_refusals",
    "datagram.empty-is-received": "receives_no_empty_datagrams",
    "datagram.leaves-no-descriptors": "endpoints_stay_open",
    "datagram.longer-than-the-buffer": "cuts_large_datagrams",
    "datagram.one-of-several-closed": "closes_every_endpoint",
    "datagram.order-and-boundaries": "loses_every_third_datagram",
    "datagram.sender-is-named": "names_the_first_sender",
    "datagram.sizes": "cuts_large_datagrams",
    "datagram.stranger-to-connected": "connects_no_endpoint",
    "deadline.accept-keeps-connection": "sock_calls_lose_what_they_took",
    "deadline.always-ready-loop": "timeouts_never_expire",
    "deadline.block-without-wait": "never_forgets_a_timeout",
    "deadline.both-pass-at-once": "timeouts_never_expire",
    "deadline.condition-wait": "condition_does_not_take_the_lock_again",
    "deadline.in-cleanup": "timeouts_never_expire",
    "deadline.in-the-past": "timeouts_never_expire",
    "deadline.inner-passes-first": "timeouts_never_expire",
    "deadline.outer-passes-first": "timeouts_never_expire",
    "deadline.read-keeps-bytes": "close_forgets_what_was_read",
    "deadline.reaches-children": "group_lets_go",
    "deadline.zero-and-ready": "gives_way_too_often",
    "fairness.greedy-producer": "gives_way_too_often",
    "fairness.ready-operation-gives-way": "gives_way_too_often",
    "fairness.ready-tasks-take-turns": "never_gives_way",
    "fairness.sleep-blocks-nobody": "never_gives_way",
    "fairness.socket-in-a-crowd": "looks_at_sockets_and_timers_late",
    "fairness.task-that-never-waits": "runs_tasks_eagerly",
    "fairness.timer-in-a-crowd": "looks_at_sockets_and_timers_late",
    "group.cancel-after-failure": "timeouts_never_expire",
    "group.cancel-one-of-several": "cancels_nothing",
    "group.context-inherited": "shares_contexts",
    "group.failure-cancels-siblings": "group_lets_go",
    "group.failure-in-cleanup": "group_raises_one_error",
    "group.failure-in-the-body": "group_raises_one_error",
    "group.failure-reaches-the-parent": "group_lets_go",
    "group.failure-while-cancelled": "group_lets_go",
    "group.nested-failures": "group_lets_go",
    "group.no-task-outlives-it": "group_lets_go",
    "group.spawn-late": "group_lets_go",
    "group.start-order": "runs_the_last_first",
    "group.two-failures": "group_raises_one_error",
    "listener.accept-order": "runs_the_last_first",
    "listener.backlog-at-close": "listeners_forget_their_clients",
    "listener.cancelled-accept-keeps-connection": "sock_calls_lose_what_they_took",
    "listener.close-wakes-accept": "listeners_stay_open",
    "listener.close-with-live-connection": "closing_a_server_cuts_connections",
    "listener.listen-again": "reserves_ports",
    "listener.out-of-fds": "gives_up_without_descriptors",
    "listener.out-of-fds-spin": "spins_without_descriptors",
    "listener.port-taken": "shares_taken_ports",
    "listener.shares-load": "accepts_every_second",
    "lock.cancelled-wait-wakes-no-other": "condition_wakes_another_for_a_cancelled_wait",
    "lock.event-wakes-every-waiter": "event_wakes_one",
    "lock.handover-survives-cancel": "lock_forgets_the_next_waiter",
    "lock.held-after-cancelled-wait": "condition_does_not_take_the_lock_again",
    "lock.notified-and-cancelled": "condition_loses_notifications",
    "lock.notify-more-than-wait": "condition_keeps_notifications",
    "lock.notify-needs-the-lock": "condition_keeps_notifications",
    "lock.order-inversion": "lock_excludes_nothing",
    "lock.order-of-notified": "condition_loses_notifications",
    "lock.order-of-waiters": "lock_is_never_released",
    "lock.owner-ends": "lock_excludes_nothing",
    "lock.re-entry": "lock_excludes_nothing",
    "lock.release-by-another-task": "lock_is_never_released",
    "lock.release-free": "lock_excludes_nothing",
    "lock.waiter-gets-a-turn": "lock_is_never_released",
    "offload.cancel-in-a-job": "jobs_cannot_be_cancelled",
    "offload.cancel-in-a-process": "jobs_cannot_be_cancelled",
    "offload.cancel-queued": "jobs_cannot_be_cancelled",
    "offload.context-visible": "shares_contexts",
    "offload.error-of-abandoned-job": "reports_errors_of_abandoned_jobs",
    "offload.errors-cross": "loses_errors_of_jobs",
    "offload.jobs-at-once": "runs_every_third_job_never",
    "offload.others-run": "runs_jobs_itself",
    "offload.stop-iteration": "loses_errors_of_jobs",
    "shutdown.exit-in-a-task": "swallows_exits",
    "shutdown.exit-nobody-awaits": "swallows_exits",
    "shutdown.failure-nobody-awaits": "reports_nothing",
    "shutdown.generator-left-behind": "leaves_generators_behind",
    "shutdown.interrupt": "swallows_exits",
    "shutdown.main-raises": "swallows_exits",
    "shutdown.task-left-behind": "leaves_tasks_behind",
    "stream.cancelled-send-stops": "never_makes_a_sender_wait",
    "stream.close-after-reset": "sockets_stay_open",
    "stream.close-flushes": "close_drops_what_was_written",
    "stream.close-twice": "closing_twice_raises",
    "stream.close-wakes-reader": "closing_wakes_nobody",
    "stream.close-wakes-writer": "never_makes_a_sender_wait",
    "stream.close-with-unread-bytes": "sockets_stay_open",
    "stream.connect-refused": "connects_to_nobody",
    "stream.empty-send": "sends_a_byte_too_many",
    "stream.eof-twice": "the_end_is_data",
    "stream.peer-eof-keeps-writing": "half_close_closes_all",
    "stream.receive-after-close": "close_forgets_what_was_read",
    "stream.reset-while-reading": "resets_wake_nobody",
    "stream.reset-while-writing": "resets_wake_nobody",
    "stream.send-after-close": "never_makes_a_sender_wait",
    "stream.send-after-reset": "resets_look_like_success",
    "stream.send-after-send-eof": "half_close_closes_all",
    "stream.send-eof-keeps-reading": "half_close_closes_all",
    "stream.silent-peer-stops-sender": "never_makes_a_sender_wait",
    "stream.small-sends-go-at-once": "holds_small_sends_back",
    "stream.two-readers": "serves_the_second_reader",
    "stream.two-writers": "mixes_writers",
    "timer.close-deadlines": "fires_in_the_order_of_insertion",
    "timer.early-by-own-clock": "fires_early",
    "timer.early-by-system-clock": "fires_early",
    "timer.equal-deadlines": "drops_every_second_timer",
    "timer.nan-sleep": "sleeps_for_nan",
    "timer.negative-sleep": "fires_never",
    "timer.short-sleep": "fires_early",
    "timer.sleep-forever": "long_times_are_over",
    "timer.sleep-hundred-years": "long_times_are_over",
    "leak.connections": "sockets_stay_open",
    "leak.spawn": "keeps_finished_tasks",
    "leak.cancel": "cancels_nothing",
    "leak.channels": "queue_keeps_everything",
    "bridge.call-after-end": "forgets_calls_of_threads",
    "bridge.call-from-own-thread": "forgets_calls_of_threads",
    "bridge.call-into-next-run": "forgets_calls_of_threads",
    "bridge.call-wakes-scheduler": "calls_of_threads_wake_nothing",
    "bridge.cancel-behind-a-thread": "forgets_calls_of_threads",
    "bridge.cancel-job": "cancels_nothing",
    "bridge.cancelled-receive-keeps-item": "queue_loses_the_item_of_a_cancelled_getter",
    "bridge.context-visible": "shares_contexts",
    "bridge.direct-cancel": "ignores_other_threads",
    "bridge.direct-event": "ignores_other_threads",
    "bridge.direct-event-in-signal-handler": "drops_what_signal_handlers_schedule",
    "bridge.direct-item": "queue_loses_every_item",
    "bridge.direct-task": "ignores_other_threads",
    "bridge.end-while-a-call-waits": "leaves_tasks_behind",
    "bridge.error-in-a-call": "reports_nothing",
    "bridge.errors-cross": "forgets_calls_of_threads",
    "bridge.event-of-another-scheduler": "ignores_other_threads",
    "bridge.event-wakes-every-waiter": "event_wakes_one",
    "bridge.finaliser-puts": "forgets_calls_of_threads",
    "bridge.hand-over-after-end": "forgets_calls_of_threads",
    "bridge.item-wakes-receiver": "calls_of_threads_wake_nothing",
    "bridge.items-keep-order": "queue_loses_items",
    "bridge.nested-calls": "runs_every_third_job_never",
    "bridge.signal-handler-sets-event": "calls_of_threads_wake_nothing",
    "bridge.task-blocks-on-thread": "forgets_calls_of_threads",
    "bridge.timeout-keeps-job": "forgets_calls_of_threads",
    "bridge.two-schedulers": "forgets_calls_of_threads",
    "end.clean-up-after-interrupt": "swallows_exits",
    "end.error-of-a-task": "reports_nothing",
    "end.generator-is-suspended": "leaves_generators_behind",
    "end.interrupt-at-each-stage": "swallows_exits",
    "end.interrupt-with-queued-jobs": "swallows_exits",
    "end.interrupts-needed": "ignores_signals",
    "end.main-ends-while-a-child-runs": "swallows_exits",
    "end.main-ends-while-a-process-job-runs": "swallows_exits",
    "end.main-ends-while-a-thread-job-runs": "swallows_exits",
    "end.order-of-exit": "leaves_jobs_behind",
    "end.run-in-another-thread": "children_end_unseen",
    "end.second-run": "works_once",
    "end.sigterm-handler-exits": "swallows_exits",
    "end.sigterm-while-a-job-runs": "ignores_signals",
    "end.unawaited-coroutine": "warns_of_no_coroutine",
    "end.work-in-clean-up": "swallows_exits",
    "process.cancelled-read-keeps-bytes": "cancelled_reads_take_bytes",
    "process.cancelled-run": "children_end_unseen",
    "process.cancelled-start-leaves-nothing": "cancelled_starts_go_on",
    "process.cancelled-wait-keeps-exit-code": "children_end_unseen",
    "process.communicate-any-size": "children_end_unseen",
    "process.communicate-waits": "children_end_unseen",
    "process.exit-codes": "children_end_unseen",
    "process.failed-start-leaves-nothing": "failed_starts_keep_descriptors",
    "process.foreign-child": "reaps_the_children_of_others",
    "process.fork-hooks": "starts_run_fork_hooks_once",
    "process.late-wait": "children_end_unseen",
    "process.many-end-at-once": "children_end_unseen",
    "process.many-wait-for-one": "children_end_unseen",
    "process.output-outlives-child": "the_end_cuts_what_came_before_it",
    "process.sigchld-ignored": "children_end_unseen",
    "process.signal-after-end": "signals_to_the_dead_fail",
    "process.signals-of-a-child": "children_ignore_sigpipe",
    "process.timed-out-run": "children_end_unseen",
    "process.watcher-threads": "starts_take_two_threads",
    "process.write-to-ended-child": "never_makes_a_sender_wait",
    "server.cancel-serve-forever": "listeners_stay_open",
    "server.clients-before-it-serves": "listeners_forget_their_clients",
    "server.close-in-a-handler": "closing_a_server_cuts_connections",
    "server.close-with-live-connections": "closing_a_server_cuts_connections",
    "server.close-with-waiting-clients": "listeners_stay_open",
    "server.error-is-reported": "reports_nothing",
    "server.error-spares-others": "stops_at_an_error",
    "server.graceful-stop-keeps-reply": "closing_a_server_cuts_connections",
    "server.handler-exits": "swallows_exits",
    "server.handler-raises": "sends_a_byte_too_many",
    "server.handler-returns": "sends_a_byte_too_many",
    "server.hanging-handlers": "accepts_every_second",
    "server.leaves-no-descriptors": "sockets_stay_open",
    "server.reset-spares-others": "stops_at_an_error",
    "server.restart-on-same-address": "reserves_ports",
    "server.sigterm-answers-all": "closing_a_server_cuts_connections",
}
"""By scenario, the broken loop of `faults` on which its script for asyncio must fail."""


def runtime_of(file: Path) -> str:
    return file.name.partition(".")[0]


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def has_bug(file: Path, runtime: str) -> bool:
    """Return whether a released runtime is known to have the bug that a script is about."""
    return any(
        name == name_of(file) and runtime in runtimes.split() and here for (name, runtimes), here in KNOWN.items()
    )


ASYNCIO = [file for file in FILES if runtime_of(file) == "asyncio"]


def run(text: str, *folders: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a maintainer does, in isolated mode: no folder of this project can be imported from it."""
    head = "".join(f"import sys; sys.path.insert(0, {folder!r})\n" for folder in folders)
    command = [sys.executable, "-I", "-c", head + text]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_it_is_what_a_maintainer_can_read(file):
    """At most 30 lines of code, nothing of harness, a sentence and the API in its docstring."""
    text = file.read_text()
    assert len([line for line in text.splitlines() if line.strip()]) <= 30
    assert "harness" not in text
    docstring = ast.get_docstring(ast.parse(text))
    assert re.match(r"\S.*\.\n\n(API: .*\.)", docstring, re.DOTALL)
    if runtime_of(file) == "asyncio":
        assert text.count("from asyncio import new_event_loop  # the event loop under test\n") == 1


@pytest.mark.parametrize("loop", ["asyncio", pytest.param("uvloop", marks=pytest.mark.slow)])
@pytest.mark.parametrize("file", ASYNCIO, ids=name_of)
def test_it_passes_on_healthy_loops(file, loop):
    """Except where the released runtime is known to have the bug; there it fails."""
    done = run(import_loop(file.read_text(), loop))
    expected = int(has_bug(file, loop))
    assert (done.returncode, "expected: " in done.stdout) == (expected, True), done.stdout + done.stderr


@pytest.mark.parametrize("file", [file for file in FILES if file not in ASYNCIO], ids=name_of)
def test_it_passes_on_its_runtime(file):
    """Except where the released runtime is known to have the bug; there it fails."""
    runtime = runtime_of(file)
    if runtime == "curio" and sys.version_info >= (3, 12):
        pytest.skip("curio 1.6 does not import on Python 3.12")
    assert runtime == "threads" or find_spec(runtime)
    done = run(file.read_text())
    expected = int(has_bug(file, runtime))
    assert (done.returncode, "expected: " in done.stdout) == (expected, True), done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("scenario", PLANTED)
def test_it_fails_where_the_bug_is_planted(scenario):
    """On a loop that is broken in the way that the script is about."""
    file, fault = next(file for file in ASYNCIO if file.parent.name == scenario), PLANTED[scenario]
    done = run(import_loop(file.read_text(), "faults", fault), str(Path(__file__).parent))
    assert done.returncode == 1, done.stdout + done.stderr
    innermost = re.findall(r'File "([^"]+)"', done.stderr)[-1:]
    assert "seen:" in done.stdout or not innermost[0].endswith("faults.py"), done.stderr


def test_every_script_fails_somewhere():
    """On a broken loop, or on a released one that has the bug."""
    known = {name for name, _ in KNOWN}
    assert [name for file in ASYNCIO if file.parent.name not in PLANTED and (name := name_of(file)) not in known] == []
