"""What is done with advertisers."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from vitrine.ads.accounts.rows import WRONG_CURSOR, assign, check_slug
from vitrine.ads.models import Advertiser, AdvertiserMember
from vitrine.db import Sessions, again_after_deadlock
from vitrine.decisions.models import USER, Person
from vitrine.decisions.people import ensure
from vitrine.errors import Invalid, NotFound
from vitrine.wire.advertisers import AdvertiserIn, AdvertiserOut, AdvertiserPage
from vitrine.wire.names import SLUG


class Advertisers:
    """Who advertises in this shop."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @again_after_deadlock
    def put(self, slug: str, wanted: AdvertiserIn) -> AdvertiserOut:
        """Create or replace an advertiser; the same again changes nothing."""
        check_slug(slug, "advertiser")
        with self._sessions.begin() as session:
            session.execute(
                insert(Advertiser).values(id=slug, name=wanted.name).on_conflict_do_nothing()
            )
            advertiser = session.get_one(Advertiser, slug, with_for_update={"key_share": True})
            changed = bool(assign(advertiser, {"name": wanted.name}))
            if _replace_members(session, slug, wanted.members) or changed:
                advertiser.updated_at = func.clock_timestamp()
            session.flush()
            session.refresh(advertiser)
            return _views(session, [advertiser])[0]

    def get(self, slug: str) -> AdvertiserOut:
        """Read one. Raises NotFound."""
        check_slug(slug, "advertiser")
        with self._sessions() as session:
            advertiser = session.get(Advertiser, slug)
            if advertiser is None:
                raise NotFound(f"There is no advertiser {slug}.")
            return _views(session, [advertiser])[0]

    def page(self, *, cursor: str | None = None, limit: int = 50) -> AdvertiserPage:
        """Read advertisers by their ids. `cursor` comes from the page before."""
        if cursor is not None and not SLUG.fits(cursor):
            raise Invalid(WRONG_CURSOR)
        statement = select(Advertiser).order_by(Advertiser.id).limit(limit + 1)
        if cursor is not None:
            statement = statement.where(Advertiser.id > cursor)
        with self._sessions() as session:
            found = session.scalars(statement).all()
            return AdvertiserPage(
                advertisers=_views(session, found[:limit]),
                next_cursor=found[limit - 1].id if len(found) > limit else None,
            )


def _replace_members(session: Session, advertiser: str, names: Sequence[str]) -> bool:
    """Make these users the members; tells whether they were others."""
    wanted = set(ensure(session, USER, names).values())
    members = select(AdvertiserMember.person_id).where(AdvertiserMember.advertiser_id == advertiser)
    current = set(session.scalars(members))
    gone = current - wanted
    if gone:
        session.execute(
            delete(AdvertiserMember).where(
                AdvertiserMember.advertiser_id == advertiser, AdvertiserMember.person_id.in_(gone)
            )
        )
    session.add_all(
        AdvertiserMember(advertiser_id=advertiser, person_id=id_) for id_ in wanted - current
    )
    return wanted != current


def _views(session: Session, advertisers: Sequence[Advertiser]) -> list[AdvertiserOut]:
    session.flush()
    members: dict[str, list[str]] = {one.id: [] for one in advertisers}
    for advertiser, name in session.execute(
        select(AdvertiserMember.advertiser_id, Person.name)
        .join(Person, Person.id == AdvertiserMember.person_id)
        .where(AdvertiserMember.advertiser_id.in_(members))
    ):
        members[advertiser].append(name)
    return [
        AdvertiserOut(
            id=one.id,
            name=one.name,
            members=sorted(members[one.id]),
            created_at=one.created_at,
            updated_at=one.updated_at,
        )
        for one in advertisers
    ]
