"""`harness suite`: an existing test suite, unchanged, on several backends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import structs

from harness.model import JournalError, NothingSelectedError, Request, RowId, Run, Suite, UsageError

from .plain import say
from .selection import complete_backend, parse_seconds
from .state import State
from .stored import out_option

if TYPE_CHECKING:
    from harness.compare.suites import OrderBreach, SuiteCause, SuiteDifference, SuiteSummary
    from harness.session import RunOutcome

_UNITTEST = "unittest:"
_MOST_TESTS = 5
_MOST_CAUSES = 20


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="TARGET... [-- RUNNER_ARGUMENT...]")
@click.option(
    "--backend", "-b", "backends", multiple=True, required=True, metavar="SPEC", shell_complete=complete_backend,
    help="Backend spec (repeatable); the first one is the reference.",
)  # fmt: skip
@click.option("-k", "expression", default="", metavar="EXPR", help="Only tests that match, as -k of their runner.")
@click.option("-m", "marks", default="", metavar="EXPR", help="Only tests with these marks (pytest).")
@click.option("--exitfirst", "-x", "exit_first", is_flag=True, help="Stop on a backend after its first failure.")
@click.option(
    "--last-failed", "--lf", "last_failed", is_flag=True,
    help="Only tests that did not pass everywhere in the last run of these targets.",
)  # fmt: skip
@click.option("--durations", type=click.IntRange(0), default=0, metavar="N", help="Show the N slowest tests.")
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="Repeat the suite.")
@click.option(
    "--schedules", type=click.IntRange(0), default=0, metavar="N",
    help="Run each asynchronous test that passes under N further orders of steps.",
)  # fmt: skip
@click.option("--replay", type=click.IntRange(0), default=0, metavar="SEED", help="Only the order of this seed.")
@click.option(
    "--hang-after", type=parse_seconds, default="30s", show_default=True, metavar="TIME",
    help="A test hangs if none of its phases begins or ends for this long.",
)  # fmt: skip
@click.option("--partition", default="", metavar="K/N", help="Run one of N parts of the tests (see merge).")
@click.option("--max-hangs", type=click.IntRange(1), metavar="N", help="Stop after N hung tests.")
@click.option(
    "--expectations", "expectation_files", multiple=True, type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE", help="TOML file of known differences (repeatable).",
)  # fmt: skip
@click.option("--json", "json_file", metavar="FILE", help="Also write the JSON report to FILE.")
@click.option("--quiet", "-q", is_flag=True, help="No progress; only the summary.")
@click.option("--verbose", "-v", is_flag=True, help="Every test of each cause.")
@out_option
@click.pass_obj
def suite(
    state: State,
    *,
    targets: tuple[str, ...],
    backends: tuple[str, ...],
    expression: str,
    marks: str,
    exit_first: bool,
    last_failed: bool,
    durations: int,
    rounds: int,
    schedules: int,
    replay: int,
    hang_after: float,
    partition: str,
    max_hangs: int | None,
    expectation_files: tuple[Path, ...],
    json_file: str | None,
    quiet: bool,
    verbose: bool,
    out: Path,
) -> int:
    """Run an existing test suite on each event loop.

    TARGET is what pytest takes (files, folders, test ids), or unittest:MODULE. The suite is not changed: its own runner
    runs it in a worker process for each backend. Each test is a row. What differs is run again alone.

    \b
    Examples:
      harness suite tests/ -b asyncio -b uvloop
      harness suite tests/ -b asyncio -b asyncio:loop=rloop --rounds 20 -- -k streams
      harness suite unittest:test.test_asyncio.test_locks -b asyncio -b uvloop
    """
    from harness.journal import RunStore
    from harness.session import run_session
    from harness.suite.stage import choose_stage

    from .expectation_files import read_all
    from .progress import open_progress
    from .running import check_target

    check_target(json_file)
    expectations = read_all(expectation_files)
    chosen = _choose_tests(_make_suite(targets), expression, marks, exit_first=exit_first)
    request = Request(
        backends=backends,
        preset="",
        rounds=rounds,
        partition=partition,
        max_hangs=max_hangs,
        suite=structs.replace(chosen, hang_after=hang_after, schedules=schedules, replay=replay),
    )
    request = _collect(state, request)
    if last_failed and request.suite is not None:
        request = structs.replace(request, suite=_select_failed(request.suite, out))
    state.warn_about_broken_plugins()
    catalogue, stage = choose_stage(request, state.catalogue)
    with open_progress(state.plugins, quiet=quiet or json_file == "-", colourless=state.colourless):
        outcome = run_session(request, state.plugins, catalogue, RunStore(out), expectations, stage=stage)
    return report_suite(state, outcome, json_file, verbose=verbose, durations=durations)


def _make_suite(targets: tuple[str, ...]) -> Suite:
    """Return the suite of the arguments: targets, and behind them options of its runner."""
    first = next((place for place, word in enumerate(targets) if word.startswith("-")), len(targets))
    names, arguments = targets[:first], targets[first:]
    modules = [name.removeprefix(_UNITTEST) for name in names if name.startswith(_UNITTEST)]
    if modules and len(modules) < len(names):
        raise UsageError("pytest and unittest targets cannot be mixed; run them one after the other")
    if modules:
        return Suite(runner="unittest", targets=tuple(modules), arguments=arguments)
    for name in names:
        if not Path(name.partition("::")[0]).exists():
            raise UsageError(f"there is no file or folder {name.partition('::')[0]!r}; for modules: {_UNITTEST}MODULE")
    return Suite(runner="pytest", targets=names, arguments=arguments)


def _choose_tests(suite: Suite, expression: str, marks: str, *, exit_first: bool) -> Suite:
    """Return the suite with the runner's own options for a part of its tests."""
    if marks and suite.runner != "pytest":
        raise UsageError("unittest has no marks: use -k")
    added = (*(("-k", expression) if expression else ()), *(("-m", marks) if marks else ()))
    return structs.replace(suite, arguments=(*added, *(("-x",) if exit_first else ()), *suite.arguments))


