"""The command that shows a finding again."""

from __future__ import annotations

import shlex

from .cell import Cell, Request, format_value
from .executor import LOCAL
from .suite import Suite


def make_command(cell: Cell, request: Request, seed: int) -> str:
    """Return the shell command that runs the row of a cell on its backends again.

    Args:
        cell: the cell that showed the finding.
        request: the user's request; a limit set in it is repeated in the command.
        seed: of the plan. Cells draw theirs from it by row and round, so it is given unless it is the default, and
            with it the round that showed the finding.
    """
    if request.suite is not None:
        return shlex.join(_suite_words(cell, request, request.suite))
    words = ["harness", "run", *_backend_words(cell), "--scenario", cell.scenario]
    for name, value in cell.assigned.items():
        words += ["--param", f"{name}={format_value(value)}"]
    places = {assigned.backend.place for assigned in cell.roles}
    for name, interpreter in request.environments:
        if name in places and interpreter.startswith(("/", "~")):  # the others are registered, and found by their name
            words += ["--env", f"{name}={interpreter}"]
    for perturbation in request.perturb:
        words += ["--perturb", perturbation]
    for limit in request.limits:
        words += ["--limit", limit]
    if cell.executor != LOCAL.name:
        words += ["--executor", cell.executor]
    if seed:
        words += ["--seed", str(seed)]
    if cell.round > 1:
        words += ["--rounds", str(cell.round)]
    if request.timeout is not None:
        words += ["--timeout", f"{request.timeout:g}"]
    return shlex.join(words)


def _suite_words(cell: Cell, request: Request, suite: Suite) -> list[str]:
    """Return the command that runs one test of a suite on every backend of its run."""
    file, (_, colons, rest) = suite.files.get(cell.scenario, ""), cell.scenario.partition("::")
    test = f"unittest:{cell.scenario}" if suite.runner == "unittest" else f"{file}{colons}{rest}"
    backends = [word for backend in request.backends for word in ("--backend", backend)]
    rounds = ["--rounds", str(request.rounds)] if request.rounds > 1 else []
    orders = {"--schedules": suite.schedules, "--replay": suite.replay}
    rounds += [word for name, number in orders.items() if number for word in (name, str(number))]
    behind = ["--", *suite.arguments] if suite.arguments else []
    return ["harness", "suite", test, *backends, "--hang-after", f"{suite.hang_after:g}s", *rounds, *behind]


def _backend_words(cell: Cell) -> list[str]:
    backends = {str(assigned.backend) for assigned in cell.roles}
    if len(backends) == 1:
        return ["--backend", *backends]
    return [word for assigned in cell.roles for word in (f"--{assigned.role}", str(assigned.backend))]
