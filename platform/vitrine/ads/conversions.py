"""Take in conversions: what was sold, which ads led to it, and who pays for that.

A conversion is written down with its attributions and charges in one transaction, and once: the
same order again changes nothing. The shop's server tells of it, never a page.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from vitrine.ads.asks import Standing
from vitrine.ads.attribution import Touch, attribute
from vitrine.ads.conversion_rows import (
    ConversionRow,
    Model,
    bill,
    insert,
    insert_parts,
    read_parts,
)
from vitrine.ads.counters import Counters
from vitrine.ads.quoting import read_token
from vitrine.ads.slots import Slot, read_slots
from vitrine.ads.touches import own_campaigns, read_touches
from vitrine.db import Sessions, again_after_deadlock
from vitrine.decisions.people import resolve_browser, resolve_user
from vitrine.decisions.tokens import TokenSigner
from vitrine.errors import Invalid
from vitrine.wire.ad_events import ConversionIn, ConversionsTaken, ConversionTaken

SELF_CONVERSION = "self_conversion"
AHEAD = timedelta(minutes=5)
KEPT_DAYS = 90
MICROS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Refused(Exception):
    """This conversion cannot be used."""


@dataclass(frozen=True, slots=True)
class ConversionTools:
    """What conversions are taken in with; `billed_by` says what ads a conversion is billed to."""

    sessions: Sessions
    signer: TokenSigner
    counters: Counters
    billed_by: Model
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Read:
    """A conversion as it can be stored."""

    told: ConversionIn
    at: datetime
    slot: tuple[str, int] | None
    warning: str | None


@dataclass(frozen=True, slots=True)
class _Whose:
    """Who it is of: the person, all their ids, and what is to be said about that."""

    person_id: int | None
    ids: tuple[int, ...]
    warning: str | None


class Conversions:
    """Takes in conversions; safe to share between threads."""

    def __init__(self, tools: ConversionTools) -> None:
        self._tools = tools

    def take(self, conversions: Sequence[ConversionIn]) -> ConversionsTaken:
        """Take in conversions, each by itself; one that is refused costs none of the others."""
        return ConversionsTaken(conversions=[self._take(one) for one in conversions])

    def _take(self, told: ConversionIn) -> ConversionTaken:
        now = self._tools.clock()
        try:
            read = self._read(told, now)
        except _Refused as error:
            return ConversionTaken(
                order_id=told.order_id,
                known=False,
                attributed=[],
                billed_micros=0,
                warning=str(error),
            )
        try:
            taken, settled = store(self._tools, read, now)
        except IntegrityError:
            # Somebody was erased whom it names; without them it can be kept.
            taken, settled = store(self._tools, read, now)
        for slot, standing in settled:
            self._tools.counters.settled(slot.decision, slot.position, standing)
        return taken

    def _read(self, told: ConversionIn, now: datetime) -> _Read:
        at = _time(told.timestamp_micros, now)
        if told.token is None:
            return _Read(told, at, None, None)
        try:
            slot = read_token(self._tools.signer, told.token, now).slot
        except Invalid as error:
            if told.user_id is None and told.client_id is None:
                raise _Refused(f"Not taken in: {error}") from error
            return _Read(told, at, None, f"Taken in without its token: {error}")
        return _Read(told, at, slot, None)


@again_after_deadlock
def store(
    tools: ConversionTools, read: _Read, now: datetime
) -> tuple[ConversionTaken, list[tuple[Slot, Standing]]]:
    """Write down a conversion, who led to it and what that costs, in one transaction."""
    # What somebody bought is not to be found by its order once they were erased.
    key = tools.signer.fingerprint(json.dumps(["order", read.told.order_id])).hex()
    with tools.sessions.begin() as session:
        whose = _whose(session, read)
        touches, slots = _touches(session, whose, read)
        row = ConversionRow(
            key=key,
            at=read.at,
            value_micros=int(read.told.value * MICROS),
            person_id=whose.person_id,
            invalid=SELF_CONVERSION if slots and not touches else None,
        )
        id_ = insert(session, row)
        settled: list[tuple[Slot, Standing]] = []
        if id_ is not None:
            parts = [(slots[part.touch.slot], part) for part in attribute(touches)]
            insert_parts(session, id_, read.at, parts)
            settled = bill(session, id_, now, parts, tools.billed_by)
        attributed, billed = read_parts(session, key, known=id_ is None)
    taken = ConversionTaken(
        order_id=read.told.order_id,
        known=id_ is None,
        attributed=attributed,
        billed_micros=billed,
        warning=read.warning or whose.warning,
    )
    return taken, settled


def _touches(
    session: Session, whose: _Whose, read: _Read
) -> tuple[list[Touch], dict[tuple[str, int], Slot]]:
    """Find the ads that count, and the slots of all, also of those of the buyer's own campaigns."""
    touches = read_touches(session, whose.ids, read.slot, read.at)
    slots = read_slots(session, [one.slot for one in touches])
    own = own_campaigns(session, whose.ids, [one.campaign_id for one in slots.values()])
    theirs = {key for key, one in slots.items() if one.of_member or one.campaign_id in own}
    return [one for one in touches if one.slot in slots.keys() - theirs], slots


def _whose(session: Session, read: _Read) -> _Whose:
    # Each by its own kind: a browser may be called like somebody else's user.
    asked = ((read.told.user_id, resolve_user), (read.told.client_id, resolve_browser))
    found = [(name, find(session, name)) for name, find in asked if name is not None]
    people = [who for _, who in found if who is not None]
    ids = dict.fromkeys(id_ for who in people for id_ in who.ids)
    person_id = people[0].person_id if people else None
    if person_id is None and read.slot is not None:
        slot = read_slots(session, [read.slot]).get(read.slot)
        person_id = None if slot is None else slot.person_id
    unknown = " and ".join(repr(name[:40]) for name, who in found if who is None)
    warning = f"Nobody is known here as {unknown}: no ad was shown to them." if unknown else None
    return _Whose(person_id, tuple(ids), warning)


def _time(micros: int | None, now: datetime) -> datetime:
    """When it was; raises _Refused for the future, and for what is too long ago."""
    if micros is None:
        return now
    latest = (now + AHEAD - _EPOCH) // timedelta(microseconds=1)
    oldest = latest - (timedelta(days=KEPT_DAYS) + AHEAD) // timedelta(microseconds=1)
    if micros > latest:
        raise _Refused(
            "Not taken in: its time is in the future; `timestamp_micros` counts microseconds since "
            "1970-01-01 UTC."
        )
    if micros < oldest:
        raise _Refused(
            f"Not taken in: it is more than {KEPT_DAYS} days old; `timestamp_micros` counts "
            "microseconds."
        )
    return min(now, _EPOCH + timedelta(microseconds=micros))
