"""The exception of a test, as data that groups with others of the same cause."""

from __future__ import annotations

import re
import traceback
from pathlib import PurePath
from types import FrameType, TracebackType
from typing import Any

_MOST_TRACEBACK = 8000
_RUNNERS = ("/_pytest/", "/pluggy/", "/unittest/case.py", "/unittest/async_case.py", "/harness/suite/")
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+")
_QUOTED_PATH = re.compile(r"/[\w./-]+")


def describe_failure(exc: BaseException, file: str = "") -> dict[str, Any]:
    """Return the leaf of an exception, with its innermost frame outside the tests and what tells its class.

    Args:
        exc: what left the test.
        file: of the test.
    """
    leaf = exc
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    first = (str(leaf).strip().splitlines() or [""])[0][:300]
    place, is_in_test = _find_place(leaf.__traceback__ or exc.__traceback__, file)
    return {
        "type": type(leaf).__name__,
        "message": first,
        "normal": normalise(first),
        "place": place,
        "in_test": is_in_test,
        "internals": _is_about_internals(leaf),
        "traceback": "".join(traceback.format_exception(exc))[-_MOST_TRACEBACK:],
    }


def normalise(text: str) -> str:
    """Return a message without what changes from run to run: numbers, addresses, paths."""
    return _NUMBER.sub("N", _QUOTED_PATH.sub("PATH", text))


def _find_place(tb: TracebackType | None, file: str) -> tuple[str, bool]:
    """Return the innermost frame that is no test runner's as `file:function`, and whether it is in the tests."""
    found: tuple[str, bool] = ("", True)
    while tb is not None:
        code = tb.tb_frame.f_code
        name = code.co_filename
        if not any(part in name for part in _RUNNERS):
            found = (f"{_shorten(name)}:{code.co_name}", name == file or _is_test_file(name))
        tb = tb.tb_next
    return found


def _is_test_file(name: str) -> bool:
    path = PurePath(name)
    in_folder = bool({"test", "tests"} & set(path.parts))
    return in_folder or path.name.startswith(("test_", "conftest")) or "_test." in path.name


def _shorten(name: str) -> str:
    for mark in ("/site-packages/", "/python3."):
        if mark in name:
            rest = name.rpartition(mark)[2]
            return rest if mark == "/site-packages/" else rest.partition("/")[2]
    return "/".join(PurePath(name).parts[-2:])


def _is_about_internals(exc: BaseException) -> bool:
    """Return whether a test looked for a private attribute of a scheduler, or put a mock in the place of one.

    A private attribute that the scheduler's own code looks for in vain is a defect of it.
    """
    last = _innermost(exc.__traceback__)
    if isinstance(exc, AttributeError):
        kind = type(exc.obj)
        is_own = _is_code_of(kind, last)
        if (exc.name or "").startswith("_") and "loop" in f"{kind.__module__}.{kind.__qualname__}".lower():
            return not is_own
        if "object attribute" in str(exc) and "is read-only" in str(exc):
            return True
    return last is not None and last.f_code.co_filename.endswith("/unittest/mock.py")


def _innermost(tb: TracebackType | None) -> FrameType | None:
    frame = None
    while tb is not None:
        frame, tb = tb.tb_frame, tb.tb_next
    return frame


def _is_code_of(kind: type, frame: FrameType | None) -> bool:
    """Return whether a frame is in the package of a class, and in none of its tests."""
    if frame is None or _is_test_file(frame.f_code.co_filename):
        return False
    module = str(frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] == kind.__module__.partition(".")[0]
