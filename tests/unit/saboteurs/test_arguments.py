"""Each argument of each call of the contract has an effect that a question or a clause of the kit sees.

The arguments are read from the signatures of `harness.api`; a proxy around the runtime ignores or changes one.
"""

import pytest
from apart import Request
from bent import list_arguments

from harness.plugins import Plugins
from harness_scenarios.behaviours.question import NEVER_ENDS

SCENARIOS = Plugins().catalogue().scenarios
CAUGHT_BY = {
    "offload.each-argument-arrives": (
        "TaskGroup.spawn(fn) ignored",
        "TaskGroup.spawn(args) ignored",
        "Runtime.run_with_timeout(fn) ignored",
        "Runtime.run_with_timeout(args) ignored",
        "Runtime.run_shielded(fn) ignored",
        "Runtime.run_shielded(args) ignored",
        "Runtime.run_in_thread(fn) ignored",
        "Runtime.run_in_thread(args) ignored",
    ),
    "clause:each task that waits is described once, by its name and its frames": ("TaskGroup.spawn(name) ignored",),
    "lock.notify-wakes-as-many": ("Condition.notify(n) ignored",),
    "channel.clones-of-clones": ("SendChannel.send() ignored",),
    "stream.peer-eof-keeps-writing": ("ByteStream.send_all() changed",),
    "stream.sizes-both-ways": ("ByteStream.receive_some() changed",),
    "timer.early-by-own-clock": (
        "Runtime.sleep(seconds) ignored",
        "Runtime.sleep(seconds) changed",
    ),
    "deadline.both-pass-at-once": ("Runtime.open_cancel_scope(deadline) ignored",),
    "cancel.shielded-block": ("Runtime.open_cancel_scope(shield) ignored",),
    "deadline.each-of-several-passes": (
        "Runtime.fail_after(seconds) ignored",
        "Runtime.fail_after(seconds) changed",
        "Runtime.move_on_after(seconds) changed",
        "Runtime.run_with_timeout(seconds) ignored",
        "Runtime.run_with_timeout(seconds) changed",
        "Runtime.classify(exc) ignored",
    ),
    "clause:a deadline ends a wait in sleep": ("Runtime.move_on_after(seconds) ignored",),
    "clause:a detached task runs": (
        "Runtime.spawn_detached(fn) ignored",
        "Runtime.spawn_detached(args) ignored",
        "Runtime.spawn_detached(name) ignored",
    ),
    "bridge.cancel-job": ("Runtime.is_cancelled(exc) ignored",),
    "lock.each-turn-is-kept": ("Runtime.create_semaphore(permits) changed",),
    "channel.capacity-zero": ("Runtime.open_channel(capacity) changed",),
    "listener.arguments-are-kept": (
        "Runtime.listen(host) ignored",
        "Runtime.listen(port) ignored",
        "Runtime.listen(backlog) ignored",
        "Runtime.connect(host) changed",
        "Runtime.connect(port) changed",
        "Runtime.connect(source) ignored",
    ),
    "listener.shares-load": ("Runtime.listen(reuse_port) ignored",),
    "clause:a function's result comes back from a process": (
        "Runtime.run_in_process(fn) ignored",
        "Runtime.run_in_process(args) ignored",
    ),
    "cancel.first-of-several-calls": ("Runtime.first_completed(fns) ignored",),
    "process.each-signal-arrives": (
        "ByteSource.receive_some() changed",
        "ChildProcess.send_signal(number) changed",
    ),
    "process.streams-by-name": ("ByteSink.send_all() changed",),
    "process.communicate-any-size": ("ChildProcess.communicate(data) ignored",),
    "process.arguments-are-kept": (
        "Processes.start_process(command) ignored",
        "Processes.start_process(stdin) ignored",
        "Processes.start_process(stdout) ignored",
        "Processes.start_process(stderr) ignored",
        "Processes.start_process(env) ignored",
        "Processes.start_process(cwd) ignored",
        "Processes.run_process(command) ignored",
        "Processes.run_process(data) ignored",
    ),
    "process.each-descriptor-is-passed": ("Processes.start_process(pass_fds) ignored",),
    "bridge.one-of-several-receivers-cancelled": ("Inbox.put(item) ignored",),
    "bridge.timeout-keeps-job": ("BridgeJob.result(timeout) ignored",),
    "clause:in a task a direct put is a send": (
        "Direct.put(channel) ignored",
        "Direct.put(item) ignored",
    ),
    "clause:in a task a direct set is a set": ("Direct.set(event) ignored",),
    "clause:in a task a direct spawn is a spawn": (
        "Direct.spawn(group) ignored",
        "Direct.spawn(fn) ignored",
        "Direct.spawn(args) ignored",
    ),
    "clause:in a task a direct cancel is a cancel": ("Direct.cancel(scope) ignored",),
    "bridge.two-schedulers": (
        "Bridge.run_scheduler(main) ignored",
        "Bridge.submit(fn) ignored",
    ),
    "server.error-is-reported": ("Bridge.run_scheduler(unhandled) ignored",),
    "bridge.call-wakes-scheduler": ("Bridge.call_soon(fn) ignored",),
    "clause:calls of a thread are made soon, in order": ("Bridge.call_soon(args) ignored",),
    "bridge.call-returns": (
        "Bridge.call(fn) ignored",
        "Bridge.call(args) ignored",
    ),
    "bridge.context-visible": ("Bridge.run(fn) ignored",),
    "bridge.nested-calls": ("Bridge.run(args) ignored",),
    "bridge.one-of-several-jobs-cancelled": ("Bridge.submit(args) ignored",),
    "server.handler-returns": ("Servers.start_server(handler) ignored",),
    "server.arguments-are-kept": (
        "Servers.start_server(host) ignored",
        "Servers.start_server(port) ignored",
        "Servers.start_server(backlog) ignored",
    ),
    "clause:bytes go both ways over TLS": (
        "Tls.connect_tls(host) changed",
        "Tls.connect_tls(port) changed",
        "Tls.connect_tls(server_hostname) changed",
    ),
    "clause:a Unix listener makes exactly the file that was asked for, or raises": (
        "UnixSockets.listen_unix(path) changed",
    ),
    "clause:bytes go both ways over a Unix socket, and its end is seen": ("UnixSockets.connect_unix(path) changed",),
    "clause:a numeric host is its own address": (
        "Names.resolve(host) changed",
        "Names.resolve(port) changed",
    ),
    "clause:a connect by name reaches a numeric host": (
        "Names.connect_by_name(host) changed",
        "Names.connect_by_name(port) changed",
    ),
    "clause:each datagram arrives alone, whole and in order": (
        "DatagramEndpoint.send_to(data) changed",
        "DatagramEndpoint.send_to(address) ignored",
    ),
    "datagram.empty-is-received": ("Datagrams.open_endpoint(host) ignored",),
    "clause:an address in use is an error": ("Datagrams.open_endpoint(port) ignored",),
    "datagram.sizes": ("Datagrams.open_endpoint(peer) ignored",),
}
"""Question, or `clause:` and the name of a clause → the spoilt arguments that it must see."""
RAISES = {
    "Runtime.classify(exc) ignored",
    "Runtime.connect(host) changed",
    "Runtime.connect(port) changed",
    "Runtime.listen(reuse_port) ignored",
    "Runtime.first_completed(fns) ignored",
    "Bridge.call(args) ignored",
    "Bridge.run(args) ignored",
}
"""Arguments without which a question raises an error."""
HANGS = {
    "TaskGroup.spawn(name) ignored",
    "Runtime.open_cancel_scope(deadline) ignored",
    "Runtime.fail_after(seconds) ignored",
    "Runtime.run_with_timeout(seconds) ignored",
    "Runtime.move_on_after(seconds) ignored",
    "Runtime.spawn_detached(fn) ignored",
    "Runtime.spawn_detached(name) ignored",
    "ChildProcess.communicate(data) ignored",
    "Processes.start_process(stdin) ignored",
    "BridgeJob.result(timeout) ignored",
    "DatagramEndpoint.send_to(data) changed",
    "DatagramEndpoint.send_to(address) ignored",
    "Datagrams.open_endpoint(peer) ignored",
}
"""Arguments without which a question or a clause does not end."""
UNSEEN = {
    "Tls.listen_tls(host) ignored": "every question listens on the address that is the default",
    "Tls.listen_tls(port) ignored": "every question lets the system choose the port",
    "Tls.listen_tls(backlog) ignored": "no question fills the queue of a TLS listener",
    "Tls.start_tls(server_side) ignored": "no question or clause about upgrades was seen to fail",
    "Tls.start_tls(server_hostname) ignored": "no question or clause about upgrades was seen to fail",
    "UnixSockets.listen_unix(backlog) ignored": "no question fills its queue on asyncio, which accepts at once",
    "DatagramEndpoint.receive_from(max_bytes) ignored": "a datagram that is cut may have been cut by the system",
}
"""Arguments that no question sees yet, with the reason."""
ON_TRIO = ("cancel.shielded-block",)
"""asyncio has no shielded block."""
SEEN_BY = {argument: target for target, arguments in CAUGHT_BY.items() for argument in arguments}
QUICK = ("TaskGroup.spawn(args) ignored", "Condition.notify(n) ignored", "Runtime.listen(backlog) ignored")
"""The others are slow tests."""


