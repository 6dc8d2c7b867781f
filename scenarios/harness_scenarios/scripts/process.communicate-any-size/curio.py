"""communicate of curio closes the stdin of the child, also if there is nothing to send.

API: curio.subprocess.Popen.communicate.
"""

import sys

import curio
from curio.subprocess import PIPE, Popen


async def main() -> str:
    child = Popen(["cat"], stdin=PIPE, stdout=PIPE)
    try:
        async with curio.timeout_after(1):
            await child.communicate(b"")
    except curio.TaskTimeout:
        child.kill()
        return "communicate never ends"
    return "communicate ends"


seen = curio.run(main)
expected = "communicate ends"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