def _select_failed(suite: Suite, out: Path) -> Suite:
    """Return the suite with the tests that did not pass in the last run of its targets; with all if there is none.

    A stored run that cannot be read is passed over.
    """
    from harness.compare import list_failed
    from harness.journal import RunStore, read_header, read_run

    for folder in reversed(RunStore(out).runs()):
        try:
            last = read_header(folder).request.suite
            if last is None or (last.runner, last.targets) != (suite.runner, suite.targets):
                continue
            failed = list_failed(read_run(folder))
        except JournalError:
            continue
        files = {name: file for name, file in suite.files.items() if name in failed}
        if not files:
            raise NothingSelectedError(f"every test of {' '.join(suite.targets)} passed in {folder.name}")
        return structs.replace(suite, files=files)
    return suite


def _collect(state: State, request: Request) -> Request:
    """Return the request with the tests of its suite, as they are found on the first backend."""
    from harness.host.interpreters import resolve_environments
    from harness.plan import select_backends
    from harness.suite.batch import collect, family_of

    assert request.suite is not None
    request, catalogue = resolve_environments(request, state.catalogue)
    specs = select_backends(request.backends, catalogue)
    for spec in specs:
        if not catalogue.backend_of(spec).in_force:
            raise UsageError(
                f"backend {spec} cannot run a test suite: it declares no way to put its scheduler in force"
            )
    with tempfile.TemporaryDirectory(prefix="harness-suite-") as folder:
        assert request.suite is not None
        families = tuple(dict.fromkeys(family_of(catalogue.backend_of(spec)) for spec in specs))
        suite = structs.replace(request.suite, families=families if len(families) > 1 else ())
        return structs.replace(request, suite=collect(suite, specs[0], catalogue, Path(folder)))


# --- output ---


def report_suite(state: State, outcome: RunOutcome, json_file: str | None, *, verbose: bool, durations: int = 0) -> int:
    """Write the reports of a suite's run, print its summary and return the exit code."""
    from .running import exit_code, write_reports

    write_reports(state, outcome, {"html": outcome.folder / "report.html"})
    if json_file == "-":
        from .rendering import render

        click.echo(render(state, "json", outcome.run, outcome.comparison, outcome.folder))
        return exit_code(outcome)
    write_reports(state, outcome, {"json": Path(json_file) if json_file else None})
    return show_suite(state, outcome, verbose=verbose, durations=durations)


def show_suite(state: State, outcome: RunOutcome, *, verbose: bool, durations: int = 0) -> int:
    """Print the summary of a suite's run and return the exit code."""
    from harness.compare import summarise_suite

    from .running import exit_code

    summary = summarise_suite(outcome.run)
    unexpected = {finding.row for finding in outcome.comparison.findings if finding.kind.unexpected}
    known = frozenset(found.row for cause in summary.causes for found in cause.differences) - unexpected
    for line in describe_suite(summary, known, verbose=verbose):
        say(line)
    for line in _list_slowest(outcome.run, durations):
        say(line)
    if outcome.comparison.incomplete:
        say(f"incomplete: {outcome.comparison.incomplete}")
    run_path = state.options(outcome.folder, 0).run_path
    say(f"\nreport: {run_path}/report.html\nrun: {run_path}")
    return exit_code(outcome)


