"""Many shoppers click at once, twice, and while Redis is away: a budget is spent, and no more."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.ad_books import MILLION, AdBooks, ad_books, recount
from vitrine.ads.audit import verify_books
from vitrine.ads.traffic import Sender
from vitrine.wire.ad_events import AdEventIn

SHOPPERS, BUDGET = 16, 50 * MILLION
# What rivals make a click cost, one time and another.
PRICES = (300_000, 500_000, 800_000, 1_100_000)
# Half as much again as there is.
VISITS = 112
DEMAND = VISITS // len(PRICES) * sum(PRICES)


@pytest.fixture(scope="module")
def books(request: pytest.FixtureRequest) -> Iterator[AdBooks]:
    with ad_books(request, ad_clicks_per_minute=1000) as opened:
        yield opened


@pytest.mark.parametrize("bounds", [{}, {"daily_budget_micros": BUDGET}])
def test_a_budget_is_spent_by_many_at_once_and_never_overspent(
    books: AdBooks, bounds: dict[str, int]
) -> None:
    total = BUDGET * (10 if bounds else 1)
    slug = books.campaign(f"load-{len(bounds)}", total_budget_micros=total, **bounds)
    events, numbers = books.platform.ad_events, itertools.count()

    def visit(_: int) -> bool:
        """Be shown an ad, if it can be paid for, and click on it, sometimes twice."""
        number = next(numbers)
        books.redis.away = VISITS // 3 < number < VISITS // 2
        ask = books.ask(slug, PRICES[number % len(PRICES)], probability=0.01)
        if books.counters.reserve([ask]) != [None]:
            return False
        ad = books.commit(slug, ask)
        sender = Sender(f"192.0.2.{number}", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
        click = AdEventIn(token=ad.token, event="click")
        told = [events.take([click], sender) for _ in range(1 + number % 2)]
        assert sum(one.accepted for one in told) == 1
        return True

    with ThreadPoolExecutor(SHOPPERS) as threads:
        shown = sum(threads.map(visit, range(VISITS)))
    books.redis.away = False

    found = recount(books, slug)[slug]
    spent = found.budget["spent_micros"]
    assert DEMAND > 1.4 * BUDGET
    assert 0.99 * BUDGET <= spent <= BUDGET
    assert sum(one["amount_micros"] for one in found.entries) == spent
    assert len(found.events) == shown
    unpaid = [one for one in found.events if not one["billed_micros"]]
    assert all(one["unbilled"] == ("daily_budget" if bounds else "budget") for one in unpaid)
    with books.platform.engine.connect() as reads:
        assert verify_books(reads) == []
