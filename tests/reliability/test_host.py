"""A host that lacks something, or whose clock is wrong: the run is whole, and what could not be had is said."""

import resource
import shutil
import subprocess
import sys

import pytest

from harness.journal import read_run
from harness.model import Outcome

from .program import Program, folder_of, outcomes_of, run

CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <sys/time.h>
/* The wall clock is set back by an hour when a process has asked for it a few times, and again and again. */
static int calls;
int clock_gettime(clockid_t which, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int said = real(which, now);
    if (which == CLOCK_REALTIME) now->tv_sec -= 3600L * (++calls / 3);
    return said;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
"""


@pytest.fixture
def clock_that_goes_back(tmp_path):
    """A library that every process of the run loads; the wall clock of this machine stays as it is."""
    if sys.platform != "linux" or (compiler := shutil.which("cc")) is None:
        pytest.skip("there is no C compiler to build the clock with")
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    says = "import time; before = time.time(); print([time.time() for _ in range(9)][-1] < before - 3000)"
    environment = {"LD_PRELOAD": str(library)}
    done = subprocess.run([sys.executable, "-c", says], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    return environment


def test_a_clock_that_is_set_back(tmp_path, clock_that_goes_back):
    """Durations, limits and hangs are on the monotonic clock: outcomes are right and no time is negative."""
    selection = ("-s", "faulty.ticks", "-s", "faulty.stopped", "-b", "trio")
    code, out, err = run("matrix", *selection, cwd=tmp_path, env=clock_that_goes_back)
    assert code == 1, out + err
    found = read_run(folder_of(tmp_path))
    assert found.complete
    outcomes = {(record.cell.scenario, record.result.outcome) for record in found.records}
    assert outcomes == {("faulty.ticks", Outcome.COMPLETED), ("faulty.stopped", Outcome.HUNG)}
    assert all(0 < record.result.seconds < 60 for record in found.records)
    ats = [[seen.at for seen in record.observations] for record in found.records]
    assert all(at == sorted(at) and at[0] >= 0 for at in ats)


def limit_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


@pytest.mark.parametrize("jobs", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_64_open_files(tmp_path, jobs):
    """They are enough for the runner, however many cells it runs; what a cell opens is its own affair."""
    selection = ("-s", "faulty.steps", "-b", "trio", "-b", "threads", "--rounds", "2", "--jobs", jobs)
    program = Program("matrix", *selection, cwd=tmp_path, preexec_fn=limit_files)
    code, out, err = program.end()
    assert code == 0, out + err
    assert program.survivors() == []
    assert set(outcomes_of(folder_of(tmp_path)).values()) == {"completed"}


def limit_files_to_almost_none():
    resource.setrlimit(resource.RLIMIT_NOFILE, (14, 14))


def test_too_few_open_files_for_a_cell(tmp_path):
    """They are refused in one line, before anything is made."""
    selection = ("-s", "faulty.steps", "-b", "trio", "-b", "threads", "--jobs", "1")
    program = Program("matrix", *selection, cwd=tmp_path, preexec_fn=limit_files_to_almost_none)
    code, out, err = program.end()
    assert program.survivors() == []
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "this host allows 14 open files" in err
    assert not (tmp_path / ".harness").exists()


@pytest.fixture
def one_port():
    """What puts a program into a network of its own, in which connecting has one port."""
    setting = "ip link set lo up && echo '40000 40000' > /proc/sys/net/ipv4/ip_local_port_range"
    tried = subprocess.run(["unshare", "-rn", "sh", "-c", setting], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"cannot make a network with one port: {tried.stderr.decode().strip()}")
    return ("unshare", "-rn", "sh", "-c", f'{setting} && exec "$@"', "sh")


def test_no_free_port(tmp_path, one_port):
    """It is the host's: no backend is charged, the run is incomplete, and the others run."""
    selection = ("-s", "faulty.connects", "-s", "faulty.steps", "-b", "asyncio", "-b", "trio", "-b", "threads")
    code, out, err = run("matrix", *selection, cwd=tmp_path, prefix=one_port)
    assert code == 5, out + err
    found = read_run(folder_of(tmp_path))
    assert found.complete
    ended = {(record.cell.scenario, record.result.outcome) for record in found.records}
    assert ended == {("faulty.connects", Outcome.INVALID_ENV), ("faulty.steps", Outcome.COMPLETED)}
    reasons = {record.result.reason for record in found.records if record.cell.scenario == "faulty.connects"}
    assert all("this host has no free port" in reason for reason in reasons), reasons


@pytest.mark.parametrize("scenario", ["faulty.connects", "stream.close-flushes"])
def test_no_loopback(tmp_path, scenario):
    """Nor is a network that is down charged to a backend, whoever sees the error first."""
    tried = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"cannot make a network: {tried.stderr.decode().strip()}")
    selection = ("-s", scenario, "-b", "asyncio", "-b", "trio", "-b", "threads", "--preset", "quick")
    code, out, err = run("matrix", *selection, cwd=tmp_path, prefix=("unshare", "-rn"))
    assert code == 5, out + err
    results = [record.result for record in read_run(folder_of(tmp_path)).records]
    assert {result.outcome for result in results} == {Outcome.INVALID_ENV}
    assert all("loopback is down" in result.reason for result in results), results
    assert "INCOMPLETE" in out


WITHOUT = {
    "/proc": ("mount -t tmpfs none /proc", "this host has no /proc"),
    "/dev/null": ("mount -t tmpfs none /dev", "/dev/null cannot be opened"),
    "5 files": ("ulimit -n 5", "this host allows 5 open files"),
}


@pytest.mark.parametrize("lacks", WITHOUT)
def test_a_host_without_what_every_run_needs(tmp_path, lacks):
    """One line names it before anything is made."""
    setting, named = WITHOUT[lacks]
    tried = subprocess.run(["unshare", "-rm", "sh", "-c", setting], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"cannot make such a host: {tried.stderr.decode().strip()}")
    prefix = ("unshare", "-rm", "sh", "-c", f'{setting} && exec "$@"', "sh")
    code, out, err = run("matrix", "-s", "faulty.steps", "-b", "trio", cwd=tmp_path, prefix=prefix)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert f"cannot run cells here: {named}" in err
    assert not (tmp_path / ".harness").exists()
