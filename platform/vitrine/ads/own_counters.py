"""The same counters in the memory of this process, for when Redis is away."""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from vitrine.ads.asks import Ask, CapAsk, Reservation, Standing, member_of

_REMEMBER_CAPS = 10_000


@dataclass(slots=True)
class _Kept:
    """What is known of a campaign: its reservations by slot, and the sum of their amounts.

    `ends` is a heap of when they end; of one that ended before, its entry stays until then.
    """

    standing: Standing
    open: dict[str, Reservation] = field(default_factory=dict)
    kept_free: int = 0
    ends: list[tuple[datetime, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kept_free = sum(one.amount_micros for one in self.open.values())
        self.ends = [(one.ends, one.member) for one in self.open.values()]
        heapify(self.ends)

    def keep(self, reservation: Reservation) -> None:
        self.open[reservation.member] = reservation
        self.kept_free += reservation.amount_micros
        heappush(self.ends, (reservation.ends, reservation.member))

    def finish(self, member: str) -> bool:
        """End a reservation; say whether there was one."""
        found = self.open.pop(member, None)
        if found is None:
            return False
        self.kept_free -= found.amount_micros
        return True

    def adopt(self, standing: Standing) -> None:
        if standing.version > self.standing.version:
            self.standing = standing

    def drop_expired(self, now: datetime) -> None:
        while self.ends and self.ends[0][0] <= now:
            _, member = heappop(self.ends)
            found = self.open.get(member)
            # It may have been reserved again, for longer.
            if found is not None and found.ends <= now:
                self.finish(member)

    def refusal(self, ask: Ask) -> str | None:
        """Say which budget does not cover one more, or None."""
        standing = self.standing
        needed = max(self.kept_free + ask.expected_micros, ask.price_micros)
        if standing.spent_micros + needed > standing.total_micros:
            return "budget"
        is_today = standing.day is not None and standing.day >= ask.today
        today = standing.day_spent_micros if is_today else 0
        if standing.daily_micros is not None and today + needed > standing.daily_micros:
            return "daily_budget"
        return None


class OwnCounters:
    """Counts as `SharedCounters` does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[int, _Kept] = {}
        self._shown: dict[str, tuple[int, datetime]] = {}

    def reserve(self, asks: Sequence[Ask], now: datetime, ends: datetime) -> list[str]:
        """Answer each ask; "?" where the campaign is not known, and then nothing is taken."""
        with self._lock:
            known = [ask.standing.campaign_id in self._kept for ask in asks]
            if not all(known):
                return ["" if one else "?" for one in known]
            return [self._reserve(ask, now, ends) for ask in asks]

    def release(self, asks: Sequence[Ask], now: datetime) -> None:
        """Take back what was reserved."""
        with self._lock:
            for ask in asks:
                kept = self._kept.get(ask.standing.campaign_id)
                member = member_of(ask.decision, ask.position)
                if kept is None or not kept.finish(member):
                    continue
                for cap in ask.caps:
                    shown = self._count(cap.key, now)
                    if shown:
                        self._shown[cap.key] = (shown - 1, self._shown[cap.key][1])

    def end(self, campaign_id: int, member: str, standing: Standing | None) -> None:
        """End a reservation, and take over a newer standing."""
        with self._lock:
            kept = self._kept.get(campaign_id)
            if kept is not None:
                kept.finish(member)
                if standing is not None:
                    kept.adopt(standing)

    def restore(self, standing: Standing, reservations: Sequence[Reservation]) -> None:
        """Write down a campaign that is not known, unless somebody was quicker."""
        with self._lock:
            found = _Kept(standing, {one.member: one for one in reservations})
            self._kept.setdefault(standing.campaign_id, found)

    def campaigns(self) -> list[int]:
        """Which campaigns are known here."""
        with self._lock:
            return list(self._kept)

    def forget(self, campaigns: Collection[int]) -> None:
        """Forget campaigns; what was shown to people ends by itself."""
        with self._lock:
            for campaign in campaigns:
                self._kept.pop(campaign, None)

    def _reserve(self, ask: Ask, now: datetime, ends: datetime) -> str:
        kept, member = self._kept[ask.standing.campaign_id], member_of(ask.decision, ask.position)
        kept.drop_expired(now)
        kept.adopt(ask.standing)
        if member in kept.open:
            return ""
        if reason := kept.refusal(ask):
            return reason
        shown = [max(self._count(cap.key, now), cap.base) for cap in ask.caps]
        for cap, count in zip(ask.caps, shown, strict=True):
            if count >= cap.most:
                return f"cap:{cap.name}"
        kept.keep(Reservation(member, ask.expected_micros, ends))
        for cap, count in zip(ask.caps, shown, strict=True):
            self._show(cap, count + 1, now)
        return ""

    def _count(self, key: str, now: datetime) -> int:
        shown, ends = self._shown.get(key, (0, now))
        return shown if ends > now else 0

    def _show(self, cap: CapAsk, count: int, now: datetime) -> None:
        if len(self._shown) >= _REMEMBER_CAPS:
            live = {key: one for key, one in self._shown.items() if one[1] > now}
            # PostgreSQL knows those that have to make room.
            self._shown = dict(list(live.items())[-_REMEMBER_CAPS // 2 :])
        self._shown[cap.key] = (count, now + timedelta(seconds=cap.seconds))
