"""Event loops that are broken in one way each: a standalone script does `from faults import NAME as new_event_loop`."""

import asyncio
import asyncio.selector_events
import collections


def sleeps_forever_end_at_once():
    """A timer without an end is due at once."""
    loop = asyncio.new_event_loop()
    call_at = loop.call_at
    loop.call_at = lambda when, *args, **options: call_at(0.0 if when == float("inf") else when, *args, **options)
    return loop


def resets_wake_nobody():
    """A connection that the peer has reset is lost, and its protocol is not called."""
    loop = asyncio.new_event_loop()
    asyncio.selector_events._SelectorSocketTransport._fatal_error = lambda *args, **options: None
    return loop


def lock_forgets_the_next_waiter():
    """A waiter that is cancelled does not pass on the lock that it was handed."""

    async def acquire(self):
        if self._locked or self._waiters:
            self._waiters = collections.deque() if self._waiters is None else self._waiters
            self._waiters.append(turn := asyncio.get_running_loop().create_future())
            try:
                await turn
            finally:
                self._waiters.remove(turn)
        self._locked = True
        return True

    asyncio.Lock.acquire = acquire
    return asyncio.new_event_loop()
