"""Declare the gevent backend. Imports nothing of gevent: only a worker does, through `runner`."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from harness.api import Backend, Capability, Offer, Support
from harness.plugins import hookimpl

CAPABILITIES = {
    Capability.CANCEL_SCOPE: Offer(
        Support.EMULATED, "an exception is thrown once into the greenlet that is in the block, as Greenlet.kill does"
    ),
    Capability.SHIELD: Offer(Support.ABSENT, "nothing keeps an exception from being thrown into a greenlet"),
    Capability.DEADLINE: Offer(Support.NATIVE, "gevent.Timeout"),
    Capability.GROUP_CANCEL: Offer(Support.NATIVE, "gevent.pool.Group.kill; the body is thrown out as from a scope"),
    Capability.CHANNEL: Offer(Support.NATIVE, "gevent.queue.Queue"),
    Capability.CHANNEL_CLOSE: Offer(
        Support.EMULATED,
        "Queue.shutdown by the last sender; a Channel has no shutdown: its waiters are thrown the end",
    ),
    Capability.RENDEZVOUS: Offer(Support.NATIVE, "gevent.queue.Channel"),
    Capability.SELECT: Offer(Support.EMULATED, "a greenlet for each function; the first kills and joins the rest"),
    Capability.ABORT: Offer(Support.EMULATED, "SO_LINGER(1, 0), then close"),
    Capability.THREAD: Offer(Support.NATIVE, "the hub's threadpool"),
    Capability.BRIDGE: Offer(Support.EMULATED, "an async_ watcher of the hub, which fills a Queue or sets an Event"),
    Capability.BRIDGE_CALL: Offer(Support.EMULATED, "an async_ watcher of the hub, which starts a greenlet"),
    Capability.BRIDGE_JOB: Offer(Support.ABSENT, "a thread that calls into gevent waits for the result"),
    Capability.DIRECT_CALL: Offer(Support.NATIVE, "Queue.put, Event.set, Group.start, Greenlet.kill"),
    Capability.SERVER: Offer(Support.NATIVE, "gevent.server.StreamServer with a Pool"),
    Capability.UNIX: Offer(Support.ABSENT, "gevent has it (gevent.socket, AF_UNIX); this example leaves it out"),
    Capability.NAMES: Offer(Support.ABSENT, "gevent has it (the resolver of the hub); this example leaves it out"),
    Capability.TLS: Offer(Support.ABSENT, "gevent.ssl is not adapted yet"),
    Capability.CHILD_PROCESS: Offer(Support.NATIVE, "gevent.subprocess"),
    Capability.DATAGRAM: Offer(Support.ABSENT, "not written yet: gevent.socket has UDP"),
    Capability.PROCESS: Offer(Support.EMULATED, "a ProcessPoolExecutor, waited for in the hub's threadpool"),
}


@hookimpl
def harness_backends() -> list[Backend]:
    """Bring gevent."""
    return [
        Backend(
            name="gevent",
            summary="gevent: a greenlet for each task on libev, calls that look blocking, nothing monkey-patched",
            runner="harness_gevent.backend:GeventRunner",
            capabilities=CAPABILITIES,
            distributions=("gevent", "greenlet"),
            install_hint="pip install harness-gevent",
            forkable=False,
            why_not_forkable="gevent in a process forked from one that has imported it is not tested",
        )
    ]


@hookimpl
def harness_expected_divergences() -> list[Traversable]:
    """Bring the known differences of gevent."""
    return [files(__package__) / "expected.toml"]
