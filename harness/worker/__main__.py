"""Entry point of a worker: `python -P -X faulthandler -m harness.worker JOB`, with the job as JSON."""

import gc
import sys

gc.disable()  # until the scenario starts: collecting while importing finds nothing and costs a tenth of it

from .light_msgspec import standing_in  # noqa: E402

with standing_in():
    from .role import run_role

if __name__ == "__main__":
    run_role(sys.argv[1])
