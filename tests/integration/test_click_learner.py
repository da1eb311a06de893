"""The click learner on real rows: what is due, what is counted once, what serves, the way back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import func, insert, select, text, update

from tests.integration.ad_history import add_campaign
from vitrine.ads import click_learner
from vitrine.ads.click_learner import Learnt, click_learn_all, learn_clicks
from vitrine.ads.clicks import CLICK_MODELS, PRIOR, ClickModels
from vitrine.ads.features import FEATURES, to_bytes
from vitrine.ads.models import (
    CLICK_LEARNER_LOCK,
    AdEvent,
    AdSlot,
    Advertiser,
    Attribution,
    ClickModelRow,
    Conversion,
    Creative,
    CreativeStat,
)
from vitrine.cli import ads_model, main
from vitrine.db import Sessions, make_engine, make_sessions
from vitrine.recommend import versions
from vitrine.recommend.versions import list_versions
from vitrine.settings import Settings

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
WINDOW = 600.0
_numbers = count()


class Ads:
    """A database in which two creatives are shown, seen and clicked."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self.sessions: Sessions = make_sessions(self.engine)
        self.rng = np.random.default_rng(5)
        with self.sessions.begin() as session:
            session.execute(insert(Advertiser).values(id="acme", name="Acme"))
            self.campaign = add_campaign(session, "mugs")
            for slug in ("one", "two"):
                session.execute(insert(Creative).values(slug=slug, campaign_id=self.campaign))
            self.creatives = list(session.scalars(select(Creative.id).order_by(Creative.id)))

    def show(
        self, *kinds: str, seconds_ago: float = 3600.0, features: bool = True, creative: int = 0
    ) -> str:
        """Decide an ad, with events of these kinds a second later."""
        decision = f"decision-{next(_numbers)}"
        at = NOW - timedelta(seconds=seconds_ago)
        made = to_bytes(self.rng.random(len(FEATURES)).astype(np.float32))
        values = {"decision": decision, "position": 1, "at": at, "placement": "top"}
        prices = dict.fromkeys(("bid_micros", "price_micros", "expected_micros"), 1)
        row = {**values, **prices, "event": "click", "probability": 0.01, "relevance": 0.5}
        of = {"campaign_id": self.campaign, "creative_id": self.creatives[creative]}
        with self.sessions.begin() as session:
            session.execute(insert(AdSlot).values(**row, **of, features=made if features else None))
        for kind in kinds:
            self.tell(decision, kind, seconds_ago=seconds_ago - 1, creative=creative)
        return decision

    def tell(
        self, decision: str, kind: str, *, seconds_ago: float = 3000.0, creative: int = 0,
        **more: Any,
    ) -> None:  # fmt: skip
        """Say what came of an ad."""
        at = NOW - timedelta(seconds=seconds_ago)
        values = {"decision": decision, "position": 1, "kind": kind, "at": at, "placement": "top"}
        of = {"campaign_id": self.campaign, "creative_id": self.creatives[creative]}
        with self.sessions.begin() as session:
            session.execute(insert(AdEvent).values(**values, **of, **more))

    def sell(self, decision: str, *, part: float = 1.0, invalid: str | None = None) -> None:
        """A conversion of which the ad has a part."""
        with self.sessions.begin() as session:
            sold = insert(Conversion).values(
                key=f"order-{next(_numbers)}", at=NOW, value_micros=1, invalid=invalid
            )
            id_ = session.execute(sold.returning(Conversion.id)).scalar_one()
            of = {"campaign_id": self.campaign, "creative_id": self.creatives[0]}
            touched = {"decision": decision, "position": 1, "placement": "top", "touch": "click"}
            parts = {"last_touch": part, "position_based": part}
            session.execute(
                insert(Attribution).values(conversion_id=id_, at=NOW, **of, **touched, **parts)
            )

    def learn(self, *, at_once: int = 2000, later: float = 0.0) -> Learnt:
        """Learn once, some seconds later."""
        now = NOW + timedelta(seconds=later)
        found = learn_clicks(self.sessions, now, feedback_seconds=WINDOW, at_once=at_once)
        assert found is not None
        return found

    def counts(self, creative: int = 0) -> tuple[float, float, float]:
        """Impressions, clicks and conversions of a creative."""
        with self.sessions() as session:
            one = session.get(CreativeStat, self.creatives[creative])
        return (one.impressions, one.clicks, one.conversions) if one else (0, 0, 0)

    def state(self) -> dict[str, Any]:
        with self.sessions() as session:
            newest = select(ClickModelRow.state).order_by(ClickModelRow.version.desc()).limit(1)
            state = session.scalar(newest)
        assert state is not None
        return state


