"""Long histories for a big shop: shoppers with a few tastes each, written past the api."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import func, insert, select, text

from vitrine.assembly import Platform
from vitrine.catalog.models import Product
from vitrine.decisions.models import USER, Event, Person
from vitrine.decisions.months import EVENTS, Month, make_months
from vitrine.recommend.rollups import roll_up

TASTES = 4
DAYS = 60
_AT_ONCE = 5000
# How often each is done, of a thousand.
_MIX = {"view_item": 860, "add_to_cart": 80, "purchase": 30, "add_to_wishlist": 20, "hide_item": 10}


def shopper(number: int) -> str:
    """What the shop calls one."""
    return f"shopper-{number}"


def give_histories(platform: Platform, shoppers: int, events: int, seed: int) -> list[int]:
    """Let shoppers do `events` things each, unless they have; return their ids, profiles stored."""
    with platform.sessions() as session:
        known = session.execute(
            select(Person.id, Person.name).where(Person.kind == USER).order_by(Person.id)
        ).all()
    wanted = [shopper(number) for number in range(shoppers)]
    people = {row.name: row.id for row in known if row.name in set(wanted)}
    if len(people) < shoppers or _done(platform, people[wanted[0]]) != events:
        people = _write(platform, wanted, events, seed)
        for person in people.values():
            with platform.sessions.begin() as session:
                platform.profiles.refresh(session, person)
    roll_up(platform.sessions, platform.event_weights, platform.rollup_bounds)
    with platform.sessions.begin() as session:
        session.execute(text("analyze"))
    return [people[name] for name in wanted]


def _done(platform: Platform, person: int) -> int:
    """How much somebody did; another benchmark may have wanted it otherwise."""
    with platform.sessions() as session:
        done = select(func.count()).select_from(Event).where(Event.user_id == person)
        return session.scalar(done) or 0


def _write(platform: Platform, names: Sequence[str], events: int, seed: int) -> dict[str, int]:
    dice = np.random.default_rng(seed)
    now = datetime.now(UTC)
    make_months(
        platform.sessions,
        EVENTS,
        {Month.of(now - timedelta(days=day)) for day in range(DAYS + 1)},
    )
    with platform.sessions.begin() as session:
        session.execute(text("delete from people"))
        people = {
            name: session.scalars(
                insert(Person).values(kind=USER, name=name).returning(Person.id)
            ).one()
            for name in names
        }
        by_category: dict[str, list[int]] = {}
        for id_, category in session.execute(select(Product.id, Product.category)):
            by_category.setdefault(category, []).append(id_)
        categories = sorted(by_category)
        for person in people.values():
            tastes = dice.choice(len(categories), TASTES, replace=False)
            done = dice.choice(list(_MIX), events, p=np.array([*_MIX.values()]) / 1000)
            rows = []
            for at in range(events):
                products = by_category[categories[dice.choice(tastes)]]
                ago = timedelta(days=float(dice.exponential(DAYS / 4)) % DAYS)
                rows.append(
                    {
                        "at": now - ago,
                        "event": hashlib.sha256(f"{person}:{at}".encode()).digest(),
                        "line": 0,
                        "name": str(done[at]),
                        "user_id": person,
                        "product_id": int(products[dice.integers(len(products))]),
                    }
                )
            for start in range(0, len(rows), _AT_ONCE):
                session.execute(insert(Event), rows[start : start + _AT_ONCE])
    return people
