"""The learner on real rows: what is due, what is learnt once, what serves, and the way back."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from vitrine.cli import main
from vitrine.cli import rankers as rankers_command
from vitrine.db import Sessions, make_engine, make_sessions
from vitrine.decisions import shown
from vitrine.decisions.models import Decision, Feedback
from vitrine.decisions.months import make_months_ahead
from vitrine.errors import NotFound
from vitrine.recommend import learner, online, versions
from vitrine.recommend.features import FEATURES, FEATURES_VERSION
from vitrine.recommend.learner import learn
from vitrine.recommend.models import LEARNER_LOCK, RankerRow
from vitrine.recommend.ranker import PRIOR, Rankers
from vitrine.recommend.versions import list_versions, serving_version, withdraw
from vitrine.settings import Settings

SLOTS = 5
WINDOW = 1800.0
_numbers = count()


class Shop:
    """A database in which pages are shown and clicked."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self.sessions: Sessions = make_sessions(self.engine)
        self.rng = np.random.default_rng(5)
        make_months_ahead(self.sessions, datetime.now(UTC) - timedelta(days=2))

    def show(self, *, seconds_ago: float = 7200.0, features: bool = True) -> str:
        """Write down a page of five slots."""
        decision = f"decision-{next(_numbers)}"
        answer = shown.Answer(
            id=decision,
            kind=shown.RECOMMENDATION,
            person_id=None,
            context={"context": "home", "features": FEATURES_VERSION},
            model="m",
            ranker=None,
            products=list(range(SLOTS)),
            sources=["new"] * SLOTS,
            propensities=[1.0] * SLOTS,
            explored=[0] * SLOTS,
            features=self.rng.random((SLOTS, len(FEATURES))) if features else None,
        )
        with self.sessions.begin() as session:
            shown.record(session, answer)
            at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
            session.execute(update(Decision).where(Decision.id == decision).values(at=at))
        return decision

    def tell(self, decision: str, position: int, name: str, *, seconds_ago: float = 7000.0) -> None:
        """Give feedback as events do."""
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        row = insert(Feedback).values(decision=decision, position=position, name=name, at=at)
        with self.sessions.begin() as session:
            session.execute(row.on_conflict_do_nothing())

    def learn(self, **options: int) -> int:
        """Learn once; return the examples."""
        learnt = learn(self.sessions, feedback_seconds=WINDOW, **options)
        assert learnt is not None
        return learnt.examples

    def state(self) -> dict[str, object]:
        with self.sessions() as session:
            state = session.scalar(
                select(RankerRow.state).order_by(RankerRow.version.desc()).limit(1)
            )
        assert state is not None
        return state


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    made = Shop(database_url)
    yield made
    made.engine.dispose()


def test_a_page_is_learnt_when_its_time_has_passed_or_it_was_clicked(shop: Shop) -> None:
    unseen, old, fresh = shop.show(), shop.show(), shop.show(seconds_ago=100)
    clicked, just_clicked = shop.show(seconds_ago=100), shop.show(seconds_ago=10)
    for one in (old, fresh):
        for position in range(1, 4):
            shop.tell(one, position, "view_item_list", seconds_ago=90)
    shop.tell(clicked, 2, "select_item", seconds_ago=90)
    shop.tell(just_clicked, 2, "select_item", seconds_ago=5)
    # Its impressions came in late: they wait for the window too.
    assert shop.learn() == SLOTS
    with shop.sessions() as session:
        done = set(session.scalars(select(Decision.id).where(Decision.learned)))
    assert done == {clicked}
    with shop.sessions.begin() as session:
        session.execute(update(Feedback).values(at=Feedback.at - timedelta(hours=1)))
        session.execute(
            update(Decision)
            .where(Decision.id != unseen)
            .values(at=Decision.at - timedelta(hours=1))
        )
    assert shop.learn() == 3 + 3 + SLOTS
    assert shop.learn() == 0
    with shop.sessions() as session:
        done = set(session.scalars(select(Decision.id).where(~Decision.learned)))
    assert done == {unseen}


def test_what_was_learnt_as_declined_is_learnt_as_clicked_when_the_click_comes(shop: Shop) -> None:
    decision = shop.show()
    for position in range(1, SLOTS + 1):
        shop.tell(decision, position, "view_item_list")
    assert shop.learn() == SLOTS
    before = shop.state()
    shop.tell(decision, 4, "select_item")
    assert shop.learn() == 1
    assert shop.state()["intercept"] > before["intercept"]
    assert shop.state()["validation"] == before["validation"]
    shop.tell(decision, 4, "view_item")
    assert shop.learn() == 0
    shop.tell(decision, 4, "purchase")
    assert shop.learn() == 1


def test_feedback_that_nothing_can_be_learnt_from_is_closed(shop: Shop) -> None:
    shop.tell("of a search", 1, "select_item")
    shop.tell("not written down yet", 1, "select_item", seconds_ago=5)
    shop.tell(shop.show(features=False), 1, "select_item")
    assert shop.learn() == 0
    with shop.sessions() as session:
        left = session.scalars(select(Feedback.decision).where(~Feedback.learned))
        assert left.all() == ["not written down yet"]
        assert not session.scalar(select(func.count()).select_from(RankerRow))


def test_in_steps_or_at_once_the_same_is_learnt(shop: Shop) -> None:
    for _ in range(40):
        shop.tell(shop.show(), int(shop.rng.integers(1, SLOTS + 1)), "select_item")
    with shop.sessions() as session, ExitStack() as undone:
        connection = session.connection()
        inside = connection.begin_nested()
        undone.callback(inside.rollback)
        whole = learn(_Same(session), feedback_seconds=WINDOW)
        at_once = session.scalar(select(RankerRow.state))
    assert whole is not None
    assert whole.examples == 40 * SLOTS
    while shop.learn(at_once=7):
        pass
    assert shop.state() == at_once


