"""Results of the self-test, beside the runs: readers of a report need the error rate on that machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness.host.files import read_regular, replace_text
from harness.model import MACHINE_FACTS, UsageError

_NAME = "selftest.json"


class _Stored(msgspec.Struct, kw_only=True):
    text: str
    environment: dict[str, Any]
    result: dict[str, Any]


def write_self_test(root: Path, text: str, environment: Mapping[str, Any], result: Mapping[str, Any]) -> Path:
    """Store a result in the folder that holds the runs and return its path.

    Raises:
        UsageError: the file cannot be written.
    """
    path = root / _NAME
    stored = _Stored(text=text, environment=dict(environment), result=dict(result))
    try:
        root.mkdir(parents=True, exist_ok=True)
        replace_text(path, msgspec.json.format(msgspec.json.encode(stored, enc_hook=str), indent=2).decode())
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}; choose another folder with --out") from exc
    return path


def read_self_test(root: Path, environment: Mapping[str, Any]) -> str:
    """Return the result of the self-test, if there was one on this machine; else an empty string."""
    try:
        stored = msgspec.json.decode(read_regular(root / _NAME), type=_Stored)
    except (OSError, msgspec.DecodeError):
        return ""
    is_same = all(stored.environment.get(name) == environment.get(name) for name in MACHINE_FACTS)
    return stored.text if is_same else ""
