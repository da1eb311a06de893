"""Take in what became of ads: impressions, views and clicks, each once for a slot.

What a slot pays for is billed in the transaction that writes its event down, so that there is
neither without the other; an event that comes twice finds itself there and changes nothing.

- The first event of a slot and kind stays, also where it was marked as invalid: else whoever clicks
  too often would only have to click again.
- A click on an ad that was shown is billed also when its campaign was paused, archived or over by
  then: it was shown under the terms of that time, and nobody could call it back.
- What the budget no longer covers is counted and not billed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from vitrine.ads.books import Settled, settle
from vitrine.ads.counters import Counters
from vitrine.ads.models import CLICK
from vitrine.ads.quoting import EXPIRED, UNKNOWN, UNSIGNED, Quoted, read_token
from vitrine.ads.slots import Slot, read_slots
from vitrine.ads.traffic import Sender, Traffic
from vitrine.ads.unsigned import UnsignedCounts
from vitrine.db import Readers, Sessions, again_after_deadlock
from vitrine.decisions.tokens import TokenSigner
from vitrine.errors import Invalid, NotFound
from vitrine.wire.ad_events import AdEventIn, AdEventsTaken

# In one order by all: events before budgets.
_INSERT = text(
    """
    insert into ad_events (
        decision, position, kind, at, campaign_id, creative_id, person_id, placement, invalid
    )
    select told.decision, told.position, told.kind, :at, campaign_id, creative_id, person_id,
        placement, told.invalid
    from unnest(
        cast(:decisions as text[]), cast(:positions as smallint[]), cast(:kinds as text[]),
        cast(:marks as text[])
    ) as told(decision, position, kind, invalid)
    join ad_slots on (ad_slots.decision, ad_slots.position) = (told.decision, told.position)
    order by told.decision, told.position, told.kind
    on conflict (decision, position, kind) do nothing
    returning decision, position, kind
    """
)
_BILLED = text(
    """
    update ad_events set billed_micros = :billed, unbilled = :unbilled
    where (decision, position, kind) = (:decision, :position, :kind)
    """
)
_LANDING = text("select landing_url from creatives where slug = :slug")


@dataclass(frozen=True, slots=True)
class EventTools:
    """What events are taken in with. Tokens are counted for `token_seconds`."""

    sessions: Sessions
    readers: Readers
    signer: TokenSigner
    counters: Counters
    traffic: Traffic
    unsigned: UnsignedCounts
    token_seconds: int
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Told:
    """One event that can be counted, of a slot that is there."""

    slot: Slot
    kind: str
    invalid: str | None

    @property
    def key(self) -> tuple[str, int, str]:
        return self.slot.decision, self.slot.position, self.kind

    @property
    def is_paid_for(self) -> bool:
        return self.kind == self.slot.event


class AdEvents:
    """Takes in events; safe to share between threads."""

    def __init__(self, tools: EventTools) -> None:
        self._tools = tools

    def take(self, events: Sequence[AdEventIn], sender: Sender | None) -> AdEventsTaken:
        """Take in events; one that is refused costs none of the others.

        Without a sender they are told by the shop's server, which may speak for everybody.
        """
        now = self._tools.clock()
        quoted: dict[tuple[str, int, str], Quoted] = {}
        refused: list[tuple[str, str]] = []
        for event in events:
            found = self._read(event, now)
            if isinstance(found, str):
                refused.append((event.event, found))
            else:
                quoted.setdefault((*found.slot, event.event), found)
        told = self._find(quoted, sender, refused)
        fresh = self._store(told, now) if told else 0
        self._tools.unsigned.add(refused)
        return AdEventsTaken(
            accepted=fresh,
            duplicates=len(events) - len(refused) - fresh,
            refused=len(refused),
        )

    def landing(self, token: str, *, counted: bool) -> str:
        """Where a click on an ad leads, also long after it was shown.

        Raises Invalid for a token that this shop did not sign for an ad, which is `counted` if
        somebody did click; NotFound for a creative that is gone.
        """
        now = self._tools.clock()
        try:
            creative = read_token(self._tools.signer, token, now).shown.item
        except Invalid:
            if counted:
                self._tools.unsigned.add([(CLICK, UNSIGNED)])
            raise
        with self._tools.readers() as reads:
            url = reads.execute(_LANDING, {"slug": creative}).scalar_one_or_none()
        if url is None:
            raise NotFound("This ad leads nowhere any more.")
        return str(url)

    def _read(self, event: AdEventIn, now: datetime) -> Quoted | str:
        """Read its token, or say why it is of no use."""
        try:
            found = read_token(
                self._tools.signer, event.token, now, seconds=self._tools.token_seconds
            )
        except Invalid:
            return UNSIGNED
        return EXPIRED if found.expired else found

    def _find(
        self,
        quoted: dict[tuple[str, int, str], Quoted],
        sender: Sender | None,
        refused: list[tuple[str, str]],
    ) -> list[_Told]:
        """Find the slots of events, in the order in which all write them, and mark the events."""
        with self._tools.readers() as reads:
            slots = read_slots(reads, [one.slot for one in quoted.values()])
        found = []
        for (decision, position, kind), one in sorted(quoted.items(), key=lambda each: each[0]):
            slot = slots.get((decision, position))
            if slot is None or slot.creative != one.shown.item:
                refused.append((kind, UNKNOWN))
            else:
                found.append((slot, kind))
        marks = self._tools.traffic.mark(found, sender)
        return [_Told(slot, kind, mark) for (slot, kind), mark in zip(found, marks, strict=True)]

    def _store(self, told: Sequence[_Told], now: datetime) -> int:
        fresh = write(self._tools.sessions, told, now)
        for one, settled in fresh:
            slot = one.slot
            if settled is not None:
                self._tools.counters.settled(slot.decision, slot.position, settled.standing)
            elif one.is_paid_for:
                self._tools.counters.ended(slot.decision, slot.position, slot.campaign_id)
        return len(fresh)


def write(
    sessions: Sessions, told: Sequence[_Told], now: datetime
) -> list[tuple[_Told, Settled | None]]:
    """Write down what is new and bill what is paid for, in one transaction."""
    try:
        return _write(sessions, told, now)
    except IntegrityError:
        # Somebody to whom one was shown was erased that very moment; the slot stays, without them.
        return _write(sessions, told, now)


@again_after_deadlock
def _write(
    sessions: Sessions, told: Sequence[_Told], now: datetime
) -> list[tuple[_Told, Settled | None]]:
    with sessions.begin() as session:
        fresh = _insert(session, told, now)
        # Budgets are locked in the order of their campaigns.
        fresh.sort(key=lambda one: (one.slot.campaign_id, one.key))
        return [(one, _bill(session, one, now)) for one in fresh]


def _insert(session: Session, told: Sequence[_Told], now: datetime) -> list[_Told]:
    values = {
        "at": now,
        "decisions": [one.slot.decision for one in told],
        "positions": [one.slot.position for one in told],
        "kinds": [one.kind for one in told],
        "marks": [one.invalid for one in told],
    }
    known = {one.key: one for one in told}
    return [known[tuple(row)] for row in session.execute(_INSERT, values)]


def _bill(session: Session, one: _Told, now: datetime) -> Settled | None:
    """Charge an event if it is what its slot pays for; None if it is not, or counts for nothing."""
    if one.invalid is not None or not one.is_paid_for:
        return None
    slot = one.slot
    settled = settle(session, slot.charge(now, slot.price_micros))
    decision, position, kind = one.key
    session.execute(
        _BILLED,
        {
            "billed": 0 if settled.refused else slot.price_micros,
            "unbilled": settled.refused,
            "decision": decision,
            "position": position,
            "kind": kind,
        },
    )
    return settled
