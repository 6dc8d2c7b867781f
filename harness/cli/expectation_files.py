"""Files of known differences that the user names: regular files, which no pipe or device can stand for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.host.files import read_named
from harness.model import Expectation, UsageError
from harness.plugins.known import read_expectations


def read_all(files: Iterable[Path]) -> tuple[Expectation, ...]:
    """Return the expectations of several files.

    Raises:
        UsageError: one of them cannot be read, or is no list of expectations.
    """
    return tuple(known for file in files if read_text(file) for known in read_expectations(file))


def read_text(file: Path) -> str:
    """Return the text of a file of expectations.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return read_named(file)
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"cannot read expectations {file}: {getattr(exc, 'strerror', None) or exc}") from exc
