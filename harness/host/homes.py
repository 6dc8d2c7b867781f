"""Home directories as `~`: a run is shown to others, and its paths shall not name its user."""

from __future__ import annotations

import os
import pwd
import re
from contextlib import suppress
from functools import cache

import msgspec


def shorten_homes(data: bytes) -> bytes:
    """Return bytes of text, or of JSON, in which each path below a home directory of this user begins with `~`."""
    homes, pattern = _find_homes(os.environ.get("HOME", ""))
    return pattern.sub(b"~", data) if any(home in data for home in homes) else data


def shorten_home(text: str) -> str:
    """Return a text, shortened as by `shorten_homes`."""
    return shorten_homes(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")


@cache
def _find_homes(given: str) -> tuple[tuple[bytes, ...], re.Pattern[bytes]]:
    """Return the home directories, as text and as JSON have them, and a pattern of them as the start of a path."""
    homes = {given}
    with suppress(KeyError):  # a user without an entry, as in containers
        homes.add(pwd.getpwuid(os.getuid()).pw_dir)
    homes |= {os.path.realpath(home) for home in homes if home}
    known = {home.rstrip("/") for home in homes if home.startswith("/")} - {""}
    spellings = {spelling for home in known for spelling in (os.fsencode(home), msgspec.json.encode(home)[1:-1])}
    ordered = sorted(spellings, key=len, reverse=True)
    either = b"|".join(map(re.escape, ordered)) or rb"(?!)"
    return tuple(ordered), re.compile(rb"(?:(?<=file://)|(?<![\w.~/-]))(?:" + either + rb")(?![\w-]|\.\w)")
