"""A program whose `communicate` was cancelled can be killed, and is then waited for.

API: asyncio.subprocess.Process.communicate, Task.cancel, Process.kill, Process.wait.
"""

import asyncio
import sys
from asyncio import new_event_loop  # the event loop under test
from asyncio.subprocess import PIPE
from pathlib import Path


async def main() -> str:
    child = await asyncio.create_subprocess_exec("sleep", "60", stdout=PIPE)
    run = asyncio.create_task(child.communicate())
    await asyncio.sleep(0.05)
    run.cancel()
    await asyncio.wait([run])
    child.kill()
    done, _ = await asyncio.wait([asyncio.create_task(child.wait())], timeout=3)
    code = done.pop().result() if done else "unknown"
    return f"exit code {code}, {'a zombie' if Path(f'/proc/{child.pid}').exists() else 'no zombie'}"


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    seen = runner.run(main())
expected = "exit code -9, no zombie"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
