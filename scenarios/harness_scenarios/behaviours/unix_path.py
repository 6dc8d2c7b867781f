"""The path of a Unix listener: too long, in use, left behind, another server's, abstract, removed."""

from __future__ import annotations

import os
import sys

from harness.api import (
    Capability,
    Harm,
    Runtime,
    Scenario,
    UnixListener,
    allowed,
    forbidden,
    interesting,
    unix_of,
)

from ..parts.unix_paths import LONGEST, dial_raw, folder, leave_behind, path_of, serve_raw
from .question import NEVER_ENDS, PrerequisiteError, Trial, make_question
from .raw_peer import STAYS_TAKEN, RawPeer
from .stream_attempt import NEEDED, RETURNS, Attempt, attempt, settle

SOCK = ("asyncio:io=sock", "uvloop:io=sock")
"""The other way to listen and connect on asyncio and its loops."""
NEEDS = (*NEEDED, Capability.UNIX)
_MODULE = "harness_scenarios.behaviours.unix_path"
_UNIX = "https://man7.org/linux/man-pages/man7/unix.7.html"
_TAKES_OVER = "gh-121252: https://github.com/python/cpython/issues/121252"
_REMOVED = "gh-111246: https://github.com/python/cpython/issues/111246"
_READ_BYTES = 100
_HELLO = b"hello"


async def _reaches(runtime: Runtime, trial: Trial, path: str, listener: UnixListener) -> bool:
    """Return whether a client that connects to a path is accepted by a listener, and its bytes arrive there."""
    sock = dial_raw(path)
    if sock is None:
        return False
    peer = RawPeer(sock)
    peer.send(_HELLO)
    accepting = await attempt(runtime, trial, "server", "accepts", listener.accept)
    try:
        if accepting.answer != RETURNS:
            return False
        stream = accepting.result
        reading = await attempt(runtime, trial, "server", "reads", stream.receive_some, _READ_BYTES)
        await stream.abort()
        return bool(reading.result == _HELLO)
    finally:
        peer.close()


async def _listen(runtime: Runtime, trial: Trial, path: str) -> Attempt:
    return await attempt(runtime, trial, "server", "listens", unix_of(runtime).listen_unix, path)


async def _close(runtime: Runtime, trial: Trial, listening: Attempt) -> None:
    if listening.answer == RETURNS:
        await attempt(runtime, trial, "server", "closes", listening.result.aclose)


# --- length ---

UP_TO_THE_LIMIT = "paths up to the limit work, longer ones are refused"
REFUSED_WITHIN = "a path within the limit is refused"
OTHER_PATH = "the file is not at the path"
LEAVES_A_FILE = "a refused path leaves a file behind"
NOT_REACHED = "no client reaches the server at its path"
_LENGTHS = (LONGEST - 1, LONGEST, LONGEST + 1, LONGEST + 2, 2 * LONGEST)


async def _listen_at_length(runtime: Runtime, trial: Trial, length: int) -> str:
    with folder() as place:
        path = path_of(place, length)
        listening = await _listen(runtime, trial, path)
        try:
            files = [str(place / name) for name in os.listdir(place)]  # noqa: PTH208 - names, not paths
            if listening.answer != RETURNS:
                return REFUSED_WITHIN if length <= LONGEST else LEAVES_A_FILE if files else UP_TO_THE_LIMIT
            if files != [path]:
                return OTHER_PATH
            is_reached = await _reaches(runtime, trial, path, listening.result)
            return UP_TO_THE_LIMIT if is_reached else NOT_REACHED
        finally:
            await _close(runtime, trial, listening)


async def _try_lengths(runtime: Runtime, trial: Trial) -> str:
    """Listen at the longest path and at longer ones."""
    for length in _LENGTHS:
        answer = await _listen_at_length(runtime, trial, length)
        trial.step("server", f"a path of {length} bytes: {answer}")
        if answer != UP_TO_THE_LIMIT:
            return answer
    return UP_TO_THE_LIMIT


path_length = make_question(
    _try_lengths,
    name="unix.path-length",
    question="A server listens on a path of the longest length, and on longer ones: where is its socket?",
    contract=("It is at exactly that path, or the call raises and leaves nothing behind.",),
    ref=f"{_MODULE}:path_length",
    answers={
        UP_TO_THE_LIMIT: allowed("the length is checked"),
        REFUSED_WITHIN: forbidden("the system has room for it", _UNIX),
        OTHER_PATH: forbidden("the path was cut, in silence", _UNIX, harm=Harm.SERVER),
        LEAVES_A_FILE: forbidden("a call that raises has made nothing", harm=Harm.LEAK),
        NOT_REACHED: forbidden("a client can connect once the call returns", harm=Harm.SERVER),
    },
    repetitions=1,
    requires=NEEDS,
    variants=SOCK,
    catches=("unix-path-cut", "unix-long-path-refused", "unix-refused-listen-leaves-file"),
)

