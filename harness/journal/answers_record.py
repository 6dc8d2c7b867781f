"""Possible answers of runtimes, beside the runs: they depend on versions alone, so that each is asked once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from harness.host.files import read_regular, replace_text
from harness.model import PossibleAnswers, UsageError

ANSWERS_NAME = "answers.json"


def read_answers(root: Path) -> tuple[PossibleAnswers, ...]:
    """Return the answers stored in the folder that holds the runs; a file that cannot be read counts as none."""
    try:
        return msgspec.json.decode(read_regular(root / ANSWERS_NAME), type=tuple[PossibleAnswers, ...])
    except (OSError, msgspec.DecodeError):
        return ()


def write_answers(root: Path, answers: Iterable[PossibleAnswers]) -> Path:
    """Add answers to those that are stored, in place of earlier ones of the same row and runtime.

    Raises:
        UsageError: the file cannot be written.
    """
    path = root / ANSWERS_NAME
    kept = {(each.row, each.label, each.runtime): each for each in (*read_answers(root), *answers)}
    lines = b",\n".join(msgspec.json.encode(kept[key]) for key in sorted(kept))
    try:
        replace_text(path, f"[\n{lines.decode()}\n]\n")
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}; choose another folder with --out") from exc
    return path
