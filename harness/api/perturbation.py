"""Declaration of a perturbation: a condition that makes every cell of a run harder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec


class CellConditions:
    """The parts of a cell that a perturbation may change before the processes of its roles start.

    Attributes:
        usable_cpus: the CPUs that the runner may use; empty where the system does not report them.
        cpus: the CPUs that the roles are kept on, in turn; empty for the usual placement.
        own_limits: limits of a cell (`fds`, `memory`, ...) that the perturbation sets itself: a scenario that meets one
            is judged by its reaction, and the cell has not exceeded a limit of its own.
    """

    def __init__(self, usable_cpus: tuple[int, ...]) -> None:
        self.usable_cpus = usable_cpus
        self.cpus: tuple[int, ...] = ()
        self.own_limits: set[str] = set()


class Perturbation(msgspec.Struct, frozen=True, kw_only=True):
    """A condition under which every cell of a run is executed: `--perturb NAME` or `--perturb NAME=VALUE`.

    `parse` reads the value, `in_runner`, `in_worker` and `after_run` establish the condition, `why_not_here` refuses a
    host that cannot have it. Whatever they raise is reported for the cell and never charged to a backend.
    """

    name: str
    """As in `--perturb NAME`."""
    summary: str
    """Its effect, on one line."""
    parse: Callable[[str | None], str]
    """Takes the text behind `=`, `None` without one, and returns the value as it is stored with the run. A `ValueError`
    completes the sentence "it ...", e.g. `is a whole number above 0`."""
    value: str = ""
    """Form of the value for help: `=N`, `[=N]`, `=on|off`; empty where it takes none."""
    in_runner: Callable[[str, CellConditions], AbstractContextManager[object]] | None = None
    """Takes the value and the conditions of a cell. The context is entered in the runner before the processes of the
    cell start, and left when they have ended."""
    in_worker: str = ""
    """`"module:function"`, imported in the worker of each role. The function is called when the runtime runs, takes it
    and the value, and returns the runtime that the scenario is given."""
    after_run: str = ""
    """`"module:function"`, called in the worker of each role after its run, with the runtime (`Subject`), the scenario,
    the probe and the value: it may run the scenario again under a condition that the first run cannot have."""
    why_not_here: Callable[[str], str] | None = None
    """Takes the value and returns why this host cannot have the condition, or an empty string. Called before a run."""
