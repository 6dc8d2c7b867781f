"""JSON Schemas that are the same on every Python."""

from __future__ import annotations

import inspect
from typing import Any


def clean_descriptions(schema: Any) -> Any:
    """Return a schema whose descriptions are docstrings without their indentation, which Python has up to 3.12."""
    if isinstance(schema, list):
        return [clean_descriptions(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: inspect.cleandoc(value) if key == "description" and isinstance(value, str) else clean_descriptions(value)
        for key, value in schema.items()
    }
