"""Errors of harness itself. Messages are lowercase fragments: what cannot be done, with what, and what to do next."""

from pathlib import Path


class HarnessError(Exception):
    """Base; a bare one is our own fault (exit code 4)."""


class UsageError(HarnessError):
    """The user asked for something that cannot be done (exit code 2)."""


class NothingSelectedError(UsageError):
    """The selection is valid and empty, or no backend of it is installed (exit code 3)."""


class UserInterrupt(KeyboardInterrupt):
    """A signal of the user: unlike a `KeyboardInterrupt` that a plugin raises, it ends the program."""


class PluginInterrupt(UserInterrupt):
    """A signal of the user that was raised in the code of a plugin, which did not return; the text names it."""


class JournalError(UsageError):
    """A journal cannot be read: missing, foreign, or of a newer format."""


class JournalLostError(UsageError):
    """The journal of a running run was deleted, replaced or changed by another program; it goes on in `folder`."""

    def __init__(self, lost: Path, cause: str, folder: Path) -> None:
        super().__init__(
            f"the journal {lost} {cause} while the run wrote it; everything that was recorded is in {folder}; "
            f"to continue: harness resume {folder}"
        )
        self.lost = lost
        """The path at which the journal was."""
        self.folder = folder
        """The run folder that holds the journal now."""


class PluginError(HarnessError):
    """A plugin is broken. Names it."""

    def __init__(self, plugin: str, message: str) -> None:
        super().__init__(f"plugin {plugin!r}: {message}")
        self.plugin = plugin


class WorkerProtocolError(HarnessError):
    """A worker wrote bytes on its pipe that are not an event. Names the cell."""

    def __init__(self, cell_id: str, message: str) -> None:
        super().__init__(f"cell {cell_id}: {message}")
        self.cell_id = cell_id
