"""`pytest --harness-contract mylib`: every question of `harness plugin check` as a test item.

`pytest --harness-backends asyncio,trio`: the project's own async tests, each on each backend
(`harness.testing.async_items`). Without these options it does nothing, and imports nothing but pytest.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .check import Check, Finding

_OPTION = "--harness-contract"
_BACKENDS = "--harness-backends"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that switch it on."""
    group = parser.getgroup("harness")
    group.addoption(
        _OPTION,
        "--harness-backend",
        dest="harness_contract",
        action="append",
        default=[],
        metavar="SPEC",
        help="for authors of a backend: check it, name[:key=value,...], by every clause of the contract; repeatable",
    )
    group.addoption(
        _BACKENDS,
        default="",
        metavar="SPEC,...",
        help="run each async test on each of these backends, in its own process, with hangs and leaks found",
    )
    group.addoption(
        "--harness-hang-after",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="a test that --harness-backends runs hangs if it does not end in this time  [default: 30]",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of async tests."""
    config.addinivalue_line(
        "markers", "harness(runs_on=(...)): backends that an async test is written for (--harness-backends)"
    )


@pytest.hookimpl(tryfirst=True)  # before -k and -m select among the items
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the items of each backend that was named, and spread async tests over backends."""
    if backends := _named_backends(config.getoption(_BACKENDS)):
        from .async_items import spread

        items[:] = spread(items, backends, config.getoption("--harness-hang-after"))
    for spec in config.getoption("harness_contract"):
        items += _open_backend(session, spec).collect()


def _named_backends(text: str) -> list[str]:
    """Return backend specs, of which a comma may also separate the options: `asyncio,asyncio:io=sock,eager=true`."""
    specs: list[str] = []
    for part in filter(None, map(str.strip, text.split(","))):
        if "=" in part and ":" not in part and specs and ":" in specs[-1]:
            specs[-1] += f",{part}"
        else:
            specs.append(part)
    if specs:
        from harness.model import UsageError
        from harness.plan import parse_spec

        from .trial import installed_catalogue

        try:
            return [str(parse_spec(spec, installed_catalogue())) for spec in specs]
        except UsageError as exc:
            raise pytest.UsageError(f"{_BACKENDS}: {exc}") from exc
    return specs


def _open_backend(session: pytest.Session, spec: str) -> BackendQuestions:
    from harness.model import UsageError

    from .check import Check
    from .trial import installed_catalogue

    try:
        check = Check(spec, installed_catalogue())
    except UsageError as exc:
        raise pytest.UsageError(f"{_OPTION}: {exc}") from exc
    name = f"harness[{check.backend}]"
    questions: BackendQuestions = BackendQuestions.from_parent(session, name=name, nodeid=name, path=Path(__file__))
    questions.check = check
    return questions


class BackendQuestions(pytest.Collector):
    """The questions that are put to one backend, in one go: the first item that runs starts it."""

    check: Check
    """What puts them."""
    _findings: Generator[Finding, None, None] | None = None

    def collect(self) -> list[pytest.Item]:
        """Return an item for each question."""
        self._known: dict[str, Finding] = {}
        return [QuestionItem.from_parent(self, name=name) for name in self.check.questions]

    def find(self, question: str) -> Finding:
        """Return what became of a question; wait for it if need be."""
        if self._findings is None:
            selected = {item.name for item in self.session.items if item.parent is self}
            self._findings = self.check.run(selected)
            self.config.add_cleanup(self._findings.close)  # with -x some of it is still running
        while question not in self._known:
            finding = next(self._findings)
            self._known[finding.question] = finding
        return self._known[question]


class BrokenPromise(Exception):
    """A question whose answer is no."""


class QuestionItem(pytest.Item):
    """One question."""

    parent: BackendQuestions
    """The questions of its backend."""

    def runtest(self) -> None:
        """Fail if a promise is broken, or holds although it is known as broken; skip questions that were not asked."""
        finding = self.parent.find(self.name)
        if finding.verdict == "not asked":
            pytest.skip(finding.error)
        if finding.verdict == "known":
            pytest.xfail(finding.known)
        if finding.verdict in ("broken", "stale"):
            raise BrokenPromise(finding)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: None = None) -> str:  # type: ignore[override]
        """Return the observation, the promise, and where to look."""
        if not isinstance(excinfo.value, BrokenPromise):
            return str(super().repr_failure(excinfo, style))
        (finding,) = excinfo.value.args
        return "\n".join(
            [
                finding.error,
                "",
                f"{finding.about}: {finding.promise or finding.known}",
                *([f"look at {finding.where}"] * bool(finding.where)),
            ]
        )

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the source of the clause."""
        from .clauses import CLAUSES

        clause = next((clause for clause in CLAUSES if clause.name == self.name), None)
        if clause is None:
            return self.path, None, self.name
        return Path(inspect.getfile(clause.check)), inspect.getsourcelines(clause.check)[1] - 1, self.name