@pytest.fixture
def ads(database_url: str) -> Iterator[Ads]:
    made = Ads(database_url)
    yield made
    made.engine.dispose()


def test_an_ad_is_learnt_when_its_time_has_passed_clicked_or_not(ads: Ads) -> None:
    ads.show("impression")
    ads.show("impression", "click", creative=1)
    unseen = ads.show()
    fresh = ads.show("impression", "click", seconds_ago=WINDOW - 5)
    # Two servers do not have one clock.
    ads.tell(ads.show(seconds_ago=WINDOW - 20), "impression", seconds_ago=WINDOW + 5)
    learnt = ads.learn()
    assert (learnt.slots, learnt.examples) == (3, 2)
    assert (ads.counts(), ads.counts(1)) == ((1, 0, 0), (1, 1, 0))
    with ads.sessions() as session:
        left = session.scalars(select(AdSlot.decision).where(~AdSlot.learned)).all()
    assert fresh in left and len(left) == 2
    assert ads.state()["validation"]["seen"] == pytest.approx(2, abs=0.01)
    assert not ads.learn().anything
    # An impression that came late waits for its time too.
    ads.tell(unseen, "impression", seconds_ago=WINDOW - 5)
    assert not ads.learn().anything
    learnt = ads.learn(later=10)
    assert (learnt.slots, learnt.examples) == (2, 2)
    assert ads.counts() == (3, 1, 0)


def test_a_late_click_is_learnt_once_and_not_judged_again(ads: Ads) -> None:
    declined, unseen = ads.show("impression"), ads.show()
    assert ads.learn().examples == 1
    before = ads.state()
    ads.tell(declined, "click", seconds_ago=5)
    assert ads.learn().examples == 1
    after = ads.state()
    assert after["calibration"]["at_centre"] > before["calibration"]["at_centre"]
    assert after["validation"] == before["validation"]
    assert ads.counts() == (1, 1, 0)
    # Nobody knew that it was seen: it is learnt as if it had come in time.
    ads.tell(unseen, "click", seconds_ago=5)
    assert ads.learn().examples == 1
    assert ads.state()["validation"] != after["validation"]
    ads.tell(unseen, "impression")
    assert ads.learn().examples == 0
    assert ads.counts() == (2, 2, 0)


def test_what_is_marked_or_of_another_release_teaches_nothing(ads: Ads) -> None:
    ads.tell(ads.show(), "impression", invalid="rate")
    ads.tell(ads.show("impression"), "click", invalid="own")
    ads.show("impression", "viewable", features=False)
    learnt = ads.learn()
    assert (learnt.slots, learnt.examples) == (3, 1)
    assert ads.counts() == (2, 0, 0)
    assert not ads.learn().anything


def test_an_event_of_nothing_is_closed_in_time(ads: Ads) -> None:
    ads.tell("forgotten", "click", seconds_ago=WINDOW + 700)
    ads.tell("forgotten", "impression", seconds_ago=WINDOW + 700)
    ads.tell("written in a moment", "click", seconds_ago=WINDOW + 5)
    ads.show("impression", creative=-1)
    with ads.sessions.begin() as session:
        session.execute(update(AdSlot).values(creative_id=999))
    assert ads.learn().slots == 1
    with ads.sessions() as session:
        left = session.scalars(select(AdEvent.decision).where(~AdEvent.learned)).all()
    assert left == ["written in a moment"]


def test_parts_of_conversions_are_counted_once(ads: Ads) -> None:
    shown = ads.show("impression", "click")
    ads.sell(shown)
    ads.sell(shown, part=0.25)
    ads.sell(shown, invalid="rate")
    learnt = ads.learn(at_once=2)
    assert (learnt.examples, learnt.conversions) == (1, 2)
    assert click_learn_all(ads.sessions, NOW, feedback_seconds=WINDOW) == 0
    assert ads.counts() == (1, 1, 1.25)
    ads.sell(shown)
    assert ads.learn().version is None
    assert ads.counts() == (1, 1, 2.25)


