"""Output of a cell (stdout and stderr), from the evidence folder of its run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.model import CellResult, RenderOptions
from harness_reports.private import without_paths
from harness_reports.safe_text import clean_lines, shorten

_HEAD, _TAIL = 20, 20
_LINE_LENGTH = 400
_MOST_BYTES = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file of evidence, its middle left out if it is long."""

    name: str
    lines: tuple[str, ...]


def read_outputs(result: CellResult, options: RenderOptions) -> list[Output]:
    """Return the outputs of a cell's roles; nothing where the folder is not there or cannot be read."""
    if not result.evidence or not options.run_path:
        return []
    try:
        outputs = [_read(path) for path in _list_files(Path(options.run_path), result.evidence)]
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, links in a circle, another user's
        return []
    return [output for output in outputs if output.lines]


def _list_files(run: Path, evidence: str) -> list[Path]:
    """Return files with output. A journal may come from anywhere: its folder must lie inside the run's own."""
    root = run.resolve()
    folder = (root / evidence).resolve()
    if not folder.is_relative_to(root) or folder == root or not folder.is_dir():
        return []
    files = sorted(path for path in folder.iterdir() if path.suffix in (".stdout", ".stderr") and not path.is_symlink())
    return [path for path in files if path.is_file()]


def _read(path: Path) -> Output:
    with path.open("rb") as file:
        text = file.read(_MOST_BYTES).decode(errors="replace")
    lines = [shorten(without_paths(line), _LINE_LENGTH) for line in clean_lines(text)]
    left_out = len(lines) - _HEAD - _TAIL
    if left_out > 1:
        lines = [*lines[:_HEAD], f"… {left_out} lines left out …", *lines[-_TAIL:]]
    return Output(name=path.name, lines=tuple(lines))