def describe_suite(
    summary: SuiteSummary, known: frozenset[RowId] = frozenset(), *, verbose: bool = False
) -> Iterator[str]:
    """Yield the lines of the summary: counts, each cause with its tests, and what could not be asked.

    Args:
        summary: of the run.
        known: tests that differ as an expectation has it.
        verbose: whether every test of a cause is named.
    """
    yield _headline(summary)
    most = len(summary.causes) if verbose else _MOST_CAUSES
    for number, cause in enumerate(summary.causes[:most], 1):
        yield from _describe_cause(number, cause, known, verbose=verbose)
    if len(summary.causes) > most:
        yield f"\n{len(summary.causes) - most} more causes (-v shows them)"
    if summary.not_asked:
        yield ""
    for label, reasons in summary.not_asked.items():
        yield from (f"{label}: {count} {reason}" for reason, count in reasons.items())
    for scheduler, count in summary.fixed.items():
        yield f"{count} {_plural(count, 'test')} with {scheduler} on every backend: the suite chooses it"
    yield from _describe_orders(summary, verbose=verbose)
    for title, names in (("broken on all", summary.broken), ("leaks on all", summary.leaking)):
        if names:
            yield f"\n{title}, no findings: {_list_names(names, verbose=verbose)}"
    if summary.changes:
        yield f"\nadded to the suite's arguments: {' '.join(summary.changes)}"


def _describe_orders(summary: SuiteSummary, *, verbose: bool) -> Iterator[str]:
    """Yield what other orders of steps showed, with the command that shows it again."""
    if not summary.asked_orders:
        return
    by_test: dict[str, list[OrderBreach]] = {}
    for breach in summary.breaches:
        by_test.setdefault(breach.row.scenario, []).append(breach)
    asked = summary.asked_orders
    yield f"\nunder other orders of steps: {len(by_test)} of {asked} {_plural(asked, 'test')} fail"
    for test, breaches in tuple(by_test.items())[: len(by_test) if verbose else _MOST_CAUSES]:
        yield f"   {test}"
        for breach in breaches:
            failed, rounds = breach.rounds
            times = f", in {failed} of {rounds} rounds" if rounds > 1 else ""
            yield f"      {breach.label}: {breach.error} (first {breach.order}{times})"
        yield f"      again: {breaches[0].command}"


def _list_names(names: tuple[str, ...], *, verbose: bool) -> str:
    more = len(names) - _MOST_TESTS
    return ", ".join(names if verbose else names[:_MOST_TESTS]) + (
        f" and {more} more" if more > 0 and not verbose else ""
    )


def _list_slowest(run: Run, count: int) -> Iterator[str]:
    if count:
        yield "\nslowest tests:"
    for record in sorted(run.records, key=lambda record: -record.result.seconds)[:count]:
        yield f"   {record.result.seconds:.2f} s {record.cell.scenario} on {record.cell.label}"


def _headline(summary: SuiteSummary) -> str:
    parts = [f"{summary.tests:,} {_plural(summary.tests, 'test')}, {summary.agree:,} agree"]
    for label in dict.fromkeys(cause.label for cause in summary.causes):
        causes = [cause for cause in summary.causes if cause.label == label]
        count = sum(len(cause.differences) for cause in causes)
        parts.append(f"{count} worse on {label}: {len(causes)} {_plural(len(causes), 'cause')}")
    if summary.not_run:
        parts.append(f"{summary.not_run} not run")
    if summary.hung:
        parts.append(f"{summary.hung} hang")
    if summary.broken:
        parts.append(f"{len(summary.broken)} broken on all")
    return "; ".join(parts)


def _describe_cause(number: int, cause: SuiteCause, known: frozenset[RowId], *, verbose: bool) -> Iterator[str]:
    count = len(cause.differences)
    place = f" in {cause.place}" if cause.place else ""
    yield f"\n{number}. {cause.label}: {cause.title}{place}"
    asked = [found for found in cause.differences if found.is_repeated is not None]
    repeated = sum(1 for found in asked if found.is_repeated)
    alone = f", {repeated} of {len(asked)} differ alone" if asked else ""
    expected = sum(1 for found in cause.differences if found.row in known)
    also = f", {expected} known" if expected else ""
    yield f"   {cause.kind} ({count} {_plural(count, 'test')}{alone}{also})"
    shown = cause.differences if verbose else cause.differences[:_MOST_TESTS]
    yield from map(_describe_test, shown)
    if count > len(shown):
        yield f"   … {count - len(shown)} more (-v shows them)"


def _describe_test(found: SuiteDifference) -> str:
    return f"   {found.row.scenario}: {_endings(found.seen)} (elsewhere {_endings(found.usual)})"


def _endings(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{ending} {count} of {total}" for ending, count in counts.items())


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