def test_a_crash_on_the_way_loses_and_doubles_nothing(
    ads: Ads, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        ads.sell(ads.show("impression", "click"))
    steps = [(click_learner, name) for name in ("take_conversions", "_teach", "mark", "add_counts")]
    for module, step in (*steps, (versions, "forget_old")):
        with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
            broken.setattr(module, step, lambda *_: 1 / 0)
            ads.learn()
    assert ads.counts() == (0, 0, 0)
    learnt = ads.learn()
    assert (learnt.examples, learnt.conversions) == (3, 3)
    assert not ads.learn().anything
    assert ads.counts() == (3, 3, 3)
    assert ads.state()["examples"] == 3


def test_only_one_learns_at_a_time(ads: Ads) -> None:
    ads.show("impression")
    with ads.sessions.begin() as session:
        lock = func.pg_advisory_xact_lock(func.hashtext(CLICK_LEARNER_LOCK))
        session.execute(select(lock))
        assert learn_clicks(ads.sessions, NOW, feedback_seconds=WINDOW) is None
    assert ads.learn().examples == 1


def test_what_comes_while_it_learns_is_of_the_next_round(
    ads: Ads, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = ads.show("impression")
    mark = click_learner.mark

    def click_meanwhile(session: Any, slots: Any) -> None:
        ads.tell(decision, "click")
        mark(session, slots)

    with monkeypatch.context() as busy:
        busy.setattr(click_learner, "mark", click_meanwhile)
        assert ads.learn().examples == 1
    assert ads.learn().examples == 1
    assert ads.counts() == (1, 1, 0)


def test_whatever_comes_when_counts_are_those_of_a_recount(ads: Ads) -> None:
    shown = []
    for round_ in range(4):
        for _ in range(12):
            kinds = [kind for kind in ("impression", "click") if ads.rng.random() < 0.5]
            shown.append((ads.show(*kinds, creative=int(ads.rng.integers(2))), kinds))
        for decision, kinds in shown:
            kind = str(ads.rng.choice(["impression", "click"]))
            if kind not in kinds and ads.rng.random() < 0.2:
                kinds.append(kind)
                ads.tell(decision, kind, invalid="rate" if ads.rng.random() < 0.3 else None)
        if round_ % 2:
            while ads.learn(at_once=5).anything:
                pass
    with ads.sessions() as session:
        found = session.execute(_RECOUNT).all()
    assert len(found) == 2
    for creative, row in enumerate(found):
        assert (row.seen, row.clicked, 0) == ads.counts(creative)
    assert ads.state()["validation"]["seen"] == pytest.approx(
        sum(row.seen for row in found), abs=0.1
    )


_RECOUNT = text("""
    select ad_slots.creative_id, count(distinct (decision, position)) as seen,
        count(*) filter (where kind = 'click') as clicked
    from ad_slots join ad_events using (decision, position)
    where invalid is null and kind in ('impression', 'click')
    group by ad_slots.creative_id order by ad_slots.creative_id
""")


def test_the_newest_serves_unless_it_is_held_and_can_be_taken_back(
    ads: Ads, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrine.settings.load_settings", lambda: settings)
    monkeypatch.setattr(ads_model, "load_settings", lambda: settings)
    run = CliRunner().invoke
    assert "the prior predicts" in run(main, ["ads", "model", "list"]).output
    models = ClickModels(ads.engine.connect, seconds=0)
    assert models.current() is PRIOR
    for _ in range(40):
        ads.show("impression", "click")
    ads.learn()
    first = models.current()
    rows = ads.rng.random((5, len(FEATURES))).astype(np.float32)
    assert (first.probabilities(rows) > 1.2 * PRIOR.probabilities(rows)).all()
    with monkeypatch.context() as worse:
        worse.setattr("vitrine.recommend.online.Validation.worse_than_prior", lambda self: True)
        ads.show("impression")
        ads.learn()
    assert models.current() is first
    listed = run(main, ["ads", "model", "list"]).output.splitlines()
    assert "held" in listed[1] and "serves" in listed[2]
    done = run(main, ["ads", "model", "withdraw", str(first.version)]).output
    assert done == "Withdrew 2 versions. Now predicting: the prior.\n"
    assert models.current() is PRIOR
    ads.show("impression")
    ads.learn()
    assert ads.state()["examples"] == 1
    assert "no model 4000" in run(main, ["ads", "model", "withdraw", "4000"]).output
    with ads.sessions() as session:
        report = list_versions(session, CLICK_MODELS, limit=1)[0].report
    assert {"model", "prior", "base_rate"} == set(report["log_loss"])
    assert set(report["calibration"]) == {"slope", "offset"}
