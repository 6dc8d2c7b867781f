"""A chapter of the contract: reached from a runtime that has it, absent where nothing is declared."""

import pytest

from harness.api import CHAPTERS, Backend, Capability, Offer, Support, UnsupportedError, processes_of


def backend(**capabilities):
    """Return the declaration of a backend that exists nowhere."""
    offers = {Capability[name]: offer for name, offer in capabilities.items()}
    return Backend(name="old", summary="exists nowhere", runner="nowhere:Runner", capabilities=offers)


@pytest.mark.parametrize("chapter", sorted(CHAPTERS))
def test_a_backend_that_does_not_mention_a_chapter_lacks_it(chapter):
    """So that a plugin from before the chapter is asked nothing that it cannot do."""
    offer = backend().offer(chapter)
    assert offer.support is Support.ABSENT
    assert "does not declare" in offer.note


@pytest.mark.parametrize("capability", sorted(set(Capability) - CHAPTERS))
def test_anything_else_that_it_does_not_mention_is_native(capability):
    """As from the first version on."""
    assert backend().offer(capability) == Offer(Support.NATIVE)


def test_a_chapter_that_is_declared_is_offered_as_declared():
    """Native or emulated, with its note."""
    offer = Offer(Support.EMULATED, "built of threads")
    assert backend(CHILD_PROCESS=offer).offer(Capability.CHILD_PROCESS) == offer


class _Runtime:
    name = "old"


class _NewRuntime(_Runtime):
    chapter = object()

    def processes(self):
        return self.chapter


def test_a_runtime_with_the_chapter():
    """Hands out what its method returns."""
    assert processes_of(_NewRuntime()) is _NewRuntime.chapter


def test_a_runtime_from_before_the_chapter():
    """Is refused with its name and what is missing."""
    with pytest.raises(UnsupportedError, match="old has no chapter 'processes'"):
        processes_of(_Runtime())
