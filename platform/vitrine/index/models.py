"""Table: generations, each a model and the collections that hold its vectors."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from vitrine.db import Base


class Generation(Base):
    """A model with its collections; at most one is active, and a request reads it once.

    building: filled beside the active one, never queried
    active:   answers queries
    retired:  answers none; kept until its collections are dropped, so that a switch can go back
    """

    __tablename__ = "generations"
    __table_args__ = (
        CheckConstraint("state in ('building', 'active', 'retired')", name="state"),
        Index(
            "ix_generations_one_active",
            "state",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("models.digest"))
    state: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]

    @property
    def images_collection(self) -> str:
        """Name of the Milvus collection that holds this generation's picture vectors."""
        return images_collection(self.id)

    @property
    def creatives_collection(self) -> str:
        """Name of the Milvus collection that holds this generation's vectors of ads."""
        return creatives_collection(self.id)


def images_collection(generation_id: int) -> str:
    """Name of the Milvus collection that holds the picture vectors of this generation."""
    return f"images_{generation_id}"


def creatives_collection(generation_id: int) -> str:
    """Name of the Milvus collection that holds the vectors of ads of this generation."""
    return f"creatives_{generation_id}"
