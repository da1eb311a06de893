"""Tables: the registry of models, and every vector beside the picture it was made from."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from vitrine.db import Base


class Model(Base):
    """A model that made vectors. `digest` covers weights and preprocessing (see specs.py).

    `figures` are what was measured of it, by what measured it (see records.py).
    """

    __tablename__ = "models"

    digest: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    dim: Mapped[int]
    spec: Mapped[dict[str, Any]]
    figures: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Embedding(Base):
    """The vector of one picture under one model: float16, little-endian, L2-normalised."""

    __tablename__ = "embeddings"

    cid: Mapped[str] = mapped_column(ForeignKey("images.cid", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("models.digest"), primary_key=True, index=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
