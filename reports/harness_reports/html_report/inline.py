"""Scripts and data that stand in a page: escaped, in a scope of their own, and allowed by their hash."""

from __future__ import annotations

import base64
import hashlib

import msgspec

from harness_reports.safe_text import drop_hidden


def embed(value: object) -> str:
    """Return a value as JSON in which `<`, `>` and `&` are escaped, so that no text ends the element that it is in."""
    text = drop_hidden(msgspec.json.encode(value).decode())  # its line breaks are escaped
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def wrap(*lines: str) -> str:
    """Return a script that is strict and has a scope of its own."""
    return "\n".join(["(() => {", '"use strict";', *lines, "})();"])


def hash_of(script: str) -> str:
    """Return the SHA-256 hash of a script, in base64 as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
