"""Few files: a role that opens more than its limit gets an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.api import CellConditions, Perturbation, Runtime

from .sizes import parse_size


@contextmanager
def _own_the_limit(_value: str, conditions: CellConditions) -> Iterator[None]:
    conditions.own_limits.add("fds")
    yield


def limit_files(runtime: Runtime, value: str) -> Runtime:
    """Lower the limit of this process."""
    from .posix import limit_files as lower

    lower(int(value))
    return runtime


OPEN_FILES = Perturbation(
    name="nofile",
    value="=N",
    summary="limit of open files of each role",
    parse=parse_size,
    in_runner=_own_the_limit,
    in_worker=f"{__name__}:limit_files",
)
