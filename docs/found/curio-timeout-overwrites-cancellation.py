"""curio: a timeout inside `disable_cancellation` replaces a cancellation that waits for the end of that block."""

import curio

EXPECTED = "the cancellation is delivered when the block ends"


async def work(ends):
    async with curio.disable_cancellation():
        await curio.sleep(0.04)
        async with curio.ignore_after(0.04):
            await curio.sleep(0.2)
    await curio.sleep(0)
    ends.append("the task runs on behind the block")


async def main():
    ends = []
    task = await curio.spawn(work, ends)
    await curio.sleep(0.02)
    await task.cancel(blocking=False)
    await task.wait()
    return ends


if seen := curio.run(main):
    print(f"expected: {EXPECTED}\nseen: {seen[0]}")
    raise SystemExit(1)
