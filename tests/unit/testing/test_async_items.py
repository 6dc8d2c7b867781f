"""`pytest --harness-backends`: a project's own async tests on each backend."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.plugins import Plugins
from harness.testing.async_tests import run_async_test

POOL = Path(__file__).parents[3] / "examples" / "harness-minipool" / "src"
CATALOGUE = Plugins().catalogue()
SUITE = f"""
import sys
import pytest
sys.path.insert(0, {str(POOL)!r})


@pytest.mark.harness(runs_on=("asyncio", "uvloop"))
async def test_the_pool_for_asyncio():
    import asyncio
    from minipool.on_asyncio import Pool
    pool = Pool(1)
    held = await pool.acquire()

    async def borrow():
        pool.release(await pool.acquire())

    waiter = asyncio.create_task(borrow())
    await asyncio.sleep(0)
    pool.release(held)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert pool.free == 1


@pytest.mark.harness(runs_on=("trio",))
class TestTrio:
    async def test_the_pool_for_trio(self):
        import trio
        from minipool.on_trio import Pool
        pool = Pool(1)
        held = await pool.acquire()

        async def borrow():
            pool.release(await pool.acquire())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(borrow)
            await trio.testing.wait_all_tasks_blocked()
            pool.release(held)
            nursery.cancel_scope.cancel()
        assert pool.free == 1


async def test_with_a_fixture(tmp_path):
    pass


def test_without_async():
    pass
"""


@pytest.fixture
def suite(tmp_path):
    """A project with tests for its pools."""
    path = tmp_path / "test_pools.py"
    path.write_text(SUITE.replace("import trio\n", "import trio, trio.testing\n"))
    return path


def test_each_async_test_is_an_item_for_each_backend(suite):
    """The pool of asyncio loses a connection; unsupported tests are skipped with a reason, sync ones run as usual."""
    command = [sys.executable, "-m", "pytest", "-v", "-rs", "-p", "no:cacheprovider", "--strict-markers"]
    done = subprocess.run(
        [*command, "--harness-backends", "asyncio,trio"],
        cwd=suite.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "test_pools.py::test_the_pool_for_asyncio[asyncio] FAILED" in said
    assert "assert pool.free == 1" in said
    assert "test_pools.py::test_the_pool_for_asyncio[trio] SKIPPED" in said
    assert "written for asyncio, uvloop" in said
    assert "TestTrio::test_the_pool_for_trio[trio] PASSED" in said
    assert "test_pools.py::test_without_async PASSED" in said
    assert "takes fixtures (tmp_path): run it with harness suite" in said
    assert "1 failed, 2 passed, 4 skipped" in said


def test_an_unknown_backend_is_one_line(suite):
    """Nothing is run."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--harness-backends", "asyncoi"]
    done = subprocess.run(command, cwd=suite.parent, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 4
    assert "--harness-backends: unknown backend 'asyncoi'; did you mean 'asyncio'?" in done.stderr


def test_what_a_test_leaves_behind_fails_it(tmp_path):
    """A task that still runs when the test has ended is named."""
    path = tmp_path / "test_leak.py"
    body = "    kept.append(asyncio.create_task(asyncio.sleep(600), name='lost one'))"
    path.write_text(f"import asyncio\nkept = []\n\nasync def test_leak():\n{body}\n")
    verdict = run_async_test(path, "test_leak", "asyncio", CATALOGUE, hang_after=60)
    assert "left behind: " in verdict.failure
    assert "lost one" in verdict.failure


@pytest.mark.slow
def test_a_hang_has_an_autopsy(tmp_path):
    """Only the hung test fails; its report shows the place where the task waits."""
    path = tmp_path / "test_hang.py"
    path.write_text("import asyncio\n\nasync def test_hang():\n    await asyncio.Event().wait()\n")
    verdict = run_async_test(path, "test_hang", "asyncio", CATALOGUE, hang_after=10)
    assert verdict.failure.startswith("hung: ")
    assert "deadlock" in verdict.failure
    assert "test_hang" in verdict.failure
