"""Let simulated shoppers visit a shop through its public API, as a storefront would send it on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vitrine.client import VitrineClient
from vitrine.demo.behaviour import Page, arrival
from vitrine.demo.products import DemoProduct
from vitrine.demo.shoppers import Shopper

VISITS = 8
SLOTS = 12
# The visits of each are spread over so many days before now.
DAYS = 14
CLICK = "select_item"


@dataclass
class Visited:
    """What they did: events that were sent, slots that they were shown, clicks."""

    events: int = 0
    slots: int = 0
    clicks: int = 0


def visit_shop(
    client: VitrineClient,
    products: Mapping[str, DemoProduct],
    shoppers: Sequence[Shopper],
    *,
    now: datetime,
    advance: Callable[[], object] = lambda: None,
) -> Visited:
    """Let each shopper come VISITS times, look at what is recommended, and tell the shop of it.

    `products` are by public id. Events are named by shopper and visit: those of another run with
    the same shoppers are the same to the shop, and count once.
    """
    ids = {product.sku: id_ for id_, product in products.items()}
    there = [one for one in products.values() if one.availability == "in_stock"]
    visited = Visited()
    for number in range(VISITS):
        at = now - timedelta(days=DAYS) * (VISITS - number) / VISITS
        for shopper in shoppers if there else []:
            key = f"{shopper.name}-{number}"
            came_for = shopper.arrive(there)
            came = arrival(key, came_for, ids[came_for.sku], at)
            client.send_events([came], user_id=shopper.name)
            shown = client.recommendations(shopper.name, limit=SLOTS).results
            known = [one for one in shown if one.product.id in products]
            page = Page(
                key,
                at + timedelta(seconds=20),
                [products[one.product.id] for one in known],
                [one.token for one in known],
                ids,
            )
            acts = shopper.look(page.products)
            events = page.events(acts)
            if events:
                client.send_events(events, user_id=shopper.name)
            visited.events += 1 + len(events)
            visited.slots += len(page.products)
            visited.clicks += sum(act.name == CLICK for act in acts)
            advance()
    return visited
