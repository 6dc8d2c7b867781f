"""Nothing that comes from outside is evaluated, and everything listens on loopback."""

import ast
import json
import os
import sys
from pathlib import Path

import pytest

from harness.journal import JOURNAL_NAME, read_run

from .program import folder_of, linux, run

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "harness").rglob("*.py"), *(ROOT / "reports").rglob("*.py")])
EVALUATES = {"eval", "exec", "compile", "__import__"}
IN_A_WORKER = {("harness/worker/held_locks.py", name) for name in ("eval", "compile")}
"""Looks names up in the frames of its own cell, whose code wrote them; no text from outside."""
UNPICKLES = {"pickle", "cPickle", "marshal", "shelve", "dill", "yaml", "jsonpickle"}


def calls_and_imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in EVALUATES:
                yield name
            case ast.Import(names=names):
                yield from (alias.name.split(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.split(".")[0]
            case ast.keyword(arg="shell", value=ast.Constant(value=True)):
                yield "shell=True"


def test_nothing_is_evaluated_or_unpickled():
    """Neither the core nor the reports have a way to: no eval, no pickle, no shell."""
    found = {(str(path.relative_to(ROOT)), name) for path in SOURCES for name in calls_and_imports(path)} - IN_A_WORKER
    assert [pair for pair in sorted(found) if pair[1] in EVALUATES | UNPICKLES | {"shell=True"}] == []


PICKLE = "gASVIAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAV0b3VjaJSFlFKULg=="


@pytest.mark.parametrize("command", ["show", "report", pytest.param("issue", marks=pytest.mark.slow)])
def test_a_journal_from_anywhere_runs_nothing(tmp_path, command):
    """Its texts name modules, files and code; reading and rendering it imports, opens and starts none of them."""
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "trapped.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
    assert run("matrix", "-s", "faulty.killed", "-b", "trio", cwd=tmp_path)[0] == 1
    journal = folder_of(tmp_path) / JOURNAL_NAME
    lines = [json.loads(line) for line in journal.read_bytes().splitlines()]
    spoil(lines)
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    environment = {"PYTHONPATH": os.pathsep.join([str(trap), *sys.path])}
    arguments = {"show": ("-v",), "report": ("latest", "--format", "html"), "issue": ("latest", "trio")}[command]
    code, out, err = run(command, *arguments, cwd=tmp_path, env=environment)
    assert "Traceback" not in out + err
    assert code in (0, 1, 2), err
    assert "root:" not in out
    assert not (tmp_path / "sprung").exists()


def spoil(lines):
    """Put what would be evaluated, opened or imported by a careless reader into the facts of a journal."""
    for line in lines:
        if line["type"] == "cell-finished":
            line["result"]["evidence"] = "../../../../../../etc"
            line["result"]["reason"] = "__import__('trapped')"
            line["result"]["roles"][0]["role"] = "../../../../../../etc/passwd"
        if line["type"] == "cell-observed":
            line["observation"]["value"] = {
                "__reduce__": PICKLE,
                "py/object": "trapped.x",
                "$ref": "file:///etc/passwd",
            }
        if line["type"] == "run-started":
            line["scenarios"][0]["ref"] = "trapped:x"
            line["scenarios"][0]["question"] = "{{ ''.__class__ }} {% import 'trapped' %} !!python/name:trapped.x"
            line["environment"] = {"eval": "__import__('trapped')"}


AUDIT = """
import os, sys, socket
def hook(event, arguments):
    if event == "socket.bind":
        address = arguments[1]
        with open(os.environ["BIND_LOG"], "a") as log:
            log.write(f"{address[0] if isinstance(address, tuple) else repr(address)}\\n")
sys.addaudithook(hook)
"""


@pytest.mark.skipif(not linux, reason="reads /proc")
def test_everything_listens_on_loopback(tmp_path):
    """Every address that any process of a matrix of servers binds to, as the interpreter sees it."""
    site, log = tmp_path / "site", tmp_path / "binds"
    site.mkdir()
    (site / "sitecustomize.py").write_text(AUDIT)
    backends = [argument for name in ("asyncio", "trio", "curio", "threads") for argument in ("-b", name)]
    run(
        *("matrix", "-s", "echo", *backends, "--preset", "quick", "--timeout", "20"),
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "BIND_LOG": str(log)},
    )
    assert read_run(folder_of(tmp_path)).complete
    bound = set(log.read_text().split())
    assert bound
    assert [address for address in bound if not address.startswith("127.") and address != "::1"] == []
