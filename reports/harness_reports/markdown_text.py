"""Text in Markdown as GitHub reads it: nothing that is quoted becomes markup, a mention or a link."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .safe_text import clean, clean_lines

_MARKUP = re.compile(r"([\\`*_\[\]#|~$>])")
_MENTION = re.compile(r"([@#])(?=[A-Za-z0-9_-])")
_ADDRESS = re.compile(r"(https?://[^\s<>\"'`|]+[^\s<>\"'`|.,;:)])")
_BREAK = "<!-- -->"
"""Between a sign and a word it keeps GitHub from making a mention or a reference of them."""


def text(value: object) -> str:
    """Return a value as plain text on one line."""
    escaped = _MARKUP.sub(r"\\\1", clean(value).replace("&", "&amp;").replace("<", "&lt;"))
    return _MENTION.sub(rf"\1{_BREAK}", escaped).replace("://", f":{_BREAK}//").replace("www.", f"www{_BREAK}.")


def linked(value: object) -> str:
    """Return a value as plain text in which web addresses are links: for references that a scenario's author wrote."""
    parts = _ADDRESS.split(clean(value))
    return "".join(f"<{part}>" if index % 2 else text(part) for index, part in enumerate(parts))


def code(value: object) -> str:
    """Return a value as code on one line, also within a table."""
    cleaned = clean(value).replace("|", "\N{BROKEN BAR}")
    if not cleaned:
        return ""
    fence = "`" * (_longest_run(cleaned) + 1)
    padding = " " if cleaned.startswith("`") or cleaned.endswith("`") else ""
    return f"{fence}{padding}{cleaned}{padding}{fence}"


def block(lines: Iterable[object], language: str = "text") -> list[str]:
    """Return lines as a block of code."""
    cleaned = [line for value in lines for line in clean_lines(value)]
    fence = "`" * max(3, _longest_run("\n".join(cleaned)) + 1)
    return [f"{fence}{language}", *cleaned, fence]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table; its cells are Markdown already."""
    return [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]


def folded(summary: str, lines: Iterable[str]) -> list[str]:
    """Return lines that a reader opens."""
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "", "</details>", ""]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _longest_run(value: str) -> int:
    return max((len(run) for run in re.findall(r"`+", value)), default=0)
