"""Tables: what searches did not find, and how far a generation's scores can be trusted."""

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, func
from sqlalchemy.orm import Mapped, mapped_column

from vitrine.db import Base


class EmptySearch(Base):
    """Searches of one day that asked the same and found nothing; `digest` is of what they asked."""

    __tablename__ = "empty_searches"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    text: Mapped[str] = mapped_column(server_default="")
    filter: Mapped[dict[str, Any] | None]
    searches: Mapped[int] = mapped_column(server_default="1")
    last_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class CalibrationRow(Base):
    """What was measured of a generation: see `search.calibration.Calibration`."""

    __tablename__ = "calibrations"

    generation_id: Mapped[int] = mapped_column(
        ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    measured: Mapped[dict[str, Any]]
    measured_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
