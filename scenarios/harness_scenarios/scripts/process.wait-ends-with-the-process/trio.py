"""A wait for a child ends with the child, also while a process of its own holds its stdout.

API: trio.Process.wait.
"""

import subprocess
import sys

import trio


async def main() -> str:
    child = await trio.lowlevel.open_process(["sh", "-c", "sleep 3 2>/dev/null & sleep 0.2"], stdout=subprocess.PIPE)
    with trio.move_on_after(2):
        await child.wait()
        return "it ends with the child"
    return "it waits for the pipe"


seen = trio.run(main)
expected = "it ends with the child"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
