"""The scenarios that ship with harness."""

from harness.api import Scenario
from harness.plugins import hookimpl


@hookimpl
def harness_scenarios() -> list[Scenario]:
    """Return the scenarios of the catalogue."""
    from .channel import channel
    from .sink import sink
    from .storm import storm
    from .timeout_select import timeout_select

    return [storm, timeout_select, sink, channel]
