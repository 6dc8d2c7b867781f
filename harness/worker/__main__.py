"""Entry point of a worker: `python -P -X faulthandler -m harness.worker JOB`, with the job as JSON.

`--warm FD` instead of the job makes it a warm parent: a process that it forks has its job from there, and goes on here.
"""

import gc
import sys

gc.disable()  # until the scenario starts: collecting while importing finds nothing and costs a tenth of it

from .light_msgspec import standing_in  # noqa: E402

with standing_in():
    from .role import run_role

if __name__ == "__main__":
    job = sys.argv[1]
    if job == "--warm":
        with standing_in():
            from .warm import serve
        job = serve(int(sys.argv[2]))
    run_role(job)
