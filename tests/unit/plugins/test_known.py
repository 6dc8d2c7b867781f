"""Files of expected divergences: what is read, what is refused, what is written."""

import pytest

from harness.cli.expect import update_text
from harness.compare import Proposal
from harness.model import Expectation, FindingKind, KnownBreach, UsageError
from harness.plugins.known import read_expectations, read_known

ONE = """\
# why we know
[[expected]]
scenario = "drain"
backends = ["asyncio", "uvloop"]  # the family
key = "answer"
value = "lost"
when = {python = "<3.12"}
expires = 2027-01-01
reason = "known"
"""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns it."""

    def write(text):
        file = tmp_path / "known.toml"
        file.write_text(text)
        return file

    return write


def test_a_file_is_read(write):
    """With the source that messages name."""
    (expectation,) = read_expectations(write(ONE), "plugin p")
    assert (expectation.backends, expectation.value, expectation.source) == (("asyncio", "uvloop"), "lost", "plugin p")
    assert expectation.text == "drain on asyncio, uvloop: answer = lost"


BREACH = """
[[breach]]
clause = "a lock is free"
backends = ["asyncio:*"]
reason = "why"
"""


def test_a_file_with_breaches_of_the_contract(write):
    """They are no expectations of a run, and an update of those leaves them."""
    file = write(ONE + BREACH)
    known = KnownBreach(clause="a lock is free", backends=("asyncio:*",), reason="why", source="s")
    assert read_known(file, "s").breaches == (known,)
    assert [expectation.scenario for expectation in read_expectations(file)] == ["drain"]
    gone = {"drain on asyncio, uvloop: answer = lost": {"asyncio", "uvloop"}}
    assert read_known(write(update_text(ONE + BREACH, [], gone)), "s").breaches == (known,)
    assert (known.text, KnownBreach(clause="c", backends=("b",), reason="r", reference="#7").text) == ("why", "r (#7)")


def test_a_breach_with_a_character_class_is_refused(write):
    """It would match no spec, and excuse nothing."""
    with pytest.raises(UsageError, match=r"'asyncio:\[!i\]\*', which no spec matches"):
        read_known(write(BREACH.replace("asyncio:*", "asyncio:[!i]*")))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[expected", "known.toml"),
        ("[[expected]]\nscenario = 'a'", "missing required field `backends`"),
        ("[[expected]]\nscenario = 'a'\nbackends = []\nreason = 'r'", "'a' has no backends"),
        ("[[expected]]\nscenario = 'a'\nbackends = ['b']\nreason = ''", "'a' has no reason"),
        ("[[expected]]\nscenario = 'a'\nbackends = ['b']\nreason = 'r'\nsince = 1", "unknown field `since`"),
        ("[[known]]\nscenario = 'a'", "unknown field `known`"),
        ("[[breach]]\nclause = 'a'\nbackends = ['b']\nreason = ''", "'a' has no reason"),
        ("[[breach]]\nclause = 'a'\nbackends = ['b']\nreason = 'r'\nkey = 'k'", "unknown field `key`"),
        (
            "[[expected]]\nscenario='a'\nbackends=['b']\nreason='r'\nwhen={python='three'}",
            "no version specifier",
        ),
        ("[[expected]]\nscenario='a'\nbackends=['b']\nreason='r'\nfinding='odd'", "Invalid enum value 'odd'"),
    ],
)
def test_what_is_no_list_of_expectations_is_refused(write, text, complaint):
    """With the file and what is wrong in it."""
    with pytest.raises(UsageError, match=r"known\.toml") as caught:
        read_expectations(write(text))
    assert complaint in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    """Is named."""
    with pytest.raises(UsageError, match=r"absent\.toml: No such file"):
        read_expectations(tmp_path / "absent.toml")


def test_an_update_keeps_what_was_written_by_hand(write):
    """Comments and order stay; what is added is refused until a person has written its reason."""
    new = Expectation(scenario="join", backends=("curio",), finding=FindingKind.UNHANDLED, reason="")
    text = update_text(ONE, [Proposal(expectation=new, seen="unhandled: lost")], {})
    assert text.startswith(ONE.rstrip())
    assert "# seen: unhandled: lost" in text
    with pytest.raises(UsageError, match="'join' has no reason; write why it is accepted, or take it out"):
        read_expectations(write(text))
    written = write(text.replace('reason = ""', 'reason = "why"'))
    assert read_expectations(written, "s")[1] == Expectation(
        scenario="join", backends=("curio",), finding=FindingKind.UNHANDLED, reason="why", source="s"
    )


def test_an_update_takes_out_what_is_stale(write):
    """A backend of it, or all of it."""
    known = "drain on asyncio, uvloop: answer = lost"
    text = update_text(ONE, [], {known: {"uvloop"}})
    assert [e.backends for e in read_expectations(write(text))] == [("asyncio",)]
    assert update_text(ONE, [], {known: {"asyncio", "uvloop"}}) == ""
