"""What a report says of the code that ran."""

import json
import os
import subprocess
import sys


def test_a_loop_says_which_version_of_what_distribution_it_is(tmp_path):
    """So that an expectation can hold for some versions of it: what the backend lists are only its own."""
    package = tmp_path / "somebodys_loop"
    package.mkdir()
    (package / "__init__.py").write_text("import asyncio\nclass Loop(asyncio.SelectorEventLoop): pass\n")
    facts = tmp_path / "loops_of_somebody-1.2.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: loops-of-somebody\nVersion: 1.2\n")
    (facts / "top_level.txt").write_text("somebodys_loop\n")
    command = ["run", "-b", "asyncio:loop=somebodys_loop:Loop", "-s", "cancel.cleanup-waits", "-q", "--json", "-"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "harness.cli", *command],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)["records"]
    assert record["result"]["roles"][0]["attestation"]["versions"] == {"loops-of-somebody": "1.2"}
