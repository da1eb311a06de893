"""Pieces of work side by side: all of it, in order, and never more at once than there are lanes."""

import threading
import time
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from vitrine.embedding.lanes import LEAST_PIECE, in_lanes, lanes_for
from vitrine.embedding.runtimes import MAX_BATCH


@pytest.mark.parametrize("amount", [0, 1, LEAST_PIECE, LEAST_PIECE + 1, 37, 500])
@pytest.mark.parametrize("lanes", [1, 2, 3, 9])
def test_everything_once_and_in_order(amount: int, lanes: int) -> None:
    items = list(range(amount))
    pieces = list(in_lanes(list, items, lanes=lanes))
    assert [item for piece in pieces for item in piece] == items
    assert all(len(piece) <= MAX_BATCH for piece in pieces)


def test_side_by_side_and_bounded() -> None:
    lock, now, most = threading.Lock(), 0, 0
    together = threading.Barrier(3)

    def work(piece: Sequence[int]) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        if piece[0] < 3 * LEAST_PIECE:
            together.wait(10)  # passes only if three are here at once
        time.sleep(0.001)
        with lock:
            now -= 1
        return len(piece)

    assert sum(in_lanes(work, range(20), lanes=3)) == 20
    assert most == 3


def test_little_waits_for_a_slow_taker() -> None:
    done: list[int] = []

    def work(piece: Sequence[int]) -> None:
        done.append(piece[0])

    answers = in_lanes(work, range(400), lanes=2)
    next(answers)
    time.sleep(0.05)
    assert len(done) <= 2 * 2 + 1
    answers.close()  # type: ignore[attr-defined]
    time.sleep(0.05)
    assert len(done) <= 2 * 2 + 1


def test_the_first_error_ends_it() -> None:
    begun: list[int] = []

    def work(piece: Sequence[int]) -> int:
        begun.append(piece[0])
        if piece[0] == 0:
            raise OSError("the store is gone")
        time.sleep(0.001)
        return piece[0]

    with pytest.raises(OSError, match="gone"):
        list(in_lanes(work, range(1600), lanes=2))
    assert len(begun) < 10


def test_lines_in_the_log_keep_what_is_bound() -> None:
    task: ContextVar[str] = ContextVar("task", default="none")
    task.set("t-1")
    assert set(in_lanes(lambda piece: task.get(), range(50), lanes=2)) == {"t-1"}


def test_one_lane_more_than_threads() -> None:
    assert lanes_for(1) == 2
