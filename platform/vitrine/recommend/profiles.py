"""Profiles: read as they are stored, made on the spot where they are not, kept by the workers."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Text, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.db import Readers, Reads, Sessions
from vitrine.decisions.history import read_by_users, read_history
from vitrine.decisions.logins import owners
from vitrine.decisions.people import Who
from vitrine.ingest.drain import Handler
from vitrine.ingest.parts import Parts
from vitrine.recommend.behaviour import LOOKS, MOST_TOLD, Behaviour, behaviour
from vitrine.recommend.known import read_known
from vitrine.recommend.models import ProfileRow
from vitrine.recommend.profile import Profile, build_profile
from vitrine.recommend.weights import EventWeights

BATCH = 16
_OWED_AT_ONCE = 5000
# Changes with what a profile is made of, so that none of an older form is read.
_FORM = 2

_STORED = text(
    """
    select model, made, body, exists (
        select from work
        where kind in ('profile', 'remake') and key = any(cast(:keys as text[]))
    ) as owed
    from (select 1) as always left join profiles on person_id = :person
    """
).columns(model=Text, made=Text, body=JSONB, owed=Boolean)
# One who refreshes a person keeps others off it and reads after that, so that nobody who took
# longer puts an older profile over a newer one. It does not hold up their events.
_HOLD = text("select id from people where id = :person for no key update")
_FORGET = text("delete from profiles where person_id = :person")
_ACTIVE_MODEL = text("select model from generations where state = 'active'")
_NOT_OWED = """not exists (
        select from work where kind in ('profile', 'remake') and key = person_id::text
    )"""
_OUTDATED = text(
    f"""
    select person_id from profiles where (model <> :model or made <> :made) and {_NOT_OWED}
    order by refreshed_at desc limit :limit
    """  # noqa: S608 - the condition stands above
).columns(person_id=BigInteger)
_TOO_OLD = text(
    f"""
    select person_id from profiles where oldest_at < :before and {_NOT_OWED}
    order by oldest_at limit :limit
    """  # noqa: S608 - the condition stands above
).columns(person_id=BigInteger)


class Profiles:
    """What the profiles of people are; they are made with these weights."""

    def __init__(self, readers: Readers, weights: EventWeights) -> None:
        self._readers = readers
        self._weights = weights
        self._made = f"{_FORM}:{weights.digest}"

    def of(self, who: Who, model: str) -> Profile:
        """Read the profile with groups by this model (its digest); one without events is empty.

        A stored one is taken if nothing has happened since. Else it is made from the history, and
        left to the workers to store: an event counts at the next request, also while they are busy.
        """
        # What a browser did is owed under the browser, whoever turned out to own it.
        owed_as = {"person": who.person_id, "keys": [str(id_) for id_ in who.ids]}
        with self._readers() as reads:
            stored = reads.execute(_STORED, owed_as).one()
            if not stored.owed and (stored.model, stored.made) == (model, self._made):
                return Profile.from_json(stored.body)
            return self.make(reads, who.person_id, model)

    def with_users(self, visitor_id: int) -> Behaviour | None:
        """What was done in this browser, also by users who logged in; None if none of them did.

        Who speaks for a browser alone sees nothing of its users, and yet is not to be shown again
        what was bought or hidden there.
        """
        with self._readers() as reads:
            most = self._weights.events * MOST_TOLD
            by_users = read_by_users(reads, visitor_id, limit=most, without=LOOKS)
            if not by_users:
                return None
            own = read_history(reads, visitor_id, limit=most, without=LOOKS)
        return behaviour([*own, *by_users], self._weights)

    def make(self, reads: Reads, person_id: int, model: str) -> Profile:
        """Make the profile from the last events."""
        most = self._weights.events * MOST_TOLD
        history = read_history(reads, person_id, limit=most, without=LOOKS[:1])
        if len(history) == most:
            history += read_history(reads, person_id, limit=most, without=LOOKS)
        ids = {one.product_id for one in history if one.product_id is not None}
        return build_profile(history, read_known(reads, ids, model), self._weights, model=model)

    def refresh(self, session: Session, person_id: int) -> bool:
        """Store the profile of now, for the model in use; False if there is no such person."""
        if session.execute(_HOLD, {"person": person_id}).first() is None:
            return False
        model = session.execute(_ACTIVE_MODEL).scalar() or ""
        profile = self.make(session, person_id, model)
        if profile.since is None:
            session.execute(_FORGET, {"person": person_id})
            return True
        row = {
            "model": model,
            "made": self._made,
            "body": profile.to_json(),
            "oldest_at": profile.since,
        }
        statement = insert(ProfileRow).values(person_id=person_id, **row)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[ProfileRow.person_id],
                set_={**row, "refreshed_at": text("clock_timestamp()")},
            )
        )
        return True

    def owe_outdated(self, sessions: Sessions) -> int:
        """Owe profiles of another model, other weights or an older form; return how many."""
        with sessions.begin() as session:
            model = session.execute(_ACTIVE_MODEL).scalar()
            if model is None:
                return 0
            values = {"model": model, "made": self._made, "limit": _OWED_AT_ONCE}
            outdated = session.execute(_OUTDATED, values).scalars().all()
            work.owe(session, work.REMAKE, outdated)
        return len(outdated)

    def owe_too_old(self, sessions: Sessions, kept_since: datetime) -> int:
        """Owe profiles that are made of events before `kept_since`; return how many.

        Call it when those have been deleted.
        """
        owed = 0
        while True:
            with sessions.begin() as session:
                values = {"before": kept_since, "limit": _OWED_AT_ONCE}
                too_old = session.execute(_TOO_OLD, values).scalars().all()
                work.owe(session, work.REMAKE, too_old)
            owed += len(too_old)
            if len(too_old) < _OWED_AT_ONCE:
                return owed

    @property
    def handler(self) -> Handler:
        """How work on profiles is done."""
        return Handler(self._refresh_claimed, _give_up, lambda parts: BATCH)

    def _refresh_claimed(self, parts: Parts, claims: Sequence[work.Claim]) -> None:
        people = [int(claim.key) for claim in claims]
        with parts.sessions() as session:
            # Read now and not when the events came: a login may have come in between.
            owned_by = owners(session, people)
        beside = sorted({*owned_by.values()} - {*people})
        # Each by itself: it holds up an erasure no longer than it takes. Owners come first, so that
        # a browser stays owed until its owner has what it did.
        for person_id in beside:
            with parts.sessions.begin() as session:
                self.refresh(session, person_id)
        for claim in sorted(claims, key=lambda claim: int(claim.key) in owned_by):
            with parts.sessions.begin() as session:
                self.refresh(session, int(claim.key))
                work.finish(session, [claim])


def _give_up(session: Session, claims: Sequence[work.Claim], reason: str) -> None:
    """Leave the row, so that `of` goes on making the profile itself."""
    work.bury(session, claims, reason)
