"""Simulated shoppers on a real shop: what they do arrives, teaches the ranker, and counts once."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from werkzeug.serving import make_server

from tests.pictures import jpeg
from vitrine.api.app import create_app
from vitrine.assembly import Platform
from vitrine.catalog.keys import create_key
from vitrine.cli.demo_shoppers import demo_products
from vitrine.client import VitrineClient
from vitrine.decisions.models import Decision, Event, Feedback
from vitrine.demo import visiting
from vitrine.demo.shoppers import draw_shoppers
from vitrine.demo.visiting import SLOTS, visit_shop
from vitrine.recommend.learner import learn_all
from vitrine.recommend.ranker import Rankers
from vitrine.wire import ProductIn

PRODUCTS = demo_products(1, 38, "demo")
# A slot is clicked once in thirty or so: with so many it would be a miracle if none was.
SHOPPERS, VISITS = 5, 6


@pytest.fixture
def client(platform: Platform, work_off: Callable[[], int]) -> Iterator[VitrineClient]:
    """A storefront of a shop that lists the demo's products, with other pictures."""
    for id_, product in PRODUCTS.items():
        wanted = ProductIn.model_validate(product.listing())
        platform.catalog.put("demo", id_.partition(":")[2], wanted, [jpeg(product.index)])
    work_off()
    with platform.sessions.begin() as session:
        key = create_key(session, "storefront")[1]
    app = create_app(platform)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with VitrineClient(f"http://127.0.0.1:{server.server_port}", key) as made:
        yield made
    server.shutdown()
    thread.join()


def test_what_they_do_arrives_and_teaches(
    client: VitrineClient, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visiting, "VISITS", VISITS)
    now = datetime.now(UTC)
    visited = visit_shop(client, PRODUCTS, draw_shoppers(5, SHOPPERS), now=now)
    assert visited.slots == SHOPPERS * VISITS * SLOTS
    assert 0 < visited.clicks < visited.slots / 2
    with platform.sessions() as session:
        sent = session.scalar(select(func.count(func.distinct(Event.event))))
        shown = session.scalar(select(func.count()).select_from(Decision))
        clicks = session.scalar(select(func.count()).where(Feedback.name == "select_item"))
        seen = session.scalar(select(func.count()).where(Feedback.name == "view_item_list"))
    assert sent == visited.events
    assert shown == SHOPPERS * VISITS
    assert (clicks, seen) == (visited.clicks, visited.slots)
    # All of it was shown a moment ago: the window is that of shoppers who leave at once.
    assert learn_all(platform.sessions, feedback_seconds=0.01) == visited.slots
    assert Rankers(platform.reading.connect, seconds=0).current().version > 0
    assert not learn_all(platform.sessions, feedback_seconds=0.01)
    visit_shop(client, PRODUCTS, draw_shoppers(5, SHOPPERS), now=now)
    with platform.sessions() as session:
        arrivals = select(func.count()).where(Event.name == "view_item", Event.decision.is_(None))
        assert session.scalar(arrivals) == SHOPPERS * VISITS
