"""Entry point of a worker: `python -P -X faulthandler -m harness.worker JOB`, with the job as JSON."""

import gc
import sys

gc.disable()  # until the scenario starts: collecting while importing finds nothing and costs a tenth of it

# msgspec looks for typing_extensions and needs nothing of it on Python >= 3.11, but importing it costs as much as
# starting the interpreter. Hidden only while msgspec is imported; a scenario finds it as always.
sys.modules.setdefault("typing_extensions", None)  # type: ignore[arg-type]
import msgspec  # noqa: E402, F401

if sys.modules["typing_extensions"] is None:
    del sys.modules["typing_extensions"]

from harness.worker.role import run_role  # noqa: E402

if __name__ == "__main__":
    run_role(sys.argv[1])
