"""A program of a scenario: `python -P -m harness.worker.program RUNNER [key=value ...] -- FUNCTION [argument ...]`.

It runs on the backend of the cell that starts it, and is a program like any other: what its function raises leaves the
interpreter, and nothing of a worker is in it. `Probe.program` returns its command.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import Runtime


def make_command(runner: str, options: Mapping[str, str], function: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the command of a program.

    Args:
        runner: `"module:Class"` of the backend's `BackendRunner`.
        options: Of the backend spec.
        function: `"module:function"` that the program calls.
        arguments: Further arguments of the function, behind the `Launch`.
    """
    named = (f"{key}={value}" for key, value in options.items())
    return (sys.executable, "-P", "-m", "harness.worker.program", runner, *named, "--", function, *arguments)


def _load(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _report(exc: BaseException | None, context: str) -> None:
    sys.stderr.write(f"unhandled: {context}: {exc!r}\n")


def main(arguments: Sequence[str]) -> None:
    """Call the function that the arguments name."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are started ignoring it
    split = arguments.index("--")
    runner, *options = arguments[:split]
    function, *rest = arguments[split + 1 :]
    from .light_msgspec import standing_in

    with standing_in():  # a tenth of the start of a program
        runner_class = _load(runner)
        program = _load(function)
    chosen = dict(option.split("=", 1) for option in options)

    def launch(run: Callable[[Runtime], Awaitable[None]]) -> None:
        runner_class(chosen).run(run, _report)

    program(launch, *rest)


if __name__ == "__main__":
    main(sys.argv[1:])
