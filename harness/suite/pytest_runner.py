"""Run tests with pytest and report each phase of them. Imported when the backend is in force."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from .failure import describe_failure
from .reporter import Reporter
from .variants import Variants

_MOST_OUTPUT = 8000
_REORDERS = ("--lf", "--last-failed", "--ff", "--failed-first", "--nf", "--new-first", "--sw", "--stepwise")
"""Arguments that choose tests by earlier results: they apply when tests are collected, and not again in each batch."""
_NEUTRAL = (
    ("xdist", ("-n0",)),
    ("pytest_cov", ("--no-cov",)),
    ("pytest_randomly", ("-p", "no:randomly")),
    ("random_order", ("--random-order-bucket=none",)),
    ("pytest_rerunfailures", ("--reruns=0",)),
    ("pytest_timeout", ("--timeout=0",)),
)
"""By module of an installed plugin, the arguments that keep it from what would change the meaning of a row."""


def list_changes() -> tuple[str, ...]:
    """Return the arguments added to those of the suite; a limit of failures in its configuration is lifted too."""
    if os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        return ("--maxfail=0",)
    found = (argument for module, arguments in _NEUTRAL if find_spec(module) for argument in arguments)
    return ("--maxfail=0", *found)


def run_pytest(suite: dict[str, Any], tests: Collection[str] | None, reporter: Reporter) -> str:
    """Run the tests of a batch; `None` collects only. Returns why the suite could not be asked, or nothing."""
    place = [f"--rootdir={suite['root']}"] if suite["root"] else []
    place += ["-c", suite["config"]] if suite["config"] else []
    arguments = [*list_changes(), *suite["arguments"]]
    if tests is not None:
        arguments = [each for each in arguments if each.partition("=")[0] not in _REORDERS]
    plugin = _Plugin(reporter, tests, Variants(suite["family"], suite["families"]))
    _refuse_rewriting()
    code = pytest.main([*place, *arguments, *suite["targets"]], plugins=[plugin])
    if plugin.errors:
        return f"error in collection: {plugin.errors[0]}"
    is_refused = code >= pytest.ExitCode.INTERRUPTED and code != pytest.ExitCode.NO_TESTS_COLLECTED
    return f"pytest ended with exit code {int(code)}" if is_refused else ""


def _refuse_rewriting() -> None:
    """Keep pytest from a warning that our packages, which it would rewrite as those of a plugin, are imported."""
    own = __name__.partition(".")[0]
    for name, module in sys.modules.items():
        if name == own or (name.startswith(f"{own}_") and "." not in name):
            module.__doc__ = f"{module.__doc__ or ''}\nPYTEST_DONT_REWRITE"


class _Plugin:
    """Passes on what pytest reports, and keeps it to the tests of the batch."""

    def __init__(self, reporter: Reporter, tests: Collection[str] | None, variants: Variants) -> None:
        self._reporter = reporter
        self._tests = tests
        self._variants = variants
        self._rows: dict[str, str] = {}
        self._file = ""
        self.errors: list[str] = []

    def pytest_configure(self, config: pytest.Config) -> None:
        """Report the settings that pytest determined, and the changes to them."""
        found = {"root": str(config.rootpath), "config": str(config.inipath or ""), "changes": list_changes()}
        self._reporter.send("config", found)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take note of a module that cannot be collected."""
        if report.failed:
            lines = [line for line in str(report.longrepr).splitlines() if line.strip()]
            error = next((line for line in lines if line.startswith("E  ")), lines[-1] if lines else "")
            self.errors.append(f"{report.nodeid}: {error.removeprefix('E').strip()}")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the tests of the batch, in the suite's order."""
        variants = [(item, *self._variants.name(item)) for item in items]
        if self._tests is None:
            self._reporter.collected({row: str(item.path) for item, row, _ in variants})
            return
        chosen = [(item, row) for item, row, is_asked in variants if is_asked and row in self._tests]
        self._rows = {item.nodeid: row for item, row in chosen}
        items[:] = [item for item, _ in chosen]
        self._skip_absent({row for _, row, _ in variants} & set(self._tests) - set(self._rows.values()))

    def _skip_absent(self, rows: Collection[str]) -> None:
        """Report the tests that have no variant for this backend."""
        for row in sorted(rows):
            self._reporter.start(row)
            self._reporter.add("skipped", lambda: {"message": "the suite has no variant of it for this backend"})
            self._reporter.end()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run nothing where tests are only collected; errors of collection are reported by pytest."""
        return True if self._tests is None and not session.testsfailed else None

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        """Frame a test with its start and its end, and run it again under further orders of steps."""
        self._file = str(item.path)
        self._reporter.start(self._rows[item.nodeid])
        yield
        while self._reporter.next_order():
            runtestprotocol(item, log=False, nextitem=nextitem)
        self._reporter.end()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """Tell the set-up from the body."""
        self._reporter.begin_body()
        yield

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        """Take the result of a phase with the exception itself, which a report has as text only."""
        outcome: Any = yield
        report: pytest.TestReport = outcome.get_result()
        del item
        self._reporter.phase(report.when or "")
        self._reporter.add(_result(report), lambda: self._describe(report, call))

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take the results of subtests, which come as further reports of a test."""
        if type(report).__name__ == "SubTestReport" and report.failed:
            line = (str(report.longrepr).strip().splitlines() or [""])[-1]
            self._reporter.add("failed", lambda: {"type": "subtest", "message": line, "normal": line, "in_test": True})

    def _describe(self, report: pytest.TestReport, call: pytest.CallInfo[None]) -> dict[str, Any]:
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", "")
            return {"message": str(reason).removeprefix("Skipped: ")}
        if not report.failed:
            return {}
        output = "\n".join(f"--- {name} ---\n{text}" for name, text in report.sections)[-_MOST_OUTPUT:]
        if call.excinfo is None:
            return {"type": "XPASS(strict)", "message": str(report.longrepr), "normal": "", "in_test": True}
        return {**describe_failure(call.excinfo.value, self._file), "output": output}


def _result(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.failed:
        return {"setup": "error in set-up", "teardown": "error in teardown"}.get(report.when or "", "failed")
    return "skipped" if report.skipped else "passed"
