"""The command that runs a cell again."""

from __future__ import annotations

import shlex

from harness.model import Cell, Run, format_value


def command_of(cell: Cell, run: Run) -> str:
    """Return the shell command that runs a cell again as it was run: parameters, seed, perturbation, limit."""
    request = run.started.request
    words = ["harness", "run", *_backend_words(cell), "--scenario", cell.scenario]
    for name, value in cell.parameters:
        words += ["--param", f"{name}={format_value(value)}"]
    for perturbation in request.perturb:
        words += ["--perturb", perturbation]
    if run.started.plan.seed:
        words += ["--seed", str(run.started.plan.seed)]
    if cell.round > 1:
        words += ["--rounds", str(cell.round)]
    if request.timeout is not None:
        words += ["--timeout", f"{request.timeout:g}"]
    return shlex.join(words)


def _backend_words(cell: Cell) -> list[str]:
    backends = {str(assigned.backend) for assigned in cell.roles}
    if len(backends) == 1:
        return ["--backend", *backends]
    return [word for assigned in cell.roles for word in (f"--{assigned.role}", str(assigned.backend))]
