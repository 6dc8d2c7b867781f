"""Exceptions as data, and the collection of those that no task awaited."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any

from harness.api import RETURNS
from harness.model.outcome import ErrorReport, Unhandled
from harness.wire import UnhandledSeen

from .channel import Pipe

_TRACEBACK_CHARS = 20_000
_MESSAGE_CHARS = 20_000
_MOST_LEAVES = 20


def describe_error(exc: BaseException) -> ErrorReport:
    """Return an exception as text, with the leaves of a group."""
    import traceback  # a cell that goes well never needs it

    text = "".join(traceback.format_exception(_narrow(exc)))
    if len(text) > _TRACEBACK_CHARS:
        text = f"{text[: _TRACEBACK_CHARS // 2]}\n...\n{text[-_TRACEBACK_CHARS // 2 :]}"
    return ErrorReport(
        type=_qualified(type(exc)),
        message=_message(exc),
        traceback=text,
        leaves=tuple(islice(_leaves(exc), _MOST_LEAVES)) if isinstance(exc, BaseExceptionGroup) else (),
    )


def describe_ending(exc: BaseException | None) -> str:
    """Return how a run ended, by the exception that left it: `returns`, `raises NAME`, `exits CODE`."""
    match exc:
        case None:
            return RETURNS
        case SystemExit():
            return f"exits {exc.code}"
        case BaseExceptionGroup():
            leaves = ", ".join(sorted({leaf.partition(":")[0] for leaf in _leaves(exc)}))
            return f"raises {type(exc).__name__}({leaves})"
        case _:
            return f"raises {type(exc).__name__}"


class UnhandledCollector:
    """Reports each exception that a runtime logged or dropped, once."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._seen: list[BaseException] = []

    def __call__(self, exc: BaseException | None, context: str) -> None:
        """Report one; the same exception object is reported once, whichever way it comes."""
        if exc is not None:
            if any(exc is seen for seen in self._seen):
                return
            self._seen.append(exc)
        error = describe_error(exc) if exc is not None else None
        self._pipe.send(UnhandledSeen(unhandled=Unhandled(context=context, error=error)))

    def install(self) -> None:
        """Listen to the interpreter's own two places where an exception gets lost."""
        previous_thread, previous_unraisable = threading.excepthook, sys.unraisablehook

        def in_thread(args: Any) -> None:
            if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
                self(args.exc_value, f"thread {args.thread.name if args.thread else '?'} died")
            previous_thread(args)

        def unraisable(args: Any) -> None:
            self(args.exc_value, f"{args.err_msg or 'exception ignored in'} {args.object!r}")
            previous_unraisable(args)

        threading.excepthook, sys.unraisablehook = in_thread, unraisable


def _qualified(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message(exc: BaseException) -> str:
    try:
        return _cut(str(exc))
    except Exception as broken:  # noqa: BLE001 - an exception's own __str__ may raise
        return f"<str() of it raised {type(broken).__name__}>"


def _leaves(exc: BaseException) -> Iterator[str]:
    if isinstance(exc, BaseExceptionGroup):
        for inner in exc.exceptions:
            yield from _leaves(inner)
    else:
        yield f"{_qualified(type(exc))}: {_message(exc)}"


def _narrow(exc: BaseException) -> BaseException:
    """Return a group with as many members as a traceback shows: formatting 100,000 would hold the scheduler."""
    if not isinstance(exc, BaseExceptionGroup) or len(exc.exceptions) <= _MOST_LEAVES:
        return exc
    shown = exc.derive(exc.exceptions[:_MOST_LEAVES]).with_traceback(exc.__traceback__)
    shown.__cause__, shown.__context__ = exc.__cause__, exc.__context__
    shown.__suppress_context__ = exc.__suppress_context__
    shown.add_note(f"and {len(exc.exceptions) - _MOST_LEAVES:,} more exceptions")
    return shown


def _cut(text: str) -> str:
    if len(text) <= _MESSAGE_CHARS:
        return text
    return f"{text[:_MESSAGE_CHARS]}… (cut: {len(text):,} characters)"
