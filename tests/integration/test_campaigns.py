"""Advertisers and campaigns over the api, on the real PostgreSQL."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from tests.integration.ad_system import CAMPAIGN, TODAY, UNIT, AdSystem, ad_system
from tests.pictures import jpeg
from vitrine import work
from vitrine.ads.accounts.campaigns import Campaigns
from vitrine.ads.models import Budget, Campaign, Control, Creative, LedgerEntry
from vitrine.catalog.models import CreativeImage
from vitrine.decisions.models import Person
from vitrine.settings import Settings
from vitrine.wire.campaigns import CampaignIn


@pytest.fixture
def ads(settings: Settings) -> Iterator[AdSystem]:
    with ad_system(settings) as found:
        yield found


def row(ads: AdSystem, table: Any, slug: str = "mugs") -> Any:
    with ads.platform.sessions() as session:
        id_ = session.scalar(select(Campaign.id).where(Campaign.slug == slug))
        return session.get(table, id_)


def charge(ads: AdSystem, slug: str, amount: int, day: date = TODAY) -> None:
    """Book a charge as a click would."""
    with ads.platform.sessions.begin() as session:
        campaign = session.scalars(select(Campaign).where(Campaign.slug == slug)).one()
        creative = Creative(slug=f"{slug}-1", campaign_id=campaign.id, landing_url="https://a.b")
        session.add(creative)
        session.flush()
        session.add(
            LedgerEntry(
                key=f"charge:{slug}:1:click", kind="charge", event="click", campaign_id=campaign.id,
                creative_id=creative.id, placement="home", decision=slug, position=1,
                amount_micros=amount, day=day,
            )
        )  # fmt: skip
        session.execute(
            update(Budget)
            .where(Budget.campaign_id == campaign.id)
            .values(spent_micros=amount, day=day, day_spent_micros=amount)
        )


def test_advertisers_are_kept_with_the_people_of_theirs(ads: AdSystem) -> None:
    first = ads("PUT", "advertisers/tern", {"name": " Tern ", "members": ["u-2", "u-1", "u-1"]})
    assert (first["id"], first["name"], first["members"]) == ("tern", "Tern", ["u-1", "u-2"])
    again = ads("PUT", "advertisers/tern", {"name": "Tern", "members": ["u-1", "u-2"]})
    assert again == first == ads("GET", "advertisers/tern")
    changed = ads("PUT", "advertisers/tern", {"name": "Tern", "members": ["u-3", "u-2"]})
    assert changed["members"] == ["u-2", "u-3"]
    assert changed["updated_at"] > first["updated_at"]
    # Who is erased is a member of nothing.
    with ads.platform.sessions.begin() as session:
        session.delete(session.scalars(select(Person).where(Person.name == "u-2")).one())
    assert ads("GET", "advertisers/tern")["members"] == ["u-3"]

    for slug in ("auk", "gull"):
        ads("PUT", f"advertisers/{slug}", {"name": slug})
    page = ads("GET", "advertisers?limit=2")
    assert [one["id"] for one in page["advertisers"]] == ["auk", "gull"]
    rest = ads("GET", f"advertisers?cursor={page['next_cursor']}")
    assert [one["id"] for one in rest["advertisers"]] == ["tern"]
    assert rest["next_cursor"] is None
    ads("GET", "advertisers/nobody", status=404)
    ads("GET", "advertisers?cursor=A", status=422)
    assert ads.refusal("PUT", "advertisers/A", {"name": "x"})[0] == "/advertiser"


def test_a_campaign_is_kept_and_the_same_again_changes_nothing(ads: AdSystem) -> None:
    pointer, said = ads.refusal("PUT", "campaigns/mugs", CAMPAIGN)
    assert (pointer, "`PUT /v1/advertisers/tern`" in said) == ("/advertiser", True)
    first = ads.campaign("mugs")
    assert (first["id"], first["status"], first["version"]) == ("mugs", "running", 1)
    assert (first["spent_micros"], first["bid_now_micros"], first["pace"]) == (0, UNIT // 2, 1.0)
    assert first["targeting"]["price"] == {"gte": "5.00", "lt": None}
    budget = row(ads, Budget)
    assert (budget.total_micros, budget.daily_micros, budget.version) == (100 * UNIT, 10 * UNIT, 1)
    assert row(ads, Control).pace == 1.0

    assert ads.campaign("mugs") == first == ads("GET", "campaigns/mugs")
    assert ads("PATCH", "campaigns/mugs", {"name": "Mugs", "caps": []}) == first
    changed = ads.campaign("mugs", name="Bowls")
    assert (changed["name"], changed["version"]) == ("Bowls", 2)
    assert changed["updated_at"] > first["updated_at"]
    assert row(ads, Budget).updated_at == budget.updated_at
    ads("GET", "campaigns/none", status=404)
    ads("PATCH", "campaigns/none", {"name": "x"}, status=404)
    assert ads.refusal("GET", "campaigns/A%00", None)[0] == "/campaign"


def test_the_budget_follows_in_the_same_transaction(ads: AdSystem) -> None:
    ads.campaign("mugs")
    before = row(ads, Budget)
    ads("PATCH", "campaigns/mugs", {"total_budget_micros": 50 * UNIT, "daily_budget_micros": None})
    after = row(ads, Budget)
    assert (after.total_micros, after.daily_micros, after.version) == (50 * UNIT, None, 2)
    assert after.updated_at > before.updated_at

    # At what is spent it stops at once, and less it cannot be.
    charge(ads, "mugs", 5 * UNIT)
    stopped = ads("PATCH", "campaigns/mugs", {"total_budget_micros": 5 * UNIT})
    assert (stopped["status"], stopped["spent_micros"]) == ("spent", 5 * UNIT)
    assert row(ads, Budget).spent_micros == 5 * UNIT
    less = {"total_budget_micros": 5 * UNIT - 1}
    assert ads.refusal("PATCH", "campaigns/mugs", less)[0] == "/total_budget_micros"
    assert row(ads, Budget).total_micros == 5 * UNIT


def test_a_budget_is_not_changed_beside_a_charge(ads: AdSystem) -> None:
    ads.campaign("mugs")
    id_ = row(ads, Campaign).id
    with ThreadPoolExecutor(1) as pool, ads.platform.sessions.begin() as charging:
        charged = charging.get_one(Budget, id_, with_for_update=True)
        charged.spent_micros, charged.version = 3 * UNIT, 2
        change = {"total_budget_micros": 4 * UNIT, "daily_budget_micros": None}
        asked = pool.submit(ads, "PATCH", "campaigns/mugs", change)
        charging.flush()
        threading.Event().wait(0.5)
        assert not asked.done()
        # What a charge books refers to the campaign, which the change must not keep from it.
        charging.execute(text("set local lock_timeout = '300ms'"))
        charging.execute(select(Campaign.id).with_for_update(read=True, key_share=True))
        charging.commit()
        assert asked.result(10)["spent_micros"] == 3 * UNIT
    after = row(ads, Budget)
    assert (after.spent_micros, after.total_micros, after.version) == (3 * UNIT, 4 * UNIT, 3)


def test_a_change_has_to_add_up_with_what_stays(ads: AdSystem) -> None:
    ads.campaign("mugs")
    for change, pointer in (
        ({"total_budget_micros": 9 * UNIT}, "/daily_budget_micros"),
        ({"bid_micros": 11 * UNIT}, "/bid_micros"),
        ({"target_cost_micros": UNIT}, "/target_cost_micros"),
        ({"ends_on": f"{TODAY - timedelta(days=2)}"}, "/ends_on"),
        ({"caps": [{"per": "day", "impressions": 1}] * 2}, "/caps"),
        ({"targeting": {"geo": ["xx"]}}, "/targeting/geo/0"),
    ):
        assert ads.refusal("PATCH", "campaigns/mugs", change)[0] == pointer
    assert ads("GET", "campaigns/mugs")["version"] == 1


def test_what_effect_made_of_a_bid_ends_with_the_bid(ads: AdSystem) -> None:
    effect = {"lowest_bid_micros": UNIT // 4, "target_cost_micros": 5 * UNIT}
    ads.campaign("mugs", highest_bid_micros=UNIT, **effect)
    with ads.platform.sessions.begin() as session:
        session.execute(update(Control).values(bid_micros=UNIT // 3, pace=0.25))
    found = ads("GET", "campaigns/mugs")
    assert (found["bid_now_micros"], found["pace"]) == (UNIT // 3, 0.25)
    assert ads("PATCH", "campaigns/mugs", {"name": "x"})["bid_now_micros"] == UNIT // 3
    changed = ads("PATCH", "campaigns/mugs", {"bid_micros": UNIT})
    assert (changed["bid_now_micros"], row(ads, Control).bid_micros) == (UNIT, None)
    assert ads("PATCH", "campaigns/mugs", {"pacing": "asap"})["pace"] == 1.0


def test_what_charges_go_by_is_fixed_by_the_first(ads: AdSystem) -> None:
    ads.campaign("mugs")
    moved = {"time_zone": "Europe/Berlin", "bid_type": "cpa", "starts_on": f"{TODAY}"}
    found = ads.campaign("mugs", **moved)
    assert (found["time_zone"], found["bid_type"]) == ("Europe/Berlin", "cpa")
    charge(ads, "mugs", UNIT)
    for field, value in (("time_zone", "UTC"), ("bid_type", "cpc"), ("starts_on", "2026-01-01")):
        body = {**CAMPAIGN, **moved, field: value}
        pointer, said = ads.refusal("PUT", "campaigns/mugs", body, status=409)
        assert (pointer, "after the first charge" in said) == (f"/{field}", True)
    ads.refusal("PATCH", "campaigns/mugs", {"starts_on": "2026-01-01"}, status=409)
    assert ads.campaign("mugs", **moved, name="Bowls")["name"] == "Bowls"

    ads("PUT", "advertisers/gull", {"name": "Gull"})
    body = {**CAMPAIGN, **moved, "advertiser": "gull"}
    assert ads.refusal("PUT", "campaigns/mugs", body, status=409)[0] == "/advertiser"


def test_an_archived_campaign_stays_as_it_is(ads: AdSystem) -> None:
    ads.campaign("mugs")
    charge(ads, "mugs", UNIT)
    with ads.platform.sessions.begin() as session:
        work.forget(session, work.CREATIVE)
    gone = ads("DELETE", "campaigns/mugs")
    assert (gone["state"], gone["status"], gone["spent_micros"]) == ("archived", "archived", UNIT)
    assert ads("DELETE", "campaigns/mugs") == gone == ads("GET", "campaigns/mugs")
    for method, body in (("PUT", CAMPAIGN), ("PATCH", {"state": "active"})):
        said = ads.refusal(method, "campaigns/mugs", body, status=409)[1]
        assert "archived" in said
    # Its creatives go with it, also from the index.
    assert ads("GET", "creatives/mugs-1")["state"] == "archived"
    with ads.platform.sessions() as session:
        assert work.backlog(session)[work.CREATIVE] == (1, 0)
    ads("DELETE", "campaigns/none", status=404)


def test_campaigns_come_oldest_first_and_archived_ones_when_asked_for(ads: AdSystem) -> None:
    ads("PUT", "advertisers/gull", {"name": "Gull"})
    for slug in ("b", "a", "d", "c"):
        ads.campaign(slug, advertiser="gull" if slug == "d" else "tern")
    ads("DELETE", "campaigns/a")
    ads("PATCH", "campaigns/c", {"state": "paused"})

    def listed(query: str) -> list[str]:
        return [one["id"] for one in ads("GET", f"campaigns?{query}")["campaigns"]]

    assert listed("") == ["b", "d", "c"]
    assert listed("state=archived") == ["a"]
    assert listed("state=paused") == ["c"]
    assert listed("advertiser=gull") == ["d"]
    page = ads("GET", "campaigns?limit=2")
    assert listed(f"limit=2&cursor={page['next_cursor']}") == ["c"]
    ads("GET", "campaigns?cursor=x", status=422)
    ads("GET", "campaigns?state=gone", status=422)


def test_examples_are_replaced_kept_and_removed(ads: AdSystem) -> None:
    ads("PUT", "advertisers/tern", {"name": "Tern"})
    first = ads.send("campaigns/mugs", CAMPAIGN, jpeg(1), jpeg(2))
    assert [one["state"] for one in first["examples"]] == ["received", "received"]
    # An example is nobody's to see.
    assert {one["url"] for one in first["examples"]} == {None}
    assert ads.media(first["examples"][0]["id"]) == 404
    assert ads.send("campaigns/mugs", CAMPAIGN, jpeg(1), jpeg(2)) == first
    assert ads.campaign("mugs") == first
    ads("PATCH", "campaigns/mugs", {"name": "Bowls"})

    other = ads.send("campaigns/mugs", {**CAMPAIGN, "name": "Bowls"}, jpeg(2), jpeg(3))
    assert other["version"] == 3
    assert other["examples"][0] == first["examples"][1]
    with ads.platform.sessions() as session:
        assert work.pending_keys(session, work.PURGE, [first["examples"][0]["id"]])
        assert len(work.pending_keys(session, work.EMBED, [one["id"] for one in other["examples"]]))
    cleared = ads.campaign("mugs", name="Bowls", clear_examples=True)
    assert (cleared["examples"], cleared["version"]) == ([], 4)
    assert ads.campaign("mugs", name="Bowls", clear_examples=True) == cleared
    with ads.platform.sessions() as session:
        assert session.scalars(select(CreativeImage)).all() == []
    ads.send("campaigns/mugs", CAMPAIGN, *map(jpeg, range(6)), status=422)


def test_a_campaign_lives_by_the_clock_of_its_zone(ads: AdSystem) -> None:
    ads("PUT", "advertisers/tern", {"name": "Tern"})
    now = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
    platform = ads.platform
    parts = (platform.sessions, platform.blobs, platform.doorbell)
    campaigns = Campaigns(*parts, clock=lambda: now)

    def put(slug: str, **changes: Any) -> Any:
        wanted = CampaignIn.model_validate({**CAMPAIGN, "starts_on": "2027-03-01", **changes})
        return campaigns.put(slug, wanted, None)

    # In Los Angeles it is yesterday still.
    last = {"ends_on": "2027-03-27"}
    assert put("west", time_zone="America/Los_Angeles", **last).status == "running"
    with pytest.raises(Exception, match="`/ends_on` is past: it is 2027-03-28 there"):
        put("east", time_zone="Europe/Berlin", **last)
    now = datetime(2027, 3, 28, 6, 59, tzinfo=UTC)
    assert campaigns.get("west").status == "running"
    now = datetime(2027, 3, 28, 7, 0, tzinfo=UTC)
    assert campaigns.get("west").status == "ended"
    now = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
    soon = {"starts_on": "2027-03-28", "ends_on": None}
    assert put("later", time_zone="America/Los_Angeles", **soon).status == "scheduled"
    assert put("spring", time_zone="Europe/Berlin", **soon).status == "running"
    assert put("held", time_zone="Europe/Berlin", state="paused", **soon).status == "paused"

    charge(ads, "spring", 10 * UNIT, date(2027, 3, 28))
    spent = campaigns.get("spring")
    assert (spent.status, spent.spent_today_micros) == ("day_spent", 10 * UNIT)
    # The day on which summer begins has 23 hours; it ends at 22:00 UTC.
    now = datetime(2027, 3, 28, 21, 59, tzinfo=UTC)
    assert campaigns.get("spring").status == "day_spent"
    now = datetime(2027, 3, 28, 22, 0, tzinfo=UTC)
    spent = campaigns.get("spring")
    assert (spent.status, spent.spent_today_micros) == ("running", 0)
    # A day never comes back, whatever a clock says.
    charge(ads, "later", 10 * UNIT, date(2027, 3, 29))
    assert campaigns.get("later").status == "day_spent"


def test_two_first_puts_at_once_are_one_campaign(ads: AdSystem) -> None:
    ads("PUT", "advertisers/tern", {"name": "Tern"})
    ready = threading.Barrier(4)

    def put(_: int) -> Any:
        ready.wait(10)
        return ads("PUT", "campaigns/mugs", CAMPAIGN)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(put, range(4)))
    assert found[0] == found[1] == found[2] == found[3]
    assert found[0]["version"] == 1
