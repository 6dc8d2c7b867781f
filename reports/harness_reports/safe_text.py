"""Text from plugins, exceptions and observations, made safe to print.

Observed text may hold anything: terminal escapes that recolour the screen, newlines that break a table,
marks that reverse the direction of reading, halves of surrogate pairs that cannot be encoded.
"""

from __future__ import annotations

import re
import unicodedata

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|[\]PX^_][^\x07\x1b]*(?:\x1b\\|\x07)"  # OSC and other strings that end: title, links
    r"|[ -/]*[0-~])"  # two characters
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(text: object) -> str:
    """Return text as one line without anything that moves the cursor or hides."""
    return " ".join(line for line in clean_lines(text) if line)


def clean_lines(text: object) -> list[str]:
    """Return the lines of a text, each without anything that moves the cursor or hides."""
    plain = str(text)
    if plain.isascii() and plain.isprintable():  # of the texts of a large report nearly all are
        return [plain] if plain else []
    return [_clean_line(line) for line in _ESCAPES.sub("", plain).splitlines()]


def drop_hidden(text: str) -> str:
    """Return a text without the characters that move or hide others, line breaks included."""
    hidden = {ord(each): None for each in set(text) if unicodedata.category(each) in _UNPRINTABLE}
    return text.translate(hidden)


def shorten(text: str, length: int) -> str:
    """Return at most `length` characters; a cut shows as an ellipsis."""
    return text if len(text) <= length else f"{text[: max(length - 1, 0)]}…"


def _clean_line(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return "".join(_printable(character) for character in line).rstrip()


def _printable(character: str) -> str:
    if character == "\t":
        return "    "
    category = unicodedata.category(character)
    if category == "Zs":
        return " "  # also where lines must not be broken
    if category == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    return "" if category in _UNPRINTABLE else character
