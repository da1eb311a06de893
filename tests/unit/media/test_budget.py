import threading
import time

import pytest

from vitrine.media.budget import ByteBudget


def test_pixels_stay_under_the_bound() -> None:
    budget, seen = ByteBudget(), []

    def work() -> None:
        with budget.reserve(40, bound=100):
            seen.append(budget.taken)
            time.sleep(0.01)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(seen) == 8
    assert max(seen) == 80
    assert budget.taken == 0


def test_what_is_above_the_bound_goes_alone() -> None:
    budget = ByteBudget()
    with budget.reserve(500, bound=100):
        assert budget.taken == 500
    assert budget.taken == 0


def test_the_wait_may_be_bounded() -> None:
    budget = ByteBudget()
    with budget.reserve(60, bound=100):
        with pytest.raises(TimeoutError), budget.reserve(60, bound=100, wait_seconds=0.01):
            raise AssertionError
        with budget.reserve(40, bound=100, wait_seconds=0):
            assert budget.taken == 100
    assert budget.taken == 0


def test_a_large_one_is_not_starved() -> None:
    budget, order = ByteBudget(), []
    first = budget.reserve(60, bound=100)
    first.__enter__()

    def work(name: str, pixels: int) -> None:
        with budget.reserve(pixels, bound=100):
            order.append(name)

    large = threading.Thread(target=work, args=("large", 100))
    large.start()
    time.sleep(0.05)
    small = threading.Thread(target=work, args=("small", 10))
    small.start()
    time.sleep(0.05)
    # The small one would fit beside the first, and still waits for the large one before it.
    assert order == []
    first.__exit__(None, None, None)
    large.join(5)
    small.join(5)
    assert order == ["large", "small"]


def test_an_error_gives_the_pixels_back() -> None:
    budget = ByteBudget()
    try:
        with budget.reserve(60, bound=100):
            raise ValueError
    except ValueError:
        pass
    assert budget.taken == 0
