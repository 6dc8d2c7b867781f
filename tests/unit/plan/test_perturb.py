"""What `--perturb` takes."""

import pytest

from harness.api import Perturbation
from harness.model import UsageError
from harness.plan.perturb import parse_perturbations
from harness.plugins import Plugins

INSTALLED = Plugins().catalogue().perturbations


def declare(parse=lambda text: text or "", **more):
    """Return a perturbation `odd` by its name."""
    return {"odd": Perturbation(name="odd", summary="", parse=parse, **more)}


def test_names_and_values():
    """Several in one text or in several; sizes in bytes."""
    texts = ("one-cpu,nofile=64", "sndbuf=4k", "gc=aggressive,cpu-hog", "rcvbuf=1M")
    assert parse_perturbations(texts, INSTALLED) == (
        ("cpu-hog", ""),
        ("gc", "aggressive"),
        ("nofile", "64"),
        ("one-cpu", ""),
        ("rcvbuf", "1048576"),
        ("sndbuf", "4096"),
    )
    assert parse_perturbations(("cpu-hog=3",), INSTALLED) == (("cpu-hog", "3"),)
    assert parse_perturbations((), INSTALLED) == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("one-cpus", "did you mean 'one-cpu'"),
        ("", "unknown perturbation ''"),
        ("nofile", "whole number"),
        ("nofile=0", "whole number"),
        ("nofile=many", "whole number"),
        ("sndbuf=k", "whole number"),
        ("one-cpu=1", "takes no value"),
        ("gc=often", "one of aggressive, off"),
        ("gc=off,gc=off", "given twice"),
    ],
)
def test_what_it_does_not_take(text, complaint):
    """Each mistake is named."""
    with pytest.raises(UsageError, match=complaint):
        parse_perturbations((text,), INSTALLED)


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        (declare(parse=lambda _text: 1 / 0), "odd cannot be read: it raised ZeroDivisionError: division by zero"),
        (declare(parse=lambda _text: 7), "odd cannot be read: its value is int, not str"),
        (declare(why_not_here=lambda value: f"no {value} on this host"), "odd cannot be used here: no x on this host"),
        (declare(why_not_here=lambda _value: 1 / 0), "odd cannot be read: it raised ZeroDivisionError"),
    ],
)
def test_a_perturbation_of_a_plugin_that_cannot_be_used(declared, complaint):
    """Refused with its own words, or with what it raised."""
    with pytest.raises(UsageError, match=complaint):
        parse_perturbations(("odd=x",), declared)
