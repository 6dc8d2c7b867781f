"""Which locks a task holds: those of the `async with` blocks that its frames stand in.

No runtime but trio records the holder of a lock, and to note it at each acquire would cost measured time. The source
shows it: a frame whose current instruction lies in the body of `async with lock:` holds the lock. A lock acquired by
a plain call is not seen, so a holder may stay unknown; nothing is guessed.
"""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Iterator, Sequence
from itertools import islice
from types import FrameType
from typing import Any

from harness.api import Resource

_PLAIN = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Load, ast.Expression)
"""What may be looked up without calling anything of the scenario."""


def held_locks(frames: Sequence[FrameType], library: tuple[str, ...]) -> Iterator[Resource]:
    """Yield each lock that the scenario's frames hold, by its name in the source, outermost first."""
    for frame in frames:
        if not frame.f_code.co_filename.startswith(library):
            for expression in _entered(frame):
                lock = _look_up(expression, frame)
                if all(hasattr(lock, name) for name in ("acquire", "release", "locked")) and lock.locked():
                    yield Resource.of(lock, ast.unparse(expression))


def _entered(frame: FrameType) -> Iterator[ast.expr]:
    """Yield the context managers of the `async with` blocks in whose bodies a frame stands.

    While a block is entered or left the instruction has the place of the whole statement: then nothing is known.
    """
    here = _position(frame)
    for block in _blocks(frame.f_code.co_filename):
        body = block.body
        if (body[0].lineno, body[0].col_offset) <= here <= (body[-1].end_lineno or 0, body[-1].end_col_offset or 0):
            yield from (item.context_expr for item in block.items)


def _position(frame: FrameType) -> tuple[int, int]:
    line, _, column, _ = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), (None,) * 4)
    return line or frame.f_lineno, column or 0


@functools.cache
def _blocks(filename: str) -> tuple[ast.AsyncWith, ...]:
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError):
        return ()
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.AsyncWith))


def _look_up(expression: ast.expr, frame: FrameType) -> Any:
    if not all(isinstance(node, _PLAIN) for node in ast.walk(expression)):
        return None
    try:
        code = compile(ast.Expression(expression), "<lock>", "eval")
        return eval(code, frame.f_globals, frame.f_locals)  # noqa: S307 - names of the frame itself
    except Exception:  # noqa: BLE001 - it has no value any more
        return None
