"""The scenarios that ship with harness."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from harness.api import Scenario
from harness.plugins import hookimpl


@hookimpl
def harness_scenarios() -> list[Scenario]:
    """Return the scenarios of the catalogue."""
    from .actor import actor
    from .behaviours import list_questions
    from .channel import channel
    from .echo import echo
    from .frames import frames
    from .idle import idle
    from .join import join
    from .leaks import LEAKS
    from .locks import locks
    from .merge import merge
    from .offload import offload
    from .sink import sink
    from .spawn import spawn
    from .storm import storm
    from .stream import stream
    from .switch import switch
    from .timeout_select import timeout_select
    from .timers import timers

    mission = (storm, timeout_select, sink, channel)
    load = (frames, merge, timers, join, actor, stream, offload, spawn, switch, locks, echo, idle)
    return [*mission, *load, *LEAKS, *list_questions()]


@hookimpl
def harness_expected_divergences() -> list[Traversable]:
    """Return what these scenarios are known to find."""
    return [files(__package__) / "expected.toml"]
