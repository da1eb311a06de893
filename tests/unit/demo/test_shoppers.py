"""Simulated shoppers: drawn the same every time, they click what they like and where they look."""

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from vitrine.demo.behaviour import Page, arrival
from vitrine.demo.products import DemoProduct, catalogue
from vitrine.demo.shoppers import Shopper, Taste, draw_shoppers, examination
from vitrine.wire.events import EventBatch, EventIn

PRODUCTS = catalogue(1, 95)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def loved(taste: Taste, count: int) -> list[DemoProduct]:
    return sorted(PRODUCTS, key=taste.attraction, reverse=True)[:count]


def test_the_same_seed_draws_the_same_shoppers_with_the_same_luck() -> None:
    once, twice = draw_shoppers(3, 5, changing=0.4), draw_shoppers(3, 5, changing=0.4)
    assert once == twice
    assert [one.changes for one in once] == [True, True, False, False, False]
    assert [one.look(PRODUCTS) for one in once] == [one.look(PRODUCTS) for one in twice]
    assert draw_shoppers(4, 5)[0].taste != once[0].taste


def test_a_taste_is_of_what_the_products_were_drawn_from() -> None:
    taste = draw_shoppers(3, 1)[0].taste
    of_a_kind = [one for one in PRODUCTS if one.design.kind in taste.kinds]
    others = [one for one in PRODUCTS if one.design.kind not in taste.kinds]
    assert np.mean([taste.attraction(one) for one in of_a_kind]) > 10 * np.mean(
        [taste.attraction(one) for one in others]
    )
    assert all(0 < taste.attraction(one) < 1 for one in PRODUCTS)


def test_clicks_fall_with_the_place_as_the_model_says() -> None:
    shopper = draw_shoppers(3, 1)[0]
    best = loved(shopper.taste, 1)[0]
    pages, clicks = 1000, Counter[int]()
    for number in range(pages):
        # Somebody new each time, who has clicked nothing yet.
        fresh = Shopper("x", shopper.taste, None, number)
        for act in fresh.look([best] * 1 + PRODUCTS[:3] + loved(shopper.taste, 9)[1:]):
            if act.name == "select_item" and act.product == best:
                clicks[act.position or 0] += 1
    assert clicks[0] / pages == pytest.approx(shopper.taste.attraction(best), abs=0.06)
    assert examination(0) == 1.0
    assert [examination(at) for at in range(12)] == sorted(map(examination, range(12)))[::-1]


def test_what_was_bought_is_not_clicked_again_and_a_taste_changes_once_told() -> None:
    shopper = draw_shoppers(3, 1, changing=1.0)[0]
    shopper.bought = {one.sku for one in PRODUCTS}
    assert not shopper.look(PRODUCTS)
    before = shopper.taste
    shopper.change()
    assert shopper.taste == shopper.later != before


def test_shoppers_come_for_what_attracts_them() -> None:
    shopper = draw_shoppers(3, 1)[0]
    found = []
    for _ in range(60):
        found.append(shopper.arrive(PRODUCTS))
        shopper.look([])
    kinds = Counter(one.design.kind in shopper.taste.kinds for one in found)
    assert kinds[True] > 2 * kinds[False]
    assert shopper.clicked == {one.sku for one in found}


def test_what_they_do_is_what_the_api_takes() -> None:
    shopper = draw_shoppers(3, 1)[0]
    shown = loved(shopper.taste, 12)
    ids = {one.sku: f"demo:{one.sku}" for one in PRODUCTS}
    page = Page("p1", NOW, shown, [f"token-{at}" for at in range(12)], ids)
    acts = shopper.look(shown)
    body = {"user_id": shopper.name, "events": page.events(acts)}
    batch = EventBatch.model_validate(body)
    events = [EventIn.model_validate(one) for one in batch.events]
    assert [one.name for one in events] == ["view_item_list", *(act.name for act in acts)]
    assert len({one.event_id for one in events}) == len(events)
    assert [item.token for item in events[0].params.items] == [f"token-{at}" for at in range(12)]
    for one, act in zip(events[1:], acts, strict=True):
        assert one.params.items[0].item_id == ids[act.product.sku]
        assert one.params.items[0].token == f"token-{shown.index(act.product)}"
    times = [one.timestamp_micros or 0 for one in events]
    assert times == sorted(times)
    assert times[0] == NOW.timestamp() * 1_000_000
    assert page.events(acts) == page.events(acts)
    came = EventIn.model_validate(arrival("p2", shown[0], ids[shown[0].sku], NOW))
    assert (came.name, came.params.items[0].token, came.params.item_list_id) == (
        "view_item",
        None,
        None,
    )
    assert Page("p3", NOW, [], [], ids).events([]) == []
