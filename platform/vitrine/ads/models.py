"""Tables of ads: who advertises what, what was decided, what came of it, and the money.

Money is in micros, millionths of the shop's currency, and whole. `ledger` is only ever added to: a
trigger of the database refuses anything else.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from vitrine.db import Base
from vitrine.recommend.models import ModelVersion

ACTIVE, PAUSED, ARCHIVED = "active", "paused", "archived"
IMPRESSION, VIEWABLE, CLICK, CONVERSION = "impression", "viewable", "click", "conversion"
CHARGE, REFUND = "charge", "refund"
BILLED_BY = {"cpm": IMPRESSION, "cpc": CLICK, "cpa": CONVERSION}
"""The event that a campaign pays for, by how it bids."""

# Not `now()`, which is when the transaction began: who reads what changed goes by it.
_CHANGED = func.clock_timestamp()
_ANYBODY = "people.id"


class Advertiser(Base):
    """Somebody who pays; `id` is the slug that the ad system gave it."""

    __tablename__ = "advertisers"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=_CHANGED)


class AdvertiserMember(Base):
    """A person who belongs to an advertiser: their clicks on its ads are marked and not billed."""

    __tablename__ = "advertiser_members"

    advertiser_id: Mapped[str] = mapped_column(ForeignKey("advertisers.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(
        ForeignKey(_ANYBODY, ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
    )


class Campaign(Base):
    """What an advertiser wants shown, to whom, and for how much; never deleted, only archived.

    `slug` is its public id. It runs from the first moment of `starts_on` to the last of `ends_on`
    (for ever if None), by the clock of its `time_zone`.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("state in ('active', 'paused', 'archived')", name="state"),
        CheckConstraint("bid_type in ('cpc', 'cpm', 'cpa')", name="bid_type"),
        CheckConstraint("pacing in ('even', 'asap')", name="pacing"),
        Index("ix_campaigns_updated_at", "updated_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    advertiser_id: Mapped[str] = mapped_column(ForeignKey("advertisers.id"), index=True)
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=ACTIVE)
    time_zone: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    total_budget_micros: Mapped[int] = mapped_column(BigInteger)
    daily_budget_micros: Mapped[int | None] = mapped_column(BigInteger)
    bid_type: Mapped[str]
    bid_micros: Mapped[int] = mapped_column(BigInteger)
    # Within these bounds the bid follows from its effect; without them it stays.
    lowest_bid_micros: Mapped[int | None] = mapped_column(BigInteger)
    highest_bid_micros: Mapped[int | None] = mapped_column(BigInteger)
    target_cost_micros: Mapped[int | None] = mapped_column(BigInteger)
    pacing: Mapped[str]
    # Each {"per": "hour" | "day" | "flight", "impressions": n}.
    caps: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    targeting: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    exclusions: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    # For a thousand impressions.
    reserve_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    click_days: Mapped[int]
    view_days: Mapped[int]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=_CHANGED)


