"""A notification that no task waits for is forgotten.

API: curio.Condition.notify, curio.run.
"""

import sys

import curio


async def main() -> None:
    condition = curio.Condition()
    async with condition:
        await condition.notify(1)


try:
    curio.run(main)
    seen = "nothing happens"
except IndexError as error:
    seen = f"curio.run raises {error!r}"
print(f"expected: nothing happens\nseen:     {seen}")
sys.exit(seen != "nothing happens")
