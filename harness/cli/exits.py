"""Exit codes, documented in `harness --help` and `docs/reference/command-line.md`."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit code of the program."""

    OK = 0
    """No unexpected finding."""
    FINDINGS = 1
    """An unexpected divergence, violation, hang or crash."""
    USAGE = 2
    """The request cannot be carried out as it was given."""
    NOTHING_SELECTED = 3
    """The selection is valid and empty, or no backend of it is installed."""
    HARNESS_FAULT = 4
    """An internal error."""
    INCOMPLETE = 5
    """Part of the plan did not run, and nothing unexpected was seen in the rest."""
    HUNG_UP = 129
    """SIGHUP: the terminal was closed."""
    INTERRUPTED = 130
    """Ctrl-C."""
    TERMINATED = 143
    """SIGTERM."""


MEANINGS = {
    Exit.OK: "no unexpected finding",
    Exit.FINDINGS: "an unexpected divergence, violation, hang or crash",
    Exit.USAGE: "the request cannot be carried out as it was given",
    Exit.NOTHING_SELECTED: "nothing ran: the selection is empty, or no backend of it is installed",
    Exit.HARNESS_FAULT: "internal error",
    Exit.INCOMPLETE: "incomplete: part of the plan did not run, so that there is no verdict",
    Exit.HUNG_UP: "interrupted: the terminal was closed",
    Exit.INTERRUPTED: "interrupted",
    Exit.TERMINATED: "interrupted by SIGTERM",
}
