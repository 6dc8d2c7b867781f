"""`pytest --harness-backends asyncio,trio`: each async test is an item for each backend."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from .async_tests import run_async_test
from .trial import installed_catalogue


def spread(items: Sequence[pytest.Item], backends: Sequence[str], hang_after: float) -> Iterator[pytest.Item]:
    """Yield the items with those of async tests replaced by one for each backend."""
    for item in items:
        if (
            not isinstance(item.parent, pytest.Collector)
            or not isinstance(item, pytest.Function)
            or not inspect.iscoroutinefunction(item.function)
        ):
            yield item
            continue
        for backend in backends:
            name = f"{item.name}[{backend}]"
            spread_item: AsyncTestItem = AsyncTestItem.from_parent(item.parent, name=name)
            spread_item.configure(item, backend, hang_after)
            yield spread_item


class FailedThereError(Exception):
    """A test that failed on its backend."""


class AsyncTestItem(pytest.Item):
    """One async test on one backend."""

    def configure(self, item: pytest.Function, backend: str, hang_after: float) -> None:
        """Take over a test for a backend, with its marks."""
        self._test = item
        self._backend = backend
        self._hang_after = hang_after
        self.own_markers.extend(item.own_markers)
        self.keywords.update(item.keywords)

    def runtest(self) -> None:
        """Run it in a process of its own; skip it where it cannot be run."""
        for mark in self._test.iter_markers("harness"):
            named = mark.kwargs.get("runs_on", ())
            if named and self._backend.partition(":")[0] not in named:
                pytest.skip(f"written for {', '.join(named)}")
        if asked := list(inspect.signature(self._test.obj).parameters):
            pytest.skip(f"takes fixtures ({', '.join(asked)}): run it with harness suite")
        test = ".".join(filter(None, [self._test.cls and self._test.cls.__name__, self._test.originalname]))
        verdict = run_async_test(self._test.path, test, self._backend, installed_catalogue(), self._hang_after)
        if verdict.not_asked:
            pytest.skip(verdict.not_asked)
        if verdict.failure:
            raise FailedThereError(verdict.failure)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: None = None) -> str:  # type: ignore[override]
        """Return the worker's report."""
        if isinstance(excinfo.value, FailedThereError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the place of the test."""
        path, line, _ = self._test.reportinfo()
        return Path(path), line, self.name
