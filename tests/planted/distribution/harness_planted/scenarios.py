"""One scenario for each way in which a cell can go wrong. Each runs on any backend."""

import ctypes
import glob
import os
import signal
import subprocess
import sys
import time

from harness.api import Probe, Runtime, Scenario
from harness_planted.plant import plant

PLANTED: list[Scenario] = []


planted = plant(PLANTED, "planted", "the runner reports what happened", timeout=20.0, hang_after=1.5)


@planted("fine")
async def fine(runtime: Runtime, probe: Probe) -> None:
    """Does nothing wrong."""
    probe.observe("steps", 1)


@planted("idle-hang")
async def idle_hang(runtime: Runtime, probe: Probe) -> None:
    """Waits for what never comes."""
    probe.observe("steps", 1)
    await runtime.create_event().wait()


@planted("spinning-hang")
async def spinning_hang(runtime: Runtime, probe: Probe) -> None:
    """Spins without progress."""
    probe.observe("steps", 1)
    while True:
        pass


@planted("slow", timeout=4.0)
async def slow(runtime: Runtime, probe: Probe) -> None:
    """Is slow and makes progress until the limit."""
    probe.observe("steps", 1)
    while True:
        await runtime.sleep(0.02)
        probe.advance()


@planted("raise")
async def raise_(runtime: Runtime, probe: Probe) -> None:
    """Raises."""
    probe.observe("steps", 1)
    raise ValueError("planted \x1b[31merror")


@planted("group")
async def group(runtime: Runtime, probe: Probe) -> None:
    """Raises an exception group."""
    raise ExceptionGroup("several", [KeyError("a"), ExceptionGroup("inner", [OSError(5, "b"), ValueError("c")])])


@planted("segv")
async def segv(runtime: Runtime, probe: Probe) -> None:
    """Dies of SIGSEGV."""
    probe.observe("steps", 1)
    ctypes.string_at(0)


@planted("exit-zero")
async def exit_zero(runtime: Runtime, probe: Probe) -> None:
    """Ends with exit code 0 and without a result."""
    probe.observe("steps", 1)
    os._exit(0)


def _report_pipe() -> int:
    pipes = [int(os.path.basename(path)) for path in glob.glob("/proc/self/fd/*")]
    import fcntl
    import stat

    for fd in sorted(pipes):
        try:
            writable = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
            if fd > 2 and writable and stat.S_ISFIFO(os.fstat(fd).st_mode):
                return fd
        except OSError:
            continue
    raise RuntimeError("the report pipe is not there")


@planted("garbage")
async def garbage(runtime: Runtime, probe: Probe) -> None:
    """Writes garbage on the report pipe, then goes on as if nothing had happened."""
    os.write(_report_pipe(), b"\xff\x00{not json\n")
    probe.observe("steps", 1)


@planted("half-line")
async def half_line(runtime: Runtime, probe: Probe) -> None:
    """Dies in the middle of a message."""
    probe.observe("steps", 1)
    os.write(_report_pipe(), b'{"type":"observed","role":"ma')
    os._exit(0)


@planted("flood")
async def flood(runtime: Runtime, probe: Probe) -> None:
    """Writes 200 MB to stdout."""
    probe.observe("steps", 1)
    for _ in range(200):
        sys.stdout.write("x" * 1_000_000)
        probe.advance()


@planted("ignores-sigterm")
async def ignores_sigterm(runtime: Runtime, probe: Probe) -> None:
    """Ignores SIGTERM and hangs."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    probe.observe("steps", 1)
    while True:
        time.sleep(1)


@planted("leaves-child")
async def leaves_child(runtime: Runtime, probe: Probe) -> None:
    """Leaves a child behind that has its own session and a clean environment."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True, env={})
    probe.observe("child", child.pid)
    probe.observe("steps", 1)


@planted("leaves-daemon")
async def leaves_daemon(runtime: Runtime, probe: Probe) -> None:
    """Leaves a daemon behind: forked twice, in its own session, holding our stdout."""
    code = "import os,time\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\ntime.sleep(600)"
    subprocess.run([sys.executable, "-c", code], check=True)
    probe.observe("steps", 1)


@planted("hangs-at-exit")
async def hangs_at_exit(runtime: Runtime, probe: Probe) -> None:
    """Has its result and never ends."""
    import threading

    probe.observe("steps", 1)
    threading.Thread(target=time.sleep, args=(600,)).start()


@planted("leaks-fd")
async def leaks_fd(runtime: Runtime, probe: Probe) -> None:
    """Leaves a file open."""
    probe.observe("steps", os.open("/dev/null", os.O_RDONLY))


@planted("leaks-thread")
async def leaks_thread(runtime: Runtime, probe: Probe) -> None:
    """Leaves a thread behind that waits for ever."""
    import threading

    threading.Thread(target=threading.Event().wait, name="forgotten", daemon=True).start()
    probe.observe("steps", 1)


@planted("leaks-child")
async def leaks_child(runtime: Runtime, probe: Probe) -> None:
    """Leaves a child behind that has ended and that nobody waits for."""
    probe.observe("steps", os.posix_spawn("/bin/true", ["true"], {}))


@planted("uses-threads")
async def uses_threads(runtime: Runtime, probe: Probe) -> None:
    """Leaves nothing behind: a thread of the runtime's, and a child that is waited for."""
    await runtime.run_in_thread(time.sleep, 0)
    subprocess.run(["/bin/true"], check=True)
    probe.observe("steps", 1)


@planted("uses-process", hang_after=6.0)
async def uses_process(runtime: Runtime, probe: Probe) -> None:
    """Leaves nothing behind: a process of the runtime's, where it waits for that at its end."""
    await runtime.run_in_process(time.sleep, 0)
    probe.observe("steps", 1)
