"""Try a scenario in a process of its own: what a fault, or a scheduler that it stopped, leaves behind ends with it.

A process for each trial is forked from one that has imported everything and in which nothing runs.
"""

from __future__ import annotations

import math
import os
import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

_PROGRAM = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import apart; apart.serve()"
_END = b"the end"
_LIMIT = 60.0
_MORE = 10.0
"""Seconds beyond the limit of its roles in which a trial has to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A trial: where the scenario is, the backend, what differs from the defaults, and the fault of the runtime."""

    ref: str
    """Of the scenario, or `clause:` and the name of a clause of the kit."""
    backend: str
    parameters: Mapping[str, Any]
    fault: str = ""
    bent: str = ""
    """The argument of the contract that is spoilt, as `bent.list_arguments` names it; `none` for proxies alone."""
    limit: float = _LIMIT
    patience: float = math.inf
    """Seconds after which any wait with a limit ends: some faults are there to hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a trial has observed; exceptions are their `repr`."""

    values: dict[str, list[Any]]
    steps: list[tuple[str, str]]
    errors: dict[str, str]
    running: tuple[str, ...]
    violations: set[str]


class Nursery:
    """The process that forks for each trial. It is started for the first one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, request: Request) -> Seen:
        """Return what a trial has observed.

        Raises:
            RuntimeError: its process died, or was too late.
        """
        process = self._process = self._process or subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        pickle.dump(request, process.stdin)
        process.stdin.flush()
        match pickle.load(process.stdout):
            case Seen() as seen:
                return seen
            case reason:
                raise RuntimeError(f"{request}: {reason}")

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.communicate()


# --- in the process that forks ---


def serve() -> None:
    """Answer each request on stdin with a pickle on stdout."""
    _import_everything()
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            request = pickle.load(requests)
        except EOFError:
            return
        answers.write(_fork(request))
        answers.flush()


def _import_everything() -> None:
    for name in ("asyncio", "trio", "curio", "threads", "uvloop"):
        with suppress(ImportError, AttributeError):  # curio 1.6 on 3.12+ misses names of the standard library
            import_module(f"harness_{name}.backend")
    for module in ("harness.testing.trial", "harness_saboteurs.runner"):
        import_module(module)
    import_module("harness.plugins").Plugins().catalogue()


def _fork(request: Request) -> bytes:
    """Return the pickled answer of a child, or why there is none; its whole process group is ended."""
    source, sink = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.close(source)
        _answer(request, sink)
    os.close(sink)
    answer = _read(source, request.limit + _MORE)
    with suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(source)
    return answer


def _answer(request: Request, sink: int) -> None:
    try:
        with os.fdopen(sink, "wb") as answers:
            answers.write(pickle.dumps(_try(request)) + _END)
    finally:
        os._exit(0)


def _read(source: int, seconds: float) -> bytes:
    """Read up to the end mark; a process that the child has left behind may hold the pipe open."""
    received = b""
    while not received.endswith(_END):
        if not select.select([source], [], [], seconds)[0]:
            return pickle.dumps("it was too late")
        chunk = os.read(source, 1 << 16)
        if not chunk:
            return pickle.dumps("its process died")
        received += chunk
    return received.removesuffix(_END)


def _try(request: Request) -> Seen:
    from harness.testing.trial import try_scenario

    if request.ref.startswith("clause:"):
        return _try_clause(request)

    module, _, attribute = request.ref.partition(":")
    trial = try_scenario(
        getattr(import_module(module), attribute),
        request.backend,
        request.parameters,
        wrap={"main": lambda runtime: _wrap(runtime, request)},
        limit=request.limit,
    )
    return Seen(
        values=trial.values,
        steps=trial.steps,
        errors={role: repr(exc) for role, exc in trial.errors.items()},
        running=trial.running,
        violations=trial.violations,
    )


def _try_clause(request: Request) -> Seen:
    """Run a clause; one that takes too long ends its process."""
    from harness.plugins import Plugins
    from harness.testing.clauses import CLAUSES
    from harness.testing.contract import run_clause

    (clause,) = [clause for clause in CLAUSES if clause.name == request.ref.removeprefix("clause:")]
    module, _, name = Plugins().catalogue().backends[request.backend].runner.partition(":")
    runner = getattr(import_module(module), name)({})
    whole = runner.run
    runner.run = lambda main, unhandled: whole(lambda runtime: main(_wrap(runtime, request)), unhandled)
    result = run_clause(lambda: runner, clause, request.limit)
    broken = {clause.name} if result.error else set()
    return Seen(values={}, steps=[], errors={}, running=(), violations=broken)


def _wrap(runtime: Any, request: Request) -> Any:
    import bent

    from harness.testing.wrapping import Wrapped
    from harness_saboteurs import FAULTS

    class Impatient(Wrapped):
        def move_on_after(self, seconds: float) -> Any:
            return self.inner.move_on_after(min(seconds, request.patience))

    broken = FAULTS[request.fault].runtime(runtime) if request.fault else runtime
    if request.bent:
        broken = bent.wrap("Runtime", broken, bent.find_argument(request.bent))
    return Impatient(broken) if request.patience < math.inf else broken
