"""Campaigns with money, ads that were shown, and a recount of all that came of it."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Protocol, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from redis import Redis
from sqlalchemy import event, text
from sqlalchemy.dialects.postgresql import insert

from tests.conftest import DatabaseFrom
from vitrine.ads.asks import Ask, CapAsk, Standing
from vitrine.ads.books import standings
from vitrine.ads.counters import Counters
from vitrine.ads.days import local_day
from vitrine.ads.decided import Decided, DecidedSlot, record
from vitrine.ads.models import BILLED_BY, Advertiser, AdvertiserMember, Creative
from vitrine.ads.traffic import Sender
from vitrine.assembly import Platform, assemble
from vitrine.db import Sessions
from vitrine.decisions.people import ensure
from vitrine.decisions.tokens import Shown, TokenSigner
from vitrine.embedded.services import ServiceUrls
from vitrine.errors import Unavailable
from vitrine.redis_calls import RedisCalls
from vitrine.settings import Settings
from vitrine.wire.campaigns import CampaignIn

T = TypeVar("T")
BROWSER = Sender("192.0.2.1", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
NOBODY = Sender("192.0.2.2", "")
MILLION = 1_000_000


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.now


class Switched(RedisCalls):
    """The real Redis, behind a switch."""

    away = False

    def call(self, ask: Callable[[Redis], T]) -> T:
        if self.away:
            raise Unavailable("Redis is switched off.")
        return super().call(ask)


@dataclass(frozen=True)
class Ad:
    """An ad that was shown."""

    decision: str
    position: int
    campaign: str
    token: str
    price_micros: int
    expected_micros: int
    at: datetime
    person: str | None


class AdBooks:
    """A shop with one advertiser, `acme`, whose member is the user `boss`."""

    def __init__(self, platform: Platform, clock: Clock, redis: Switched) -> None:
        self.platform = platform
        self.clock = clock
        self.redis = redis
        self.counters: Counters = platform.ad_counters
        self.signer = TokenSigner(platform.settings.secret_key)
        self.people: dict[str, int] = {}
        with platform.sessions.begin() as session:
            session.execute(insert(Advertiser).values(id="acme", name="Acme"))
        self.meet("ada", "bob")
        self.meet("boss", members=True)
        self.ids: dict[str, int] = {}
        self.creatives: dict[str, int] = {}
        self._kinds: dict[str, tuple[str, str]] = {}
        self._numbers = itertools.count(1)

    def meet(self, *users: str, members: bool = False) -> None:
        """Let users be known, as members of the advertiser perhaps."""
        with self.platform.sessions.begin() as session:
            self.people |= ensure(session, "user", users)
            if members:
                rows = [{"advertiser_id": "acme", "person_id": self.people[one]} for one in users]
                session.execute(insert(AdvertiserMember), rows)

    def campaign(self, slug: str, **fields: Any) -> str:
        """Make a campaign with a creative `<slug>-ad` that leads to https://shop.example/<slug>."""
        wanted = {
            "advertiser": "acme",
            "name": slug,
            "starts_on": "2026-01-01",
            "total_budget_micros": 100 * MILLION,
            "bid_type": "cpc",
            "bid_micros": MILLION,
            **fields,
        }
        put = self.platform.campaigns.put(slug, CampaignIn.model_validate(wanted), None)
        self._kinds[slug] = (put.time_zone, BILLED_BY[put.bid_type])
        with self.platform.sessions.begin() as session:
            self.ids[slug] = session.execute(
                text("select id from campaigns where slug = :slug"), {"slug": slug}
            ).scalar_one()
            creative = insert(Creative).values(
                slug=f"{slug}-ad",
                campaign_id=self.ids[slug],
                title="An ad",
                landing_url=f"https://shop.example/{slug}",
            )
            self.creatives[slug] = session.scalar(creative.returning(Creative.id)) or 0
        return slug

    def standing(self, slug: str) -> Standing:
        """How its budget stands in PostgreSQL."""
        with self.platform.sessions() as session:
            return standings(session, [self.ids[slug]])[self.ids[slug]]

    def ask(
        self,
        slug: str,
        price: int,
        probability: float,
        *,
        standing: Standing | None = None,
        caps: Sequence[CapAsk] = (),
    ) -> Ask:
        """What a match would ask for, of a slot of a new decision."""
        return Ask(
            # Not by chance: what happened at one time is ordered by it.
            decision=f"d{next(self._numbers):06d}",
            position=1,
            standing=standing or self.standing(slug),
            today=local_day(self.clock.now, self._kinds[slug][0]),
            price_micros=price,
            expected_micros=-int(-price * probability // 1),
            caps=tuple(caps),
        )

    def commit(self, slug: str, ask: Ask, person: str | None = None) -> Ad:
        """Write the slot down, as a match does before it answers."""
        person_id = None if person is None else self.people[person]
        record(
            self.platform.reading.connect,
            Decided(
                id=ask.decision,
                at=self.clock.now,
                key_id="test",
                placement="home",
                person_id=person_id,
                seed=1,
                model="m",
                click_model=0,
                context={},
                trace={},
            ),
            [
                DecidedSlot(
                    position=ask.position,
                    campaign_id=self.ids[slug],
                    creative_id=self.creatives[slug],
                    event=self._kinds[slug][1],
                    bid_micros=ask.price_micros,
                    price_micros=ask.price_micros,
                    expected_micros=ask.expected_micros,
                    probability=0.5,
                    relevance=0.5,
                    loss=None,
                    features=np.zeros(2, np.float32),
                )
            ],
        )
        return Ad(
            decision=ask.decision,
            position=ask.position,
            campaign=slug,
            token=self.token(ask.decision, f"{slug}-ad"),
            price_micros=ask.price_micros,
            expected_micros=ask.expected_micros,
            at=self.clock.now,
            person=person,
        )

    def show(
        self, slug: str, price: int = MILLION, probability: float = 0.1, person: str | None = None
    ) -> Ad:
        """Reserve and write down an ad for which there is money."""
        ask = self.ask(slug, price, probability)
        assert self.counters.reserve([ask]) == [None]
        return self.commit(slug, ask, person)

    def token(self, decision: str, creative: str, *, kind: str = "ad") -> str:
        """A signed token of now."""
        issued_at = int(self.clock.now.timestamp())
        return self.signer.sign(Shown("test", decision, kind, creative, 1, "m", issued_at))

    def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Read rows."""
        return read_rows(self.platform, statement, **values)


def read_rows(platform: Platform, statement: str, **values: Any) -> list[dict[str, Any]]:
    """Read rows of a shop."""
    with platform.sessions() as session:
        return [dict(row._mapping) for row in session.execute(text(statement), values)]


def lived(runs: int) -> settings:
    """How a machine that keeps books lives: so often, forty steps each."""
    return settings(
        max_examples=runs,
        stateful_step_count=40,
        deadline=None,
        # Making what failed smaller would take minutes.
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


class Died(BaseException):
    """The process is gone, just here."""


class Mortal:
    """Lets what is done die before or after its commit, as `at` says."""

    def __init__(self, sessions: Sessions, counters: Counters) -> None:
        self.at: str | None = None
        self._sessions = sessions
        self._counters = counters
        event.listen(sessions, "before_commit", self._before)
        counters.settled = self._after  # type: ignore[method-assign]

    def close(self) -> None:
        event.remove(self._sessions, "before_commit", self._before)
        del self._counters.settled

    @contextmanager
    def dying(self, at: str | None) -> Iterator[None]:
        """Die there meanwhile; whoever is asked does not answer."""
        self.at = at
        try:
            yield
        finally:
            self.at = None

    def _before(self, session: object) -> None:
        if self.at == "before the commit":
            raise Died

    def _after(self, decision: str, position: int, standing: Standing) -> None:
        if self.at == "after the commit":
            raise Died
        Counters.settled(self._counters, decision, position, standing)


@contextmanager
def ad_books(request: pytest.FixtureRequest, **settings: Any) -> Iterator[AdBooks]:
    """Open such a shop in a database of its own."""
    services: ServiceUrls = request.getfixturevalue("services")
    database_from: DatabaseFrom = request.getfixturevalue("database_from")
    paths: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    with database_from(request.getfixturevalue("template_database")) as database_url:
        clock = Clock()
        built = assemble(
            Settings(
                data_dir=paths.mktemp("books"),
                database_url=database_url,
                redis_url=services.redis_url,
                milvus_uri=services.milvus_uri,
                secret_key="a secret key that only the tests use",
                **settings,
            ),
            clock=clock,
        )
        built.redis.flushall()
        redis = Switched(built.redis)
        counters = Counters(
            redis,
            built.reading.connect,
            seconds=built.settings.ad_reservation_seconds,
            clock=clock,
        )
        platform = replace(built, redis_calls=redis, ad_counters=counters)
        yield AdBooks(platform, clock, redis)
        platform.engine.dispose()
        platform.redis.close()


@dataclass(frozen=True)
class Found:
    """What PostgreSQL has of a campaign: a row, and rows."""

    budget: dict[str, Any]
    entries: list[dict[str, Any]]
    events: list[dict[str, Any]]


class Selling(Protocol):
    """A shop whose campaigns can be recounted: their ids in PostgreSQL by what they are called."""

    ids: dict[str, int]

    def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]: ...


def recount(books: Selling, *slugs: str, by_events: bool = True) -> dict[str, Found]:
    """Recount campaigns from the ledger and the events, row by row, and compare everything.

    `by_events`: every charge is of an event that was written down.
    """
    ids = [books.ids[slug] for slug in slugs]
    budgets, entries, events = (
        books.rows(f"select * from {table} where campaign_id = any(:ids)", ids=ids)
        for table in ("budgets", "ledger", "ad_events")
    )
    found = {}
    for slug in slugs:
        (budget,) = (one for one in budgets if one["campaign_id"] == books.ids[slug])
        found[slug] = Found(
            budget,
            sorted(
                (one for one in entries if one["campaign_id"] == books.ids[slug]),
                key=lambda one: int(one["id"]),
            ),
            [one for one in events if one["campaign_id"] == books.ids[slug]],
        )
        _adds_up(found[slug])
        if by_events:
            _billed(found[slug])
    return found


def _adds_up(found: Found) -> None:
    budget = found.budget
    by_day: dict[date, int] = {}
    left: dict[int, int] = {}
    for one in found.entries:
        by_day[one["day"]] = by_day.get(one["day"], 0) + one["amount_micros"]
        if one["kind"] == "charge":
            left[one["id"]] = one["amount_micros"]
        else:
            left[one["refunds"]] += one["amount_micros"]
            assert left[one["refunds"]] >= 0
    assert budget["spent_micros"] == sum(by_day.values())
    assert budget["day_spent_micros"] == by_day.get(budget["day"], 0)
    assert 0 <= budget["spent_micros"] <= budget["total_micros"]
    assert all(day <= budget["day"] for day in by_day)


def _billed(found: Found) -> None:
    charged: dict[tuple[str, int, str], int] = {}
    for one in found.entries:
        if one["kind"] == "charge":
            key = one["decision"], one["position"], one["event"]
            charged[key] = charged.get(key, 0) + one["amount_micros"]
    billed = {
        (one["decision"], one["position"], one["kind"]): one["billed_micros"]
        for one in found.events
        if one["billed_micros"]
    }
    assert billed == charged
    assert not any(one["billed_micros"] for one in found.events if one["invalid"])
