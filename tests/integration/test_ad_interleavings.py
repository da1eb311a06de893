"""Real matches, what comes of them, and what goes wrong meanwhile, in whatever order.

`test_ad_money` keeps the books a second time, beside reservations that it asks for by itself. Here
ads are matched as a shop does, and everything that holds at any time is looked at after each step.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
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

from tests.integration.ad_books import (
    BROWSER,
    NOBODY,
    Clock,
    Died,
    Mortal,
    Switched,
    lived,
    read_rows,
    recount,
)
from tests.integration.market import UNIT, Market
from tests.integration.shop import KINDS, shop_of_a_module
from vitrine.ads import matching
from vitrine.ads.audit import verify_books
from vitrine.ads.counters import Counters
from vitrine.ads.explaining import explain
from vitrine.ads.pacing_work import pace_all
from vitrine.ads.reports import ReportRequest, ReportTerms, read_report
from vitrine.ads.traffic import Sender
from vitrine.assembly import Platform
from vitrine.decisions.retention import Kept
from vitrine.errors import Conflict
from vitrine.wire.ad_events import AdEventIn, ConversionIn, RefundIn
from vitrine.wire.ads import AdOut

BEGIN = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
PEOPLE = ("ada", "bob", None)
TERMS = ReportTerms(currency="EUR", kept=Kept(event_days=395, decision_days=90))
TOTAL, DAILY = 2 * UNIT, UNIT + UNIT // 5
# Reserves make prices of a third of a unit to one, so that budgets end soon.
CAMPAIGNS: dict[str, dict[str, Any]] = {
    "mugs": {"bid_type": "cpc", "reserve_micros": 5 * UNIT, "time_zone": "Europe/Berlin"},
    "bowls": {
        "bid_type": "cpm",
        "bid_micros": 1000 * UNIT,
        "reserve_micros": 400 * UNIT,
        "time_zone": "America/New_York",
        "caps": [{"per": "hour", "impressions": 2}, {"per": "day", "impressions": 3}],
    },
    "boots": {"bid_type": "cpa", "reserve_micros": UNIT // 10, "pacing": "even"},
}
CAPS = (("bowls", timedelta(hours=1), 2), ("bowls", timedelta(days=1), 6))
BILLED = {"mugs": "click", "bowls": "impression", "boots": "conversion"}
DEATHS = st.sampled_from([None, None, None, "before the commit", "after the commit"])


class Fair(Market):
    """A market whose clock is moved, whose Redis can be switched off, and that can be recounted."""

    def __init__(self, shop: Platform) -> None:
        self.clock = Clock(BEGIN)
        self.redis = Switched(shop.redis)
        self.counters = Counters(
            self.redis,
            shop.reading.connect,
            seconds=shop.settings.ad_reservation_seconds,
            clock=self.clock,
        )
        chance = {"ad_exploration": 0.0, "ad_clicks_per_minute": 1000}
        super().__init__(
            replace(
                shop,
                clock=self.clock,
                redis_calls=self.redis,
                ad_counters=self.counters,
                settings=shop.settings.model_copy(update=chance),
            )
        )
        self.ids: dict[str, int] = {}

    def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        return read_rows(self.shop, statement, **values)

    def open(self, run: int) -> list[str]:
        """Campaigns of their own for one run, each with three creatives of its kind."""
        for number, (kind, fields) in enumerate(CAMPAIGNS.items()):
            slug = f"{kind}-{run}"
            self.campaign(
                slug,
                **{
                    "bid_micros": UNIT,
                    "starts_on": "2026-10-24",
                    "ends_on": "2999-12-31",
                    "total_budget_micros": TOTAL,
                    "daily_budget_micros": DAILY,
                    **fields,
                },
            )
            for product in range(number * 6, number * 6 + 3):
                self.creative(f"{slug}-{product}", slug, product=product)
        self.ready()
        slugs = [f"{kind}-{run}" for kind in CAMPAIGNS]
        known = self.rows("select slug, id from campaigns where slug = any(:slugs)", slugs=slugs)
        self.ids = {one["slug"]: one["id"] for one in known}
        return slugs


@pytest.fixture(scope="module")
def fair(request: pytest.FixtureRequest) -> Iterator[Fair]:
    with shop_of_a_module(request) as shop:
        yield Fair(shop)


class Trading(RuleBasedStateMachine):
    fair: ClassVar[Fair]
    runs: ClassVar[int] = 0
    seen: ClassVar[Counter[str]] = Counter()
    ads = Bundle("ads")

    @initialize(target=ads)
    def open(self) -> Any:
        Trading.runs += 1
        fair = self.fair
        fair.shop.redis.flushall()
        fair.redis.away, fair.clock.now = False, BEGIN
        self.slugs = fair.open(Trading.runs)
        self.states = dict.fromkeys(self.slugs, "active")
        self.mortal = Mortal(fair.shop.sessions, fair.counters)
        self.events, self.buying = fair.shop.ad_events, fair.shop.conversions
        asked = [(kind, who) for kind in KINDS for who in PEOPLE]
        shown = [ad for kind, who in asked for ad in self.matched(who, category=kind)]
        self.tell(shown[::2], ("impression", "click"), BROWSER, 1, None)
        return multiple(*shown)

    def teardown(self) -> None:
        if not hasattr(self, "mortal"):
            return
        self.mortal.close()
        with self.fair.shop.engine.connect() as reads:
            reads.execution_options(isolation_level="REPEATABLE READ")
            assert verify_books(reads) == []
        for slug in self.slugs:
            self.fair.campaigns.archive(slug)

    def person(self, name: str) -> str:
        return f"{name}-{Trading.runs}"

    @rule(
        target=ads,
        about=st.sampled_from(["category", "product", "photo", "text"]),
        number=st.integers(0, 17),
        who=st.sampled_from(PEOPLE),
        slots=st.integers(1, 4),
        same=st.booleans(),
        look=st.sampled_from([True, True, False]),
        death=DEATHS,
        times=st.integers(1, 3),
    )
    def match(
        self,
        about: str,
        number: int,
        who: str | None,
        slots: int,
        same: bool,
        look: bool,
        death: str | None,
        times: int,
    ) -> Any:
        """An ad system asks; perhaps the process dies just before or after it writes down."""
        asked = {
            "category": {"category": KINDS[number // 6]},
            "product": {"product": number},
            "photo": {"photo": number},
            "text": {"text": ("mug", "bowl", "boot")[number // 6]},
        }[about]
        found = (
            self.matched(who, slots=slots, same=same, look=look, death=death, **asked)
            for _ in range(times)
        )
        return multiple(*chain.from_iterable(found))

    def matched(
        self,
        who: str | None,
        *,
        slots: int = 4,
        same: bool = False,
        look: bool = True,
        death: str | None = None,
        **asked: Any,
    ) -> list[AdOut]:
        fair, record = self.fair, matching.record
        if who is not None:
            asked["user_id"] = self.person(who)
        if look:
            fair.look()

        def dies(*args: Any) -> None:
            if death == "after the commit":
                record(*args)
            raise Died

        before = self.left()
        with pytest.MonkeyPatch.context() as patch, suppress(Died):
            if death is not None:
                patch.setattr(matching, "record", dies)
            found = fair.match(**asked, slots=slots, same_advertiser=same, seed=slots)
            self.decided(found.decision_id, found.ads, before, same=same, look=look)
            return found.ads
        return []

    def left(self) -> dict[str, int]:
        """What each campaign may still spend: today, which is never before its last day."""
        return {
            one["slug"]: min(
                one["total_micros"] - one["spent_micros"],
                DAILY - (one["day_spent_micros"] if one["day"] == one["today"] else 0),
            )
            for one in self.fair.rows(
                "select slug, budgets.*, greatest(day, cast(cast(:now as timestamptz)"
                " at time zone time_zone as date)) as today"
                " from budgets join campaigns on campaigns.id = campaign_id"
                " where slug = any(:slugs)",
                slugs=self.slugs,
                now=self.fair.clock.now,
            )
        }

    def decided(
        self, decision: str, ads: list[AdOut], left: dict[str, int], *, same: bool, look: bool
    ) -> None:
        """Everything of an answer is written down, and may be billed as it stands there."""
        slots = self.fair.rows(
            "select * from ad_slots where decision = :decision order by position",
            decision=decision,
        )
        assert [one["position"] for one in slots] == [ad.position for ad in ads]
        told = {
            one.creative: one
            for one in explain(self.fair.shop.reading.connect, decision).participants
        }
        for ad, slot in zip(ads, slots, strict=True):
            Trading.seen[ad.campaign.partition("-")[0]] += 1
            assert slot["event"] == BILLED[ad.campaign.partition("-")[0]]
            assert 1 <= slot["price_micros"] <= UNIT
            assert 0 < slot["expected_micros"] <= slot["price_micros"]
            assert (told[ad.creative].outcome, told[ad.creative].price_micros) == (
                "shown",
                slot["price_micros"],
            )
            if look:
                assert self.states[ad.campaign] == "active"
                assert slot["price_micros"] <= left[ad.campaign]
        if not same:
            assert max(Counter(ad.advertiser for ad in ads).values(), default=1) == 1

    @rule(
        some=st.lists(ads, min_size=1, max_size=4),
        kinds=st.sampled_from(
            [("impression",), ("impression", "click"), ("click",), ("viewable",)]
        ),
        sender=st.sampled_from([*[BROWSER] * 6, NOBODY]),
        times=st.sampled_from([1, 1, 2]),
        death=DEATHS,
    )
    def tell(
        self,
        some: list[AdOut],
        kinds: tuple[str, ...],
        sender: Sender,
        times: int,
        death: str | None,
    ) -> None:
        """Ads are seen and clicked: once, twice, again after a crash, or too late."""
        told = [AdEventIn(token=ad.token, event=kind) for ad in some for kind in kinds] * times
        with suppress(Died), self.mortal.dying(death):
            taken = self.events.take(told, sender)
            assert taken.accepted + taken.duplicates + taken.refused == len(told)
            assert taken.accepted <= len(kinds) * len(some)

    @rule(who=st.sampled_from(["ada", "bob"]), order=st.integers(1, 20), death=DEATHS)
    def buy(self, who: str, order: int, death: str | None) -> None:
        told = ConversionIn(order_id=f"{Trading.runs}-{order}", user_id=self.person(who))
        with suppress(Died), self.mortal.dying(death):
            self.buying.take([told])

    @rule(which=st.integers(0, 5), amount=st.sampled_from([None, UNIT // 10]), death=DEATHS)
    def refund(self, which: int, amount: int | None, death: str | None) -> None:
        charges = self.fair.rows(
            "select id from ledger where kind = 'charge' and campaign_id = any(:ids) order by id",
            ids=list(self.fair.ids.values()),
        )
        if charges:
            name = f"{Trading.runs}-{which}"
            wanted = RefundIn(refund_id=name, charge=charges[-1]["id"], amount_micros=amount)
            with suppress(Died, Conflict), self.mortal.dying(death):
                self.fair.shop.accounting.refund(wanted)

    @rule(
        what=st.sampled_from(["wait", "pause", "lose redis", "redis", "pace"]),
        kind=st.sampled_from(sorted(CAMPAIGNS)),
        number=st.integers(0, 7),
    )
    def meanwhile(self, what: str, kind: str, number: int) -> None:
        """Time goes by, somebody pauses, the worker paces, Redis is lost or away for a while."""
        fair, slug = self.fair, f"{kind}-{Trading.runs}"
        if what == "wait":
            # An hour more than a day, since that may have 25; the last: a clock is put back.
            minutes = (1, 5, 16, 61, 240, 1441, 1501, -90)[number]
            fair.clock.now += timedelta(minutes=minutes)
        elif what == "pause":
            self.states[slug] = ("active", "active", "paused")[number % 3]
            fair.patch(slug, state=self.states[slug])
        elif what == "redis":
            fair.redis.away = number < 3
        elif what == "pace":
            pace_all(fair.shop.sessions, now=fair.clock.now)
        else:
            fair.shop.redis.flushall()

    @invariant()
    def adds_up(self) -> None:
        """Budgets, ledger and events agree, to the row; and nothing is over."""
        if not hasattr(self, "slugs"):
            return
        slots = {
            (one["decision"], one["position"]): one
            for one in self.fair.rows(
                "select * from ad_slots where campaign_id = any(:ids)",
                ids=list(self.fair.ids.values()),
            )
        }
        for slug, found in recount(self.fair, *self.slugs).items():
            charges = [one for one in found.entries if one["kind"] == "charge"]
            for one in charges:
                slot = slots[one["decision"], one["position"]]
                assert (one["event"], one["amount_micros"]) == (slot["event"], slot["price_micros"])
            Trading.seen["charges"] += len(charges)
            by_day: Counter[Any] = Counter()
            for one in found.entries:
                by_day[one["day"]] += one["amount_micros"]
            assert max(by_day.values(), default=0) <= DAILY
            self.reported(slug, found.entries, found.events)
        for kind, span, most in CAPS:
            self.capped([one for one in slots.values() if one["event"] == BILLED[kind]], span, most)

    def reported(
        self, slug: str, entries: list[dict[str, Any]], events: list[dict[str, Any]]
    ) -> None:
        report = read_report(
            self.fair.shop.sessions, slug, ReportRequest(), TERMS, now=self.fair.clock.now
        ).totals
        kinds = Counter(one["kind"] for one in events if one["invalid"] is None)
        assert (report.impressions, report.viewable, report.clicks) == (
            kinds["impression"],
            kinds["viewable"],
            kinds["click"],
        )
        assert report.spend_micros == sum(one["amount_micros"] for one in entries)
        assert report.charged_micros == sum(
            one["amount_micros"] for one in entries if one["kind"] == "charge"
        )

    @staticmethod
    def capped(slots: list[dict[str, Any]], span: timedelta, most: int) -> None:
        """Nobody is shown more within such a time; two days may touch within one."""
        for last in slots:
            if last["person_id"] is not None:
                within = [
                    one
                    for one in slots
                    if one["person_id"] == last["person_id"]
                    and last["at"] - span < one["at"] <= last["at"]
                ]
                assert len(within) <= most


def test_what_a_shop_sells_adds_up_whatever_goes_wrong_meanwhile(fair: Fair) -> None:
    Trading.fair = fair
    run_state_machine_as_test(
        Trading,
        settings=lived(6),
    )
    # It looked at something.
    assert all(Trading.seen[one] for one in (*CAMPAIGNS, "charges")), Trading.seen
