"""Make a report; errors of a renderer name the format and the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.host.files import replace_text
from harness.model import Comparison, HarnessError, RenderOptions, Run, UsageError, UserInterrupt
from harness.plugins.calls import CALLS

from .state import State


def render(
    state: State,
    name: str,
    run: Run,
    comparison: Comparison,
    folder: Path,
    verbosity: int = 0,
    adjust: Callable[[RenderOptions], RenderOptions] = lambda options: options,
) -> str:
    """Return a run in a format.

    Raises:
        UsageError: there is no such format.
        HarnessError: its renderer failed.
    """
    renderer = state.catalogue.renderer(name)
    try:
        with CALLS.running(f"report format {name!r}"):
            return renderer.render(run, comparison, adjust(state.options(folder, verbosity)))
    except UserInterrupt:
        raise
    except BaseException as exc:
        what = f"cannot make the report {name!r}: {type(exc).__name__}: {exc}; the run itself is in {folder}"
        raise HarnessError(what) from exc


def write_report(path: Path, text: str, folder: Path) -> None:
    """Write a report of the run in a folder into a file.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        if path.parent == folder:
            replace_text(path, text)
        else:
            # Observed values may hold halves of surrogate pairs.
            path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}; the run itself is in {folder}") from exc