class _Same:
    """A session that is not committed, in place of a factory of them."""

    def __init__(self, session: object) -> None:
        self._session = session

    def begin(self) -> "_Same":
        return self

    def __enter__(self) -> object:
        return self._session

    def __exit__(self, *_: object) -> None:
        pass


def test_a_crash_on_the_way_loses_and_doubles_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        shop.tell(shop.show(), 1, "select_item")
    for module, step in ((learner, "_teach"), (learner, "_mark"), (versions, "forget_old")):
        with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
            broken.setattr(module, step, lambda *_: 1 / 0)
            shop.learn()
    assert shop.learn() == 6 * SLOTS
    assert shop.learn() == 0
    assert shop.state()["examples"] == 6 * SLOTS


def test_only_one_learns_at_a_time(shop: Shop) -> None:
    shop.tell(shop.show(), 1, "select_item")
    with shop.sessions.begin() as session:
        session.execute(text("select pg_advisory_xact_lock(hashtext('vitrine.learner'))"))
        assert learn(shop.sessions, feedback_seconds=WINDOW) is None
    with ThreadPoolExecutor(4) as pool:
        rounds = list(pool.map(lambda _: learn(shop.sessions, feedback_seconds=WINDOW), range(8)))
    assert sum(one.examples for one in rounds if one) == SLOTS


def test_what_comes_while_it_learns_is_of_the_next_round(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = shop.show()
    shop.tell(decision, 1, "select_item")
    mark = learner._mark

    def click_meanwhile(session: object, answers: object) -> None:
        shop.tell(decision, 3, "select_item")
        mark(session, answers)

    with monkeypatch.context() as busy:
        busy.setattr(learner, "_mark", click_meanwhile)
        assert shop.learn() == SLOTS
    assert shop.learn() == 1


def test_the_newest_version_serves_unless_it_is_held(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    rankers = Rankers(shop.engine.connect, seconds=0)
    assert rankers.current() is PRIOR
    shop.tell(shop.show(), 1, "select_item")
    shop.learn()
    first = rankers.current()
    assert first.version > 0
    assert not np.array_equal(first.coefficients, PRIOR.coefficients)
    monkeypatch.setattr(online.Validation, "worse_than_prior", lambda self: True)
    shop.tell(shop.show(), 1, "select_item")
    shop.learn()
    assert rankers.current() is first
    monkeypatch.undo()
    shop.tell(shop.show(), 1, "select_item")
    shop.learn()
    assert rankers.current().version > first.version
    # It went on from what was held.
    assert shop.state()["examples"] == 3 * SLOTS


def test_old_versions_go_and_the_one_that_serves_stays(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "KEPT_VERSIONS", 3)
    shop.tell(shop.show(), 1, "select_item")
    shop.learn()
    monkeypatch.setattr(online.Validation, "worse_than_prior", lambda self: True)
    for _ in range(5):
        shop.tell(shop.show(), 1, "select_item")
        shop.learn()
    with shop.sessions() as session:
        kept = list_versions(session, limit=10)
    assert [one.held for one in kept] == [True, True, True, False]
    assert serving_version(kept) == kept[-1].version


def test_a_version_is_taken_back_with_all_that_were_learnt_from_it(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrine.settings.load_settings", lambda: settings)
    monkeypatch.setattr(rankers_command, "load_settings", lambda: settings)
    run = CliRunner().invoke
    assert "the prior ranks" in run(main, ["rankers", "list"]).output
    for _ in range(3):
        shop.tell(shop.show(), 1, "select_item")
        shop.learn()
    rankers = Rankers(shop.engine.connect, seconds=0)
    third = rankers.current().version
    listed = run(main, ["rankers", "list"]).output
    assert "serves" in listed.splitlines()[1]
    done = run(main, ["rankers", "withdraw", str(third - 1)])
    assert done.output == f"Withdrew 2 versions. Now ranking: version {third - 2}.\n"
    assert rankers.current().version == third - 2
    assert run(main, ["rankers", "list"]).output.count("withdrawn") == 2
    shop.tell(shop.show(), 1, "select_item")
    shop.learn()
    assert shop.state()["examples"] == 2 * SLOTS
    with shop.sessions.begin() as session, pytest.raises(NotFound):
        withdraw(session, 4000)


def test_what_is_learnt_while_a_version_is_taken_back_is_taken_back_too(shop: Shop) -> None:
    shop.tell(shop.show(), 1, "select_item")
    shop.learn()
    shop.tell(shop.show(), 1, "select_item")
    holding, taken_back = threading.Event(), threading.Event()

    def learn_slowly() -> None:
        with shop.sessions.begin() as session:
            session.execute(select(func.pg_advisory_xact_lock(func.hashtext(LEARNER_LOCK))))
            holding.set()
            assert not taken_back.wait(0.3), "it waits for who learns"
            session.execute(insert(RankerRow).values(state={}, examples=9))

    learning = threading.Thread(target=learn_slowly)
    learning.start()
    assert holding.wait(10)
    with shop.sessions.begin() as session:
        first = min(one.version for one in list_versions(session, limit=9))
        assert len(withdraw(session, first)) == 2
        taken_back.set()
    learning.join()
    with shop.sessions() as session:
        assert serving_version(list_versions(session, limit=9)) == 0
