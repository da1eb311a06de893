"""Erase a person: all that hangs on them, and last what the shop calls them.

The digests of events stay, so that a batch that is sent again does not bring the person back. A
digest names nobody, and goes with the retention of events.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine import logs, work
from vitrine.db import Sessions, again_after_deadlock
from vitrine.decisions.people import Who, rename_namesake, resolve_whole
from vitrine.errors import NotFound
from vitrine.wire.users import UserErased

log = logs.get(__name__)

# Waits for events of this person that are being taken in. From then on nobody else can name them,
# so that the visitors found after it are all of them. Users come before visitors, as at the intake.
_HOLD = text(
    "select id from people where id = any(cast(:ids as bigint[])) order by name for update"
)
# Another user has borrowed one of their browsers: those events are not theirs.
_LEAVE_TO_OTHERS = text(
    """
    update events set anonymous_id = null
    where anonymous_id = any(cast(:ids as bigint[])) and user_id is not null
      and user_id <> all(cast(:ids as bigint[]))
    """
)
# A slot is theirs if it was shown to them, or if they quoted its token and it was shown to nobody
# known: an answer to what was shown to another is that one's. Named one by one, they are found
# along the index; all feedback of the shop would be looked at otherwise.
_FEEDBACK = text(
    """
    with theirs as (
        select events.decision, events.position, events.name from events
        left join decisions on decisions.id = events.decision
        where events.decision is not null and (
            user_id = any(cast(:ids as bigint[])) or anonymous_id = any(cast(:ids as bigint[]))
        ) and (decisions.person_id is null or decisions.person_id = any(cast(:ids as bigint[])))
        union
        select feedback.decision, feedback.position, feedback.name
        from decisions join feedback on feedback.decision = decisions.id
        where decisions.person_id = any(cast(:ids as bigint[]))
    ),
    gone as (
        delete from feedback using theirs
        where feedback.decision = theirs.decision and feedback.position = theirs.position
          and feedback.name = theirs.name
        returning 1
    )
    select count(*) from gone
    """
)
_EVENTS = text(
    """
    with gone as (
        delete from events
        where user_id = any(cast(:ids as bigint[])) or anonymous_id = any(cast(:ids as bigint[]))
        returning event
    )
    select count(distinct event) from gone
    """
)
_OF_PERSON = """
    with gone as (
        delete from {table} where person_id = any(cast(:ids as bigint[])) returning 1
    )
    select count(*) from gone
"""
_DECISIONS = text(_OF_PERSON.format(table="decisions"))
_PROFILES = text(_OF_PERSON.format(table="profiles"))
# The accounts with advertisers keep what was shown, and no longer to whom.
_UNLINKED = """
    with unlinked as (
        update {table} set person_id = null where person_id = any(cast(:ids as bigint[]))
        returning 1
    )
    select count(*) from unlinked
"""
_AD_DECISIONS = text(_OF_PERSON.format(table="ad_decisions"))
_AD_SLOTS = text(_UNLINKED.format(table="ad_slots"))
_AD_EVENTS = text(_UNLINKED.format(table="ad_events"))
_CONVERSIONS = text(_UNLINKED.format(table="conversions"))
_PEOPLE = text("delete from people where id = any(cast(:ids as bigint[]))")


@again_after_deadlock
def erase(sessions: Sessions, name: str) -> UserErased:
    """Erase whom the shop calls `name`, with the visitors that they turned out to be.

    An anonymous id that logged in stands for its user, who is erased; one that is called like the
    user goes too, or gets another name if it is another user's. Raises NotFound.
    """
    with sessions.begin() as session:
        who = _held(session, name)
        ids = {"ids": list(who.ids)}
        rename_namesake(session, who)
        session.execute(_LEAVE_TO_OTHERS, ids)
        feedback = session.execute(_FEEDBACK, ids).scalar_one()
        events = session.execute(_EVENTS, ids).scalar_one()
        decisions = session.execute(_DECISIONS, ids).scalar_one()
        profiles = session.execute(_PROFILES, ids).scalar_one()
        session.execute(_AD_DECISIONS, ids)
        ads = session.execute(_AD_SLOTS, ids).scalar_one()
        for unlinked in (_AD_EVENTS, _CONVERSIONS):
            session.execute(unlinked, ids)
        for kind in (work.PROFILE, work.REMAKE):
            work.forget(session, kind, who.ids)
        session.execute(_PEOPLE, ids)
    log.info("person.erased", events=events, decisions=decisions)
    return UserErased(
        user=name,
        visitors=len(who.ids) - (who.kind == "user"),
        events=events,
        decisions=decisions,
        feedback=feedback,
        profiles=profiles,
        ads=ads,
    )


def _held(session: Session, name: str) -> Who:
    """Find a person and let nobody name them until the end of the transaction."""
    while True:
        who = resolve_whole(session, name)
        if who is None:
            raise unknown()
        if session.execute(_HOLD, {"ids": [who.person_id]}).first() is None:
            continue  # erased by somebody else meanwhile
        now = resolve_whole(session, name)
        if now is None or now.person_id != who.person_id:
            continue
        session.execute(_HOLD, {"ids": list(now.ids)})
        # While it waited for a browser, another user may have proved to be the first there.
        if resolve_whole(session, name) == now:
            return now


def unknown() -> NotFound:
    """Say that nothing is kept under this name; the name itself is for no log."""
    return NotFound(
        "Nothing is kept of this user. Give what events name as `user_id`, or as `client_id`."
    )
