"""Names of places in the page: what stands behind the `#` of a link that people send to each other."""

from __future__ import annotations

import hashlib
import re

from harness.model import RowId

_UNSAFE = re.compile(r"[^A-Za-z0-9.]+")
_LENGTH = 80


def scenario_anchor(name: str) -> str:
    """Return the fragment of a scenario's section."""
    return _anchor("scenario", name)


def row_anchor(row: RowId) -> str:
    """Return the fragment of a row."""
    return _anchor("row", str(row))


def cell_anchor(row: RowId, label: str) -> str:
    """Return the fragment of a square of the matrix; a digest keeps two of them apart whose names look alike."""
    return _anchor("cell", f"{row}@{label}")


def _anchor(kind: str, text: str) -> str:
    digest = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:6]
    return f"{kind}-{_UNSAFE.sub('-', text)[:_LENGTH].strip('-')}-{digest}"