# --- in use, left behind ---

STARTS = "the second server starts, and serves"
IN_USE = "the second server does not start"
TAKES_OVER = "the second server starts, and the first one gets no more clients"
FIRST_IS_DEAD = "the second server does not start, and the first one gets no more clients"
STARTS_UNSEEN = "the second server starts, and no client reaches it"
FILE_IS_LOST = "a file that is no socket is lost"


async def _listen_twice(runtime: Runtime, trial: Trial) -> str:
    """Listen on the path of a live server."""
    with folder() as place:
        path = str(place / "s")
        first = await _listen(runtime, trial, path)
        second = await _listen(runtime, trial, path)
        try:
            if second.answer != RETURNS:
                return IN_USE if await _reaches(runtime, trial, path, first.result) else FIRST_IS_DEAD
            return TAKES_OVER if await _reaches(runtime, trial, path, second.result) else STARTS_UNSEEN
        finally:
            await _close(runtime, trial, first)
            await _close(runtime, trial, second)


path_in_use = make_question(
    _listen_twice,
    name="unix.path-in-use",
    question="A server listens on the path of a live server: what becomes of the two?",
    contract=("The second one is reached at the path, or it does not start and the first one lives on.",),
    ref=f"{_MODULE}:path_in_use",
    answers={
        IN_USE: allowed("EADDRINUSE, as bind(2)", _UNIX),
        TAKES_OVER: interesting(
            "the file of the live server is removed, in silence: a second instance that is started by mistake "
            "takes its clients",
            _TAKES_OVER,
            harm=Harm.SERVER,
        ),
        FIRST_IS_DEAD: forbidden("a call that raises changes nothing", harm=Harm.SERVER),
        STARTS_UNSEEN: forbidden("a client can connect once the call returns", harm=Harm.SERVER),
    },
    repetitions=2,
    requires=NEEDS,
    variants=SOCK,
    catches=("unix-failed-listen-unlinks", "unix-second-listener-unreached"),
)

_TEXT = "text"


async def _listen_on_leftover(runtime: Runtime, trial: Trial) -> str:
    """Listen on a path at which there is a text, and on that of a dead server."""
    with folder() as place:
        text, dead = place / "text", str(place / "dead")
        text.write_text(_TEXT)
        await _close(runtime, trial, await _listen(runtime, trial, str(text)))
        if not (text.is_file() and text.read_text() == _TEXT):
            return FILE_IS_LOST
        leave_behind(dead)
        second = await _listen(runtime, trial, dead)
        try:
            if second.answer != RETURNS:
                return IN_USE
            return STARTS if await _reaches(runtime, trial, dead, second.result) else STARTS_UNSEEN
        finally:
            await _close(runtime, trial, second)


left_behind = make_question(
    _listen_on_leftover,
    name="unix.path-left-behind",
    question="A server starts at a path that a dead server has left behind, or another file: does it start?",
    contract=("A server that starts is reached.", "A file that is no socket stays."),
    ref=f"{_MODULE}:left_behind",
    answers={
        STARTS: allowed("the socket of a dead server is replaced"),
        IN_USE: interesting(
            "EADDRINUSE: after a crash the program has to remove the socket before it can start again",
            _UNIX,
            harm=Harm.SERVER,
            symptom=STAYS_TAKEN,
        ),
        STARTS_UNSEEN: forbidden("a client can connect once the call returns", harm=Harm.SERVER),
        FILE_IS_LOST: forbidden("only the file of a socket may be replaced", harm=Harm.DATA),
    },
    repetitions=2,
    requires=NEEDS,
    variants=SOCK,
    catches=("unix-listen-replaces-any-file", "unix-failed-listen-unlinks"),
)

# --- at the end ---

REMOVED = "the file is removed"
LEFT = "the file is left"
OTHERS_STAYS = "the other server's file stays"
MADE_AGAIN = "a file that was gone is there again"
OTHERS_REMOVED = "the other server's file is removed"
CLOSE_FAILS = "the close raises"
_OWN, _OTHERS, _GONE = "its own", "of another server", "gone"
_NO_FILE = "there is no file"


async def _close_each(runtime: Runtime, trial: Trial) -> str:
    """Close a listener whose file was replaced by another server, one whose file is gone, and an untouched one."""
    for whose, expected in ((_OTHERS, OTHERS_STAYS), (_GONE, _NO_FILE)):
        answer = await _close_at_the_end(runtime, trial, whose)
        if answer != expected:
            return answer
    return await _close_at_the_end(runtime, trial, _OWN)


