"""A page of products is written down; one that cannot be is shown all the same."""

import threading
import time
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from tests.integration.shop import Shopper, opened
from vitrine.assembly import Platform
from vitrine.catalog.models import Product
from vitrine.decisions import recording, shown
from vitrine.decisions.models import Decision
from vitrine.decisions.recording import Recorder

ANSWER = shown.Answer(
    id="an-answer", kind=shown.SEARCH, person_id=None, context={}, model="m", ranker=None,
    products=[1], sources=["photo"], propensities=[1.0],
)  # fmt: skip


def recorded(platform: Platform, count: int) -> list[Decision]:
    """The answers that were written down, once there are so many."""
    until = time.monotonic() + 10
    while True:
        with platform.sessions() as session:
            found = list(session.scalars(select(Decision).order_by(Decision.at)))
        if len(found) >= count or time.monotonic() > until:
            return found
        time.sleep(0.02)


def test_each_page_of_a_search_is_written_down(platform: Platform) -> None:
    opened(platform)
    ask = Shopper(platform)
    first = ask(3, limit=4)
    recorded(platform, 1)
    second = ask(cursor=first.next_cursor, limit=5)
    ask(text="zeppelin")
    with platform.sessions() as session:
        names = {row.id: f"{row.seller_id}:{row.sku}" for row in session.scalars(select(Product))}
    one, other = recorded(platform, 2)
    for row, page, start in ((one, first, 1), (other, second, 5)):
        assert (row.id, row.kind, row.person_id) == (first.search_id, shown.SEARCH, None)
        assert [names[id_] for id_ in row.products] == [each.product.id for each in page.results]
        assert row.context == {"by": first.query.by, "first": start}
        assert row.propensities == [1.0] * len(page.results)
        assert row.model == first.model.digest


def test_what_cannot_be_written_down_fails_nobody(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> AbstractContextManager[Connection]:
        raise OperationalError("insert", None, Exception("no route"))

    writing = Recorder(gone).record(ANSWER)
    assert writing is not None and writing.result(5) is None

    going, held = threading.Event(), threading.Event()

    def slow(*_: Any) -> None:
        going.set()
        held.wait(10)

    monkeypatch.setattr(recording, "_MOST_WAITING", 2)
    monkeypatch.setattr(shown, "record", slow)
    recorder = Recorder(platform.reading.connect, threads=1)
    waiting = [recorder.record(ANSWER) for _ in range(3)]
    assert going.wait(5) and waiting[2] is None, "two wait, and there is no room for a third"
    held.set()
    for one in waiting[:2]:
        assert one is not None and one.result(5) is None
    assert recorder.record(ANSWER) is not None
