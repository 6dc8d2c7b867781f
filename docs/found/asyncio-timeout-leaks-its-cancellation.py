"""asyncio: after a TaskGroup has failed inside it, a timeout raises CancelledError instead of TimeoutError."""

import asyncio

EXPECTED = "TimeoutError"


async def fail():
    raise ValueError("failed")


async def main():
    try:
        async with asyncio.timeout(0.05):
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(fail())
                    await asyncio.sleep(0)
            except* ValueError:
                pass
            await asyncio.sleep(1)
    except TimeoutError:
        return ""
    except asyncio.CancelledError:
        return "CancelledError, as if another task had cancelled this one"


if seen := asyncio.run(main()):
    print(f"expected: {EXPECTED}\nseen: {seen}")
    raise SystemExit(1)
