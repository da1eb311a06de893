"""A random history of ads, written straight into the tables, over days on which clocks change."""

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from vitrine.ads.models import (
    AdEvent,
    AdSlot,
    Advertiser,
    Attribution,
    Campaign,
    Conversion,
    Creative,
    LedgerEntry,
)
from vitrine.db import Base, Sessions
from vitrine.decisions.models import Login, Person

BEGIN = datetime(2026, 10, 24, 10, 0, tzinfo=UTC)
"""In Berlin the clocks are put back on 25 October, which has 25 hours."""
HOURS = 60
CREATIVES = ("blue", "green", "red")
PLACEMENTS = ("home", "search")
PARTS = ((1.0,), (0.5, 0.5), (0.4, 0.2, 0.4), (0.4, 0.1, 0.1, 0.4), (1 / 3, 1 / 3, 1 / 3))


class History:
    """Two campaigns, `asked` and `other`, in a database that was empty."""

    def __init__(
        self, sessions: Sessions, *, seed: int, slots: int = 400, zone: str = "Europe/Berlin"
    ) -> None:
        self._random = random.Random(seed)
        self._rows: dict[type[Base], list[dict[str, Any]]] = defaultdict(list)
        with sessions.begin() as session:
            session.execute(insert(Advertiser).values(id="acme", name="Acme"))
            self.campaigns = [add_campaign(session, slug, zone) for slug in ("asked", "other")]
        self.creatives = {
            campaign: [
                self._add(Creative, slug=f"{name}-{campaign}", campaign_id=campaign)
                for name in CREATIVES
            ]
            for campaign in self.campaigns
        }
        users = [self._add(Person, kind="user", name=f"u{number}") for number in range(20)]
        visitors = [self._add(Person, kind="anonymous", name=f"v{number}") for number in range(10)]
        for number, visitor in enumerate(visitors[:6]):
            login = {"anonymous_id": visitor, "user_id": users[number // 2]}
            self._rows[Login].append({**login, "at": BEGIN, "event": bytes([number])})
        self._people = [None, *users, *visitors]
        shown = [self._show(number) for number in range(slots)]
        for number in range(slots // 4):
            self._convert(number, shown)
        with sessions.begin() as session:
            for table, many in self._rows.items():
                session.execute(insert(table), many)

    def _add(self, table: type[Base], **values: Any) -> int:
        id_ = len(self._rows[table]) + 1
        self._rows[table].append({"id": id_, **values})
        return id_

    def _at(self, after: datetime | None = None) -> datetime:
        seconds = self._random.randrange(HOURS * 3600 if after is None else 6 * 3600)
        return (after or BEGIN) + timedelta(seconds=seconds)

    def _show(self, number: int) -> dict[str, Any]:
        draw = self._random
        campaign = draw.choices(self.campaigns, [4, 1])[0]
        where = {
            "decision": f"d{number // 3}",
            "position": number % 3 + 1,
            "campaign_id": campaign,
            "creative_id": draw.choice(self.creatives[campaign]),
            "placement": draw.choice(PLACEMENTS),
        }
        known = {**where, "person_id": draw.choice(self._people)}
        slot = {**known, "at": self._at(), "event": "click", "relevance": 1, "probability": 0.1}
        money = {"bid_micros": 9, "price_micros": 9, "expected_micros": 9}
        self._rows[AdSlot].append({**slot, **money})
        for kind, share in (("impression", 0.9), ("viewable", 0.5), ("click", 0.3)):
            if draw.random() < share:
                self._happen({**known, "kind": kind, "at": self._at(slot["at"])}, where)
        return where

    def _happen(self, event: dict[str, Any], where: dict[str, Any]) -> None:
        draw = self._random
        invalid = draw.choice(["rate", "self_click"]) if draw.random() < 0.15 else None
        unbilled = "budget" if draw.random() < 0.1 else None
        self._rows[AdEvent].append({**event, "invalid": invalid, "unbilled": unbilled})
        if event["kind"] == "viewable" or invalid or unbilled:
            return
        amount = draw.randrange(1_000, 2_000_000)
        booked = {**where, "event": event["kind"], "day": date(2026, 10, 24)}
        key = f"{where['decision']}:{where['position']}:{event['kind']}"
        charge = {"kind": "charge", "key": f"charge:{key}", "at": event["at"], "refunds": None}
        id_ = self._add(LedgerEntry, **booked, **charge, amount_micros=amount)
        if draw.random() < 0.2:
            refund = {"kind": "refund", "key": f"refund:{key}", "at": self._at(event["at"])}
            back = {"refunds": id_, "amount_micros": -draw.randrange(1, amount + 1)}
            self._add(LedgerEntry, **booked, **refund, **back)

    def _convert(self, number: int, shown: Sequence[dict[str, Any]]) -> None:
        draw = self._random
        sold = {"key": f"o{number}", "at": self._at(), "value_micros": draw.randrange(10**8)}
        invalid = "unsigned" if draw.random() < 0.1 else None
        id_ = self._add(Conversion, **sold, invalid=invalid)
        parts = draw.choice(PARTS)
        for place, slot in enumerate(draw.sample(list(shown), len(parts)), start=1):
            models = {"last_touch": float(place == len(parts)), "position_based": parts[place - 1]}
            part = {**slot, **models, "touch": draw.choice(["view", "click"]), "at": sold["at"]}
            self._rows[Attribution].append({**part, "conversion_id": id_})


def add_campaign(session: Session, slug: str, zone: str = "UTC", **changes: Any) -> int:
    """Add a campaign that pays for clicks; it needs the advertiser `acme`."""
    fields = {
        "slug": slug,
        "advertiser_id": "acme",
        "name": slug,
        "time_zone": zone,
        "starts_on": date(2026, 10, 1),
        "total_budget_micros": 10**12,
        "bid_type": "cpc",
        "bid_micros": 300_000,
        "pacing": "asap",
        "click_days": 30,
        "view_days": 1,
    }
    added = insert(Campaign).values(**{**fields, **changes}).returning(Campaign.id)
    return int(session.execute(added).scalar_one())


def rows(sessions: Sessions, table: type[Base]) -> list[dict[str, Any]]:
    """All rows of a table, as they are."""
    with sessions() as session:
        return [dict(row) for row in session.execute(select(*table.__table__.c)).mappings()]
