"""Each of several signals, and each of several descriptors, reaches a child."""

from __future__ import annotations

import os
import signal

from harness.api import Capability, Runtime, Scenario, allowed, forbidden
from harness.api.processes import NULL, PIPE

from ..parts.children import child_of, read_all
from .question import LONG_TRIAL_SECONDS, NEVER_ENDS, NOTED, Trial, make_question

_MODULE = "harness_scenarios.behaviours.process_each"

# --- signals ---

EACH_SIGNAL = "each signal arrives"
ANOTHER_END = "it ends by another signal than was sent"
TOO_MANY_BYTES = "a read of its output returns more bytes than were asked for"
_TIMES = 3
_FEW_BYTES = 3
_CODE = 7
_ANSWERS_SIGNALS = f"trap 'echo got' USR1; trap 'exit {_CODE}' TERM; echo got; while :; do read line; done"


async def _send_signals(runtime: Runtime, trial: Trial) -> str:
    async with child_of(runtime, _ANSWERS_SIGNALS, stdin=PIPE, stdout=PIPE) as child:
        assert child.stdout is not None
        for number in range(_TIMES + 1):
            if number:
                trial.step("parent", f"sends signal {number}")
                child.send_signal(signal.SIGUSR1)
            line = b""
            while not line.endswith(b"\n"):
                chunk = await child.stdout.receive_some(_FEW_BYTES)
                if not 0 < len(chunk) <= _FEW_BYTES:
                    return TOO_MANY_BYTES if chunk else ANOTHER_END
                line += chunk
        child.terminate()
        return EACH_SIGNAL if await child.wait() == _CODE else ANOTHER_END


each_signal = make_question(
    _send_signals,
    name="process.each-signal-arrives",
    question="Three signals and the request to terminate are sent to a child, one after another: does each arrive?",
    contract=("`send_signal` sends a signal to a child that runs, each time.",),
    ref=f"{_MODULE}:each_signal",
    answers={
        EACH_SIGNAL: allowed("a signal is sent to a child that runs, each time"),
        ANOTHER_END: forbidden("`send_signal` sends that signal, `terminate` sends SIGTERM"),
        TOO_MANY_BYTES: forbidden("`receive_some` returns at most as many bytes as were asked for"),
        NEVER_ENDS: forbidden("a signal is sent to a child that runs, each time"),
    },
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CHILD_PROCESS,),
    catches=("second-signal-lost",),
)

# --- descriptors ---

EACH_PASSED = "the child has each descriptor that was passed"
NOT_PASSED = "the child lacks a descriptor that was passed"
_SIZES = (1, 2, 3)


async def _pass_descriptors(runtime: Runtime, trial: Trial) -> str:
    for size in _SIZES:
        fds = [os.open(os.devnull, os.O_RDONLY) for _ in range(size)]
        try:
            script = "; ".join(f"[ -e /proc/self/fd/{fd} ] && echo {fd}" for fd in fds)
            async with child_of(runtime, script, stdin=NULL, stdout=PIPE, pass_fds=fds) as child:
                seen = (await read_all(child.stdout)).split()
        finally:
            for fd in fds:
                os.close(fd)
        if seen != [b"%d" % fd for fd in fds]:
            trial.observe("case", f"{size} descriptors")
            return NOT_PASSED
    return EACH_PASSED


each_descriptor = make_question(
    _pass_descriptors,
    name="process.each-descriptor-is-passed",
    question="1, 2 or 3 descriptors are passed to a child: does it have each of them?",
    contract=("A child has the descriptors that were passed to it.",),
    ref=f"{_MODULE}:each_descriptor",
    answers={
        EACH_PASSED: allowed("a child has the descriptors that were passed to it"),
        NOT_PASSED: forbidden("a child has the descriptors that were passed to it"),
        NEVER_ENDS: forbidden("a child that has ended closes its output"),
    },
    judges={"case": NOTED},
    repetitions=1,
    seconds=LONG_TRIAL_SECONDS,
    requires=(Capability.CHILD_PROCESS,),
    catches=("second-passed-descriptor-closed",),
)

SCENARIOS: tuple[Scenario, ...] = (each_signal, each_descriptor)
