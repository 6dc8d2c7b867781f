"""Remove details of a private machine from a text: file locations, user and host names."""

from __future__ import annotations

import re

_LIBRARY = re.compile(r"^.*/(?:site-packages|dist-packages)/")
_STANDARD = re.compile(r"^.*/lib(?:64)?/(python3\.\d+t?)/")
_QUOTED = re.compile(r"([\"'])(?:file://)?((?:~?/|[A-Za-z]:\\)[^\"'\n]+)\1")
_PLAIN = re.compile(r"(?<![\w./<:~-])(?:file://)?(~?/(?:[\w.@+~-]+/)+[\w.@+~-]*)")
_KERNEL = ("/proc/", "/dev/", "/sys/")


def without_paths(text: str) -> str:
    """Return a text in which each absolute path is reduced to the part that a maintainer needs.

    A file of an installed package keeps its path from the package on, one of the standard library from `python3.x` on,
    others only their name. Web addresses and files of the kernel stay.
    """
    if "/" not in text and "\\" not in text:
        return text
    quoted = _QUOTED.sub(lambda found: f"{found[1]}{_short(found[2])}{found[1]}", text)
    return _PLAIN.sub(lambda found: _short(found[1]), quoted)


def _short(path: str) -> str:
    if path.startswith(_KERNEL):
        return path
    forward = path.replace("\\", "/")
    if _LIBRARY.match(forward):
        return _LIBRARY.sub("", forward)
    if found := _STANDARD.match(forward):
        return f"{found[1]}/{forward[found.end() :]}"
    return f"…/{forward.rstrip('/').rpartition('/')[2]}"