async def _close_at_the_end(runtime: Runtime, trial: Trial, whose: str) -> str:
    with folder() as place:
        path = place / "s"
        listening = await _listen(runtime, trial, str(path))
        if whose != _OWN:
            path.unlink()
        other = serve_raw(str(path)) if whose == _OTHERS else None
        closing = await attempt(runtime, trial, "server", "closes", listening.result.aclose)
        await settle(runtime)
        is_there = path.is_socket()
        if other is not None:
            other.close()
        if closing.answer != RETURNS:
            return CLOSE_FAILS if closing.ended else NEVER_ENDS
        return _FILE_AFTER[whose][is_there]


_FILE_AFTER = {
    _OWN: {True: LEFT, False: REMOVED},
    _OTHERS: {True: OTHERS_STAYS, False: OTHERS_REMOVED},
    _GONE: {True: MADE_AGAIN, False: _NO_FILE},
}

file_at_the_end = make_question(
    _close_each,
    name="unix.file-at-the-end",
    question="A Unix listener is closed: what becomes of the file, if it is its own, another server's, or gone?",
    contract=("The file of another server stays.", "To close is no error if the file is gone."),
    ref=f"{_MODULE}:file_at_the_end",
    answers={
        REMOVED: allowed("the next server finds no file", _REMOVED),
        LEFT: interesting("the program has to remove it; a client gets ECONNREFUSED instead of ENOENT", _REMOVED),
        MADE_AGAIN: forbidden("to close makes no file"),
        OTHERS_REMOVED: forbidden("the other server gets no more clients", harm=Harm.SERVER),
        CLOSE_FAILS: forbidden("a listener can be closed", harm=Harm.ERROR),
        NEVER_ENDS: forbidden("a listener can be closed"),
    },
    repetitions=2,
    requires=NEEDS,
    variants=SOCK,
    catches=("unix-close-removes-any-file", "unix-close-fails-if-file-is-gone"),
)

# --- abstract names ---

WORKS = "it is reached, makes no file, and its name is free when it is closed"
NO_NAME = "it does not start"
MAKES_FILE = "it makes a file"
SHARED = "two servers have the same name"
NAME_TAKEN = "the name of a closed server stays taken"
NO_ABSTRACT = "the system has no abstract names"


def _list_files(name: str) -> list[str]:
    """Return the files of an abstract name: other processes write to the current directory too."""
    return [file for file in os.listdir() if name[1:] in file]  # noqa: PTH208 - names, not paths


async def _listen_abstract(runtime: Runtime, trial: Trial) -> str:
    """Listen on an abstract name, a second time, and once more after the close."""
    if sys.platform != "linux":
        raise PrerequisiteError(NO_ABSTRACT)
    name = f"\0harness-{os.getpid()}-{trial.number}-{trial.random.random()}"
    first = await _listen(runtime, trial, name)
    if first.answer != RETURNS:
        return NO_NAME
    second = await _listen(runtime, trial, name)
    is_reached = await _reaches(runtime, trial, name, first.result)
    made = _list_files(name)
    await _close(runtime, trial, second)
    await _close(runtime, trial, first)
    await settle(runtime)
    third = await _listen(runtime, trial, name)
    await _close(runtime, trial, third)
    if second.answer == RETURNS:
        return SHARED
    if not is_reached:
        return STARTS_UNSEEN
    if made:
        return MAKES_FILE
    return WORKS if third.answer == RETURNS else NAME_TAKEN


abstract = make_question(
    _listen_abstract,
    name="unix.abstract-name",
    question="A server listens on an abstract name: is it reached, and is the name free when it is closed?",
    contract=("An abstract name is no file, belongs to one server, and is free once that is closed.",),
    ref=f"{_MODULE}:abstract",
    answers={
        WORKS: allowed("the system keeps such names", _UNIX),
        NO_ABSTRACT: allowed("only Linux has them", _UNIX),
        NO_NAME: forbidden("an abstract name is an address as any other", _UNIX),
        STARTS_UNSEEN: forbidden("a client can connect once the call returns", harm=Harm.SERVER),
        MAKES_FILE: forbidden("an abstract name is no file", _UNIX),
        SHARED: forbidden("one of them gets no clients", harm=Harm.SERVER),
        NAME_TAKEN: forbidden("its socket is still open", harm=Harm.LEAK, symptom=STAYS_TAKEN),
    },
    repetitions=2,
    requires=NEEDS,
    variants=SOCK,
    catches=("unix-abstract-name-is-a-file", "unix-closed-in-name"),
)

SCENARIOS: tuple[Scenario, ...] = (path_length, path_in_use, left_behind, file_at_the_end, abstract)
