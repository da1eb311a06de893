"""The time a request has."""

import contextvars
import threading

import pytest

from vitrine import deadline
from vitrine.errors import Unavailable


def test_without_a_deadline_only_the_call_s_own_bound_holds() -> None:
    assert deadline.time_left() is None
    assert deadline.bounded(5.0) == 5.0


def test_the_shorter_bound_holds() -> None:
    with deadline.within(2.0):
        assert deadline.bounded(0.5) == 0.5
        assert 1.0 < deadline.bounded(5.0) <= 2.0
        with deadline.within(60.0):
            assert deadline.bounded(5.0) <= 2.0
        with deadline.within(0.2):
            assert deadline.bounded(5.0) <= 0.2
        assert deadline.bounded(5.0) > 1.0
    assert deadline.time_left() is None


def test_nothing_is_begun_when_the_time_is_over() -> None:
    with deadline.within(0.0), pytest.raises(Unavailable):
        deadline.bounded(5.0)


def test_a_helping_thread_has_it_in_a_copy_of_the_context() -> None:
    found: list[float | None] = []

    def help() -> None:
        found.append(deadline.time_left())

    with deadline.within(2.0):
        threads = [
            threading.Thread(target=help),
            threading.Thread(target=contextvars.copy_context().run, args=(help,)),
        ]
        for thread in threads:
            thread.start()
            thread.join()
    assert found[0] is None
    assert found[1] is not None
