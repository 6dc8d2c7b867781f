"""The sub-commands that ship with harness, brought by the hook that other plugins have."""

from __future__ import annotations

from harness.plugins import hookimpl

from .command_group import CommandGroup

_COMMANDS = {
    "run": "run:run",
    "matrix": "matrix:matrix",
    "drop-in": "drop_in:drop_in",
    "list": "listing:listing",
    "plan": "planning:plan",
    "explain": "explain:explain",
    "runs": "runs:runs",
    "trend": "trend:trend",
    "advise": "advise:advise_on",
    "publish": "publish:publish",
    "show": "show:show",
    "report": "show:report",
    "resume": "resume:resume",
    "merge": "merge:merge",
    "compare": "comparing:compare",
    "issue": "issue:issue",
    "script": "script:script",
    "expect": "expect:expect",
    "suite": "suite:suite",
    "upgrade": "upgrade:upgrade",
    "explore": "explore:explore",
    "orders": "orders:orders",
    "bisect": "bisect:bisect",
    "plugins": "plugin_list:plugins",
    "plugin": "plugin:plugin",
    "init": "init:init",
    "env": "env:env",
    "doctor": "doctor:doctor",
    "selftest": "selftest:selftest",
    "completion": "completion:completion",
}
"""Module and attribute in this package, by name."""


_SECTIONS = {
    "Run": ("run", "matrix", "suite", "drop-in", "upgrade", "explore", "orders", "bisect", "resume"),
    "Look before you run": ("list", "explain", "plan", "doctor", "selftest"),
    "Ask stored runs": (
        "runs",
        "show",
        "report",
        "compare",
        "trend",
        "advise",
        "publish",
        "issue",
        "script",
        "expect",
        "merge",
    ),
    "Plugins and environments": ("init", "plugins", "plugin", "env", "completion"),
}
"""Of the help."""


@hookimpl
def harness_cli(group: CommandGroup) -> None:
    """Add each, to be imported when it is called."""
    for name, reference in _COMMANDS.items():
        group.add_reference(name, f"{__package__}.{reference}")
    group.sections |= _SECTIONS
