"""Read a batch of events, each by itself: what it says, whose it is, when it was, what it quotes.

The clock of a browser is often wrong. A few minutes ahead are left as they are, because they keep
the order of what one shopper did; more is taken for the time of arrival, and far more for a wrong
unit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from vitrine.decisions.models import ANONYMOUS, USER
from vitrine.decisions.tokens import Shown, TokenSigner
from vitrine.errors import Forbidden, Invalid
from vitrine.wire.events import KEPT_NAMES, EventBatch, EventIn, EventNote
from vitrine.wire.reading import field_errors

AHEAD = timedelta(minutes=5)
FAR_AHEAD = timedelta(days=1)
PUBLISHED_CLIENT_ID_CHARACTERS = 16
KEY_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Terms:
    """Under what a batch is read: `published` if the key stands in pages for everybody."""

    signer: TokenSigner
    now: datetime
    event_days: int
    token_days: int
    published: bool


@dataclass(frozen=True, slots=True)
class Incoming:
    """One event that can be taken in; `quoted` has what each item's token says.

    `digest` names it among all events, `key` among those of its shopper.
    """

    index: int
    event: EventIn
    digest: bytes
    key: bytes
    at: datetime
    user: str | None
    visitor: str | None
    quoted: tuple[Shown | None, ...]


@dataclass(slots=True)
class Batch:
    """What was found in a batch."""

    events: list[Incoming] = field(default_factory=list)
    ignored: int = 0
    errors: list[EventNote] = field(default_factory=list)
    warnings: list[EventNote] = field(default_factory=list)

    def warn(self, index: int, detail: str) -> None:
        """Say something of an event that is no error."""
        self.warnings.append(EventNote(index=index, detail=detail))


class _Refused(Exception):
    """This event cannot be used."""


class _Ignored(Exception):
    """This event is sound, and of no use here."""


def read_batch(batch: EventBatch, terms: Terms) -> Batch:
    """Read every event; one that is bad costs none of the others.

    Raises Forbidden if a published key speaks for a user.
    """
    if terms.published:
        _refuse_users(batch)
    found = Batch()
    for index, raw in enumerate(batch.events):
        try:
            found.events.append(_read_event(index, raw, batch, terms, found))
        except _Refused as error:
            found.errors.append(EventNote(index=index, detail=str(error)))
        except _Ignored as error:
            found.ignored += 1
            found.warn(index, str(error))
    return found


def digest_of(signer: TokenSigner, user: str | None, visitor: str | None, key: str) -> bytes:
    """Name an event: its key is unique for its shopper, so that nobody uses up another's.

    It outlives the shopper's erasure, and tells nothing of them to who does not know the secret.
    """
    who = [USER, user] if user is not None else [ANONYMOUS, visitor]
    return signer.fingerprint(json.dumps([*who, key]))


def _refuse_users(batch: EventBatch) -> None:
    named = [each.get("user_id") for each in batch.events if isinstance(each, Mapping)]
    if batch.user_id is not None or any(name is not None for name in named):
        raise Forbidden(
            "This key stands in pages, where everybody can read it, so it may not speak for a "
            "user. Send events with a `user_id` from your server, with a key without origins; "
            "from pages send a `client_id`."
        )


def _read_event(index: int, raw: Any, batch: EventBatch, terms: Terms, found: Batch) -> Incoming:
    event = _validate(raw)
    user = event.user_id if event.user_id is not None else batch.user_id
    visitor = event.client_id if event.client_id is not None else batch.client_id
    _check_shopper(user, visitor, published=terms.published)
    micros = event.timestamp_micros
    at, warning = _time(batch.timestamp_micros if micros is None else micros, terms)
    if warning:
        found.warn(index, warning)
    quoted, doubts = _read_tokens(event, terms)
    if doubts:
        found.warn(index, doubts)
    digest = digest_of(terms.signer, user, visitor, event.key)
    key = terms.signer.fingerprint(json.dumps(["event", event.key]))[:KEY_BYTES]
    return Incoming(index, event, digest, key, at, user, visitor, quoted)


def _validate(raw: Any) -> EventIn:
    name = raw.get("name") if isinstance(raw, Mapping) else None
    if isinstance(name, str) and name not in KEPT_NAMES:
        raise _Ignored(f"Events of the name {name[:40]!r} are not kept.")
    try:
        return EventIn.model_validate(raw)
    except ValidationError as error:
        wrong = field_errors(error, raw)
        said = "; ".join(f"`{one['pointer'] or '/'}` {one['detail']}" for one in wrong[:5])
        raise _Refused(f"{said}.") from None


def _check_shopper(user: str | None, visitor: str | None, *, published: bool) -> None:
    if user is None and visitor is None:
        raise _Refused("`/client_id` or `/user_id` is required, here or for the whole batch.")
    least = PUBLISHED_CLIENT_ID_CHARACTERS
    if published and visitor is not None and len(visitor) < least:
        raise _Refused(
            f"`/client_id` must have at least {least} characters with a key that stands in pages: "
            "make one that nobody can guess."
        )


def _time(micros: int | None, terms: Terms) -> tuple[datetime, str | None]:
    """When it was, and what is to be said about that."""
    if micros is None:
        return terms.now, None
    at = _EPOCH + timedelta(microseconds=micros)
    if at < terms.now - timedelta(days=terms.event_days):
        raise _Ignored(
            f"It is of {at.date()}, and events are kept {terms.event_days} days; "
            "`timestamp_micros` counts microseconds."
        )
    if at > terms.now + FAR_AHEAD:
        raise _Refused(
            f"`/timestamp_micros` is in the future ({at.date()}); it counts microseconds since "
            "1970-01-01 UTC."
        )
    if at > terms.now + AHEAD:
        return terms.now, "Its time is in the future and was set to that of its arrival."
    return at, None


def _read_tokens(event: EventIn, terms: Terms) -> tuple[tuple[Shown | None, ...], str | None]:
    """What each item's token says, and what is wrong with the first one that cannot be used."""
    params, quoted, doubts = event.params, [], []
    if params.token and len(params.items) != 1:
        doubts.append("`/params/token` is for events of one item; put tokens beside the items.")
    for at, item in enumerate(params.items):
        shown = None
        token = item.token or (params.token if len(params.items) == 1 else None)
        if token:
            try:
                shown = _read_token(token, item.item_id, terms)
            except Invalid as error:
                doubts.append(f"Taken in without the token of `/params/items/{at}`: {error}")
        quoted.append(shown)
    return tuple(quoted), doubts[0] if doubts else None


def _read_token(token: str, item: str, terms: Terms) -> Shown:
    if not token.isascii():
        raise Invalid("This token was not signed by this shop; quote it exactly as it came.")
    shown = terms.signer.read(token, max_age_seconds=terms.token_days * 86_400)
    if shown.item != item:
        raise Invalid("This token is of another product; quote the one that came with this one.")
    return shown
