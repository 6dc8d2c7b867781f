"""A cancellation ends a wait, whatever the task waits for.

API: Task.cancel; asyncio.sleep, Event.wait, Lock.acquire, Queue.get, StreamReader.read, Condition.wait.
Peer: a blocking socket that sends nothing.
"""

import asyncio
import socket
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    server = socket.create_server(("127.0.0.1", 0))
    reader, _writer = await asyncio.open_connection(*server.getsockname())
    lock = asyncio.Lock()
    await lock.acquire()
    waits = {"a sleep": asyncio.sleep(60), "an event": asyncio.Event().wait(), "a lock": lock.acquire()}
    waits |= {"a queue": asyncio.Queue().get(), "a read": reader.read(1)}
    stuck = []
    for name, wait in waits.items():
        task = asyncio.ensure_future(wait)
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task], timeout=1)
        if not (task.done() and task.cancelled()):
            stuck.append(name)
    return f"waits that go on: {stuck}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "waits that go on: []"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
