"""`harness explore`: generated programs under seeded schedules, for as long as there is time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import structs

from harness.model import Request, Step, UsageError

from .plain import say
from .selection import complete_backend, default_jobs, parse_seconds
from .state import State
from .stored import out_option

if TYPE_CHECKING:
    from harness.explore.summary import Finding, Summary
    from harness.session import RunOutcome

_SECONDS = 60.0
_TIMED_BATCH = 500
"""Programs of a cell in a run by time: each cell costs a start and the confirmation of its findings."""
_MOST_FINDINGS = 12


@click.command()
@click.option(
    "--backend",
    "-b",
    "backends",
    multiple=True,
    metavar="SPEC",
    shell_complete=complete_backend,
    help="Backend spec (repeatable) [default: every backend whose schedule can be controlled].",
)
@click.option("--only", metavar="FAMILY,...", help="Families of programs, e.g. lock,condition [default: all].")
@click.option("--programs", type=click.IntRange(1), metavar="N", help="Number of programs per family and backend.")
@click.option(
    "--time", "seconds", type=parse_seconds, metavar="TIME", help="Time budget without --programs [default: 60s]."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of programs and schedules.")
@click.option("--schedules", type=click.IntRange(1), metavar="N", help="Number of schedules per program.")
@click.option(
    "--deviations",
    type=click.IntRange(0, 2),
    default=0,
    metavar="N",
    help="Also run small programs in every order with at most N deviations from the native one.",
)
@click.option(
    "--against",
    metavar="BACKEND",
    shell_complete=complete_backend,
    help="Also report programs that reach no final state in common with this backend.",
)
@click.option("--replay", metavar="FAMILY/SEED/N", help="Run one program again, with its trace.")
@click.option("--saboteurs", is_flag=True, help="Run deliberately broken backends to check that each fault is found.")
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1),
    default=default_jobs,
    metavar="N",
    help="Number of batches to run in parallel.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress; only the summary.")
@click.option("--verbose", "-v", is_flag=True, help="Also the smallest program of each finding.")
@out_option
@click.pass_obj
def explore(
    state: State,
    *,
    backends: tuple[str, ...],
    only: str | None,
    programs: int | None,
    seconds: float | None,
    seed: int,
    schedules: int | None,
    deviations: int,
    against: str | None,
    replay: str | None,
    saboteurs: bool,
    jobs: int,
    quiet: bool,
    verbose: bool,
    out: Path,
) -> int:
    """Check the contract with generated programs and schedules.

    What fails is made smaller, confirmed on the unmodified runtime and written as a stand-alone script into the folder
    of the run.

    \b
    Examples:
      harness explore
      harness explore -b trio -b asyncio:eager=true --only lock,condition --programs 100000 --seed 7
      harness explore --replay condition/7/8412 -b trio
    """
    from harness.journal import RunStore
    from harness.session import run_session

    from .explore_progress import open_explore_progress
    from .running import exit_code

    if saboteurs and (backends or replay):
        raise UsageError("--saboteurs selects the programs and backends; leave out --backend and --replay")
    request = _make_request(state, backends, only, programs, seconds, seed, schedules, deviations, against, replay)
    if saboteurs:
        request = _on_saboteurs(request)
    state.warn_about_broken_plugins()
    with open_explore_progress(state.plugins, quiet=quiet):
        outcome = run_session(request, state.plugins, state.catalogue, RunStore(out), lanes=jobs)
    if saboteurs:
        return _print_score(state, outcome)
    if replay is not None:
        _print_trace(outcome)
    _print(state, outcome, against or "", verbose=verbose or replay is not None)
    return exit_code(outcome)


def _make_request(
    state: State,
    backends: tuple[str, ...],
    only: str | None,
    programs: int | None,
    seconds: float | None,
    seed: int,
    schedules: int | None,
    deviations: int,
    against: str | None,
    replay: str | None,
) -> Request:
    from harness.explore.scenarios import BATCH, PREFIX

    parameters: list[tuple[str, str]] = [("schedules", str(schedules))] if schedules else []
    parameters += [("deviations", str(deviations))] if deviations else []
    if against is not None:
        parameters.append(("against", _find_schedules(state, against)))
    families = only.split(",") if only else ["*"]
    rounds = 1
    duration: float | None = seconds or _SECONDS
    if programs is None and replay is None:
        parameters.append(("programs", str(_TIMED_BATCH)))
    if programs is not None:
        rounds, duration = -(-programs // BATCH), None
        parameters.append(("programs", str(min(programs, BATCH))))
    if replay is not None:
        family, seed_text, number = _parse_replay(replay, only)
        families, duration = [family], None
        parameters += [("seed", seed_text), ("first", number), ("programs", "1"), ("trace", "true")]
    return Request(
        backends=backends or tuple(controlled(state)),
        scenarios=tuple(f"{PREFIX}{family}" for family in families),
        preset="",
        parameters=tuple(parameters),
        rounds=rounds,
        seed=seed,
        stress_duration=duration,
    )


def _find_schedules(state: State, backend: str) -> str:
    if not (found := state.catalogue.backend(backend).schedules):
        raise UsageError(f"cannot compare with {backend}: a schedule cannot control it")
    return found


def _on_saboteurs(request: Request) -> Request:
    return structs.replace(request, backends=(), saboteurs=True, stress_duration=None)


def controlled(state: State) -> Iterator[str]:
    """Yield the backends whose schedule can be controlled, and that are healthy."""
    for backend in state.catalogue.backends.values():
        if backend.schedules and not backend.control:
            yield backend.name


def _parse_replay(text: str, only: str | None) -> tuple[str, str, str]:
    parts = text.split("/")
    if len(parts) == 2 and only and "," not in only:
        parts = [only, *parts]
    if len(parts) != 3 or not all(part.isdecimal() for part in parts[1:]):
        raise UsageError(f"cannot replay {text!r}: a program is named FAMILY/SEED/N, or SEED/N with --only FAMILY")
    return parts[0], parts[1], parts[2]


# --- output ---


def _print_score(state: State, outcome: RunOutcome) -> int:
    """Print which faults were found; return the exit code for a fault that was not."""
    from harness.explore.summary import score

    from .exits import Exit

    found = score(outcome.run, {name: each.spec for name, each in state.catalogue.saboteurs.items()})
    for each in found:
        say(f"{'found ' if each.found else 'missed'}  {each.fault:34} {each.family:10} {each.how}")
    say(f"\n{sum(each.found for each in found)} of {len(found)} faults that the grammar can express are found")
    return Exit.OK if all(each.found for each in found) else Exit.FINDINGS


def _print_trace(outcome: RunOutcome) -> None:
    for record in outcome.run.records:
        say(record.cell.id)
        for each in record.observations:
            if isinstance(each, Step):
                say(f"  {each.actor}: {each.what}")


def _print(state: State, outcome: RunOutcome, against: str, *, verbose: bool) -> None:
    from harness.explore.summary import summarise

    summary = summarise(outcome.run, outcome.comparison.known)
    run_path = state.options(outcome.folder, 0).run_path
    _write_scripts(outcome.folder, summary.findings)
    say(_headline(summary, outcome.run.started.request.seed))
    for line in _grid(summary):
        say(line)
    shown = [each for each in summary.findings if verbose or not each.excluded]
    shown = shown if verbose else shown[:_MOST_FINDINGS]
    for finding in shown:
        _print_finding(finding, run_path, verbose=verbose)
    if len(summary.findings) > len(shown):
        say(f"\n{len(summary.findings) - len(shown)} more (-v shows them)")
    _print_differences(summary, against)
    say(f"\nrun: {run_path}")


def _headline(summary: Summary, seed: int) -> str:
    programs, runs, states = (summary.total(each) for each in ("programs", "runs", "distinct final states"))
    failing = summary.total("failing programs")
    findings = [each for each in summary.findings if not each.excluded]
    known = sum(bool(each.known) for each in findings)
    return (
        f"{programs:,} programs, {runs:,} runs, {states:,} final states, "
        f"{failing:,} failing programs in {len(findings)} findings ({known} known); seed {seed}"
    )


def _grid(summary: Summary) -> Iterator[str]:
    """Yield a line for each backend: the failing programs of each family, or a dot."""
    width = max((len(backend) for backend in summary.backends), default=0)
    columns = {family: max(len(family), 7) for family in summary.families}
    yield ""
    yield "  ".join([" " * width, *(family.rjust(columns[family]) for family in summary.families)])
    for backend in summary.backends:
        squares = (_square(summary, backend, family).rjust(columns[family]) for family in summary.families)
        yield "  ".join([backend.ljust(width), *squares])


def _square(summary: Summary, backend: str, family: str) -> str:
    tally = summary.tallies.get((backend, family))
    if tally is None:
        return ""
    if not tally.counts["programs"]:
        return next(iter(tally.outcomes), "")[:7]
    failing = tally.counts["failing programs"]
    return f"{failing:,}" if failing else "·"


def _print_finding(finding: Finding, run_path: str, *, verbose: bool) -> None:
    smallest = finding.smallest
    programs = f"{finding.count:,} program{'s' * (finding.count != 1)}"
    say(f"\n{finding.backend} {finding.family}: {finding.clause} ({programs})")
    if finding.known:
        say(f"  known     {finding.known}")
    say(f"  smallest  {smallest['operations']} operations: {smallest['detail'].splitlines()[0]}")
    say(f"  confirmed {smallest['label']}: {smallest['stock']} on the unmodified runtime with the real clock")
    if smallest["script"]:
        checked = "exits with 1" if smallest["script_fails"] else "does not fail by itself"
        say(f"  script    {run_path}/found/{finding.file_name} ({checked})")
    deviations = " --deviations 2" if smallest["found_under"].startswith("deviations") else ""
    say(f"  again     harness explore --replay {smallest['program']} -b {finding.backend}{deviations}")
    if verbose:
        for line in smallest["text"]:
            say(f"            {line}")


def _print_differences(summary: Summary, against: str) -> None:
    from harness.explore.difference import list_lines

    for (backend, family), difference in summary.differences.items():
        count = summary.tallies[backend, family].counts["differing programs"]
        programs = f"{count:,} program{'s' * (count != 1)}"
        say(f"\n{backend} {family}: no final state in common with {against} in {programs}; the smallest:")
        for line in list_lines(difference, backend, against):
            say(f"  {line}")


def _write_scripts(folder: Path, findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.smallest["script"]:
            target = folder / "found" / finding.file_name
            target.parent.mkdir(exist_ok=True)
            target.write_text(finding.smallest["script"], encoding="utf-8")
