"""The work table on a real PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from vitrine import work
from vitrine.db import Sessions, make_engine, make_sessions


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


def claim(sessions: Sessions, *, limit: int = 10, fresh: bool = True, lease: float = 60.0):
    with sessions.begin() as session:
        return work.claim(session, work.EMBED, limit=limit, lease_seconds=lease, fresh=fresh)


def owe(sessions: Sessions, *keys: object) -> None:
    with sessions.begin() as session:
        work.owe(session, work.EMBED, keys)


def backlog(sessions: Sessions) -> tuple[int, int]:
    with sessions() as session:
        return work.backlog(session).get(work.EMBED, (0, 0))


def make_due(sessions: Sessions) -> None:
    """Let all waits and leases pass."""
    with sessions.begin() as session:
        session.execute(text("update work set due_at = now() - interval '1s', lease_until = null"))


def test_owing_twice_is_one_row(sessions: Sessions) -> None:
    owe(sessions, "a", "b", "a")
    owe(sessions, "b")
    assert {one.key for one in claim(sessions)} == {"a", "b"}
    assert claim(sessions) == []


def test_an_owed_row_is_rolled_back_with_its_change(sessions: Sessions) -> None:
    with pytest.raises(RuntimeError), sessions.begin() as session:
        work.owe(session, work.EMBED, ["a"])
        raise RuntimeError
    assert claim(sessions) == []


def test_two_workers_never_share_a_row(sessions: Sessions) -> None:
    owe(sessions, *range(60))
    with ThreadPoolExecutor(6) as pool:
        claims = list(pool.map(lambda _: claim(sessions, limit=10), range(6)))
    keys = [one.key for some in claims for one in some]
    assert len(keys) == len(set(keys)) == 60


def test_finishing_takes_the_row_away(sessions: Sessions) -> None:
    owe(sessions, "a")
    claims = claim(sessions)
    with sessions.begin() as session:
        assert work.finish(session, claims) == {"a"}
    assert backlog(sessions) == (0, 0)


def test_what_is_owed_again_meanwhile_is_done_again(sessions: Sessions) -> None:
    owe(sessions, "a")
    claims = claim(sessions)
    owe(sessions, "a")
    assert claim(sessions) == [], "the lease still holds"
    with sessions.begin() as session:
        assert work.finish(session, claims) == set()
    again = claim(sessions)
    assert [one.key for one in again] == ["a"]
    assert again[0].version > claims[0].version


def test_a_worker_thought_dead_cannot_finish_what_was_owed_anew(sessions: Sessions) -> None:
    owe(sessions, "a")
    zombie = claim(sessions)
    make_due(sessions)
    other = claim(sessions, fresh=False)
    with sessions.begin() as session:
        work.finish(session, other)
    owe(sessions, "a")
    with sessions.begin() as session:
        assert work.finish(session, zombie) == set()
    assert [one.key for one in claim(sessions)] == ["a"]


def test_a_row_whose_worker_died_comes_back_alone_and_counted(sessions: Sessions) -> None:
    owe(sessions, "a", "b", "c")
    assert len(claim(sessions, lease=0.0)) == 3
    assert claim(sessions) == [], "none of them is fresh any more"
    (one,) = claim(sessions, fresh=False, limit=1)
    assert one.attempts == 2


def test_retry_waits_and_keeps_count(sessions: Sessions) -> None:
    owe(sessions, "a")
    claims = claim(sessions)
    with sessions.begin() as session:
        work.retry(session, claims, "boom")
    assert claim(sessions, fresh=False) == [], "it waits"
    make_due(sessions)
    assert claim(sessions, fresh=False)[0].attempts == 2


def test_an_outage_does_not_count_as_an_attempt(sessions: Sessions) -> None:
    owe(sessions, "a")
    for _ in range(4):
        claims = claim(sessions)
        assert claims[0].attempts == 1
        with sessions.begin() as session:
            work.postpone(session, claims, "milvus is down")
        make_due(sessions)


def test_buried_work_stays_visible_and_owing_it_again_revives_it(sessions: Sessions) -> None:
    owe(sessions, "a")
    claims = claim(sessions)
    with sessions.begin() as session:
        assert work.bury(session, claims, "no hope") == {"a"}
    assert backlog(sessions) == (0, 1)
    assert claim(sessions) == claim(sessions, fresh=False) == []
    owe(sessions, "a")
    assert backlog(sessions) == (1, 0)
    assert [one.attempts for one in claim(sessions)] == [1]


def test_due_kinds_names_what_nobody_is_at(sessions: Sessions) -> None:
    owe(sessions, "a")
    with sessions() as session:
        assert work.due_kinds(session) == {work.EMBED}
    claim(sessions)
    with sessions() as session:
        assert work.due_kinds(session) == set()
