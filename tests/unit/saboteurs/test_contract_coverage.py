"""Every call of the contract is broken by a fault that a question must catch: none is there that nothing asks about.

The calls are read from the protocols of `harness.api`; `test_faults` shows that each fault is caught.
"""

import inspect
import re

import pytest

import harness_saboteurs
from harness.api import bridge, datagrams, names, processes, runtime, servers, tls, unix
from harness_saboteurs import FAULTS, THEMES

PARTS = {
    "stream": "ByteStream",
    "listener": "Listener",
    "sender": "SendChannel",
    "receiver": "ReceiveChannel",
    "group": "TaskGroup",
    "scope": "CancelScope",
    "lock": "Lock",
    "semaphore": "Semaphore",
    "condition": "Condition",
    "event": "Event",
}
"""Attribute of a sabotaged runtime → the protocol of the objects that it hands out."""
CHAPTERS = (processes, bridge, servers, tls, datagrams, unix, names)
"""Modules of the contract beside its core."""
EVERYTHING = "every question needs it: broken, no cell would end"
ATTESTED = "tested by the clauses of the kit; the autopsy and the worker read it, and no scenario"
WITHOUT_FAULT = {
    "Runtime.create_event": EVERYTHING,
    "Runtime.create_lock": EVERYTHING,
    "Runtime.create_semaphore": EVERYTHING,
    "Runtime.open_task_group": EVERYTHING,
    "Runtime.classify": EVERYTHING,
    "Listener.address": EVERYTHING,
    "Server.address": EVERYTHING,
    "TlsListener.address": EVERYTHING,
    "DatagramEndpoint.address": EVERYTHING,
    "UnixListener.path": EVERYTHING,
    "ReceiveChannel.aclose": "what senders then see is left open; channel.end-is-seen shows it",
    "Runtime.run_in_process": "the second row of offload.errors-cross; a fault is to be seen in a first one",
    "Bridge.run_scheduler": "bridge.two-schedulers needs it; bridge-leads-to-the-latest-run breaks what it runs",
    "BridgeJob.done": "no question asks it yet",
    "Runtime.now": "timer.early-by-own-clock is asked of each runtime; a clock of its own would stop its deadlines",
    "Runtime.tasks": ATTESTED,
    "Runtime.timers": ATTESTED,
    "Runtime.scheduler": ATTESTED,
}
"""Calls without a fault of their own, with the reason."""
CORE = [kind for kind in vars(runtime).values() if getattr(kind, "_is_protocol", False)]


def list_calls(module):
    """Return `Protocol.member` for each protocol that a module declares."""
    protocols = {
        name: kind
        for name, kind in vars(module).items()
        if getattr(kind, "_is_protocol", False) and kind.__module__ == module.__name__
    }
    return [
        f"{name}.{member}"
        for name, kind in protocols.items()
        for member, value in vars(kind).items()
        if (inspect.isfunction(value) or isinstance(value, property))
        and (member in ("__aenter__", "__aexit__") or not member.startswith("_"))
    ]


def own_members(kind):
    """Return the members that classes of the saboteurs define, without those that they inherit from `wrapping`."""
    return {
        member
        for base in kind.__mro__
        if base.__module__.startswith(harness_saboteurs.__name__)
        for member in vars(base)
    }


def broken_core():
    """Yield the calls of the core that a fault breaks, each in the part of the runtime in which it is put."""
    for fault in FAULTS.values():
        yield from (f"Runtime.{member}" for member in own_members(fault.runtime))
        for attribute, protocol in PARTS.items():
            if part := getattr(fault.runtime, attribute):
                yield from (f"{protocol}.{member}" for member in own_members(part))


def broken_names():
    """Return the methods that classes of the saboteurs define; objects of a chapter have no entry in `PARTS`."""
    sources = map(inspect.getsource, THEMES)
    return {name for source in sources for name in re.findall(r"^ +(?:async )?def (\w+)", source, re.MULTILINE)}


def test_every_call_of_the_core_is_broken_by_a_fault():
    """A call without a fault has a reason in `WITHOUT_FAULT`."""
    missing = set(list_calls(runtime)) - set(broken_core()) - WITHOUT_FAULT.keys()
    assert missing == set()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda module: module.__name__)
def test_every_call_of_a_chapter_is_broken_by_a_fault(chapter):
    """A call without a fault has a reason in `WITHOUT_FAULT`."""
    calls = set(list_calls(chapter)) - WITHOUT_FAULT.keys()
    broken = broken_names()
    assert {call for call in calls if call.partition(".")[2] not in broken} == set()


def test_an_exception_is_still_one():
    """A call that got a fault leaves the list, and one that the contract no longer has."""
    calls = {call for module in (runtime, *CHAPTERS) for call in list_calls(module)}
    assert WITHOUT_FAULT.keys() <= calls
    assert WITHOUT_FAULT.keys() & set(broken_core()) == set()
