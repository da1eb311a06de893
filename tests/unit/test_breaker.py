"""The circuit breaker on a clock of ours."""

import pytest

from vitrine.breaker import Breaker
from vitrine.errors import Unavailable


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def judge(error: Exception) -> bool | None:
    return {TimeoutError: True, KeyError: False}.get(type(error))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("Milvus", judge, failures=3, rest_seconds=5, clock=clock)


def fail(breaker: Breaker, error: type[Exception] = TimeoutError) -> None:
    with pytest.raises(error), breaker.attempt():
        raise error


def refused(breaker: Breaker) -> Unavailable:
    with pytest.raises(Unavailable, match="Milvus") as caught, breaker.attempt():
        raise AssertionError("the call was made")
    return caught.value


def test_it_opens_after_failures_in_a_row(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    fail(breaker)
    with breaker.attempt():
        pass
    fail(breaker)
    fail(breaker)
    assert breaker.closed
    fail(breaker)
    clock.now += 1.5
    assert refused(breaker).retry_after_seconds == 4


def test_an_answer_that_says_no_is_an_answer(breaker: Breaker) -> None:
    for _ in range(3):
        fail(breaker)
        fail(breaker)
        fail(breaker, KeyError)
    assert breaker.closed


def test_an_error_that_tells_nothing_changes_nothing(breaker: Breaker) -> None:
    fail(breaker)
    fail(breaker)
    fail(breaker, ValueError)
    assert breaker.closed
    fail(breaker)
    refused(breaker)


def test_work_that_leads_up_to_a_call_is_refused_with_it(breaker: Breaker, clock: Clock) -> None:
    breaker.refuse()
    for _ in range(3):
        fail(breaker)
    with pytest.raises(Unavailable):
        breaker.refuse()
    clock.now += 5
    breaker.refuse()
    with breaker.attempt():  # the one try is still there
        pass
    assert breaker.closed


def test_work_that_leads_up_to_a_call_does_not_take_the_one_try() -> None:
    ticks = iter([100.0, 104.5, 105.5, 106.0])  # time goes on while it looks
    breaker = Breaker("Milvus", judge, failures=1, rest_seconds=5, clock=lambda: next(ticks))
    fail(breaker)
    with pytest.raises(Unavailable):
        breaker.refuse()
    with breaker.attempt():
        pass
    assert breaker.closed


def test_it_may_close_while_one_asks_whether_it_is_open() -> None:
    def clock() -> float:
        with breaker.look():
            return 100.0

    breaker = Breaker("Milvus", judge, failures=1, rest_seconds=5, clock=lambda: 100.0)
    fail(breaker)
    breaker._clock = clock
    with pytest.raises(Unavailable):
        breaker.refuse()
    breaker.refuse()


@pytest.fixture
def rested(breaker: Breaker, clock: Clock) -> Breaker:
    for _ in range(3):
        fail(breaker)
    clock.now += 5
    return breaker


def test_one_call_tries_and_its_answer_closes(rested: Breaker) -> None:
    with rested.attempt():
        refused(rested)
    with rested.attempt(), rested.attempt():
        pass


def test_a_failed_try_opens_again(rested: Breaker, clock: Clock) -> None:
    fail(rested)
    assert refused(rested).retry_after_seconds == 5
    clock.now += 5
    with rested.attempt():
        pass
    assert rested.closed


def test_a_try_that_tells_nothing_leaves_the_next_call_to_try(rested: Breaker) -> None:
    fail(rested, ValueError)
    with rested.attempt():
        pass
    assert rested.closed


def test_a_look_is_never_refused_never_counts_and_may_close(breaker: Breaker) -> None:
    for _ in range(5):
        with pytest.raises(TimeoutError), breaker.look():
            raise TimeoutError
    assert breaker.closed
    for _ in range(3):
        fail(breaker)
    with pytest.raises(TimeoutError), breaker.look():
        raise TimeoutError
    refused(breaker)
    with breaker.look():
        pass
    assert breaker.closed
