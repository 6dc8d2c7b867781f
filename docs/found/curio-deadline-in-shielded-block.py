"""curio: a deadline that passes in a block without cancellation, inside another deadline, is an uncaught timeout."""

import curio

EXPECTED = "the inner deadline raises TaskTimeout when the block ends"


async def main():
    try:
        async with curio.timeout_after(0.06), curio.timeout_after(0.04), curio.disable_cancellation():
            await curio.sleep(0.1)
    except curio.TaskTimeout:
        return ""
    except curio.UncaughtTimeoutError as exc:
        return repr(exc)
    return "no deadline raises"


if seen := curio.run(main):
    print(f"expected: {EXPECTED}\nseen: {seen}")
    raise SystemExit(1)
