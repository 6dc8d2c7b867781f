"""Runtimes, and one runner, that break one thing about how a run ends."""

from __future__ import annotations

from contextlib import suppress

from .group_saboteurs import Group, WithGroups, Wrapped


class EndsInSilence(Wrapped):
    """A runner whose runs return whatever leaves them."""

    def run(self, main, unhandled):
        with suppress(BaseException):
            self.inner.run(main, unhandled)


class DropsErrors(Wrapped):
    """The errors and exits of tasks that nobody owns are dropped."""

    async def spawn_detached(self, fn, *args, name=None):
        async def run():
            with suppress(Exception, SystemExit):
                await fn(*args)

        await self.inner.spawn_detached(run, name=name)


class SwallowsEnds(WithGroups):
    """A group swallows what shall end the program."""

    class _Group(Group):
        async def __aexit__(self, *exc):
            try:
                await self.inner.__aexit__(*exc)
            except (KeyboardInterrupt, SystemExit):
                return True
            except BaseExceptionGroup as several:
                if several.split((KeyboardInterrupt, SystemExit))[1] is not None:
                    raise
                return True
            return isinstance(exc[1], KeyboardInterrupt | SystemExit)

    group = _Group


class ForgetsTasks(WithGroups):
    """The tasks of a group are nobody's: the end of the block does not end them."""

    class _Group(Group):
        async def spawn(self, fn, *args, name=None):
            await self.runtime.spawn_detached(fn, *args, name=name)

    group = _Group