class Creative(Base):
    """One ad of a campaign; never deleted, only archived.

    It has a picture of its own (`catalog.models.CreativeImage`) and a landing URL, or draws both,
    and what it lacks, from the product `seller_id:sku`, with which it stops.
    """

    __tablename__ = "creatives"
    __table_args__ = (
        CheckConstraint("state in ('active', 'paused', 'archived')", name="state"),
        CheckConstraint("(seller_id is null) = (sku is null)", name="product"),
        Index("ix_creatives_product", "seller_id", "sku"),
        Index("ix_creatives_updated_at", "updated_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), index=True)
    state: Mapped[str] = mapped_column(server_default=ACTIVE)
    title: Mapped[str] = mapped_column(server_default="")
    text: Mapped[str] = mapped_column(server_default="")
    call_to_action: Mapped[str] = mapped_column(server_default="")
    landing_url: Mapped[str | None]
    category: Mapped[str | None]
    seller_id: Mapped[str | None]
    sku: Mapped[str | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=_CHANGED)


class Budget(Base):
    """What a campaign has spent and may spend: the one row that every charge changes.

    The bounds are copies of the campaign's, so that one conditional update of one row decides.
    `day_spent_micros` is of `day`, the campaign's last day with a charge. `version` rises with
    every change, so that a copy in Redis never goes back.
    """

    __tablename__ = "budgets"
    __table_args__ = (
        CheckConstraint("spent_micros >= 0 and day_spent_micros >= 0", name="spent"),
        Index("ix_budgets_updated_at", "updated_at"),
    )

    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaigns.id"), primary_key=True, autoincrement=False
    )
    total_micros: Mapped[int] = mapped_column(BigInteger)
    daily_micros: Mapped[int | None] = mapped_column(BigInteger)
    spent_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    day: Mapped[date | None]
    day_spent_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    version: Mapped[int] = mapped_column(BigInteger, server_default="1")
    updated_at: Mapped[datetime] = mapped_column(server_default=_CHANGED)


class Control(Base):
    """What the workers set for a campaign: `pace`, the share of auctions that it takes part in,
    and the bid that its effect has earned, within the advertiser's bounds."""

    __tablename__ = "controls"

    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("campaigns.id"), primary_key=True, autoincrement=False
    )
    pace: Mapped[float] = mapped_column(server_default="1")
    bid_micros: Mapped[int | None] = mapped_column(BigInteger)
    # What pacing remembers between two looks; see `ads.pacing`.
    state: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    updated_at: Mapped[datetime] = mapped_column(server_default=_CHANGED)


