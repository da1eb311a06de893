"""Places that a slow dependency may hold."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from vitrine.bulkhead import Bulkhead
from vitrine.errors import Unavailable


@pytest.fixture
def bulkhead() -> Bulkhead:
    return Bulkhead("Milvus", 2, patience_seconds=0.2)


@pytest.fixture
def full(bulkhead: Bulkhead) -> Iterator[ExitStack]:
    with ExitStack() as held:
        held.enter_context(bulkhead.place())
        held.enter_context(bulkhead.place())
        yield held


def refused(bulkhead: Bulkhead) -> float:
    began = time.monotonic()
    with pytest.raises(Unavailable, match="Milvus is slow"), bulkhead.place():
        raise AssertionError("a third place was given")
    return time.monotonic() - began


def test_the_first_to_find_it_full_waits_and_the_others_do_not(
    bulkhead: Bulkhead, full: ExitStack
) -> None:
    assert refused(bulkhead) > 0.1
    assert refused(bulkhead) < 0.1


def test_a_place_that_becomes_free_is_taken(bulkhead: Bulkhead, full: ExitStack) -> None:
    threading.Timer(0.05, full.close).start()
    with bulkhead.place():
        pass


def test_places_come_back_also_after_an_error(bulkhead: Bulkhead) -> None:
    for _ in range(5):
        with pytest.raises(ValueError, match="x"), bulkhead.place():
            raise ValueError("x")
    with bulkhead.place(), bulkhead.place():
        refused(bulkhead)