def ask(nursery, target, argument, *, limit, patience):
    """Return the breaches that a question or a clause sees with a spoilt argument, or with none."""
    backend = "trio" if target in ON_TRIO else "asyncio"
    if target.startswith("clause:"):
        request = Request(ref=target, backend=backend, parameters={}, bent=argument, limit=limit)
        return nursery.run(request)
    scenario = SCENARIOS[target]
    parameters = (scenario.preset_rows("default") or ({},))[0] | {"repetitions": 1}
    return nursery.run(
        Request(ref=scenario.ref, backend=backend, parameters=parameters, bent=argument, patience=patience, limit=limit)
    )


def see(nursery, argument):
    """Return how a spoilt argument is seen; a clause that hangs ends its process."""
    limits = {"limit": 5.0, "patience": 2.0} if argument in HANGS else {"limit": 60.0, "patience": 60.0}
    try:
        seen = ask(nursery, SEEN_BY[argument], argument, **limits)
    except RuntimeError as exc:
        return "hangs" if "died" in str(exc) else str(exc)
    if seen.running or NEVER_ENDS in seen.values.get("answer", ()):
        return "hangs"
    return "raises" if seen.errors else "breaks the contract" if seen.violations else "is not seen"


def test_every_argument_of_the_contract_is_listed():
    """And none that the contract no longer has."""
    assert set(map(str, list_arguments())) == SEEN_BY.keys() | UNSEEN.keys()
    assert SEEN_BY.keys() & UNSEEN.keys() == set()
    assert SEEN_BY.keys() >= RAISES | HANGS
    assert {target for target in CAUGHT_BY if not target.startswith("clause:")} <= SCENARIOS.keys()


@pytest.mark.parametrize(
    "argument",
    [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow) for each in SEEN_BY],
)
def test_a_spoilt_argument_is_seen(nursery, argument):
    """By a broken contract; by an error, or an end that does not come, only where that is listed."""
    expected = "raises" if argument in RAISES else "hangs" if argument in HANGS else "breaks the contract"
    assert see(nursery, argument) == expected


@pytest.mark.slow
@pytest.mark.parametrize("target", CAUGHT_BY)
def test_nothing_is_seen_where_no_argument_is_spoilt(nursery, target):
    """The control: the proxies alone break nothing."""
    seen = ask(nursery, target, "none", limit=60.0, patience=60.0)
    assert (seen.violations, seen.errors, seen.running) == (set(), {}, ())
