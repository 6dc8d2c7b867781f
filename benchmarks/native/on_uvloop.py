"""The work of the scenarios, written by hand for asyncio, on uvloop.

python -m benchmarks.native.on_uvloop SCENARIO [NAME=VALUE ...]
"""

from __future__ import annotations

from functools import partial

import uvloop

from . import work
from .on_asyncio import PROGRAMS, run

if __name__ == "__main__":
    work.run_program("benchmarks.native.on_uvloop", PROGRAMS, partial(run, loop_factory=uvloop.new_event_loop))
