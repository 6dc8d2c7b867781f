"""The scenarios that ship with harness."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec.structs import replace

from harness.api import Scenario
from harness.plugins import hookimpl


@hookimpl
def harness_scenarios() -> list[Scenario]:
    """Return the scenarios of the catalogue."""
    from .behaviours import list_questions
    from .behaviours.leaks import LEAKS
    from .load.actor import actor
    from .load.bridge import bridge, bridge_call, bridge_job
    from .load.channel import channel
    from .load.children import children
    from .load.datagrams import datagrams
    from .load.drain import drain
    from .load.echo import echo
    from .load.frames import frames
    from .load.idle import idle
    from .load.join import join
    from .load.locks import locks
    from .load.merge import merge
    from .load.offload import offload
    from .load.sink import sink
    from .load.spawn import spawn
    from .load.stream import stream
    from .load.switch import switch
    from .load.timeout_select import timeout_select
    from .load.timers import timers
    from .storm.scenario import storm

    mission = (storm, timeout_select, sink, channel)
    load = (
        frames,
        merge,
        timers,
        join,
        actor,
        stream,
        offload,
        spawn,
        switch,
        locks,
        echo,
        idle,
        children,
        bridge,
        bridge_job,
        bridge_call,
        drain,
        datagrams,
    )
    return [_with_topics(scenario) for scenario in (*mission, *load, *LEAKS, *list_questions())]


_TOPICS = {
    "bridge": ("threads", "call-soon-threadsafe"),
    "bridge-call": ("threads",),
    "bridge-job": ("threads",),
    "cancel": ("cancellation", "timeouts", "cancel-scopes"),
    "channel": ("queues",),
    "children": ("subprocesses", "processes"),
    "datagram": ("udp", "sockets"),
    "datagrams": ("udp", "sockets"),
    "deadline": ("timeouts", "wait-for"),
    "descriptors": ("leaks", "sockets", "file-descriptors"),
    "echo": ("streams", "sockets", "connections"),
    "end": ("exit", "signals", "ctrl-c"),
    "frames": ("streams", "protocols"),
    "group": ("task-groups", "nurseries", "gather"),
    "idle": ("connections",),
    "leak": ("memory",),
    "listener": ("servers", "sockets", "connections"),
    "lock": ("events", "conditions", "semaphores", "synchronisation"),
    "locks": ("synchronisation", "semaphores"),
    "merge": ("queues", "streams"),
    "names": ("dns", "getaddrinfo", "connections"),
    "offload": ("threads", "executors", "blocking-calls"),
    "process": ("subprocesses", "children"),
    "server": ("sockets", "connections"),
    "shutdown": ("exit", "ctrl-c"),
    "sink": ("streams", "sockets"),
    "spawn": ("tasks", "task-groups"),
    "storm": ("connections", "servers", "sockets"),
    "stream": ("sockets", "connections"),
    "switch": ("tasks",),
    "timeout-select": ("timeouts", "select"),
    "timer": ("sleep", "timeouts"),
    "timers": ("sleep",),
    "tls": ("ssl", "encryption", "certificates", "sockets"),
    "unix": ("sockets", "connections", "servers", "unix-sockets"),
}
"""Words of a user for what scenarios are about, by name or by the part of it before the dot."""


def _with_topics(scenario: Scenario) -> Scenario:
    topics = _TOPICS.get(scenario.name) or _TOPICS.get(scenario.name.partition(".")[0], ())
    return replace(scenario, topics=topics)


@hookimpl
def harness_expected_divergences() -> list[Traversable]:
    """Return what these scenarios are known to find."""
    return [files(__package__) / "expected.toml"]
