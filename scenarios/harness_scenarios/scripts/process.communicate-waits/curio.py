"""communicate waits for the process, also if the process closes its stdout early.

API: curio.subprocess.Popen.communicate, Popen.returncode.
"""

import sys

import curio
from curio.subprocess import PIPE, Popen


async def main() -> str:
    child = Popen(["sh", "-c", "exec >&-; sleep 0.2; exit 7"], stdout=PIPE)
    await child.communicate()
    code = child.returncode
    await child.wait()
    return f"the exit code is {code}"


seen = curio.run(main)
expected = "the exit code is 7"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)
