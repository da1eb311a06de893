"""Tables: who somebody is, what they did, what was shown to them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from vitrine.db import Base

USER, ANONYMOUS = "user", "anonymous"


class Person(Base):
    """A user of the shop or a browser of nobody known; every other table knows only `id`.

    Deleting the row deletes what the shop calls them, and with it all that hangs on `id`.
    """

    __tablename__ = "people"
    __table_args__ = (
        UniqueConstraint("kind", "name"),
        CheckConstraint("kind in ('user', 'anonymous')", name="kind"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Login(Base):
    """An anonymous id turned out to be a user: the first who says so, by (`at`, `event`), owns it.

    First by time and not by arrival, so that events in another order end in the same profiles.
    """

    __tablename__ = "logins"

    anonymous_id: Mapped[int] = mapped_column(
        ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    event: Mapped[bytes]


class EventId(Base):
    """Events that were taken in, by `incoming.digest_of`; not partitioned, so truly unique."""

    __tablename__ = "event_ids"
    __table_args__ = (Index("ix_event_ids_at", "at"),)

    event: Mapped[bytes] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class Event(Base):
    """One item of one event (an event without items is one row); partitioned by month of `at`.

    `event` is its `incoming.digest_of` and `line` the place of the item in it, so (at, event, line)
    names a row whatever the order of arrival. What one person did is ordered by `history`.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_user", "user_id", "at"),
        Index("ix_events_anonymous", "anonymous_id", "at"),
        Index("ix_events_item", "item"),
        Index("ix_events_name", "name", "at"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    at: Mapped[datetime] = mapped_column(primary_key=True)
    event: Mapped[bytes] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    # Of the id alone that the shop gave it, whosever it is: the same in what came twice.
    key: Mapped[bytes | None]
    name: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    anonymous_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    # What the shop called it; `product_id` is None, or of one that is gone, until it is listed.
    item: Mapped[str | None]
    product_id: Mapped[int | None] = mapped_column(BigInteger)
    quantity: Mapped[int | None]
    price: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    position: Mapped[int | None]
    rating: Mapped[float | None] = mapped_column(REAL)
    list: Mapped[str | None]
    search_term: Mapped[str | None]
    transaction_id: Mapped[str | None]
    # From the token that the event quoted.
    decision: Mapped[str | None]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Decision(Base):
    """One answer that showed products, with all that learning from it needs; partitioned by month.

    The arrays run in parallel, one entry a slot: product, the source that brought it, how likely
    it was to be shown there, whether exploration put it there. `features` is float16 [slots, f].
    """

    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_id", "id"),
        Index("ix_decisions_person", "person_id", "at"),
        Index("ix_decisions_open", "at", postgresql_where=text("not learned")),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True, server_default=func.now())
    kind: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"))
    context: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    model: Mapped[str]
    ranker: Mapped[int | None] = mapped_column(BigInteger)
    products: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    sources: Mapped[list[str]] = mapped_column(ARRAY(Text))
    propensities: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    explored: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), server_default="{}")
    features: Mapped[bytes | None] = mapped_column(LargeBinary)
    learned: Mapped[bool] = mapped_column(server_default="false")


class Feedback(Base):
    """An answer to something shown, by the token quoted: each (slot, event name) counts once."""

    __tablename__ = "feedback"
    __table_args__ = (Index("ix_feedback_open", "at", postgresql_where=text("not learned")),)

    decision: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    learned: Mapped[bool] = mapped_column(server_default="false")
