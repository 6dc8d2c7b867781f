"""Run requests through the ordinary stages, with backends that are not installed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec

from harness.api import Backend
from harness.journal import RunStore
from harness.model import BackendSpec, Request, RunEvent
from harness.plan import make_plan
from harness.plugins import Catalogue, Plugins
from harness.selftest.injections import inject
from harness.session import RunOutcome, run_session

Watch = Callable[[str], AbstractContextManager[None]]
"""Takes a title, and shows progress while its context is open."""


class Bench:
    """Plans, executes, stores and compares like any run; injected backends are those of one reference.

    Args:
        plugins: listen to the events.
        catalogue: their contributions.
        root: where runs lie; those with an injected fault lie in a folder of their own below it.
        watch: shows progress.
        backend: spec of the reference; nothing is the first backend.
    """

    def __init__(
        self, plugins: Plugins, catalogue: Catalogue, root: Path, watch: Watch, backend: str | None = None
    ) -> None:
        self._plugins = plugins
        self._catalogue = catalogue
        self._root = root
        self._watch = watch
        self._backend = backend

    def reference(self, scenario: str) -> BackendSpec:
        """Return the backend that everything is compared with.

        Raises:
            UsageError: there is no such backend or scenario.
        """
        backends = (self._backend,) if self._backend else ()
        return make_plan(Request(backends=backends, scenarios=(scenario,)), self._catalogue).backends[0]

    def is_parallel(self, scenario: str) -> bool:
        """Return whether figures depend on where the system runs threads or processes."""
        return self._healthy(scenario).parallel or len(self._catalogue.scenario(scenario).roles) > 1

    def has_threads(self, scenario: str) -> bool:
        """Return whether the reference's tasks are threads of the system."""
        return self._healthy(scenario).parallel

    def spec(self, scenario: str, name: str, **options: str) -> str:
        """Return the spec of an injected backend, with the options that the reference has."""
        given = dict(self.reference(scenario).options) | {"of": self._healthy(scenario).runner} | options
        return str(BackendSpec(name, tuple(sorted(given.items()))))

    def run(self, title: str, request: Request) -> RunOutcome:
        """Run a request on healthy backends.

        Raises:
            KeyboardInterrupt: the user interrupted it.
        """
        return self._run(title, request, self._catalogue, self._root)

    def run_injected(
        self,
        title: str,
        request: Request,
        *,
        hang_after: float | None = None,
        on_event: Callable[[RunEvent], None] | None = None,
    ) -> RunOutcome:
        """Run a request of one scenario whose backends may be injected.

        Args:
            title: for progress.
            request: what to run.
            hang_after: seconds without progress that are a hang, instead of the scenario's.
            on_event: sees each event as it happens.

        Raises:
            KeyboardInterrupt: the user interrupted it.
        """
        (name,) = request.scenarios
        scenario = self._catalogue.scenario(name)
        if hang_after is not None:
            scenario = msgspec.structs.replace(scenario, hang_after=hang_after)
        injected = {backend.name: backend for backend in inject(self._healthy(name))}
        catalogue = msgspec.structs.replace(
            self._catalogue,
            backends={**self._catalogue.backends, **injected},
            scenarios={**self._catalogue.scenarios, name: scenario},
        )
        return self._run(title, request, catalogue, self._root / "selftest", on_event)

    def _healthy(self, scenario: str) -> Backend:
        return self._catalogue.backend(self.reference(scenario).name)

    def _run(
        self,
        title: str,
        request: Request,
        catalogue: Catalogue,
        root: Path,
        on_event: Callable[[RunEvent], None] | None = None,
    ) -> RunOutcome:
        with self._watch(title), self._listening(on_event):
            outcome = run_session(request, self._plugins, catalogue, RunStore(root))
        if outcome.interrupted:
            raise KeyboardInterrupt
        return outcome

    def _listening(self, on_event: Callable[[RunEvent], None] | None) -> AbstractContextManager[None]:
        return nullcontext() if on_event is None else self._plugins.listening(__name__, on_event)
