"""Bids that the workers move: by what was clicked and sold, within what the advertiser allows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from tests.integration.ad_history import add_campaign, rows
from vitrine.ads.effect import STEP, adjust_bids
from vitrine.ads.models import AdEvent, Advertiser, Attribution, Campaign, Control, Conversion
from vitrine.db import Sessions, make_engine, make_sessions

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BOUNDS = {
    "lowest_bid_micros": 100_000,
    "highest_bid_micros": 500_000,
    "target_cost_micros": 20_000_000,
}


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    with (made := make_sessions(engine)).begin() as session:
        session.execute(insert(Advertiser).values(id="acme", name="Acme"))
    yield made
    engine.dispose()


def happened(
    sessions: Sessions, campaign: int, kind: str, events: int, sold: int, at: datetime = NOW
) -> None:
    """So many events of a campaign, some of which sold something."""
    before = at - timedelta(minutes=1)
    of = {"campaign_id": campaign, "creative_id": 1, "placement": "home", "at": before}
    slots = [{"decision": f"{campaign}-{at:%d}-{n}", "position": 1} for n in range(events)]
    with sessions.begin() as session:
        session.execute(insert(AdEvent), [{**of, **slot, "kind": kind} for slot in slots])
        for slot in slots[:sold]:
            one = {"key": f"{slot['decision']}", "at": before, "value_micros": 1}
            id_ = session.scalar(insert(Conversion).values(**one).returning(Conversion.id))
            part = {"touch": "click", "last_touch": 1.0, "position_based": 1.0}
            session.execute(insert(Attribution).values(**of, **slot, **part, conversion_id=id_))


def bids(sessions: Sessions) -> dict[int, int | None]:
    return {row["campaign_id"]: row["bid_micros"] for row in rows(sessions, Control)}


def added(sessions: Sessions, slug: str, **changes: Any) -> int:
    with sessions.begin() as session:
        return add_campaign(session, slug, **changes)


def test_bids_follow_from_what_was_sold(sessions: Sessions) -> None:
    good = added(sessions, "good", **BOUNDS)
    bad = added(sessions, "bad", **BOUNDS)
    fixed, paused = added(sessions, "fixed"), added(sessions, "paused", state="paused", **BOUNDS)
    untried = added(sessions, "untried", **BOUNDS)
    many = {**BOUNDS, "highest_bid_micros": 90_000_000, "bid_micros": 30_000_000}
    shown = added(sessions, "shown", bid_type="cpm", **many)
    for campaign, sold in ((good, 16), (bad, 1), (fixed, 8), (paused, 9)):
        happened(sessions, campaign, "click", 400, sold)
        # Too old, and not yet.
        happened(sessions, campaign, "click", 20, 20, NOW - timedelta(days=15))
        happened(sessions, campaign, "click", 20, 20, NOW + timedelta(days=1))
    happened(sessions, shown, "impression", 2000, 6)
    with sessions.begin() as session:
        session.execute(insert(Control).values(campaign_id=good, pace=0.4))
        before = session.execute(select(Control.updated_at)).scalar_one()
    assert adjust_bids(sessions, now=NOW) == 3
    first = {good: 300_000 * STEP, bad: 300_000 / STEP, shown: 30_000_000 * STEP}
    assert bids(sessions) == first
    (row,) = [one for one in rows(sessions, Control) if one["campaign_id"] == good]
    assert (row["pace"], row["updated_at"] > before) == (0.4, True)
    for _ in range(8):
        adjust_bids(sessions, now=NOW)
    assert adjust_bids(sessions, now=NOW) == 0
    # Five conversions at the shop's mean stand beside those of its own.
    mean = 34 / 1600
    own = round(BOUNDS["target_cost_micros"] * (1 + 5) / (400 + 5 / mean))
    assert bids(sessions) == {good: 500_000, bad: own, shown: 20_000_000 * 1000 * 6 // 2000}
    assert not {fixed, paused, untried} & set(bids(sessions))


def test_bounds_that_were_moved_are_kept_and_invalid_sales_do_not_count(
    sessions: Sessions,
) -> None:
    campaign = added(sessions, "good", **BOUNDS)
    happened(sessions, campaign, "click", 400, 16)
    for _ in range(4):
        adjust_bids(sessions, now=NOW)
    assert bids(sessions) == {campaign: 500_000}
    with sessions.begin() as session:
        session.execute(update(Campaign).values(highest_bid_micros=350_000))
    assert adjust_bids(sessions, now=NOW) == 1
    assert bids(sessions) == {campaign: 350_000}
    with sessions.begin() as session:
        session.execute(text("update conversions set invalid = 'unsigned' where id > 2"))
    for _ in range(10):
        adjust_bids(sessions, now=NOW)
    assert bids(sessions) == {campaign: 100_000}, "two sales of 400 clicks, the shop's mean alike"


def test_one_process_adjusts_at_a_time(sessions: Sessions) -> None:
    campaign = added(sessions, "good", **BOUNDS)
    happened(sessions, campaign, "click", 400, 16)
    with sessions.begin() as session:
        session.execute(text("select pg_advisory_xact_lock(7283021)"))
        assert adjust_bids(sessions, now=NOW) == 0
    assert adjust_bids(sessions, now=NOW) == 1
