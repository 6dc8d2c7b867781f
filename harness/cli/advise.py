"""`harness advise`: which backend for a program that uses these features?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.compare.advice import NO_GO, RATE
from harness.journal import RunStore, read_run
from harness.model import NothingSelectedError

from .plain import say
from .profile import split_features
from .state import State
from .stored import complete_run, out_option

if TYPE_CHECKING:
    from harness.compare.advice import Advice, BackendAdvice, Behaviour, MeasuredRow

_MOST = 12
_TIMES = "\N{MULTIPLICATION SIGN}"


@click.command(name="advise")
@click.option(
    "--uses",
    required=True,
    metavar="FEATURE,...",
    help="Features of the program: areas and words such as streams, timeouts, task-groups (repeatable).",
    multiple=True,
)
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Operations a second to sustain."
)
@click.option("--run", "run_name", default="latest", show_default=True, metavar="RUN", shell_complete=complete_run,
              help="Run that has the answers.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@out_option
@click.pass_obj
def advise_on(
    state: State, uses: tuple[str, ...], rate: float | None, run_name: str, out: Path, *, as_json: bool
) -> None:
    """Advise on a runtime for a program, from a stored run.

    For each backend: what loses data, hangs, crashes or leaks in the features that are used, listed or not; then what
    differs by design; then figures. A figure without an interval ranks nothing.

    \b
    Examples:
      harness advise --uses streams,timeouts,task-groups --rate 2000
      harness advise --uses channels --run 20261121-0628
    """
    from harness.compare import compare
    from harness.compare.advice import advise

    wanted = split_features(uses)
    folder = RunStore(out).find(run_name)
    run = read_run(folder)
    catalogue = state.catalogue
    advice = advise(run, compare(run), wanted, catalogue.scenarios, catalogue.expectations)
    if not advice.rows:
        areas = ", ".join(dict.fromkeys(name.partition(".")[0] for name in state.catalogue.scenarios))
        raise NothingSelectedError(
            f"run {folder.name} has no row about {', '.join(wanted)}; features are {areas}, or run them: harness matrix"
        )
    if as_json:
        from .documents import encode

        say(encode(advice))
        return
    say(f"from run {folder.name}, {advice.rows} rows about {', '.join(wanted)}")
    for use in advice.unknown:
        say(f"nothing is known about {use}: the run has no row for it")
    paced = [s.name for s in state.catalogue.scenarios.values() if any(p.name == RATE for p in s.parameters)]
    for line in describe_advice(advice, rate, paced):
        say(line)


def describe_advice(advice: Advice, rate: float | None, paced: Sequence[str] = ()) -> Iterator[str]:
    """Yield the advice on each backend; those with fewer no-go's first.

    Args:
        advice: on the backends of a run.
        rate: that the program needs, in 1/s.
        paced: scenarios that have a rate, to measure with.
    """
    for backend in sorted(advice.backends, key=lambda each: len(each.no_gos)):
        yield ""
        count = len(backend.no_gos)
        plural = "s" if count != 1 else ""
        yield f"{backend.label}: " + (f"{count} no-go{plural}" if count else "no no-go among the features in use")
        yield from _lines("no-go", [_describe(each) for each in backend.no_gos], most=None)
        yield from _lines("differs", [_describe(each) for each in backend.differences], most=_MOST)
        yield from _lines("by design", [_describe_answer(each) for each in backend.by_design], most=_MOST)
        yield from _lines("cannot run", backend.absent, most=_MOST)
        yield from _lines("figure", [_describe_figure(each) for each in backend.figures], most=_MOST)
        yield from _lines("not measured", backend.not_measured, most=_MOST)
        if rate is not None:
            yield f"  rate          {_describe_rate(backend, rate, paced)}"


def _lines(name: str, texts: Sequence[str], most: int | None) -> Iterator[str]:
    for text in texts[:most]:
        yield f"  {name:12}  {text}"
    if most is not None and len(texts) > most:
        yield f"  {name:12}  and {len(texts) - most} more"


def _describe(behaviour: Behaviour) -> str:
    listed = f"; known: {behaviour.known}" if behaviour.known else ""
    unseen = "" if behaviour.is_seen else " (not seen in this run)"
    return f"{behaviour.harm}: {behaviour.row} on {behaviour.label}: {behaviour.text}{listed}{unseen}"


def _describe_answer(behaviour: Behaviour) -> str:
    harm = f"{behaviour.harm}: " if behaviour.harm in NO_GO else ""
    return f"{harm}{behaviour.row} on {behaviour.label}: {behaviour.text}"


def _describe_figure(figure: MeasuredRow) -> str:
    text = f"{figure.row}: {figure.median:.4g} {figure.unit}"
    if figure.ratio is None:
        return text
    if figure.low is None or figure.high is None:
        return f"{text}, {_TIMES}{figure.ratio:.2f} without an interval: no ranking (more rounds give one)"
    return f"{text}, {_TIMES}{figure.ratio:.2f} [{figure.low:.2f}, {figure.high:.2f}] {figure.verdict or ''}".rstrip()


def _describe_rate(backend: BackendAdvice, rate: float, paced: Sequence[str]) -> str:
    commands = (f"harness run -b {backend.label} -s {name} --param rate={rate:g} --rounds 8" for name in paced[:1])
    measure = "".join(f"; measure it: {command}" for command in commands)
    if backend.headroom is None:
        return f"{rate:g}/s: not measured in this run{measure}"
    if backend.headroom < rate:
        return f"measured up to {backend.headroom:g}/s, not at {rate:g}/s{measure}"
    return f"{rate:g}/s: sustained up to {backend.headroom:g}/s, {backend.headroom / rate:.1f} times as much"
