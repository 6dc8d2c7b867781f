"""Run tests with unittest and report each of them. Imported when the backend is in force."""

from __future__ import annotations

import inspect
import unittest
from collections.abc import Callable, Collection, Iterable, Iterator
from types import TracebackType
from typing import Any

from .failure import describe_failure
from .reporter import Reporter

_FIXTURES = ("setUpClass (", "setUpModule (")
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


def run_unittest(suite: dict[str, Any], tests: Collection[str] | None, reporter: Reporter) -> str:
    """Run the tests of a batch; `None` collects only. Returns why the suite could not be asked, or nothing."""
    loader = unittest.TestLoader()
    if patterns := _read_patterns(suite["arguments"]):
        loader.testNamePatterns = patterns
    found = {case.id(): case for case in _flatten(loader.loadTestsFromNames(list(suite["targets"])))}
    if loader.errors:
        return (str(loader.errors[0]).strip().splitlines() or ["a module cannot be loaded"])[-1]
    if tests is None:
        reporter.collected({name: _file_of(case) for name, case in found.items()})
        return ""
    chosen = {name: case for name, case in found.items() if name in tests}
    runner = unittest.TextTestRunner(
        resultclass=_make_result(reporter, tuple(chosen)), verbosity=0, failfast="-x" in suite["arguments"]
    )
    runner.run(_Repeated(chosen.values(), reporter))
    return ""


class _Repeated(unittest.TestSuite):
    """Yields each test, and again for each further order of steps."""

    _cleanup = False

    def __init__(self, tests: Iterable[unittest.TestCase], reporter: Reporter) -> None:
        super().__init__(tests)
        self._reporter = reporter

    def __iter__(self) -> Iterator[unittest.TestCase | unittest.TestSuite]:
        for case in super().__iter__():
            yield case
            while self._reporter.next_order():
                yield case
            self._reporter.end()


def _read_patterns(arguments: Collection[str]) -> list[str]:
    """Return the patterns of `-k`, as `python -m unittest` takes them."""
    words = list(arguments)
    patterns = [words[place + 1] for place, word in enumerate(words[:-1]) if word == "-k"]
    return [pattern if "*" in pattern else f"*{pattern}*" for pattern in patterns]


def _flatten(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from _flatten(each)
        else:
            yield each


def _file_of(case: unittest.TestCase) -> str:
    try:
        return inspect.getsourcefile(type(case)) or ""
    except TypeError:
        return ""


def _make_result(reporter: Reporter, chosen: tuple[str, ...]) -> Callable[..., unittest.TextTestResult]:
    """Return what makes the result object of a runner."""

    def make(*arguments: Any, **options: Any) -> _Result:
        result = _Result(*arguments, **options)
        result.report_to(reporter, chosen)
        return result

    return make


class _Result(unittest.TextTestResult):
    """Passes on what unittest reports. A class-level skip and a failed class fixture start no test."""

    def report_to(self, reporter: Reporter, chosen: tuple[str, ...]) -> None:
        """Name the reporter and the ids of the batch."""
        self._reporter = reporter
        self._chosen = chosen
        self._open = ""
        self._file = ""

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's names
        """Report the start."""
        self._open, self._file = test.id(), _file_of(test)
        if self._reporter.running != self._open:
            self._reporter.start(self._open)
        self._reporter.begin_body()
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        """Take note of the end; the runner of an asynchronous test is closed only after it."""
        super().stopTest(test)
        self._reporter.phase("test")
        self._open = ""

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        """Take a pass."""
        self._reporter.add("passed")
        super().addSuccess(test)

    def addFailure(self, test: unittest.TestCase, err: _ExcInfo) -> None:  # noqa: N802
        """Take a failed assertion."""
        self._take("failed", test, err)
        super().addFailure(test, err)

    def addError(self, test: unittest.TestCase, err: _ExcInfo) -> None:  # noqa: N802
        """Take an exception, by the fixture that it left."""
        self._take(_phase_of(err[2]), test, err)
        super().addError(test, err)

    def addSubTest(  # noqa: N802
        self, test: unittest.TestCase, subtest: unittest.TestCase, err: _ExcInfo | None
    ) -> None:
        """Take the failure of a subtest."""
        if err is not None:
            self._take("failed", test, err)
        super().addSubTest(test, subtest, err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        """Take a skip."""
        self._for_all(test, "skipped", lambda: {"message": reason})
        super().addSkip(test, reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: _ExcInfo) -> None:  # noqa: N802
        """Take an expected failure."""
        self._reporter.add("xfailed")
        super().addExpectedFailure(test, err)

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        """Take a test that was to fail."""
        self._reporter.add("xpassed")
        super().addUnexpectedSuccess(test)

    def _take(self, result: str, test: unittest.TestCase, err: _ExcInfo) -> None:
        exc = err[1]
        assert exc is not None
        self._for_all(test, result, lambda: describe_failure(exc, self._file))

    def _for_all(self, test: unittest.TestCase, result: str, describe: Callable[[], dict[str, Any]]) -> None:
        """Add a result to the running test, or to each test that a fixture or a skip keeps from starting."""
        if self._open:
            self._reporter.add(result, describe)
            return
        name = test.id()
        scope = name.partition("(")[2].rstrip(")") if name.startswith(_FIXTURES) else ""
        affected = [each for each in self._chosen if each == name or (scope and each.startswith(f"{scope}."))]
        for each in affected:
            if each not in self._reporter.seen:
                self._reporter.start(each)
                self._reporter.add("error in set-up" if scope and result != "skipped" else result, describe)
                self._reporter.end()


def _phase_of(tb: TracebackType | None) -> str:
    """Return the result for an exception by the fixture that is on its way."""
    names = set()
    while tb is not None:
        names.add(tb.tb_frame.f_code.co_name)
        tb = tb.tb_next
    if names & {"_callSetUp", "setUp", "asyncSetUp"}:
        return "error in set-up"
    return "error in teardown" if names & {"_callTearDown", "_callCleanup", "doCleanups"} else "failed"
