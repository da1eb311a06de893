"""What is done with campaigns, each in one transaction with the budget that follows."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.ads.accounts import pictures
from vitrine.ads.accounts.campaign_fields import (
    BIDS,
    BUDGETS,
    FIXED_BY_CHARGES,
    as_stored,
    changed_by,
    check_advertiser_stays,
    check_covers,
    check_not_over,
    fixed,
)
from vitrine.ads.accounts.rows import assign, check_not_archived, check_slug, read_cursor, touch
from vitrine.ads.accounts.views import campaigns_out
from vitrine.ads.days import local_day
from vitrine.ads.models import (
    ARCHIVED,
    Advertiser,
    Budget,
    Campaign,
    Control,
    Creative,
    LedgerEntry,
)
from vitrine.db import Sessions, again_after_deadlock
from vitrine.doorbell import Doorbell
from vitrine.errors import Invalid, NotFound
from vitrine.media.store import BlobStore
from vitrine.wire.campaigns import CampaignIn, CampaignOut, CampaignPage, CampaignPatch

_OWED = (work.EMBED, work.FILL, work.PURGE)


class Campaigns:
    """The campaigns of one shop."""

    def __init__(
        self,
        sessions: Sessions,
        blobs: BlobStore,
        doorbell: Doorbell,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sessions = sessions
        self._blobs = blobs
        self._doorbell = doorbell
        self._clock = clock

    @again_after_deadlock
    def put(self, slug: str, wanted: CampaignIn, examples: Sequence[bytes] | None) -> CampaignOut:
        """Create or replace a campaign; without `examples` its example pictures stay.

        The same again changes nothing. Raises Conflict for what cannot change any more.
        """
        check_slug(slug, "campaign")
        if examples is None and wanted.clear_examples:
            examples = []
        now = self._clock()
        with self._sessions.begin() as session:
            campaign, created = _lock_or_create(session, slug, wanted, now)
            check_not_archived(campaign, "campaign")
            changed = _change(session, campaign, wanted)
            if examples is not None:
                kind = pictures.EXAMPLE
                changed |= pictures.replace(session, self._blobs, kind, campaign.id, examples)
            if changed and not created:
                touch(campaign)
            view = _view(session, campaign, now)
        if examples is not None:
            self._doorbell.ring(_OWED)
        return view

    @again_after_deadlock
    def patch(self, slug: str, patch: CampaignPatch) -> CampaignOut:
        """Change some fields. Raises NotFound, Conflict, or Invalid if it does not add up."""
        check_slug(slug, "campaign")
        with self._sessions.begin() as session:
            campaign = _lock(session, slug)
            check_not_archived(campaign, "campaign")
            if _change(session, campaign, changed_by(campaign, patch.changes())):
                touch(campaign)
            return _view(session, campaign, self._clock())

    @again_after_deadlock
    def archive(self, slug: str) -> CampaignOut:
        """End a campaign for good, and its creatives with it; once is as good as twice."""
        check_slug(slug, "campaign")
        with self._sessions.begin() as session:
            campaign = _lock(session, slug)
            if campaign.state != ARCHIVED:
                campaign.state = ARCHIVED
                touch(campaign)
                work.owe(session, work.CREATIVE, _archive_creatives(session, campaign))
            view = _view(session, campaign, self._clock())
        self._doorbell.ring((work.CREATIVE,))
        return view

    def get(self, slug: str) -> CampaignOut:
        """Read one, also an archived one. Raises NotFound."""
        check_slug(slug, "campaign")
        with self._sessions() as session:
            campaign = session.scalar(select(Campaign).where(Campaign.slug == slug))
            if campaign is None:
                raise _no_campaign(slug)
            return campaigns_out(session, [campaign], self._clock())[0]

    def page(
        self,
        *,
        cursor: str | None = None,
        limit: int = 50,
        advertiser: str | None = None,
        state: str | None = None,
    ) -> CampaignPage:
        """Read campaigns, oldest first; archived ones only where `state` says so."""
        after = read_cursor(cursor)
        statement = select(Campaign).where(Campaign.id > after).order_by(Campaign.id)
        if advertiser is not None:
            statement = statement.where(Campaign.advertiser_id == advertiser)
        statement = statement.where(
            Campaign.state != ARCHIVED if state is None else Campaign.state == state
        )
        with self._sessions() as session:
            found = session.scalars(statement.limit(limit + 1)).all()
            return CampaignPage(
                campaigns=campaigns_out(session, found[:limit], self._clock()),
                next_cursor=str(found[limit - 1].id) if len(found) > limit else None,
            )


def _named(slug: str) -> Any:
    # Not `for update`: a charge holds the budget, and then shares the campaign that it refers to.
    return select(Campaign).where(Campaign.slug == slug).with_for_update(key_share=True)


def _no_campaign(slug: str) -> NotFound:
    return NotFound(f"There is no campaign {slug}; `PUT /v1/campaigns/{slug}` makes it.")


def _lock(session: Session, slug: str) -> Campaign:
    campaign: Campaign | None = session.scalar(_named(slug))
    if campaign is None:
        raise _no_campaign(slug)
    return campaign


def _lock_or_create(
    session: Session, slug: str, wanted: CampaignIn, now: datetime
) -> tuple[Campaign, bool]:
    """Lock the campaign, or insert it; two first PUTs at once meet at the unique constraint."""
    campaign: Campaign | None = session.scalar(_named(slug))
    if campaign is not None:
        return campaign, False
    if session.get(Advertiser, wanted.advertiser) is None:
        detail = (
            f"names nobody: there is no advertiser {wanted.advertiser}; "
            f"`PUT /v1/advertisers/{wanted.advertiser}` makes it"
        )
        raise Invalid(
            f"The campaign cannot be kept: `/advertiser` {detail}.",
            errors=[{"pointer": "/advertiser", "detail": detail}],
        )
    check_not_over(wanted.ends_on, local_day(now, wanted.time_zone))
    created = session.scalar(
        insert(Campaign)
        .values(slug=slug, **as_stored(wanted))
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(Campaign.id)
    )
    if created is not None:
        session.add(
            Budget(
                campaign_id=created,
                total_micros=wanted.total_budget_micros,
                daily_micros=wanted.daily_budget_micros,
            )
        )
        session.add(Control(campaign_id=created))
        session.flush()
    return _lock(session, slug), created is not None


def _change(session: Session, campaign: Campaign, wanted: CampaignIn) -> bool:
    """Give a campaign these fields, its budget their bounds; tells whether any is another."""
    check_advertiser_stays(campaign, wanted.advertiser)
    changed = assign(campaign, as_stored(wanted))
    if changed & (BUDGETS | FIXED_BY_CHARGES):
        # Whoever charges changes this row, so that none does until this is committed.
        budget = session.get_one(Budget, campaign.id, with_for_update=True)
        if changed & FIXED_BY_CHARGES and _was_charged(session, campaign):
            raise fixed(campaign, changed & FIXED_BY_CHARGES)
        if changed & BUDGETS:
            check_covers(wanted.total_budget_micros, budget.spent_micros)
            budget.total_micros = wanted.total_budget_micros
            budget.daily_micros = wanted.daily_budget_micros
            budget.version += 1
            budget.updated_at = func.clock_timestamp()
    if changed & BIDS:
        # What its effect made of another bid says nothing of this one.
        session.execute(
            update(Control)
            .where(Control.campaign_id == campaign.id)
            .values(bid_micros=None, updated_at=func.clock_timestamp())
        )
    return bool(changed)


def _was_charged(session: Session, campaign: Campaign) -> bool:
    entry = select(LedgerEntry.id).where(LedgerEntry.campaign_id == campaign.id).limit(1)
    return session.scalar(entry) is not None


def _archive_creatives(session: Session, campaign: Campaign) -> list[int]:
    live = (
        select(Creative)
        .where(Creative.campaign_id == campaign.id, Creative.state != ARCHIVED)
        .order_by(Creative.id)
        .with_for_update(key_share=True)
    )
    found = session.scalars(live).all()
    for creative in found:
        creative.state = ARCHIVED
        touch(creative)
    return [creative.id for creative in found]


def _view(session: Session, campaign: Campaign, now: datetime) -> CampaignOut:
    session.flush()
    session.refresh(campaign)
    return campaigns_out(session, [campaign], now)[0]
