"""What `--perturb` takes."""

import pytest

from harness.model import UsageError
from harness.plan.perturb import parse_perturbations


def test_names_and_values():
    """Several in one text or in several; sizes in bytes."""
    texts = ("one-cpu,nofile=64", "sndbuf=4k", "gc=aggressive,cpu-hog", "rcvbuf=1M")
    assert parse_perturbations(texts) == (
        ("cpu-hog", ""),
        ("gc", "aggressive"),
        ("nofile", "64"),
        ("one-cpu", ""),
        ("rcvbuf", "1048576"),
        ("sndbuf", "4096"),
    )
    assert parse_perturbations(("cpu-hog=3",)) == (("cpu-hog", "3"),)
    assert parse_perturbations(()) == ()


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
        parse_perturbations((text,))
