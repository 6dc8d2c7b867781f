"""Runners that break one promise each; a worker finds them beside this file."""

import os
from contextlib import suppress

from harness_asyncio.backend import AsyncioRunner


class Lying(AsyncioRunner):
    """Is not what it says."""

    expected_scheduler = "uvloop.*"


class Leaking(AsyncioRunner):
    """Leaves a descriptor open."""

    def run(self, main, unhandled):
        async def leaking(runtime):
            listen = runtime.listen

            async def listen_and_leak(*args):
                self.left = os.open(os.devnull, os.O_RDONLY)
                return await listen(*args)

            runtime.listen = listen_and_leak
            await main(runtime)

        super().run(leaking, unhandled)


class Swallowing(AsyncioRunner):
    """Forgets what a scenario raises."""

    def run(self, main, unhandled):
        with suppress(Exception):
            super().run(main, unhandled)


class Renaming(AsyncioRunner):
    """Raises something else in its place."""

    def run(self, main, unhandled):
        try:
            super().run(main, unhandled)
        except Exception:
            raise OSError("something") from None


class Impatient(AsyncioRunner):
    """Ends a run that waits."""

    def run(self, main, unhandled):
        async def hurried(runtime):
            async with runtime.move_on_after(0.1):
                await main(runtime)

        super().run(hurried, unhandled)


class Stuck(AsyncioRunner):
    """Never comes to the scenario."""

    def run(self, main, unhandled):
        while True:
            pass


class Forgetful(AsyncioRunner):
    """Has no locks."""

    def run(self, main, unhandled):
        async def lockless(runtime):
            runtime.create_lock = create_lock
            await main(runtime)

        super().run(lockless, unhandled)


class Wordy(AsyncioRunner):
    """Puts two functions of its own between a scenario and a checkpoint, one of which is suspended there."""

    def run(self, main, unhandled):
        async def wordy(runtime):
            checkpoint = runtime.checkpoint

            def say():
                return checkpoint()

            async def wait():
                await say()

            runtime.checkpoint = wait
            await main(runtime)

        super().run(wordy, unhandled)


class Silent(AsyncioRunner):
    """Ends its process."""

    def run(self, main, unhandled):
        os._exit(7)


def create_lock():
    """Fail."""
    raise NotImplementedError("no lock yet")
