"""Calibrations in Postgres, one a generation, and a short memory of them in each process."""

import threading
import time

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from vitrine.db import Sessions
from vitrine.search.calibration import DEFAULT, Calibration
from vitrine.search.models import CalibrationRow

REMEMBERED_SECONDS = 5.0


class Calibrations:
    """Reads calibrations for queries; safe in threads. A new one is in force within seconds."""

    def __init__(self, sessions: Sessions, *, seconds: float = REMEMBERED_SECONDS) -> None:
        self._sessions = sessions
        self._seconds = seconds
        self._known: tuple[int, float, Calibration] | None = None
        self._lock = threading.Lock()

    def of(self, generation_id: int) -> Calibration:
        """Return what was measured of a generation, DEFAULT if nothing was."""
        with self._lock:
            known = self._known
        if known and known[0] == generation_id and time.monotonic() < known[1]:
            return known[2]
        with self._sessions() as session:
            found = read_calibration(session, generation_id) or DEFAULT
        with self._lock:
            self._known = (generation_id, time.monotonic() + self._seconds, found)
        return found


def read_calibration(session: Session, generation_id: int) -> Calibration | None:
    """Read the calibration of a generation; None while there is none."""
    kept = session.scalar(
        select(CalibrationRow.measured).where(CalibrationRow.generation_id == generation_id)
    )
    return None if kept is None else Calibration.from_json(kept)


def write_calibration(session: Session, generation_id: int, found: Calibration) -> None:
    """Keep a calibration in place of the one before."""
    row = insert(CalibrationRow).values(generation_id=generation_id, measured=found.to_json())
    replaced = {"measured": row.excluded.measured, "measured_at": row.excluded.measured_at}
    session.execute(row.on_conflict_do_update(index_elements=["generation_id"], set_=replaced))


def forget_calibration(session: Session, generation_id: int) -> None:
    """Reject nothing again."""
    session.execute(delete(CalibrationRow).where(CalibrationRow.generation_id == generation_id))
