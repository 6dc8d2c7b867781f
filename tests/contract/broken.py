"""Backends that break one clause each, and one that hangs: the kit must say which."""

import asyncio

from harness_asyncio.backend import AsyncioRunner


class _Wrapped:
    """A runtime with some of its methods replaced."""

    def __init__(self, runtime, **replaced):
        self._runtime = runtime
        self.__dict__.update(replaced)

    def __getattr__(self, name):
        return getattr(self._runtime, name)


class _Broken(AsyncioRunner):
    def replace(self, runtime):
        return {}

    def run(self, main, unhandled):
        async def wrapped(runtime):
            await main(_Wrapped(runtime, **self.replace(runtime)))

        super().run(wrapped, unhandled)


class EarlySleep(_Broken):
    """Returns after half of the time."""

    def replace(self, runtime):
        return {"sleep": lambda seconds: runtime.sleep(seconds / 2)}


class DeafSleep(_Broken):
    """Never wakes from a long sleep, whoever cancels it; the loop is blocked."""

    def replace(self, runtime):
        async def sleep(seconds):
            if seconds > 60:
                while True:
                    pass
            await asyncio.sleep(seconds)

        return {"sleep": sleep}


class Exiting(_Broken):
    """Ends the process in a checkpoint."""

    def replace(self, runtime):
        async def checkpoint():
            import os

            os._exit(7)

        return {"checkpoint": checkpoint}