class LedgerEntry(Base):
    """One movement of money, for ever. `amount_micros` is positive for a charge, negative for a
    refund; `key` says what it is for, so that nothing is booked twice."""

    __tablename__ = "ledger"
    __table_args__ = (
        CheckConstraint(
            "(kind = 'charge' and amount_micros > 0) or (kind = 'refund' and amount_micros < 0)",
            name="amount",
        ),
        CheckConstraint("(kind = 'refund') = (refunds is not null)", name="refunds"),
        Index("ix_ledger_campaign", "campaign_id", "at"),
        Index("ix_ledger_page", "campaign_id", "id"),
        Index("ix_ledger_refunds", "refunds"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=_CHANGED)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    event: Mapped[str]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    creative_id: Mapped[int] = mapped_column(ForeignKey("creatives.id"))
    placement: Mapped[str]
    decision: Mapped[str]
    position: Mapped[int] = mapped_column(SmallInteger)
    amount_micros: Mapped[int] = mapped_column(BigInteger)
    # The day of the campaign that it counts for.
    day: Mapped[date]
    refunds: Mapped[int | None] = mapped_column(ForeignKey("ledger.id"))
    note: Mapped[str] = mapped_column(server_default="")


class AdDecision(Base):
    """One auction as it can be explained: `trace` says who took part and who did not, and why.

    It knows what a person looked at, so it goes with the person.
    """

    __tablename__ = "ad_decisions"
    __table_args__ = (Index("ix_ad_decisions_at", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    key_id: Mapped[str]
    placement: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(
        ForeignKey(_ANYBODY, ondelete="CASCADE"), index=True
    )
    # The numbers that chance was drawn from: the same state and seed decide the same.
    seed: Mapped[int] = mapped_column(BigInteger)
    model: Mapped[str]
    click_model: Mapped[int] = mapped_column(BigInteger)
    context: Mapped[dict[str, Any]]
    trace: Mapped[dict[str, Any]]


class AdSlot(Base):
    """One ad that was shown, with all that its events need; it outlives the person.

    `event` is what it pays for and `price_micros` what that costs; `expected_micros` was reserved.
    `features` are as the click model saw them, written by `ads.features.to_bytes`.
    """

    __tablename__ = "ad_slots"
    __table_args__ = (
        Index("ix_ad_slots_person", "person_id", "campaign_id", "at"),
        Index("ix_ad_slots_campaign", "campaign_id", "at"),
        Index("ix_ad_slots_at", "at"),
        Index("ix_ad_slots_open", "at", postgresql_where=text("not learned")),
    )

    decision: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    campaign_id: Mapped[int] = mapped_column(BigInteger)
    creative_id: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[int | None] = mapped_column(ForeignKey(_ANYBODY, ondelete="SET NULL"))
    placement: Mapped[str]
    event: Mapped[str]
    bid_micros: Mapped[int] = mapped_column(BigInteger)
    price_micros: Mapped[int] = mapped_column(BigInteger)
    expected_micros: Mapped[int] = mapped_column(BigInteger)
    probability: Mapped[float] = mapped_column(REAL)
    relevance: Mapped[float] = mapped_column(REAL)
    loss: Mapped[float | None] = mapped_column(REAL)
    features: Mapped[bytes | None]
    learned: Mapped[bool] = mapped_column(server_default="false")


class AdEvent(Base):
    """What came of a slot: each kind of event counts once. `invalid` names why one counts for
    nothing, `unbilled` why one that counts was not charged."""

    __tablename__ = "ad_events"
    __table_args__ = (
        CheckConstraint("kind in ('impression', 'viewable', 'click', 'conversion')", name="kind"),
        Index("ix_ad_events_campaign", "campaign_id", "at"),
        Index("ix_ad_events_person", "person_id", "at"),
        Index("ix_ad_events_at", "at"),
        # What the click model has yet to learn.
        Index(
            "ix_ad_events_open",
            "kind",
            "at",
            postgresql_where=text(
                "not learned and invalid is null and kind in ('impression', 'click')"
            ),
        ),
    )

    decision: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    campaign_id: Mapped[int] = mapped_column(BigInteger)
    creative_id: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[int | None] = mapped_column(ForeignKey(_ANYBODY, ondelete="SET NULL"))
    placement: Mapped[str]
    billed_micros: Mapped[int] = mapped_column(BigInteger, server_default="0")
    invalid: Mapped[str | None]
    unbilled: Mapped[str | None]
    learned: Mapped[bool] = mapped_column(server_default="false")


class Unsigned(Base):
    """Events whose token nobody signed, or that came too late: counted by the hour, of no slot."""

    __tablename__ = "ad_unsigned"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class Conversion(Base):
    """Something that was sold or done, by whom it may concern.

    `key` is a keyed digest of the shop's order id, from which nobody finds what its buyer saw.
    """

    __tablename__ = "conversions"
    __table_args__ = (
        Index("ix_conversions_person", "person_id"),
        Index("ix_conversions_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=_CHANGED)
    value_micros: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[int | None] = mapped_column(ForeignKey(_ANYBODY, ondelete="SET NULL"))
    invalid: Mapped[str | None]


class Attribution(Base):
    """The part of a slot in a conversion, by both models; the parts of a conversion add up to 1."""

    __tablename__ = "attributions"
    __table_args__ = (
        CheckConstraint("touch in ('view', 'click')", name="touch"),
        Index("ix_attributions_slot", "decision", "position"),
        Index("ix_attributions_campaign", "campaign_id", "at"),
        Index("ix_attributions_open", "conversion_id", postgresql_where=text("not learned")),
    )

    conversion_id: Mapped[int] = mapped_column(
        ForeignKey("conversions.id"), primary_key=True, autoincrement=False
    )
    decision: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    campaign_id: Mapped[int] = mapped_column(BigInteger)
    creative_id: Mapped[int] = mapped_column(BigInteger)
    placement: Mapped[str]
    touch: Mapped[str]
    last_touch: Mapped[float]
    position_based: Mapped[float]
    learned: Mapped[bool] = mapped_column(server_default="false")


class CreativeStat(Base):
    """How often a creative was seen and clicked and led to a conversion, as far as was learnt."""

    __tablename__ = "creative_stats"

    creative_id: Mapped[int] = mapped_column(
        ForeignKey("creatives.id"), primary_key=True, autoincrement=False
    )
    impressions: Mapped[float] = mapped_column(server_default="0")
    clicks: Mapped[float] = mapped_column(server_default="0")
    conversions: Mapped[float] = mapped_column(server_default="0")
    updated_at: Mapped[datetime] = mapped_column(server_default=_CHANGED)


CLICK_LEARNER_LOCK = "vitrine.click_learner"
"""Whoever holds it (hashed, as an advisory lock) learns, or takes back what was learnt."""


class ClickModelRow(ModelVersion, Base):
    """One version of the click model."""

    __tablename__ = "click_models"
