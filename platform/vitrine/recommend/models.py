"""Tables: profiles, what goes together, what is wanted now, and the ranker's versions."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from vitrine.db import Base


class ProfileRow(Base):
    """The profile of a person, made from their last events; see `recommend.profile.Profile`.

    It names pictures, never vectors; `model` is whose vectors grouped them, and `made` tells its
    form and the weights, so that one made in another way is not read.
    """

    __tablename__ = "profiles"

    person_id: Mapped[int] = mapped_column(
        ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    model: Mapped[str]
    made: Mapped[str]
    body: Mapped[dict[str, Any]]
    # Of the first event that it is made of: once that is too old to be kept, it is made anew.
    oldest_at: Mapped[datetime | None] = mapped_column(index=True)
    refreshed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Pair(Base):
    """Two products that go together, counted by people; `strength` is a log-likelihood ratio."""

    __tablename__ = "pairs"
    __table_args__ = (Index("ix_pairs_other", "other_id"),)

    product_id: Mapped[int] = mapped_column(
        ForeignKey("products.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    other_id: Mapped[int] = mapped_column(
        ForeignKey("products.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    together: Mapped[int]
    strength: Mapped[float] = mapped_column(REAL)


class Trend(Base):
    """How much a product is wanted: weighted events, each halved with every half-life since.

    `shown` and `clicked` count its slots in recommendations, decayed alike.
    """

    __tablename__ = "trends"
    __table_args__ = (Index("ix_trends_score", text("score desc")),)

    product_id: Mapped[int] = mapped_column(
        ForeignKey("products.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    score: Mapped[float] = mapped_column(REAL)
    people: Mapped[int]
    shown: Mapped[float] = mapped_column(REAL, server_default="0")
    clicked: Mapped[float] = mapped_column(REAL, server_default="0")


LEARNER_LOCK = "vitrine.learner"
"""Whoever holds it (hashed, as an advisory lock) learns, or takes back what was learnt."""


class ModelVersion:
    """One version of an online model; the newest that is neither `withdrawn` nor `held` serves.

    Held: it predicts worse than the prior. Learning goes on from it, so that it may recover;
    nothing goes on from one that was withdrawn.
    """

    version: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    state: Mapped[dict[str, Any]]
    examples: Mapped[int] = mapped_column(BigInteger)
    report: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    withdrawn: Mapped[bool] = mapped_column(server_default="false")
    held: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RankerRow(ModelVersion, Base):
    """One version of what ranks recommendations."""

    __tablename__ = "rankers"
