"""Where runs lie: a folder each, named by time."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from harness.model import JournalError, UsageError

from .read import JOURNAL_NAME

_LATEST = re.compile(r"latest(?:~(\d{1,6}))?")
"""The last run, or so many before it."""
_STAMP_SAMPLE = "20261121-062831"


class RunStore:
    """The folder that holds the folders of runs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self) -> Path:
        """Create the folder of a new run and return it.

        Raises:
            UsageError: the folder cannot be made.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        while True:
            folder = self.root / f"{stamp}-{secrets.token_hex(2)}"
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                if not self.root.is_dir():
                    raise UsageError(
                        f"cannot write to {self.root}: it is not a folder; choose another with --out"
                    ) from None
                continue
            except OSError as exc:
                raise UsageError(f"cannot write to {self.root}: {exc.strerror}; choose another with --out") from exc
            return folder

    @contextmanager
    def creating(self) -> Iterator[Path]:
        """Create the folder of a new run as `create` does; it goes again if the block fails and left nothing in it."""
        folder = self.create()
        try:
            yield folder
        except BaseException:
            with suppress(OSError):  # it is not empty
                folder.rmdir()
            raise

    def runs(self) -> list[Path]:
        """Return the folders of all runs, oldest first.

        Raises:
            JournalError: the folder cannot be read.
        """
        try:
            return sorted(_run_folders(self.root), key=_age) if self.root.is_dir() else []
        except OSError as exc:
            raise JournalError(f"cannot list the runs in {self.root}: {exc.strerror}") from exc

    def find(self, text: str) -> Path:
        """Return the folder of a run by its id, a unique beginning of it, `latest`, `latest~N`, or a path.

        Raises:
            JournalError: there is none, or several.
        """
        try:
            if (path := Path(text)).exists():
                return path
        except OSError as exc:
            raise JournalError(f"cannot look for the run {text[:80]!r}: {exc.strerror}") from exc
        runs = self.runs()
        if (place := _LATEST.fullmatch(text)) and runs:
            before = int(place[1] or 0)
            if before < len(runs):
                return runs[-1 - before]
            raise JournalError(f"cannot find the run {text!r}: there are {len(runs)}; the first is {runs[0].name}")
        found = [run for run in runs if run.name == text] or [run for run in runs if run.name.startswith(text)]
        if len(found) == 1:
            return found[0]
        if found:
            raise JournalError(
                f"cannot tell which run {text!r} is: {', '.join(run.name for run in found[:4])}; give more of its name"
            )
        known = f"; the last one is {runs[-1].name}" if runs else f"; there is none in {self.root} (others: --out)"
        raise JournalError(f"cannot find the run {text!r}{known}")


def _run_folders(root: Path) -> Iterator[Path]:
    return (path for path in root.iterdir() if (path / JOURNAL_NAME).exists())


def _age(folder: Path) -> tuple[str, int, str]:
    # The name has whole seconds; of two runs in one second, the one written last is the younger.
    return folder.name[: len(_STAMP_SAMPLE)], (folder / JOURNAL_NAME).stat().st_mtime_ns, folder.name
