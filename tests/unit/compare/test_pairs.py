"""Who is at fault when servers meet clients."""

from itertools import product

from harness.compare.pairs import describe_culprits

NAMES = ("asyncio", "rloop", "trio")
ALL = set(product(NAMES, repeat=2))


def with_server(name):
    return {pair for pair in ALL if pair[0] == name}


def with_client(name):
    return {pair for pair in ALL if pair[1] == name}


def test_a_server_that_fails_with_every_client():
    """Its own client side is cleared by the others' servers."""
    assert describe_culprits(with_server("rloop"), ALL) == (
        "rloop as server: fails with 3 of 3 clients; as client with others: 0 of 2",
    )


def test_a_client_that_fails_with_every_server():
    """The other way round."""
    assert describe_culprits(with_client("trio"), ALL) == (
        "trio as client: fails with 3 of 3 servers; as server with others: 0 of 2",
    )


def test_a_rare_failure_needs_no_full_row():
    """One of three clients may have been lucky."""
    failing = with_server("rloop") - {("rloop", "trio")}
    assert describe_culprits(failing, ALL) == (
        "rloop as server: fails with 2 of 3 clients; as client with others: 0 of 2",
    )


def test_one_combination():
    """Neither side is at fault elsewhere."""
    assert describe_culprits({("trio", "asyncio")}, ALL) == ("only the combination of server trio and client asyncio",)


def test_a_server_and_another_combination():
    """Each is named once."""
    assert describe_culprits(with_server("rloop") | {("trio", "asyncio")}, ALL) == (
        "rloop as server: fails with 3 of 3 clients; as client with others: 0 of 2",
        "only the combination of server trio and client asyncio",
    )


def test_a_backend_that_fails_in_both_roles():
    """Both are said, and neither hides the other."""
    lines = describe_culprits(with_server("rloop") | with_client("rloop"), ALL)
    assert lines == (
        "rloop as server: fails with 3 of 3 clients; as client with others: 2 of 2",
        "rloop as client: fails with 3 of 3 servers; as server with others: 2 of 2",
    )


def test_every_pair_fails():
    """Then it is no backend."""
    assert describe_culprits(ALL, ALL) == ("every pair fails: look at the scenario first",)
