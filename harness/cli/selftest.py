"""`harness selftest`: are measurements on this machine reliable?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from harness.journal import write_self_test

from .exits import Exit
from .progress import open_progress
from .selection import complete_backend, complete_scenario
from .state import State
from .stored import out_option

_SCENARIO = "switch"
"""Short, on one thread, and bound by the CPU: its errors are those of the machine."""
_PARTS = ("a", "b", "c", "d", "e", "f")


@click.command()
@click.option("--full", is_flag=True, help="600 processes instead of 180, 20 live runs instead of 4, and so on.")
@click.option(
    "--part",
    "parts",
    type=click.Choice(_PARTS),
    multiple=True,
    help="Run only this part (repeatable); a and b run together. The result is then not stored.",
)
@click.option(
    "--backend",
    "-b",
    metavar="SPEC",
    shell_complete=complete_backend,
    help="Backend of the processes [default: the first].",
)
@click.option(
    "--scenario",
    "-s",
    default=_SCENARIO,
    show_default=True,
    metavar="NAME",
    shell_complete=complete_scenario,
    help="Timed scenario of parts a and b; its first row of the preset quick is run.",
)
@out_option
@click.option("--quiet", "-q", is_flag=True, help="Hide progress.")
@click.pass_obj
def selftest(
    state: State,
    /,
    *,
    full: bool,
    parts: tuple[str, ...],
    backend: str | None,
    scenario: str,
    out: Path,
    quiet: bool,
) -> int:
    """Check the verdicts on this machine against planted faults.

    \b
    a  labels are dealt at random to identical processes, and the whole procedure is replayed on them
    b  the same with known differences multiplied in
    c  an arm that really spins 5 % longer is called slower
    d  a client that stands still for 200 ms shows in the response, not in the service time
    e  an arm that never returns is reported within its time-out and 1 s, and costs no other arm a round
    f  cells that are slower when they run first in their round make no difference

    The result of all parts is stored beside the runs, and reports show it. Exits with 1 if a promise is not kept.

    \b
    Examples:
      harness selftest
      harness selftest --full --backend uvloop
      harness selftest --part c --part f
    """
    from harness.host.machine import describe_environment
    from harness.selftest.bench import Bench
    from harness.selftest.part import FULL, SHORT
    from harness.selftest.parts import run_parts, summarise

    @contextmanager
    def watch(title: str) -> Iterator[None]:
        if not quiet:
            click.echo(title, err=True)
        with open_progress(state.plugins, quiet=quiet, colourless=state.colourless):
            yield

    bench = Bench(state.plugins, state.catalogue, out, watch, backend)
    results = []
    for result in run_parts(bench, parts or _PARTS, scenario, FULL if full else SHORT):
        results.append(result)
        click.echo("\n".join(result.lines))
    if set(parts) in (set(), set(_PARTS)):
        figures = {result.name: result.figures for result in results}
        write_self_test(out, summarise(results), describe_environment(state.catalogue.distributions), figures)
    failed = ", ".join(result.name for result in results if not result.passed)
    click.echo(f"failed: the promises of {failed} are not kept on this machine" if failed else "passed")
    return Exit.FINDINGS if failed else Exit.OK
