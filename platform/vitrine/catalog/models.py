"""Tables of the catalogue."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from vitrine.db import Base

AVAILABILITIES = ("in_stock", "out_of_stock", "preorder", "backorder")
IN_STOCK = frozenset({"in_stock", "preorder", "backorder"})

CREATIVE, EXAMPLE = "creative", "example"
RECEIVED, EMBEDDED, SEARCHABLE, FAILED = "received", "embedded", "searchable", "failed"


class Seller(Base):
    """A seller; `id` is the slug that product ids and filters use."""

    __tablename__ = "sellers"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Product(Base):
    """A listing; its public id is `{seller}:{sku}`."""

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("seller_id", "sku"),
        CheckConstraint(
            "availability in ('in_stock', 'out_of_stock', 'preorder', 'backorder')",
            name="availability",
        ),
        CheckConstraint("price >= 0", name="price"),
        Index("ix_products_category", "category", postgresql_ops={"category": "text_pattern_ops"}),
        Index("ix_products_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    seller_id: Mapped[str] = mapped_column(ForeignKey("sellers.id"))
    sku: Mapped[str]
    title: Mapped[str]
    description: Mapped[str] = mapped_column(server_default="")
    brand: Mapped[str] = mapped_column(server_default="", index=True)
    category: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    availability: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    images: Mapped[list["ProductImage"]] = relationship(
        order_by="ProductImage.position", lazy="raise", viewonly=True
    )

    @property
    def public_id(self) -> str:
        return f"{self.seller_id}:{self.sku}"

    @property
    def in_stock(self) -> bool:
        return self.is_in_stock(self.availability)

    @staticmethod
    def is_in_stock(availability: str) -> bool:
        """Whether a product in this state can be ordered."""
        return availability in IN_STOCK


class Image(Base):
    """What a picture is. The content id is a CIDv1 of the bytes as they were uploaded."""

    __tablename__ = "images"

    cid: Mapped[str] = mapped_column(primary_key=True)
    bytes: Mapped[int]
    format: Mapped[str | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ProductImage(Base):
    """Where a picture is used. `id` is the primary key of its row in the vector index."""

    __tablename__ = "product_images"
    __table_args__ = (
        UniqueConstraint("product_id", "cid"),
        CheckConstraint("state in ('received', 'embedded', 'searchable', 'failed')", name="state"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"))
    cid: Mapped[str] = mapped_column(ForeignKey("images.cid"), index=True)
    position: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=RECEIVED)
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CreativeImage(Base):
    """Where a picture is used in ads: by a creative, or as an example of what a campaign is for.

    `owner_id` is the id of the creative or the campaign. The picture of a creative goes the way of
    a product's; an example is done once it is embedded.
    """

    __tablename__ = "creative_images"
    __table_args__ = (
        UniqueConstraint("kind", "owner_id", "cid"),
        CheckConstraint("kind in ('creative', 'example')", name="kind"),
        CheckConstraint("state in ('received', 'embedded', 'searchable', 'failed')", name="state"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    owner_id: Mapped[int] = mapped_column(BigInteger)
    cid: Mapped[str] = mapped_column(ForeignKey("images.cid"), index=True)
    position: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=RECEIVED)
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Job(Base):
    """What a seller's request set in motion, so that they can watch it."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("state in ('queued', 'running', 'done', 'failed')", name="state"),
        Index("ix_jobs_created_at", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="queued")
    seller_id: Mapped[str] = mapped_column(ForeignKey("sellers.id"))
    product: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    items: Mapped[list["JobItem"]] = relationship(
        order_by="JobItem.id", lazy="raise", viewonly=True
    )


class JobItem(Base):
    """One piece of owed work that a job waits for; `kind` and `key` name the row of `work`."""

    __tablename__ = "job_items"
    __table_args__ = (
        CheckConstraint("state in ('pending', 'searchable', 'failed', 'removed')", name="state"),
        Index("ix_job_items_open", "kind", "key", postgresql_where=text("state = 'pending'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    key: Mapped[str]
    cid: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="pending")
    reason: Mapped[str | None]


class ApiKey(Base):
    """A key, of which only the hash is kept. A seller's key names its seller."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("role in ('storefront', 'seller', 'ads', 'admin')", name="role"),
        CheckConstraint("(role = 'seller') = (seller_id is not null)", name="seller"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    seller_id: Mapped[str | None] = mapped_column(ForeignKey("sellers.id"))
    label: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]
    # Pages of these origins may use the key from a browser (CORS).
    origins: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")


class ProductText(Base):
    """The words of a product that the vocabulary counts; it outlives the product until a sync.

    `terms` are what it is called by; `described` are those of its description alone.
    """

    __tablename__ = "product_texts"
    __table_args__ = (Index("ix_product_texts_terms", "terms", postgresql_using="gin"),)

    product_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    terms: Mapped[list[str]] = mapped_column(ARRAY(Text))
    described: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")


class Term(Base):
    """A word of the catalogue: how many products are called by it, and how many mention it.

    What is only mentioned is known, so it is not corrected, but it is not suggested.
    """

    __tablename__ = "vocabulary"

    term: Mapped[str] = mapped_column(primary_key=True)
    products: Mapped[int]
    mentions: Mapped[int] = mapped_column(server_default="0")


class VocabularyState(Base):
    """One row that changes with the vocabulary, so that who keeps a copy reads it only then."""

    __tablename__ = "vocabulary_state"
    __table_args__ = (CheckConstraint("id = 1", name="id"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
