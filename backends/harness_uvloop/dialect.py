"""Generated programs for uvloop: asyncio's words, run by `uvloop.run`. Imports no runtime."""

from __future__ import annotations

from harness_asyncio.dialect import AsyncioDialect


class UvloopDialect(AsyncioDialect):
    """The form of programs in uvloop's documentation."""

    modules = ("asyncio", "uvloop")
    run = "uvloop.run(main())"
