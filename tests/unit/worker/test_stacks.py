"""A worker's stacks: in faulthandler's form, and asked for without harm."""

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from harness.execute.hang.autopsy import innermost_frames
from harness.execute.hang.stalls import is_whole, main_stack
from harness.worker.stacks import write_all_stacks, write_stack

ASKED = """
import asyncio, os, signal, sys, threading
from harness.worker.role import describe_tasks_on_signal
from harness.worker.turns import tell_turn_on_signal
from harness_asyncio.backend import AsyncioRunner

async def main(runtime):
    file = os.open(sys.argv[1], os.O_WRONLY)
    tell_turn_on_signal(file)
    describe_tasks_on_signal(runtime, file, 0.0)
    event = runtime.create_event()
    await event.set()
    asker = await asyncio.create_subprocess_exec(sys.executable, "-c", '''
import os, sys, time
for at in range(1500):
    os.kill(os.getppid(), %d if at %% 50 else %d)
    time.sleep(0.0005)
''' % (signal.SIGURG, signal.SIGUSR2))
    over = asyncio.create_task(asker.wait())
    while not over.done():
        for _ in range(1000):
            await event.wait()
        await asyncio.sleep(0)

AsyncioRunner({}).run(main, print)
"""


def test_it_survives_being_asked(tmp_path):
    """Coroutines that step while they are looked at: by faulthandler's own handler 3.11 dies of it within seconds."""
    (tmp_path / "answers").touch()
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", ASKED, tmp_path / "answers"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    answers = (tmp_path / "answers").read_text()
    assert answers.count("Current thread") > 100
    assert "in main\n" in answers


def test_the_form_is_faulthandlers():
    """The runner reads both alike: other threads first, each stack from its innermost frame outwards."""
    waits = threading.Event()
    waiting = threading.Thread(target=waits.wait)
    waiting.start()
    with tempfile.TemporaryFile() as file:
        write_all_stacks(file.fileno(), sys._getframe())
        file.seek(0)
        text = file.read().decode()
    waits.set()
    waiting.join()
    main, other, *_ = innermost_frames(text)
    assert main.startswith(f"{__file__}, line ")
    assert main.endswith("in test_the_form_is_faulthandlers")
    assert f"{Path(threading.__file__)}, line" in other
    (first, *_) = main_stack(text)
    assert (first.file, first.function) == (__file__, "test_the_form_is_faulthandlers")


def test_a_deep_stack_is_cut():
    """To faulthandler's hundred frames, and it is whole all the same."""

    def descend(depth):
        return descend(depth - 1) if depth else written()

    def written():
        with tempfile.TemporaryFile() as file:
            write_stack(file.fileno(), sys._getframe())
            file.seek(0)
            return file.read().decode()

    text = descend(150)
    assert is_whole(text)
    assert len(main_stack(text)) == 100
