"""Scenarios that are killed, stopped and cut off from outside, and some that do it to themselves."""

import os
import signal
import subprocess
import sys
import threading
import time

from harness.api import Parameter, Probe, Runtime, Scenario, exact, info

FAULTY: list[Scenario] = []


def faulty(name: str, *, side_by_side: bool = False, **limits: float):
    def register(fn):
        scenario = Scenario(
            name=f"faulty.{name}",
            question=fn.__doc__,
            contract=("the runner reports what happened",),
            ref=f"{__name__}:{fn.__name__}",
            roles={"main": fn},
            parameters=(Parameter(name="n", default=1, summary="unused"),),
            judges={"steps": exact(), "child": info()},
            headline="steps",
            rows={"quick": ({},)},
            side_by_side=side_by_side,
            **{"timeout": 30.0, "hang_after": 1.0, **limits},
        )
        FAULTY.append(scenario)
        return scenario

    return register


@faulty("steps", side_by_side=True, hang_after=10.0)
async def steps(runtime: Runtime, probe: Probe) -> None:
    """Takes some steps, a few milliseconds each, while a process that it started waits for it."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as child:
        probe.observe("child", child.pid)
        for number in range(8):
            probe.step("main", f"step {number}")
            await runtime.sleep(0.005)
            probe.advance()
        child.kill()
    probe.observe("steps", 8)


@faulty("waits", hang_after=600.0, timeout=600.0)
async def waits(runtime: Runtime, probe: Probe) -> None:
    """Waits for what never comes, in tasks that have something to clean up."""
    probe.observe("steps", 1)
    await runtime.create_event().wait()


@faulty("driver-stuck")
async def driver_stuck(runtime: Runtime, probe: Probe) -> None:
    """Waits for a signal that a thread of the question never sends."""
    probe.observe("steps", 1)

    def drive() -> None:
        with probe.driving("waits for the right moment"):
            threading.Event().wait()

    threading.Thread(target=drive, daemon=True).start()
    await runtime.create_event().wait()


@faulty("holds-on", hang_after=600.0, timeout=600.0)
async def holds_on(runtime: Runtime, probe: Probe) -> None:
    """Ignores SIGTERM, with a child that does as well, so that it takes a second to end it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    probe.observe("child", child.pid)
    while True:
        time.sleep(1)


@faulty("ticks", hang_after=2.0, timeout=4.0)
async def ticks(runtime: Runtime, probe: Probe) -> None:
    """Makes progress for a second."""
    probe.observe("steps", 1)
    for _ in range(50):
        await runtime.sleep(0.02)
        probe.advance()


@faulty("stopped")
async def stopped(runtime: Runtime, probe: Probe) -> None:
    """Is stopped by SIGSTOP."""
    probe.observe("steps", 1)
    os.kill(os.getpid(), signal.SIGSTOP)


@faulty("killed")
async def killed(runtime: Runtime, probe: Probe) -> None:
    """Is killed by SIGKILL."""
    probe.observe("steps", 1)
    os.kill(os.getpid(), signal.SIGKILL)


def report_pipe() -> int:
    """Return the fd that the worker reports on: the only pipe beside its outputs that it may write to."""
    import fcntl
    import stat

    for name in sorted(os.listdir("/proc/self/fd"), key=int):
        fd = int(name)
        try:
            mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
            if fd > 2 and mode == os.O_WRONLY and stat.S_ISFIFO(os.fstat(fd).st_mode):
                return fd
        except OSError:
            continue
    raise RuntimeError("the report pipe is not there")


@faulty("closes-its-pipe")
async def closes_its_pipe(runtime: Runtime, probe: Probe) -> None:
    """Closes the pipe that it reports on, and goes on."""
    probe.observe("steps", 1)
    os.close(report_pipe())
    await runtime.sleep(0.01)


@faulty("not-utf8")
async def not_utf8(runtime: Runtime, probe: Probe) -> None:
    """Writes a message with a text that is not UTF-8."""
    probe.observe("steps", 1)
    os.write(report_pipe(), b'{"type":"observed","role":"\xff","key":"x","value":1,"at":0}\n')


@faulty("nested")
async def nested(runtime: Runtime, probe: Probe) -> None:
    """Writes a message that is nested too deeply for any decoder."""
    probe.observe("steps", 1)
    line = b'{"type":"observed","role":"main","key":"x","at":0,"value":' + b"[" * 100_000 + b"\n"
    while line:
        line = line[os.write(report_pipe(), line) :]


@faulty("endless-line")
async def endless_line(runtime: Runtime, probe: Probe) -> None:
    """Writes a line that does not end."""
    probe.observe("steps", 1)
    fd = report_pipe()
    for _ in range(300):
        os.write(fd, b"x" * 65536)


@faulty("connects", hang_after=5.0)
async def connects(runtime: Runtime, probe: Probe) -> None:
    """Listens and connects to itself until it gets no port."""
    listener = await runtime.listen("127.0.0.1", 0)
    probe.observe("steps", 1)
    more = [await runtime.connect("127.0.0.1", listener.address[1]) for _ in range(3)]
    for stream in more:
        await stream.aclose()
    await listener.aclose()


@faulty("leaves-a-flood")
async def leaves_a_flood(runtime: Runtime, probe: Probe) -> None:
    """Ends while a daemon that it started, in another session and without an environment, floods its output."""
    flood = "import os\nos.setsid()\nos.fork() and os._exit(0)\nwhile True: os.write(1, b'x' * 65536)"
    subprocess.run([sys.executable, "-c", flood], env={}, check=True, start_new_session=False)
    probe.observe("steps", 1)


@faulty("balloon")
async def balloon(runtime: Runtime, probe: Probe) -> None:
    """Needs 400 MB."""
    probe.observe("steps", 1)
    held = bytearray(400 << 20)
    held[:: 4 << 10] = b"x" * len(held[:: 4 << 10])
