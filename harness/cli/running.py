"""What `run` and `matrix` share: execute a request with live progress, print the report, choose the exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from harness.host.machine import describe_load
from harness.host.noise import SECONDS, probe_noise
from harness.host.signals import INTERRUPTS
from harness.journal import RunStore, read_run
from harness.model import FindingKind, Outcome, Request, UsageError
from harness.session import RunOutcome, plan_request, read_outcome, resume_session, run_session
from harness.suite.stage import choose_stage

from .env import create_missing
from .exits import Exit
from .expectation_files import read_all
from .orders import ask_once
from .plain import is_gone, say
from .progress import open_noise_progress, open_progress
from .rendering import render, write_report
from .selection import build_request
from .since import add_changes
from .state import State

_SHARE_FOR_NOISE = 0.02
_SHORT_LOOK = 0.2


def run_and_report(
    state: State,
    *,
    renderer: str,
    out: Path,
    expectation_files: Sequence[Path],
    json_file: str | None,
    create_envs: bool,
    jobs: int,
    fresh: bool,
    quiet: bool,
    verbose: bool,
    asks_orders: bool = False,
    **selection: Any,
) -> int:
    """Run the selected cells, print the report and return the exit code.

    With `asks_orders`, questions without stored answers under many orders of steps are asked first.
    """
    request = build_request(**selection)
    if create_envs:
        create_missing(request, state.catalogue)
    expectations = read_all(expectation_files)
    check_target(json_file)
    state.warn_about_broken_plugins()
    quiet_progress = quiet or json_file == "-"
    if asks_orders:
        plan_request(request, state.catalogue)  # a request that cannot be planned asks nothing
        ask_once(state, out, request.backends, jobs, quiet=quiet_progress)
    look = partial(_look_for_noise, request, quiet=quiet_progress, colourless=state.colourless)
    with open_progress(state.plugins, quiet=quiet_progress, colourless=state.colourless, lanes=jobs):
        outcome = run_session(
            request,
            state.plugins,
            state.catalogue,
            RunStore(out),
            expectations,
            jobs,
            look,
            fresh=fresh,
            watch=state.watch,
        )
    return _report(state, outcome, renderer, json_file, verbose - quiet)


def _look_for_noise(request: Request, *, quiet: bool, colourless: bool) -> dict[str, str]:
    """Return how quiet the machine is before a run, and its load; it takes a small part of the time.

    A run that gives no verdict on speed gets a short look: a busy machine explains more than figures.
    """
    if not request.judges_figures:
        return {"noise": f"{probe_noise(_SHORT_LOOK).text}, {describe_load()}"}
    seconds = SECONDS if request.budget is None else min(SECONDS, request.budget * _SHARE_FOR_NOISE)
    with open_noise_progress(quiet=quiet, colourless=colourless) as tick:
        return {"noise": f"{probe_noise(seconds, tick).text}, {describe_load()}"}


def run_request(state: State, request: Request, out: Path, jobs: int, *, fresh: bool, quiet: bool) -> RunOutcome:
    """Run a request that a command made by itself."""
    with open_progress(state.plugins, quiet=quiet, colourless=state.colourless, lanes=jobs):
        return run_session(request, state.plugins, state.catalogue, RunStore(out), lanes=jobs, fresh=fresh)


def report_outcome(state: State, outcome: RunOutcome, renderer: str, json_file: str | None) -> int:
    """Print the report of a run and return the exit code."""
    return _report(state, outcome, renderer, json_file, 0)


def write_reports(state: State, outcome: RunOutcome, targets: Mapping[str, Path | None]) -> None:
    """Write a run in each format that has a file.

    Raises:
        UsageError: a file cannot be written.
    """
    for name, path in targets.items():
        if path is not None:
            write_report(path, render(state, name, outcome.run, outcome.comparison, outcome.folder), outcome.folder)


def resume_and_report(state: State, folder: Path, *, jobs: int, fresh: bool, quiet: bool, verbose: bool) -> int:
    """Run the remaining cells of a run, print the report of the whole and return the exit code."""
    state.warn_about_broken_plugins()
    catalogue, stage = choose_stage(read_run(folder).started.request, state.catalogue)
    with open_progress(state.plugins, quiet=quiet, colourless=state.colourless, lanes=jobs):
        outcome = resume_session(folder, state.plugins, catalogue, jobs, stage, fresh=fresh)
    return _report_whole(state, outcome, verbose - quiet)


def report_stored(state: State, folder: Path, *, verbosity: int) -> int:
    """Print the report of a run that had no progress display, and return the exit code."""
    return _report_whole(state, read_outcome(folder), verbosity)


def _report_whole(state: State, outcome: RunOutcome, verbosity: int) -> int:
    """Print the report that belongs to the run, and return the exit code."""
    if outcome.run.started.request.suite is not None:
        from .suite import report_suite  # it imports this module

        return report_suite(state, outcome, None, verbose=verbosity > 0)
    return _report(state, outcome, "terminal", None, verbosity)


def _report(state: State, outcome: RunOutcome, renderer: str, json_file: str | None, verbosity: int) -> int:
    """Make every report that there is to make; what fails of it costs the others nothing."""
    failed: list[Exception] = []
    page: list[Path] = []
    steps: list[Callable[[], object]] = [
        state.warn_about_broken_plugins,  # a listener may have failed meanwhile
        lambda: page.extend(_write_page(state, outcome)),
    ]
    if json_file is not None:
        steps.append(partial(_write_json, state, outcome, json_file))
    if json_file != "-":
        steps.append(partial(_print, state, outcome, renderer, verbosity))
        steps.append(lambda: _print_paths(state, outcome, page))
    if missing := describe_missing(outcome):
        steps.append(partial(say, f"harness: {missing}", err=True))
    if outcome.notice:
        steps.append(partial(say, f"harness: {outcome.notice}", err=True))
    for step in steps:
        try:
            step()
        except Exception as exc:  # noqa: BLE001 - an error of a plugin, or output without a reader
            failed += [] if is_gone(exc) else [exc]
    if failed:
        raise failed[0]
    return exit_code(outcome)


def exit_code(outcome: RunOutcome) -> int:
    """Return the exit code of a run."""
    if outcome.notice:
        return Exit.INCOMPLETE
    if outcome.interrupted:
        return INTERRUPTS.exit_code
    if any(finding.kind is FindingKind.HARNESS_FAULT for finding in outcome.comparison.findings):
        return Exit.HARNESS_FAULT
    if describe_missing(outcome):
        return Exit.NOTHING_SELECTED
    verdict = outcome.comparison.drop_in
    if outcome.comparison.unexpected if verdict is None else not verdict.is_drop_in:
        return Exit.FINDINGS
    return Exit.INCOMPLETE if outcome.comparison.incomplete else Exit.OK


def describe_missing(outcome: RunOutcome) -> str:
    """Print the packages to install if no cell could run because no backend is installed."""
    outcomes = {record.result.outcome for record in outcome.run.records}
    if Outcome.UNAVAILABLE not in outcomes or outcomes - {Outcome.UNAVAILABLE, Outcome.UNSUPPORTED}:
        return ""
    hints = {card.label: card.install_hint for card in outcome.run.started.backends}
    missing = (
        f"{label}: {finding.reason}" + (f" ({hints[label]})" if hints.get(label) else "")
        for finding in outcome.comparison.findings
        if finding.kind is FindingKind.UNAVAILABLE
        for label in finding.backends
    )
    return f"nothing ran: {'; '.join(missing)}"


def check_target(json_file: str | None) -> None:
    """Raise `UsageError` if the JSON report cannot be written, before the run and not after minutes of it."""
    if json_file in (None, "-"):
        return
    target = Path(json_file)
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        what = "it is a folder" if target.is_dir() else "its folder is not there, or one of them is not writable"
        raise UsageError(f"cannot write {target}: {what}")


def _print(state: State, outcome: RunOutcome, renderer: str, verbosity: int) -> None:
    text = render(state, renderer, outcome.run, outcome.comparison, outcome.folder, verbosity)
    click.echo(text, color=state.colour)


def _write_page(state: State, outcome: RunOutcome) -> Iterator[Path]:
    """Write the shareable report into the run's folder; nothing if no plugin brings that format."""
    renderer = state.catalogue.renderers.get("html")
    if renderer is None:
        return
    page = outcome.folder / f"report{renderer.suffix}"
    text = render(
        state, "html", outcome.run, outcome.comparison, outcome.folder, adjust=lambda o: add_changes(o, outcome)
    )
    write_report(page, text, outcome.folder)
    yield page


def _print_paths(state: State, outcome: RunOutcome, pages: Iterable[Path]) -> None:
    run_path = state.options(outcome.folder, 0).run_path
    for page in pages:
        click.echo(f"report: {run_path}/{page.name}")
    click.echo(f"run: {run_path}")


def _write_json(state: State, outcome: RunOutcome, target: str) -> None:
    text = render(state, "json", outcome.run, outcome.comparison, outcome.folder)
    if target == "-":
        click.echo(text)
    else:
        write_report(Path(target), text, outcome.folder)
