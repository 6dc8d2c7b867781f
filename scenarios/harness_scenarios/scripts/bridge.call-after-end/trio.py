"""A thread that calls into a run of trio that has ended gets an error.

API: trio.lowlevel.TrioToken.run_sync_soon, behind the run.
"""

import sys

import trio


async def main() -> trio.lowlevel.TrioToken:
    return trio.lowlevel.current_trio_token()


token = trio.run(main)
try:
    token.run_sync_soon(print)
    seen = "the call is accepted, and never made"
except trio.RunFinishedError:
    seen = "the call is refused"
expected = "the call is refused"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
