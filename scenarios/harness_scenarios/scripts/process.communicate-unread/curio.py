"""A child that ends without reading what communicate sends is no error: its output comes back.

API: curio.subprocess.Popen.communicate.
"""

import sys

import curio
from curio.subprocess import PIPE, Popen


async def main() -> str:
    child = Popen(["sh", "-c", "exec <&-; echo done"], stdin=PIPE, stdout=PIPE)
    await curio.sleep(0.2)  # it has ended
    try:
        out, _ = await child.communicate(bytes(100_000))
    except Exception as exc:
        return repr(exc)
    return f"returned {out!r}"


seen = curio.run(main)
expected = "returned b'done\\n'"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
