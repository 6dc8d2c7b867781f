"""A report format, as a plugin brings it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from .comparison import Comparison
from .run import Run
from .site import Site


class RenderOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to render text for people: columns, ANSI colour or not, how much (-1 quiet, 0, 1 verbose)."""

    width: int = 100
    """Columns of the text."""
    colour: bool = False
    """Whether ANSI colours may be used."""
    verbosity: int = 0
    """-1 is quiet, 0 normal, 1 verbose."""
    script: str = ""
    """Standalone reproducer of the cell that the text is about; empty where there is none."""
    is_detailed: bool = False
    """Whether a reader asked for rows of a part of the run, so that the grid is shown however long it is."""
    changed_since: str = ""
    """Id of an earlier run of the same request; empty where there is none."""
    changes: tuple[tuple[str, str, str, str], ...] = ()
    """Changes since that run: kind, row and backend, how, and a tone (`bad`, `ok`, `may`)."""
    run_path: str = ""
    """Folder of the run as the reader would type it, for paths in the text."""


class Renderer(msgspec.Struct, frozen=True, kw_only=True):
    """Turns a run and its results into text. Pure: it neither prints nor writes files."""

    name: str
    """What `--format` calls it."""
    summary: str
    """Its output format, on one line."""
    suffix: str
    """File name suffix with the dot."""
    render: Callable[[Run, Comparison, RenderOptions], str]
    """The function that makes the text."""
    read: Callable[[bytes], Run] | None = None
    """Returns the run of a text, if the format has all facts of one; raises `msgspec.DecodeError` for another text."""
    render_site: Callable[[Site], Mapping[str, str]] | None = None
    """The function that makes the pages of several runs, by file name; nothing if the format has none."""
