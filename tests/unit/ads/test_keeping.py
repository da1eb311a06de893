"""Values are read once for many, again when they are old, and at once when they are too old."""

import threading
from collections.abc import Collection

import pytest

from vitrine.ads.keeping import Background, Kept
from vitrine.deadline import within
from vitrine.errors import Unavailable


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Knows squares of what is below ten, and notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.read = threading.Event()

    def __call__(self, keys: Collection[int]) -> dict[int, int]:
        self.asked.append(sorted(keys))
        self.read.set()
        return {key: key * key for key in keys if key < 10}


def kept(source: Source, clock: Clock, most: int = 100) -> Kept[int, int]:
    return Kept(source, Background(), seconds=10.0, most=most, clock=clock)


def test_what_is_known_is_not_read_again() -> None:
    source, clock = Source(), Clock()
    values = kept(source, clock)
    assert values.of([1, 2, 2]) == {1: 1, 2: 4}
    clock.now += 9
    assert values.of([2, 3]) == {2: 4, 3: 9}
    assert source.asked == [[1, 2], [3]]


def test_what_is_old_is_used_and_read_beside() -> None:
    source, clock = Source(), Clock()
    values = kept(source, clock)
    values.of([1])
    clock.now += 11
    source.read.clear()
    assert values.of([1]) == {1: 1}
    assert source.read.wait(5)
    assert source.asked == [[1], [1]]


def test_what_is_far_too_old_is_waited_for() -> None:
    source, clock = Source(), Clock()
    values = kept(source, clock)
    values.of([1])
    clock.now += 51
    assert values.of([1]) == {1: 1}
    assert source.asked == [[1], [1]]


def test_what_is_not_there_is_asked_for_again_soon() -> None:
    source, clock = Source(), Clock()
    values = kept(source, clock)
    assert values.of([50]) == {}
    clock.now += 1
    assert values.of([50]) == {}
    clock.now += 2
    assert values.of([50]) == {}
    assert source.asked == [[50], [50]]


def test_what_is_forgotten_is_read_at_once() -> None:
    source, clock = Source(), Clock()
    values = kept(source, clock)
    values.of([1, 2])
    values.forget([2, 7])
    assert values.of([1, 2]) == {1: 1, 2: 4}
    assert source.asked == [[1, 2], [2]]


def test_no_more_are_kept_than_may_be() -> None:
    source, clock = Source(), Clock()
    values = kept(source, clock, most=2)
    values.of([1])
    values.of([2])
    values.of([3])
    values.of([2, 3])
    assert values.of([1]) == {1: 1}
    assert source.asked == [[1], [2], [3], [1]]


def test_what_fails_beside_the_requests_is_tried_again() -> None:
    background, done = Background(), threading.Event()

    def fail() -> None:
        raise Unavailable("It is away.")

    background("name", fail)
    # One thread does both, in this order.
    background("other", done.set)
    assert done.wait(5)
    done.clear()
    background("name", done.set)
    assert done.wait(5)


def test_what_was_read_before_does_not_undo_what_was_read_since() -> None:
    clock, answers, slow = Clock(), iter([{1: "old"}, {1: "new"}]), threading.Event()

    def read(keys: Collection[int]) -> dict[int, str]:
        answer = next(answers)
        if answer[1] == "old":
            began.set()
            assert slow.wait(5)
        return answer

    began, values = threading.Event(), Kept(read, Background(), seconds=10.0, most=9, clock=clock)
    first = threading.Thread(target=lambda: values.of([1]))
    first.start()
    assert began.wait(5)
    clock.now += 1
    assert values.of([1]) == {1: "new"}
    slow.set()
    first.join()
    assert values.of([1]) == {1: "new"}


def test_what_takes_longer_than_a_request_may_goes_on_beside_it() -> None:
    background, done = Background(), threading.Event()

    def slow() -> int:
        assert done.wait(5)
        return 7

    with within(0.05), pytest.raises(Unavailable, match="try again"):
        background.result(slow)
    done.set()
    assert background.result(lambda: 8) == 8


def test_who_waits_hears_what_went_wrong() -> None:
    def fails() -> int:
        raise Unavailable("PostgreSQL does not answer.")

    with pytest.raises(Unavailable, match="PostgreSQL"):
        Background().result(fails)
