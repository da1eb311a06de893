"""Whatever happens in whatever order, the books add up and no budget is overspent.

A naive model keeps the books beside the real ones: plain numbers that are changed one after the
other. After every step both are compared, and the real ones are recounted from their rows.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.exc import IntegrityError

from tests.integration.ad_books import (
    BROWSER,
    MILLION,
    NOBODY,
    Ad,
    AdBooks,
    Died,
    Mortal,
    ad_books,
    lived,
    recount,
)
from vitrine.ads.asks import member_of
from vitrine.ads.audit import verify_books
from vitrine.ads.books import Charge, settle
from vitrine.ads.days import local_day
from vitrine.ads.traffic import Sender
from vitrine.errors import Conflict, Invalid
from vitrine.wire.ad_events import AdEventIn, ConversionIn, RefundIn
from vitrine.wire.campaigns import CampaignPatch

# The clocks of Berlin are put back an hour the next night, those of New York a week later.
BEGIN = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
BILLED = {"cpm": "impression", "cpc": "click", "cpa": "conversion"}
ZONES = {"cpm": "America/New_York", "cpc": "Europe/Berlin", "cpa": "Australia/Lord_Howe"}
SHOPPERS = ("ada", "bob", "boss")
UNITS = st.integers(1, 4).map(lambda units: units * MILLION)
DEATHS = st.sampled_from([None, None, None, "before the commit", "after the commit"])


@pytest.fixture(scope="module")
def books(request: pytest.FixtureRequest) -> Iterator[AdBooks]:
    with ad_books(request, ad_clicks_per_minute=1000) as opened:
        yield opened


@dataclass
class Purse:
    """The money of one campaign, as a child would keep it."""

    total: int
    daily: int | None
    spent: int = 0
    days: dict[date, int] = field(default_factory=dict)

    @property
    def day(self) -> date | None:
        return max(self.days, default=None)

    def pay(self, amount: int, today: date) -> str | None:
        today = max(today, self.day or today)
        if self.spent + amount > self.total:
            return "budget"
        if self.daily is not None and self.days.get(today, 0) + amount > self.daily:
            return "daily_budget"
        self.spent += amount
        self.days[today] = self.days.get(today, 0) + amount
        return None

    def take_back(self, amount: int, day: date) -> None:
        self.spent -= amount
        self.days[day] -= amount


class Money(RuleBasedStateMachine):
    books: ClassVar[AdBooks]
    runs: ClassVar[int] = 0
    ads = Bundle("ads")

    @initialize(target=ads)
    def open(self) -> Any:
        Money.runs += 1
        books, run = self.books, Money.runs
        books.platform.redis.flushall()
        books.redis.away = False
        books.clock.now = BEGIN
        books.meet(*(f"{who}-{run}" for who in ("ada", "bob")))
        books.meet(f"boss-{run}", members=True)
        self.mortal = Mortal(books.platform.sessions, books.counters)
        self.purses: dict[str, Purse] = {}
        self.events: dict[tuple[str, int, str], dict[str, Any]] = {}
        self.orders: set[str] = set()
        self.refunds: dict[str, tuple[int, int]] = {}
        for kind, zone in ZONES.items():
            daily = None if kind == "cpm" else 5 * MILLION
            slug = books.campaign(
                f"{kind}-{run}",
                time_zone=zone,
                bid_type=kind,
                total_budget_micros=9 * MILLION,
                daily_budget_micros=daily,
            )
            self.purses[slug] = Purse(9 * MILLION, daily)
        self.stale = {slug: books.standing(slug) for slug in self.purses}
        return multiple(
            *(
                books.show(slug, MILLION, 0.3, f"{who}-{run}")
                for slug in self.purses
                for who in SHOPPERS
            )
        )

    def teardown(self) -> None:
        if hasattr(self, "mortal"):
            self.mortal.close()
            engine = self.books.platform.engine
            with engine.connect().execution_options(isolation_level="REPEATABLE READ") as reads:
                assert verify_books(reads) == []

    def slug(self, kind: str) -> str:
        """What is called like this in this run."""
        return f"{kind}-{Money.runs}"

    def today(self, slug: str) -> date:
        return local_day(self.books.clock.now, ZONES[slug.partition("-")[0]])

    @rule(
        target=ads,
        kinds=st.lists(st.sampled_from(sorted(ZONES)), min_size=1, max_size=4),
        price=UNITS,
        probability=st.sampled_from([0.3, 0.01, 1.0]),
        person=st.sampled_from([*SHOPPERS, None]),
        ends=st.sampled_from(["shown", "shown", "shown", "given back", "lost"]),
        fresh=st.sampled_from([True, True, False]),
    )
    def match(
        self,
        kinds: list[str],
        price: int,
        probability: float,
        person: str | None,
        ends: str,
        fresh: bool,
    ) -> Any:
        """Slots are reserved; then they are shown, or given back, or the process dies over them."""
        books, slugs = self.books, [self.slug(kind) for kind in kinds]
        if fresh:
            self.stale = {slug: books.standing(slug) for slug in self.purses}
        asks = [books.ask(one, price, probability, standing=self.stale[one]) for one in slugs]
        due = {slug: self.reserved(slug) for slug in slugs}
        answers = books.counters.reserve(asks)
        if fresh and not books.redis.away:
            for slug, ask, answer in zip(slugs, asks, answers, strict=True):
                kept_free = sum(due[slug].values())
                assert answer == self.refusal(slug, kept_free, ask.expected_micros, price)
                if answer is None:
                    due[slug][member_of(ask.decision, ask.position)] = ask.expected_micros
            assert {slug: self.in_redis(slug) for slug in slugs} == due
        won = [
            (slug, ask) for slug, ask, no in zip(slugs, asks, answers, strict=True) if no is None
        ]
        if ends == "given back":
            books.counters.release([ask for _, ask in won])
        if ends != "shown":
            return multiple()
        who = None if person is None else self.slug(person)
        return multiple(*(books.commit(slug, ask, who) for slug, ask in won))

    def refusal(self, slug: str, kept_free: int, expected: int, price: int) -> str | None:
        purse, today = self.purses[slug], self.today(slug)
        today = max(today, purse.day or today)
        needed = max(kept_free + expected, price)
        if purse.spent + needed > purse.total:
            return "budget"
        if purse.daily is not None and purse.days.get(today, 0) + needed > purse.daily:
            return "daily_budget"
        return None

    def in_redis(self, slug: str) -> dict[str, int] | None:
        """The reservations that Redis knows and that have not expired; None: it knows nothing."""
        id_, redis = self.books.ids[slug], self.books.platform.redis
        kept: Any = redis.hgetall(f"vitrine:ads:budget:{id_}")
        open_: Any = redis.zrange(f"vitrine:ads:open:{id_}", 0, -1, withscores=True)
        if not kept:
            return None
        amounts = {member.decode(): int(kept[member]) for member, _ in open_}
        assert int(kept[b"open"]) == sum(amounts.values())
        standing = self.books.standing(slug)
        if int(kept[b"version"]) == standing.version:
            assert int(kept[b"spent"]) == standing.spent_micros
            assert int(kept[b"day_spent"]) == standing.day_spent_micros
        assert int(kept[b"version"]) <= standing.version
        now = self.books.clock.now.timestamp() * 1000
        return {member.decode(): amounts[member.decode()] for member, at in open_ if at > now}

    def reserved(self, slug: str) -> dict[str, int]:
        """What has to be reserved at the next ask: what Redis knows, or else PostgreSQL."""
        known = None
        if not self.books.counters._own.campaigns():
            known = self.in_redis(slug)
        if known is not None:
            return known
        since = self.books.clock.now - timedelta(
            seconds=self.books.platform.settings.ad_reservation_seconds
        )
        slots = self.books.rows(
            "select * from ad_slots where campaign_id = :id", id=self.books.ids[slug]
        )
        return {
            member_of(one["decision"], one["position"]): one["expected_micros"]
            for one in slots
            if one["at"] > since
            and (one["decision"], one["position"], one["event"]) not in self.events
        }

    @rule(
        ad=ads,
        kind=st.sampled_from(["viewable", "click", "impression"]),
        sender=st.sampled_from([BROWSER, BROWSER, BROWSER, NOBODY]),
        times=st.sampled_from([1, 1, 2]),
        death=DEATHS,
    )
    def tell(self, ad: Ad, kind: str, sender: Sender, times: int, death: str | None) -> None:
        """An event comes, perhaps twice, perhaps for the second time, perhaps too late."""
        self.told(ad, kind, sender, times, death)

    @rule(some=st.lists(ads, min_size=1, max_size=4))
    def tell_what_is_paid_for(self, some: list[Ad]) -> None:
        """Ads are seen and clicked, one after the other."""
        for ad in some:
            for kind in ("impression", "click"):
                self.told(ad, kind, BROWSER, 1, None)

    def told(self, ad: Ad, kind: str, sender: Sender, times: int, death: str | None) -> None:
        books, taken = self.books, None
        told = [AdEventIn(token=ad.token, event=kind)] * times
        with suppress(Died), self.mortal.dying(death):
            taken = books.platform.ad_events.take(told, sender)
        age = (books.clock.now - ad.at).total_seconds()
        late = age > books.platform.settings.ad_token_seconds
        key = (ad.decision, ad.position, kind)
        fresh = not late and key not in self.events
        if fresh and death != "before the commit":
            self.note(ad, kind, sender)
        if taken is not None:
            assert (taken.accepted, taken.refused) == (int(fresh), times * late)
            assert taken.accepted + taken.duplicates + taken.refused == times

    def note(self, ad: Ad, kind: str, sender: Sender) -> None:
        invalid = unbilled = None
        if kind == "click" and ad.person == self.slug("boss"):
            invalid = "self_click"
        elif sender is NOBODY:
            invalid = "bot"
        billed = 0
        if invalid is None and kind == BILLED[ad.campaign.partition("-")[0]]:
            unbilled = self.purses[ad.campaign].pay(ad.price_micros, self.today(ad.campaign))
            billed = 0 if unbilled else ad.price_micros
        self.events[ad.decision, ad.position, kind] = {
            "at": self.books.clock.now,
            "ad": ad,
            "billed": billed,
            "invalid": invalid,
            "unbilled": unbilled,
        }

    @rule(person=st.sampled_from(SHOPPERS), order=st.integers(1, 30), death=DEATHS)
    def sell(self, person: str, order: int, death: str | None) -> None:
        """Somebody buys something, and the last ad that they clicked, or saw, has led to it."""
        key = f"order-{Money.runs}-{order}"
        told = ConversionIn(order_id=key, user_id=self.slug(person))
        with suppress(Died), self.mortal.dying(death):
            (taken,) = self.books.platform.conversions.take([told]).conversions
            assert taken.known == (key in self.orders)
        if key in self.orders or death == "before the commit":
            return
        self.orders.add(key)
        ad = None if person == "boss" else self.led_to_it(self.slug(person))
        if ad is None:
            return
        cpa, billed, unbilled = ad.campaign.startswith("cpa"), 0, None
        if cpa:
            unbilled = self.purses[ad.campaign].pay(ad.price_micros, self.today(ad.campaign))
            billed = 0 if unbilled else ad.price_micros
        kept = self.events.setdefault(
            (ad.decision, ad.position, "conversion"),
            {"at": self.books.clock.now, "ad": ad, "billed": 0, "invalid": None, "unbilled": None},
        )
        kept["billed"] += billed
        kept["unbilled"] = unbilled or kept["unbilled"]

    def led_to_it(self, person: str) -> Ad | None:
        clicks, views = [], []
        for (decision, position, kind), one in self.events.items():
            age = self.books.clock.now - one["at"]
            if one["ad"].person != person or one["invalid"] or age < timedelta(0):
                continue
            touch = (one["at"], decision, position, one["ad"])
            if kind == "click" and age <= timedelta(days=30):
                clicks.append(touch)
            if kind == "impression" and age <= timedelta(days=1):
                views.append(touch)
        last = max(clicks or views, key=lambda touch: touch[:3], default=None)
        return None if last is None else last[3]

    @rule(
        which=st.integers(0, 5),
        amount=st.sampled_from([None, MILLION // 2, MILLION, 5 * MILLION]),
        name=st.sampled_from(["r1", "r2", "r3", "r4", "r5"]),
        death=DEATHS,
    )
    def refund(self, which: int, amount: int | None, name: str, death: str | None) -> None:
        charges = self.books.rows(
            "select * from ledger where kind = 'charge' and campaign_id = any(:ids) order by id",
            ids=[self.books.ids[slug] for slug in self.purses],
        )
        if not charges:
            return
        charge, name = charges[which % len(charges)], f"{name}-{Money.runs}"
        given = sum(gone for of, gone in self.refunds.values() if of == charge["id"])
        left = charge["amount_micros"] - given
        known = self.refunds.get(name)
        wanted = RefundIn(refund_id=name, charge=charge["id"], amount_micros=amount)
        try:
            with self.mortal.dying(death):
                entry = self.books.platform.accounting.refund(wanted)
        except Died:
            if death == "before the commit":
                return
        except Conflict:
            assert left == 0 or (known is not None and known != (charge["id"], amount))
            return
        except Invalid:
            assert amount is not None
            assert amount > left
            return
        done = (charge["id"], -entry.amount_micros)
        if known is not None:
            assert done == known
            return
        assert done[1] == (left if amount is None else amount) > 0
        self.refunds[name] = done
        slug = next(one for one in self.purses if self.books.ids[one] == charge["campaign_id"])
        self.purses[slug].take_back(done[1], charge["day"])

    @rule(
        what=st.sampled_from(["wait", "budget", "lose redis", "redis", "pause"]),
        kind=st.sampled_from(sorted(ZONES)),
        number=st.integers(0, 8),
    )
    def meanwhile(self, what: str, kind: str, number: int) -> None:
        """Time goes by, an advertiser changes something, Redis is lost, or away for a while."""
        slug, campaigns = self.slug(kind), self.books.platform.campaigns
        if what == "wait":
            minutes = (1, 1, 14, 16, 60, 240, 600, 1441, -90)  # the last: a clock is put back
            self.books.clock.now += timedelta(minutes=minutes[number])
        elif what == "budget":
            purse = self.purses[slug]
            purse.total = max(purse.spent + number * MILLION, 5 * MILLION)
            purse.daily = (None, 2 * MILLION, 5 * MILLION)[number % 3]
            bounds = {"total_budget_micros": purse.total, "daily_budget_micros": purse.daily}
            campaigns.patch(slug, CampaignPatch(**bounds))
        elif what == "pause":
            # What was shown before is billed all the same.
            campaigns.patch(slug, CampaignPatch(state=("active", "paused")[number % 2]))
        elif what == "redis":
            self.books.redis.away = number < 3
        else:
            self.books.platform.redis.flushall()

    @invariant()
    def adds_up(self) -> None:
        if not hasattr(self, "purses"):
            return
        for slug, found in recount(self.books, *self.purses).items():
            purse, budget = self.purses[slug], found.budget
            assert (budget["spent_micros"], budget["day"]) == (purse.spent, purse.day)
            assert budget["day_spent_micros"] == (purse.days[purse.day] if purse.day else 0)
            assert {
                (one["decision"], one["position"], one["kind"]): (
                    one["billed_micros"], one["invalid"], one["unbilled"],
                )
                for one in found.events
            } == {
                key: (one["billed"], one["invalid"], one["unbilled"])
                for key, one in self.events.items()
                if one["ad"].campaign == slug
            }  # fmt: skip


def test_the_books_add_up_whatever_happens(books: AdBooks) -> None:
    Money.books = books
    run_state_machine_as_test(
        Money,
        settings=lived(8),
    )


@pytest.mark.parametrize("daily", [None, 100 * MILLION], ids=["total", "daily"])
def test_many_at_once_spend_what_there_is_and_no_more(books: AdBooks, daily: int | None) -> None:
    total = 100 * MILLION if daily is None else 500 * MILLION
    slug = books.campaign(
        f"rush-{daily or 0}", total_budget_micros=total, daily_budget_micros=daily
    )
    tokens = []
    for number in range(60):
        # Nothing is reserved: it is the books alone that hold.
        ask = books.ask(slug, price=3 * MILLION + number % 2, probability=0.01)
        tokens.append(books.commit(slug, ask).token)
    events = books.platform.ad_events

    def click(token: str) -> int:
        return events.take([AdEventIn(token=token, event="click")], BROWSER).accepted

    with ThreadPoolExecutor(16) as threads:
        accepted = sum(threads.map(click, tokens * 3))
    assert accepted == 60
    recount(books, slug)
    assert 97 * MILLION < books.standing(slug).spent_micros <= 100 * MILLION
    (counted,) = books.rows(
        "select count(*) filter (where billed_micros > 0) as billed,"
        " count(*) filter (where unbilled is not null) as unbilled, count(distinct unbilled) as why"
        " from ad_events where campaign_id = :id",
        id=books.ids[slug],
    )
    assert counted == {"billed": 33, "unbilled": 27, "why": 1}


def test_charges_refunds_and_bounds_change_at_once(books: AdBooks) -> None:
    slug = books.campaign("busy", total_budget_micros=40 * MILLION)
    tokens = [books.commit(slug, books.ask(slug, MILLION, 0.01)).token for _ in range(60)]
    paid = books.platform.ad_events.take([AdEventIn(token=tokens[0], event="click")], BROWSER)
    assert paid.accepted == 1
    (first,) = recount(books, slug)[slug].entries
    events, campaigns = books.platform.ad_events, books.platform.campaigns

    def do(number: int) -> None:
        if number % 10 == 5:
            daily = (None, 39 * MILLION)[number // 10 % 2]
            campaigns.patch(slug, CampaignPatch(daily_budget_micros=daily))
        elif number % 10 == 7:
            wanted = {"refund_id": f"busy-{number % 20}", "charge": first["id"]}
            books.platform.accounting.refund(RefundIn(**wanted, amount_micros=MILLION // 4))
        else:
            events.take([AdEventIn(token=tokens[number % 60], event="click")], BROWSER)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(do, range(200)))
    found = recount(books, slug)[slug]
    refunds = [one["key"] for one in found.entries if one["kind"] == "refund"]
    assert sorted(refunds) == ["refund:busy-17", "refund:busy-7"]
    assert found.budget["spent_micros"] > 38 * MILLION


def charge(books: AdBooks, slug: str, key: str, day: date, micros: int = MILLION) -> Charge:
    return Charge(
        key=key,
        event="click",
        campaign_id=books.ids[slug],
        creative_id=books.creatives[slug],
        placement="home",
        decision=key,
        position=1,
        amount_micros=micros,
        at=books.clock.now,
        day=day,
    )


def test_what_comes_late_counts_for_the_day_that_has_begun(books: AdBooks) -> None:
    slug = books.campaign("late", daily_budget_micros=3 * MILLION)
    monday, tuesday = date(2026, 6, 1), date(2026, 6, 2)
    with books.platform.sessions.begin() as session:
        for number, day in enumerate([monday, monday, tuesday, monday, monday]):
            settled = settle(session, charge(books, slug, f"late-{number}", day))
            assert settled.refused is None
        # As a day of its own, Monday would have had one left.
        assert settle(session, charge(books, slug, "late-5", monday)).refused == "daily_budget"
        assert settle(session, charge(books, slug, "late-6", tuesday)).refused == "daily_budget"
        big = settle(session, charge(books, slug, "late-7", tuesday, 200 * MILLION))
        assert big.refused == "budget"
    days = [(one["day"], one["key"]) for one in recount(books, slug, by_events=False)[slug].entries]
    assert [day for day, _ in days] == [monday, monday, tuesday, tuesday, tuesday]
    assert books.standing(slug).day == tuesday


def test_a_key_is_booked_once(books: AdBooks) -> None:
    slug = books.campaign("once")
    with books.platform.sessions.begin() as session:
        settle(session, charge(books, slug, "once", date(2026, 6, 1)))
    with pytest.raises(IntegrityError), books.platform.sessions.begin() as session:
        settle(session, charge(books, slug, "once", date(2026, 6, 1)))
    with books.platform.sessions.begin() as session:
        settle(session, charge(books, slug, "nothing", date(2026, 6, 1), 0))
    assert recount(books, slug, by_events=False)[slug].budget["spent_micros"] == MILLION
