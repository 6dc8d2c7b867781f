"""The scenarios that ship with harness."""

from importlib.resources import files
from importlib.resources.abc import Traversable

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
    )
    return [*mission, *load, *LEAKS, *list_questions()]


@hookimpl
def harness_expected_divergences() -> list[Traversable]:
    """Return what these scenarios are known to find."""
    return [files(__package__) / "expected.toml"]
