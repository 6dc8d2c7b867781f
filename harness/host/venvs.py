"""Make an environment: a virtual environment with the requested packages, and with the harness that runs here."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

from harness.host.interpreters import ROOT, Registered, ask_environment, find_registered, register
from harness.host.place_names import is_environment_name
from harness.model import Environment, UsageError

_DISTRIBUTION = "runtime-harness"
_OLDEST = (3, 11)
_VERSION = re.compile(r"3\.\d+(\.\d+)?")
_KEPT_LINES = 6
_NOT_IN_A_WHEEL = ("INSTALLER", "REQUESTED", "direct_url.json", "RECORD")
Said = Callable[[str], None]


def create_environment(
    name: str, python: str, requirements: Sequence[str], say: Said, *, bare: bool = False
) -> Environment:
    """Make the environment, register it, and return its self-description.

    Args:
        name: what backend specs call it.
        python: a version (`3.13`), or the path of an interpreter; empty is the one that runs here.
        requirements: what to install beside harness, as an installer takes them.
        say: is called with each step.
        bare: whether it has the requirements only: its workers then get harness by path.

    Raises:
        UsageError: the name is taken or none, there is no such Python, or an installer fails; nothing is left then.
    """
    if not is_environment_name(name):
        raise UsageError(f"an environment cannot be called {name!r}: letters, digits, dots, dashes and underscores")
    folder = ROOT / name
    if folder.exists() and find_registered(name) is None:
        raise UsageError(f"{folder} is there already and is no environment of harness; take another name")
    interpreter = find_python(python)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        tool = _make_folder(folder, interpreter, say)
        _install(folder, tool, requirements, say, bare=bare)
        register(
            Registered(name=name, asked_python=python, requirements=tuple(requirements), made_with=Path(tool[-1]).name)
        )
        return ask_environment(name, str(folder))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def find_python(text: str) -> str:
    """Return the interpreter of a version or path.

    Raises:
        UsageError: there is none, or it is too old.
    """
    if not text:
        return sys.executable
    candidates = list(_candidates(text))
    for path in candidates:
        found = _ask_version(path)
        if found is None or (_VERSION.fullmatch(text) and not f"{found}.".startswith(f"{text}.")):
            continue
        if tuple(map(int, found.split(".")[:2])) < _OLDEST:
            raise UsageError(f"{path} is Python {found}; harness needs {'.'.join(map(str, _OLDEST))} or later")
        return path
    looked = f" (looked at {', '.join(candidates)})" if candidates else ""
    raise UsageError(f"there is no Python {text!r} here{looked}; install it, or give the path of an interpreter")


def _candidates(text: str) -> Iterator[str]:
    if not _VERSION.fullmatch(text):
        found = shutil.which(str(Path(text).expanduser()))
        yield from (found,) if found else ()
        return
    short = ".".join(text.split(".")[:2])
    if shutil.which("uv") and (found := _output(["uv", "python", "find", "--no-python-downloads", text])):
        yield found
    if found := shutil.which(f"python{short}"):
        yield found
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from (str(path) for path in sorted(root.glob(f"versions/{text}*/bin/python"), reverse=True))


def _ask_version(path: str) -> str | None:
    return _output([path, "-c", "import platform; print(platform.python_version())"]) or None


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _make_folder(folder: Path, interpreter: str, say: Said) -> tuple[str, ...]:
    """Make an empty virtual environment with an available tool, and return that tool."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    tool = _choose_tool(interpreter)
    say(f"making {folder} with {Path(tool[-1]).name}, of {interpreter}")
    last = ("--python", interpreter) if tool[-1] != "venv" else ()
    _call([*tool, *(("venv",) if tool[-1] == "uv" else ()), *last, str(folder)], "make the environment")
    return tool


def _choose_tool(interpreter: str) -> tuple[str, ...]:
    if shutil.which("uv"):
        return ("uv",)
    if shutil.which("virtualenv"):
        return ("virtualenv",)
    if importlib.util.find_spec("virtualenv") is not None:
        return (sys.executable, "-m", "virtualenv")
    return (interpreter, "-m", "venv")


def _install(folder: Path, tool: Sequence[str], requirements: Sequence[str], say: Said, *, bare: bool) -> None:
    python = str(folder / "bin" / "python")
    pip = ["uv", "pip", "install", "--python", python] if tool[-1] == "uv" else [python, "-m", "pip", "install"]
    with TemporaryDirectory(prefix="harness-wheel-") as scratch:
        source = () if bare else find_source(distribution(_DISTRIBUTION), Path(scratch))
        first = "" if bare else f"harness from {source[-1]}, and "
        say(f"installing {first}{', '.join(requirements) or 'nothing more'}")
        _call([*pip, *source, *requirements], "install into the environment")


def find_source(installed: Distribution, scratch: Path) -> tuple[str, ...]:
    """Return the installer's arguments for this same harness: its source tree, its wheel, or a wheel of it.

    Args:
        installed: the distribution that runs here.
        scratch: where a wheel may be made, of the files that are installed here.
    """
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    url = urlsplit(origin.get("url", ""))
    path = Path(unquote(url.path))
    if url.scheme == "file" and path.exists():
        return ("--editable", str(path)) if origin.get("dir_info", {}).get("editable") else (str(path),)
    return (str(pack_wheel(installed, scratch)),)


def pack_wheel(installed: Distribution, folder: Path) -> Path:
    """Write the files of an installed distribution of pure Python as a wheel again, and return its path."""
    name = re.sub(r"[-_.]+", "_", installed.metadata["Name"])
    wheel = folder / f"{name}-{installed.version}-py3-none-any.whl"
    record = f"{name}-{installed.version}.dist-info/RECORD"
    kept = []
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in installed.files or ():
            is_made_here = file.name in _NOT_IN_A_WHEEL and file.parent.name.endswith(".dist-info")
            if file.parts[0] == ".." or file.suffix == ".pyc" or is_made_here:
                continue  # scripts and compiled files, which the installer makes again
            archive.write(str(file.locate()), str(file))
            kept.append(f"{file},,")
        archive.writestr(record, "\n".join([*kept, f"{record},,"]) + "\n")
    return wheel


def _call(command: Sequence[str], what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    except OSError as exc:
        raise UsageError(f"cannot {what}: {command[0]}: {exc.strerror}") from exc
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        errors = [line for line in lines if line.lower().startswith("error")] or lines[-_KEPT_LINES:]
        raise UsageError(f"cannot {what}: {'; '.join(errors) or f'exit code {done.returncode}'}")
