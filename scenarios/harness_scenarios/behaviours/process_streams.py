"""The streams of a child: arrival of bytes, loss in a cancelled read, and the effect of an end without a reader."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.api import ErrorKind, Harm, Runtime, Scenario, allowed, forbidden, interesting

from ..parts.children import PIPE, RUNS, UNTIL_TOLD, child_of, read_all, state_of, tell, until, wait_blocking
from .process_wait import CANCELLED_CHILD, CHILD, TURNS, cancel_at
from .question import NEVER_ENDS, NOTED, Trial, make_question

_MODULE = "harness_scenarios.behaviours.process_streams"
_COMMUNICATE = "https://docs.python.org/3/library/subprocess.html#subprocess.Popen.communicate"
_UVLOOP = "docs/found/uvloop-communicate-with-ended-child.md"
_CURIO = "curio 1.6, curio.subprocess.Popen.communicate"
_PIPE_HOLDS = 1 << 16
_CODE = 7

INTACT = "all bytes arrive"
LOST = "bytes are lost"


# --- reads ---


async def _cancel_a_read(runtime: Runtime, trial: Trial) -> str:
    turn = TURNS[trial.number % len(TURNS)]
    received: list[bytes] = []
    with TemporaryDirectory() as folder:
        written = Path(folder, "written")
        script = f"{UNTIL_TOLD}; echo now; : >{written}; {UNTIL_TOLD}; echo then"
        async with child_of(runtime, script, stdin=PIPE, stdout=PIPE) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            sink, source = child.stdin, child.stdout

            async def read() -> None:
                received.append(await source.receive_some(100))

            async def write() -> None:
                await sink.send_all(b"go\n")
                wait_blocking(written.exists)

            await cancel_at(runtime, turn, read, write)
            if turn < 0:
                await write()
            await tell(child)
            received.append(await read_all(source))
    trial.step("reader", f"cancelled in turn {turn}: {received}")
    return INTACT if b"".join(received) == b"now\nthen\n" else LOST


read_cancelled = make_question(
    _cancel_a_read,
    name="process.cancelled-read-keeps-bytes",
    question="A read from a child is cancelled around the moment in which the child writes: are the bytes still there?",
    catches=("cancelled-read-takes-bytes",),
    contract=("A cancelled read has taken nothing.",),
    ref=f"{_MODULE}:read_cancelled",
    answers={
        INTACT: allowed("what was written is read by the next one"),
        LOST: forbidden("the cancelled read took them along", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the child has ended"),
    },
    repetitions=len(TURNS),
    requires=CANCELLED_CHILD,
)

_WRITTEN = (0, 1, 4096, _PIPE_HOLDS)


async def _wait_then_read(runtime: Runtime, trial: Trial) -> str:
    size = _WRITTEN[trial.number % len(_WRITTEN)]
    async with child_of(runtime, f"head -c {size} /dev/zero", stdout=PIPE) as child:
        if size < _PIPE_HOLDS:
            await until(runtime, lambda: state_of(child.pid) != RUNS, 3.0)
        received = await read_all(child.stdout)
        await child.wait()
    return INTACT if received == bytes(size) else LOST


read_after_the_end = make_question(
    _wait_then_read,
    name="process.output-outlives-child",
    question="A child writes 0 bytes to 64 KiB and ends; then its output is read: is all of it there?",
    catches=("output-ends-with-the-child",),
    contract=("The end of a stream comes behind all that was written to it.",),
    ref=f"{_MODULE}:read_after_the_end",
    answers={
        INTACT: allowed("a pipe keeps what was written after its writer has gone"),
        LOST: forbidden("the end of the process cut its output", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the end of the stream does not come"),
    },
    repetitions=len(_WRITTEN),
    requires=CHILD,
)


# --- communicate ---

_SENT = (0, 1, 4096, _PIPE_HOLDS, _PIPE_HOLDS + 1, 1 << 20)


async def _communicate(runtime: Runtime, trial: Trial) -> str:
    size = _SENT[trial.number % len(_SENT)]
    data = os.urandom(size)
    # It fills stderr before it reads: whoever sends first and reads then is stuck.
    script = "head -c 200000 /dev/zero >&2; exec cat"
    async with child_of(runtime, script, stdin=PIPE, stdout=PIPE, stderr=PIPE) as child:
        out, err = await child.communicate(data)
    trial.step("parent", f"{size} bytes sent: {len(out)} and {len(err)} received")
    return INTACT if (out, len(err)) == (data, 200000) else LOST


communicate_any_size = make_question(
    _communicate,
    name="process.communicate-any-size",
    question="0 bytes to 1 MiB go through a child that fills its stderr first: do all of them come back?",
    catches=("communicate-cuts-off",),
    contract=("`communicate` sends and reads at once, so that no amount of data locks up.",),
    ref=f"{_MODULE}:communicate_any_size",
    answers={
        INTACT: allowed("all pipes are served at once", _COMMUNICATE),
        LOST: forbidden("data that was sent or written is missing", harm=Harm.DATA),
        NEVER_ENDS: forbidden("parent and child wait for each other", _COMMUNICATE),
    },
    repetitions=len(_SENT),
    requires=CHILD,
    screening=False,
)

NO_ERROR = "the output and the exit code come back"
BROKEN = "it raises that the pipe is broken"
CLOSED = "it raises that its own stream is closed"
_UNREAD = (1, _PIPE_HOLDS + 1, 1 << 20)
_NOTICED_SECONDS = 0.05


async def _communicate_unread(runtime: Runtime, trial: Trial) -> str:
    size = _UNREAD[trial.number % len(_UNREAD)]
    async with child_of(runtime, f"exec <&-; echo done; exit {_CODE}", stdin=PIPE, stdout=PIPE) as child:
        wait_blocking(lambda: state_of(child.pid) != RUNS)
        await runtime.sleep(_NOTICED_SECONDS)  # whether the runtime has noticed the end decides what uvloop does
        try:
            out, _ = await child.communicate(bytes(size))
        except (OSError, RuntimeError) as exc:
            trial.observe("error", type(exc).__name__)
            return BROKEN if isinstance(exc, OSError) else CLOSED
        code = await child.wait()
    return NO_ERROR if (out, code) == (b"done\n", _CODE) else LOST


communicate_unread = make_question(
    _communicate_unread,
    name="process.communicate-unread",
    question="A child ends without reading what `communicate` sends: is that an error?",
    catches=("communicate-insists-on-a-reader",),
    contract=("A child that does not read its stdin is no error.",),
    ref=f"{_MODULE}:communicate_unread",
    answers={
        NO_ERROR: allowed("how the child ended is what counts", _COMMUNICATE),
        BROKEN: forbidden("its output and exit code are lost for an error that says nothing", _CURIO),
        CLOSED: forbidden("the output and exit code of a child that is quick are lost, now and then", _UVLOOP),
        LOST: forbidden("the output of the child is lost", harm=Harm.DATA),
        NEVER_ENDS: forbidden("the child has ended"),
    },
    repetitions=len(_UNREAD),
    judges={"error": NOTED},
    requires=CHILD,
)

WAITED = "the process has ended, and its exit code is known"
NOT_WAITED = "the process may still run"


async def _communicate_then_poll(runtime: Runtime, trial: Trial) -> str:
    async with child_of(runtime, f"exec >&-; {UNTIL_TOLD}; sleep 0.05; exit {_CODE}", stdin=PIPE, stdout=PIPE) as child:
        await child.communicate(b"go\n")
        code = child.poll()
        trial.step("parent", f"returns with the exit code {code}")
    return WAITED if code == _CODE else NOT_WAITED


communicate_waits = make_question(
    _communicate_then_poll,
    name="process.communicate-waits",
    question="A child closes its stdout before it ends: has it ended when `communicate` returns?",
    catches=("communicate-does-not-wait",),
    contract=("`communicate` waits for the process.",),
    ref=f"{_MODULE}:communicate_waits",
    answers={
        WAITED: allowed("communicate reads to the ends of the pipes and then waits", _COMMUNICATE),
        NOT_WAITED: forbidden("the exit code is None where everything seems to be over", _CURIO),
        NEVER_ENDS: forbidden("the child has ended"),
    },
    repetitions=2,
    requires=CHILD,
)


# --- writes ---

LEARNS = "a write raises that the pipe is broken"
ACCEPTED = "every write returns, and what was written is dropped"
OTHER_ERROR = "a write raises something else"
_WRITES = 50


async def _write_to_the_dead(runtime: Runtime, trial: Trial) -> str:
    answer = ACCEPTED
    async with child_of(runtime, "exec true", stdin=PIPE) as child:
        assert child.stdin is not None
        wait_blocking(lambda: state_of(child.pid) != RUNS)
        if trial.number % 2:
            await child.wait()
        for number in range(_WRITES):
            try:
                await child.stdin.send_all(bytes(1024))
            except Exception as exc:
                if runtime.is_cancelled(exc):
                    raise
                kind = runtime.classify(exc)
                trial.observe("error", type(exc).__name__)
                trial.step("writer", f"write {number + 1} raises {type(exc).__name__}")
                answer = LEARNS if kind in (ErrorKind.BROKEN, ErrorKind.CLOSED) else OTHER_ERROR
                break
            await runtime.checkpoint()
    return answer


write_to_the_dead = make_question(
    _write_to_the_dead,
    name="process.write-to-ended-child",
    question="A program goes on writing to a child that has ended: does it learn of it?",
    catches=("writes-to-the-dead-vanish",),
    contract=("A write to a stream whose other end is closed raises in the end.",),
    ref=f"{_MODULE}:write_to_the_dead",
    answers={
        LEARNS: allowed("the error says that nobody reads"),
        ACCEPTED: forbidden("the program writes for ever to nobody"),
        OTHER_ERROR: interesting("an error that does not say that the other end is closed"),
        NEVER_ENDS: forbidden("the write waits for a reader that is gone"),
    },
    repetitions=2,
    judges={"error": NOTED},
    requires=CHILD,
)

SCENARIOS: tuple[Scenario, ...] = (
    read_cancelled,
    read_after_the_end,
    communicate_any_size,
    communicate_unread,
    communicate_waits,
    write_to_the_dead,
)
