"""Paces in the real PostgreSQL: which campaigns are corrected, and what is written of them."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from vitrine.ads.models import Advertiser, Budget, Campaign, Control
from vitrine.ads.pacing import FIRST
from vitrine.ads.pacing_work import _LOCK, pace_all
from vitrine.db import Sessions, make_engine, make_sessions

NOON = datetime(2027, 5, 4, 12, tzinfo=UTC)
NOON_OF_DAY = NOON.date()
LATER = timedelta(seconds=10)
Add = Callable[..., int]


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    made = make_sessions(engine)
    with made.begin() as session:
        session.add(Advertiser(id="tern", name="Tern"))
    yield made
    engine.dispose()


@pytest.fixture
def add(sessions: Sessions) -> Add:
    """Make a campaign of 1,000 a day of which some is spent; `control` is its row, if any."""

    def add(slug: str, spent: int = 0, control: dict[str, Any] | None = None, **more: Any) -> int:
        daily = more.pop("daily", 1000)
        fields: dict[str, Any] = {
            "advertiser_id": "tern",
            "name": slug,
            "time_zone": "UTC",
            "starts_on": date(2027, 5, 1),
            "total_budget_micros": 100_000,
            "daily_budget_micros": daily,
            "bid_type": "cpc",
            "bid_micros": 10,
            "pacing": "even",
            "click_days": 30,
            "view_days": 1,
            "created_at": datetime(2027, 5, 1, tzinfo=UTC),
        }
        with sessions.begin() as session:
            campaign = Campaign(slug=slug, **{**fields, **more})
            session.add(campaign)
            session.flush()
            budget = Budget(
                campaign_id=campaign.id,
                total_micros=100_000,
                daily_micros=daily,
                spent_micros=spent,
                day=NOON_OF_DAY,
                day_spent_micros=spent,
            )
            session.add(budget)
            if control is not None:
                session.add(Control(campaign_id=campaign.id, **control))
        return campaign.id

    return add


def paces(sessions: Sessions) -> dict[str, float]:
    with sessions() as session:
        rows = session.execute(
            select(Campaign.slug, Control.pace).join(Control, Control.campaign_id == Campaign.id)
        )
        return dict(rows.all())


def test_every_campaign_that_runs_is_corrected_and_no_other(sessions: Sessions, add: Add) -> None:
    add("on-plan", 500)
    add("ahead", 505, control={})
    add("behind", 100, control={"pace": 0.2})
    add("asap", 900, control={"pace": 0.2}, pacing="asap")
    add("unbounded", 900, control={}, daily=None)
    add("paused", 900, control={"pace": 0.2}, state="paused")
    add("to-come", control={"pace": 0.2}, starts_on=date(2027, 5, 5))
    add("over", 900, control={"pace": 0.2}, ends_on=date(2027, 5, 3))
    # By the clock of Auckland it is the next day, and of that nothing is spent.
    add("auckland", 900, control={}, time_zone="Pacific/Auckland")
    assert pace_all(sessions, now=NOON) == 5
    found = paces(sessions)
    assert found.pop("ahead") < FIRST / 3
    assert found == {
        "on-plan": FIRST,
        "behind": 1.0,
        "asap": 1.0,
        "unbounded": 1.0,
        "paused": 0.2,
        "to-come": 0.2,
        "over": 0.2,
        "auckland": pytest.approx(FIRST, rel=0.001),
    }


def test_only_what_changes_is_written_and_says_when(sessions: Sessions, add: Add) -> None:
    learnt = {"pace": 0.2, "bid_micros": 7, "state": {"level": -1.6, "at": NOON.isoformat()}}
    add("on-plan", 500, control=learnt)
    add("behind", 100, control=learnt)
    with sessions() as session:
        before = dict(session.execute(select(Control.campaign_id, Control.updated_at)).all())
    assert pace_all(sessions, now=NOON + LATER) == 1
    with sessions() as session:
        on_plan, behind = session.scalars(select(Control).order_by(Control.campaign_id))
    assert (on_plan.pace, on_plan.updated_at) == (0.2, before[on_plan.campaign_id])
    assert (behind.pace, behind.bid_micros) == (1.0, 7)
    assert behind.updated_at > before[behind.campaign_id]
    assert behind.state == {
        "level": pytest.approx(-1.6 + 10 / 1200, abs=1e-5),
        "at": (NOON + LATER).isoformat(),
    }


def test_at_midnight_the_day_begins_anew_at_the_level_that_was_learnt(
    sessions: Sessions, add: Add
) -> None:
    learnt = {"pace": 0.0001, "state": {"level": -1.6, "at": NOON.isoformat()}}
    add("spent", 1000, control=learnt)
    assert pace_all(sessions, now=datetime(2027, 5, 5, tzinfo=UTC)) == 1
    assert paces(sessions) == {"spent": pytest.approx(0.2019, rel=1e-3)}


def test_two_workers_do_not_pace_at_once(sessions: Sessions, add: Add) -> None:
    add("behind", 100, control={})
    with sessions.begin() as session:
        session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        assert pace_all(sessions, now=NOON) == 0
    both = threading.Barrier(2)
    changed: list[int] = []

    def pace() -> None:
        both.wait()
        changed.append(pace_all(sessions, now=NOON))

    workers = [threading.Thread(target=pace) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    # The second came while the first was at it, or after it and found all done.
    assert sorted(changed) == [0, 1]
