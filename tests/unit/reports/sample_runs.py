"""Runs with something of everything, and how a report shows them."""

from harness.api import allowed, bounded, exact, forbidden, info, interesting, metric, outcomes, required, trace
from harness.compare import compare
from harness.model import Cell, Outcome, RenderOptions, RoleBackend, Run, SkippedCell

from ..compare.run_builder import a_run, cell, spec, steps, unhandled

JUDGES = {
    "response p90": metric("ns"),
    "items lost": bounded(at_most=0, reason="each item reaches one receiver", reference="trio docs"),
    "items due": info(),
    "items delivered": info(),
    "who sees the end": exact(reason="closing ends every receiver"),
    "delivery": outcomes(
        {
            "edge": allowed("once"),
            "level": interesting("at every checkpoint", "anyio docs"),
            "never": forbidden("a cancelled task has to learn of it"),
            "delivered": required("at least sometimes"),
        }
    ),
    "trace": trace(reason="the order is documented"),
}
CONSERVED = {"items due": ("items delivered", "items lost")}
FINE = {
    "response p90": 1_340_000,
    "items lost": 0,
    "items due": 400,
    "items delivered": 400,
    "who sees the end": "all",
    "delivery": ["delivered", "edge"],
}
STEPS = {"reader": "wait wake end", "writer": "send close"}


def fine(backend: str, **more) -> object:
    """Return a cell with which nothing is wrong."""
    observed = FINE | more.pop("but", {})
    return cell(backend, Outcome.COMPLETED, *steps(**STEPS), observed=observed, **more)


def everything() -> Run:
    """Return a run that has every kind of trouble."""
    slow = {"rate": 200}
    storm = {"mode": "rate", "rate": 1000}
    return a_run(
        fine("asyncio", parameters=slow),
        fine("uvloop", parameters=slow, but={"response p90": 870_000}),
        fine("trio", parameters=slow, but={"delivery": ["delivered", "level"]}),
        cell("curio", Outcome.UNAVAILABLE, reason="ImportError: cannot import name 'x'", parameters=slow),
        fine("asyncio", parameters=storm, but={"response p90": 2_000_000}),
        cell(
            "uvloop",
            Outcome.HUNG,
            *steps(reader="wait"),
            reason="no progress for 10.1 s, idle (0% CPU)",
            stacks="Thread 1 (most recent call first):\n  File 'loop.py', line 3 in run",
            evidence="evidence/drain-uvloop",
            parameters=storm,
        ),
        fine(
            "trio",
            parameters=storm,
            but={"items lost": 3, "items delivered": 397, "response p90": 1},
            evidence="evidence/drain-trio",
        ),
        cell("curio", Outcome.UNAVAILABLE, reason="ImportError: cannot import name 'x'", parameters=storm),
        fine("asyncio", scenario="close", but={"who sees the end": "all"}),
        fine("uvloop", scenario="close", but={"who sees the end": "all"}, unhandled=(unhandled(),)),
        fine("trio", scenario="close", but={"who sees the end": "one"}),
        judges=JUDGES,
        headline="response p90",
        conserved=CONSERVED,
        skipped=(
            SkippedCell(
                cell=Cell(scenario="close", roles=(RoleBackend("main", spec("curio")),)),
                reason="shield: curio has none",
            ),
        ),
        hints={"curio": "install curio: pip install curio, on Python 3.11"},
        environment={"system": "Linux 6.1", "cpu": "AMD EPYC", "cores": 2, "nested": {"a": 1}},
    )


def show(render, run: Run, **options: object) -> str:
    """Return a report of a run."""
    return render(run, compare(run), RenderOptions(**options))
