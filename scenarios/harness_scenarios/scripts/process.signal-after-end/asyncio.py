"""A signal to a child that has ended raises ProcessLookupError or does nothing; the exit code stays.

API: asyncio.subprocess.Process.send_signal, terminate, kill.
"""

import asyncio
import signal
import sys
from asyncio import new_event_loop  # the event loop under test


async def main() -> str:
    child = await asyncio.create_subprocess_exec("sh", "-c", "exit 7")
    await child.wait()
    for send in (child.terminate, child.kill, lambda: child.send_signal(signal.SIGUSR1)):
        try:
            send()
        except ProcessLookupError:
            pass
        except Exception as exc:
            return f"it raises {exc!r}"
    return f"the exit code is {await child.wait()}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "the exit code is 7"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
