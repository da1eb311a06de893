"""Hot counters: what is spent, kept free and shown, so that a match asks no more than it must.

They keep ads from being shown that could not be paid for. That nothing is overspent does not hang
on them: `books.settle` sees to that, in PostgreSQL. So they may be lost, late or wrong. They live
in Redis, shared by every process; while Redis is away each process counts for itself. What is not
known is read from PostgreSQL at the next ask.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy import text

from vitrine.ads.asks import Ask, CapAsk, Reservation, Standing, member_of
from vitrine.ads.own_counters import OwnCounters
from vitrine.ads.shared_counters import SharedCounters
from vitrine.db import Readers
from vitrine.errors import Unavailable
from vitrine.redis_calls import RedisCalls

__all__ = ["Ask", "CapAsk", "Counters", "Standing", "now_utc"]

UNKNOWN = "?"
# What was read may be pushed out again by others before it is used.
_TRIES = 3
_MOST_RESERVATIONS = 10_000

# Slots that were not paid for yet, the newest first: of too many, those that end soonest are left.
_OPEN = text(
    """
    select decision, position, expected_micros, at from ad_slots
    where campaign_id = :campaign and at > :since and not exists (
        select from ad_events
        where (ad_events.decision, ad_events.position, ad_events.kind)
            = (ad_slots.decision, ad_slots.position, ad_slots.event)
    )
    order by at desc limit :limit
    """
)


def now_utc() -> datetime:
    """The clock of the wall."""
    return datetime.now(UTC)


class Book(Protocol):
    """Where it is counted. Every method raises Unavailable while that place is away."""

    def reserve(self, asks: Sequence[Ask], now: datetime, ends: datetime) -> list[str]: ...

    def release(self, asks: Sequence[Ask], now: datetime) -> None: ...

    def end(self, campaign_id: int, member: str, standing: Standing | None) -> None: ...

    def restore(self, standing: Standing, reservations: Sequence[Reservation]) -> None: ...


class Counters:
    """Reserves and counts; safe to share between threads. A reservation lasts `seconds`."""

    def __init__(
        self,
        redis: RedisCalls,
        readers: Readers,
        *,
        seconds: int,
        clock: Callable[[], datetime] = now_utc,
    ) -> None:
        self._shared = SharedCounters(redis, seconds=seconds)
        self._own = OwnCounters()
        self._readers = readers
        self._lasts = timedelta(seconds=seconds)
        self._clock = clock

    def reserve(self, asks: Sequence[Ask]) -> list[str | None]:
        """Keep free what each is expected to cost, and count it for its caps; in order, at once.

        None: it is done; else why not ("budget", "daily_budget", "cap:hour", …), and nothing was
        taken for it. An ask whose slot is reserved already changes nothing.
        """
        if not asks:
            return []
        try:
            self._come_back()
            answers = self._ask(self._shared, asks)
        except Unavailable:
            answers = self._ask(self._own, asks)
        return [answer or None for answer in answers]

    def release(self, asks: Sequence[Ask]) -> None:
        """Take back what `reserve` took; what is not there is no error."""
        now = self._clock()
        if asks:
            self._everywhere(lambda book: book.release(asks, now))

    def settled(self, decision: str, position: int, standing: Standing) -> None:
        """End a reservation after the commit of what it was for, and take over the standing.

        Where this is lost the reservation ends by its time, and the next ask brings the standing.
        """
        member = member_of(decision, position)
        self._everywhere(lambda book: book.end(standing.campaign_id, member, standing))

    def ended(self, decision: str, position: int, campaign_id: int) -> None:
        """End a reservation for which nothing will be charged."""
        member = member_of(decision, position)
        self._everywhere(lambda book: book.end(campaign_id, member, None))

    def _ask(self, book: Book, asks: Sequence[Ask]) -> list[str]:
        for _ in range(_TRIES):
            now = self._clock()
            answers = book.reserve(asks, now, now + self._lasts)
            if UNKNOWN not in answers:
                return answers
            unknown = {
                ask.standing.campaign_id: ask.standing
                for ask, answer in zip(asks, answers, strict=True)
                if answer == UNKNOWN
            }
            for standing in unknown.values():
                book.restore(standing, self._open(standing.campaign_id, now))
        raise Unavailable("Redis has no room for the counters of ads.")

    def _open(self, campaign_id: int, now: datetime) -> list[Reservation]:
        """Read what should be reserved: the slots of the last while that nothing came of yet."""
        values = {
            "campaign": campaign_id,
            "since": now - self._lasts,
            "limit": _MOST_RESERVATIONS,
        }
        with self._readers() as reads:
            return [
                Reservation(member_of(decision, position), amount, at + self._lasts)
                for decision, position, amount, at in reads.execute(_OPEN, values)
            ]

    def _everywhere(self, change: Callable[[Book], None]) -> None:
        change(self._own)
        try:
            change(self._shared)
        except Unavailable:
            # Then the other processes cannot be told either: time ends what stays reserved.
            return

    def _come_back(self) -> None:
        """Let Redis forget what it knew before this process had to count for itself."""
        campaigns = self._own.campaigns()
        if campaigns:
            self._shared.forget(campaigns)
            self._own.forget(campaigns)
