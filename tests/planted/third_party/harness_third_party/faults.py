"""The faults: each changes the implementation of a call in this process, as a mistake in its source would."""

import itertools
import os
import signal
import threading
from concurrent.futures import Future

from harness_threads import bridge, processes, servers
from harness_threads.backend import ThreadsRunner
from harness_threads.scopes import here

PLANTS = {}
"""By name, the function that plants a fault."""


def plant(name):
    """Register a function that plants a fault."""

    def register(fn):
        PLANTS[name] = fn
        return fn

    return register


class Runner(ThreadsRunner):
    """Runs on threads, after the fault was planted."""

    def __init__(self, options):
        super().__init__({})
        self._fault = options.get("fault", "none")
        if self._fault in PLANTS:
            PLANTS[self._fault]()

    def run(self, main, unhandled):
        """Run, with the faults that a run itself can have."""
        if self._fault == "runs-once" and next(_RUNS):
            raise RuntimeError("a run is over, and its state is not cleared")
        if self._fault == "sigterm-is-held" and threading.current_thread() is threading.main_thread():
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            super().run(main, unhandled)
        except KeyboardInterrupt:
            if self._fault != "interrupt-is-success":
                raise
        except SystemExit:
            if self._fault != "exit-code-is-lost":
                raise


_RUNS = itertools.count()


# --- child processes ---


@plant("zero-for-a-signal")
def _zero_for_a_signal():
    wait = processes._ChildProcess.wait

    async def wait_and_round(self):
        return max(await wait(self), 0)

    processes._ChildProcess.wait = wait_and_round


@plant("wait-collects-any-child")
def _wait_collects_any_child():
    wait = processes._ChildProcess.wait

    async def collect_and_wait(self):
        code = await wait(self)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            pass
        return code

    processes._ChildProcess.wait = collect_and_wait


@plant("killed-run-is-not-reaped")
def _killed_run_is_not_reaped():
    kept = []
    processes._ChildProcess.reap = lambda self: kept.append(self)


@plant("large-output-is-cut")
def _large_output_is_cut():
    communicate = processes._ChildProcess.communicate

    async def communicate_and_cut(self, data=None):
        out, err = await communicate(self, data)
        return out[: 1 << 16], err

    processes._ChildProcess.communicate = communicate_and_cut


# --- threads and the scheduler ---


@plant("inbox-drops-items")
def _inbox_drops_items():
    put, count = bridge.Inbox.put, itertools.count(1)

    def put_most(self, item):
        if next(count) % 50:
            put(self, item)

    bridge.Inbox.put = put_most


@plant("event-set-by-a-thread-is-lost")
def _event_set_by_a_thread_is_lost():
    set_event = bridge.BridgeEvent.set

    def set_in_a_task(self):
        if getattr(here, "task", None) is not None:
            set_event(self)

    bridge.BridgeEvent.set = set_in_a_task


@plant("errors-change-class")
def _errors_change_class():
    run = bridge.run_here

    def run_and_wrap(fn, *args):
        try:
            return run(fn, *args)
        except Exception as exc:
            raise OSError(str(exc)) from None

    bridge.run_here = run_and_wrap


@plant("timeout-cancels-job")
def _timeout_cancels_job():
    submit = bridge.Bridge.submit

    class Job(Future):
        def result(self, timeout=None):
            try:
                return super().result(timeout)
            except TimeoutError:
                self.cancel()
                raise

    def submit_job(self, fn, *args):
        job, inner = Job(), submit(self, fn, *args)
        inner.add_done_callback(lambda done: job.cancelled() or _copy(done, job))
        return job

    bridge.Bridge.submit = submit_job


def _copy(done, job):
    if done.cancelled():
        job.cancel()
    elif done.exception() is not None:
        job.set_exception(done.exception())
    else:
        job.set_result(done.result())


# --- servers ---


@plant("error-stops-serving")
def _error_stops_serving():
    handle = servers._TcpServer.handle_error

    def handle_and_stop(self, request, client_address):
        handle(self, request, client_address)
        self.shutdown()

    servers._TcpServer.handle_error = handle_and_stop


@plant("close-cuts-connections")
def _close_cuts_connections():
    process, close, live = servers._TcpServer.process_request, servers.Server.close, []

    def remember(self, request, client_address):
        live.append(request)
        process(self, request, client_address)

    async def close_and_cut(self):
        await close(self)
        for request in live:
            if request.fileno() != -1:
                request.shutdown(2)

    servers._TcpServer.process_request, servers.Server.close = remember, close_and_cut


@plant("errors-are-silent")
def _errors_are_silent():
    servers._TcpServer.handle_error = lambda self, request, client_address: None


@plant("connections-stay-open")
def _connections_stay_open():
    kept = []

    def keep(self, request):
        kept.append(request.dup())
        request.close()

    servers._TcpServer.shutdown_request = keep
