"""An existing test suite whose tests are the rows of a run."""

from __future__ import annotations

import msgspec


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A test suite and how its own runner is started."""

    runner: str
    """`pytest` or `unittest`."""
    targets: tuple[str, ...]
    """Files, folders and ids for pytest, dotted names for unittest."""
    arguments: tuple[str, ...] = ()
    """Further arguments of the runner."""
    root: str = ""
    """Root folder that pytest determined; ids are relative to it."""
    config: str = ""
    """Configuration file that pytest determined; empty for none."""
    files: dict[str, str] = {}
    """By id, the file of a test; empty for unittest."""
    hang_after: float = 30.0
    """Seconds without a phase of a test that begins or ends, after which the running test hangs."""
    families: tuple[str, ...] = ()
    """Runtimes that the backends derive from, if there are several: variants of a test for them are one row."""
    changes: tuple[str, ...] = ()
    """Arguments added to those of the suite, so that its configuration changes the meaning of no row."""
    schedules: int = 0
    """Seeded orders of steps under which each test that passes is run again."""
    replay: int = 0
    """The one seed to run tests under, instead of `schedules`."""
