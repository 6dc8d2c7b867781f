"""What `run` and `matrix` share: execute a request with live progress, print the report, choose the exit code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from harness.expectations import read_expectations
from harness.journal import RunStore
from harness.model import FindingKind, UsageError
from harness.session import RunOutcome, resume_session, run_session

from .exits import Exit
from .progress import open_progress
from .selection import build_request
from .state import State


def run_and_report(
    state: State,
    *,
    renderer: str,
    out: Path,
    expectation_files: Sequence[Path],
    json_file: str | None,
    jobs: int,
    quiet: bool,
    verbose: bool,
    **selection: Any,
) -> int:
    """Run what the options select, print the report and return the exit code."""
    request = build_request(**selection)
    expectations = tuple(expectation for file in expectation_files for expectation in read_expectations(file))
    _check_target(json_file)
    state.warn_about_broken_plugins()
    with open_progress(quiet=quiet or json_file == "-", colourless=state.colourless) as progress:
        outcome = run_session(request, state.plugins, state.catalogue, RunStore(out), progress, expectations, jobs)
    return _report(state, outcome, renderer, json_file, verbose - quiet)


def resume_and_report(state: State, folder: Path, *, jobs: int, quiet: bool, verbose: bool) -> int:
    """Run what a run has left over, print the report of the whole and return the exit code."""
    state.warn_about_broken_plugins()
    with open_progress(quiet=quiet, colourless=state.colourless) as progress:
        outcome = resume_session(folder, state.plugins, state.catalogue, progress, jobs)
    return _report(state, outcome, "terminal", None, verbose - quiet)


def _report(state: State, outcome: RunOutcome, renderer: str, json_file: str | None, verbosity: int) -> int:
    state.warn_about_broken_plugins()  # a listener may have failed meanwhile
    if json_file != "-":
        _print(state, outcome, renderer, verbosity)
    page = _write_page(state, outcome)
    if json_file != "-":
        _print_paths(state, outcome, page)
    if json_file is not None:
        _write_json(state, outcome, json_file)
    return exit_code(outcome)


def exit_code(outcome: RunOutcome) -> Exit:
    """Return what a run's exit code is."""
    if outcome.interrupted:
        return Exit.INTERRUPTED
    if any(finding.kind is FindingKind.HARNESS_FAULT for finding in outcome.comparison.findings):
        return Exit.HARNESS_FAULT
    return Exit.FINDINGS if outcome.comparison.unexpected else Exit.OK


def _check_target(json_file: str | None) -> None:
    # Before the run, not after minutes of it.
    if json_file in (None, "-"):
        return
    target = Path(json_file)
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        what = "it is a folder" if target.is_dir() else "its folder is not there, or one of them is not writable"
        raise UsageError(f"cannot write {target}: {what}")


def _print(state: State, outcome: RunOutcome, renderer: str, verbosity: int) -> None:
    options = state.options(outcome.folder, verbosity)
    text = state.catalogue.renderer(renderer).render(outcome.run, outcome.comparison, options)
    click.echo(text, color=state.colour)


def _write_page(state: State, outcome: RunOutcome) -> Path | None:
    """Write the report that can be sent to somebody into the run's folder; nothing if no plugin brings that format."""
    renderer = state.catalogue.renderers.get("html")
    if renderer is None:
        return None
    page = outcome.folder / f"report{renderer.suffix}"
    try:
        # What a scenario observed may hold halves of surrogate pairs.
        text = renderer.render(outcome.run, outcome.comparison, state.options(outcome.folder, 0))
        page.write_text(text, encoding="utf-8", errors="replace")
    except OSError as exc:
        raise UsageError(f"cannot write {page}: {exc.strerror}; the run itself is in {outcome.folder}") from exc
    return page


def _print_paths(state: State, outcome: RunOutcome, page: Path | None) -> None:
    run_path = state.options(outcome.folder, 0).run_path
    if page is not None:
        click.echo(f"report: {run_path}/{page.name}")
    click.echo(f"run: {run_path}")
    if outcome.interrupted:
        click.echo(f"go on with: harness resume {outcome.folder.name}")


def _write_json(state: State, outcome: RunOutcome, target: str) -> None:
    text = state.catalogue.renderer("json").render(outcome.run, outcome.comparison, state.options(outcome.folder, 0))
    if target == "-":
        click.echo(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"cannot write {target}: {exc.strerror}; the run itself is in {outcome.folder}") from exc
