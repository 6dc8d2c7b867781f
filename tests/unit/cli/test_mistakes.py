"""Mistakes that are made often: the message says what to type."""

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("matrix", "storm"), "to select scenarios: harness matrix --scenario storm"),
        (("matrix", "--color", "never"), "it stands before the command: harness --color ... matrix"),
        (("plan", "-b", "asyncio,trio"), "repeat the option: --backend asyncio --backend trio"),
        (("plan", "-s", "storm,sink"), "repeat the option: --scenario storm --scenario sink"),
        (("plan", "-s", "stormm*"), "similar: storm"),
        (("plan", "-s", "qqqq*"), "areas: storm, timeout-select"),
        (("plan", "-s", "qqqqqqqq"), "harness list shows them"),
        (("plan", "-b", "saboteur:fault=item-lst"), "similar: item-lost"),
        (("list", "scenarios", "cancel.*", "--family", "lock"), "no scenario is left; families: cancel"),
    ],
)
def test_a_mistake_names_what_to_type(harness, words, said):
    """In one line that is short enough to read."""
    code, _, err = harness(*words)
    assert code in (2, 3)
    assert said in err
    assert len(err) < 500


def test_scenarios_are_listed_by_glob_family_and_capability(harness):
    """Each narrows the list."""
    listed = [
        {line.split()[0] for line in harness("list", "scenarios", *words)[1].splitlines() if "  cancel." in line}
        for words in (("cancel.*",), ("--family", "cancel"), ("cancel.*", "--capability", "shield"))
    ]
    assert "cancel.shielded-call" in listed[0] == listed[1]
    assert "cancel.shielded-block" in listed[2] < listed[0]


def test_help_has_sections(harness):
    """Of commands, and of options."""
    commands, options = harness("--help")[1], harness("matrix", "--help")[1]
    assert [word for word in ("Run:", "Look before you run:", "Ask stored runs:") if word not in commands] == []
    assert [word for word in ("What to run:", "How often and how long:", "Output:") if word not in options] == []
    assert "Other commands:" not in commands


def test_explain_has_question_contract_answers_and_code(harness):
    """Without a stored run it says how to get answers."""
    code, out, _ = harness("explain", "channel.close-with-items-inside")
    assert code == 0
    for words in (
        "The last sender closes a channel that holds items: do they come out?",
        "forbidden   items are lost or repeated [data lost or mixed]: sent items are delivered (https://",
        "no run is stored; to see answers: harness matrix -s channel.close-with-items-inside",
        "code: harness_scenarios.behaviours.channel_close, close_with_items_inside",
        "harness script channel.close-with-items-inside -b asyncio",
    ):
        assert words in out
