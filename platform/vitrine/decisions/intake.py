"""Take events in: an event that is there already changes nothing.

A batch is one transaction, unless it has many items. Then it is some, so that one that takes longer
than a request may gets on when it is sent again.

Rows are taken in one order by all: event ids, users, visitors, logins, events, feedback, work.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.db import Sessions, again_after_deadlock
from vitrine.decisions.event_rows import write_events
from vitrine.decisions.incoming import Batch, Incoming, Terms, read_batch
from vitrine.decisions.logins import Claim, log_in
from vitrine.decisions.models import ANONYMOUS, USER
from vitrine.decisions.months import EVENTS, Month, make_months
from vitrine.decisions.people import ensure
from vitrine.decisions.tokens import TokenSigner
from vitrine.doorbell import Doorbell
from vitrine.wire.events import EventBatch, EventNote, EventsTaken
from vitrine.wire.names import PRODUCT_ID

_NAMED_IN_A_WARNING = 3
_ITEMS_AT_ONCE = 10_000

_FRESH = text(
    """
    insert into event_ids (event, at)
    select * from unnest(cast(:events as bytea[]), cast(:times as timestamptz[])) as sent(event, at)
    order by event
    on conflict (event) do nothing
    returning event
    """
)

_PRODUCTS = text(
    """
    select products.id, products.seller_id, products.sku from products
    join unnest(cast(:sellers as text[]), cast(:skus as text[])) as named(seller, sku)
      on products.seller_id = named.seller and products.sku = named.sku
    """
)

# The first answer to a slot counts, by its time and not by its arrival.
_FEEDBACK = text(
    """
    insert into feedback (decision, position, name, at)
    select decision, position, name, min(at) from unnest(
        cast(:decisions as text[]), cast(:positions as integer[]),
        cast(:names as text[]), cast(:times as timestamptz[])
    ) as given(decision, position, name, at)
    group by decision, position, name
    order by decision, position, name
    on conflict (decision, position, name) do update set at = excluded.at
    where excluded.at < feedback.at
    """
)


class Intake:
    """Takes in what shoppers did."""

    def __init__(
        self,
        sessions: Sessions,
        doorbell: Doorbell,
        signer: TokenSigner,
        *,
        event_days: int,
        decision_days: int,
    ) -> None:
        self._sessions = sessions
        self._doorbell = doorbell
        self._signer = signer
        self._event_days = event_days
        self._decision_days = decision_days
        self._months: frozenset[Month] = frozenset()

    def take(
        self, sent: EventBatch, *, published: bool = False, now: datetime | None = None
    ) -> EventsTaken:
        """Take in a batch; what cannot be used is named, and costs none of the rest.

        Raises Forbidden if a published key speaks for a user.
        """
        now = now or datetime.now(UTC)
        batch = read_batch(
            sent, Terms(self._signer, now, self._event_days, self._decision_days, published)
        )
        accepted = self._store(batch)
        if accepted:
            self._doorbell.ring((work.PROFILE,))
        return EventsTaken(
            accepted=accepted,
            duplicates=len(batch.events) - accepted,
            ignored=batch.ignored,
            errors=batch.errors,
            warnings=sorted(batch.warnings, key=lambda note: note.index),
        )

    def _store(self, batch: Batch) -> int:
        """Write what is new; return how many events that were."""
        if not batch.events:
            return 0
        self._make_months(batch.events)
        accepted = 0
        for part in _split(batch.events):
            fresh, warnings = self._write(part)
            accepted += fresh
            batch.warnings += warnings
        return accepted

    def _write(self, events: Sequence[Incoming]) -> tuple[int, list[EventNote]]:
        try:
            return _write(self._sessions, events)
        except IntegrityError as error:
            if "no partition of relation" not in str(error.orig):
                raise
            # A month that was there has been dropped since.
            self._months = frozenset()
            self._make_months(events)
            return _write(self._sessions, events)

    def _make_months(self, events: Iterable[Incoming]) -> None:
        wanted = {Month.of(one.at) for one in events}
        if not wanted <= self._months:
            make_months(self._sessions, EVENTS, wanted - self._months)
            self._months |= wanted


def _split(events: Sequence[Incoming]) -> Iterator[list[Incoming]]:
    """Cut a batch into parts of at most so many items, in the order in which it came."""
    part: list[Incoming] = []
    items = 0
    for one in events:
        its_items = len(one.event.params.items)
        if part and items + its_items > _ITEMS_AT_ONCE:
            yield part
            part, items = [], 0
        part.append(one)
        items += its_items
    if part:
        yield part


def _write(sessions: Sessions, events: Sequence[Incoming]) -> tuple[int, list[EventNote]]:
    fresh, products = _write_fresh(sessions, events)
    if fresh:
        _owe_listed_meanwhile(sessions, fresh, products)
    return len(fresh), [note for one in fresh if (note := _unknown_items(one, products))]


@again_after_deadlock
def _write_fresh(
    sessions: Sessions, events: Sequence[Incoming]
) -> tuple[list[Incoming], dict[str, int]]:
    with sessions.begin() as session:
        fresh = _only_fresh(session, events)
        if not fresh:
            return [], {}
        users = ensure(session, USER, (one.user for one in fresh if one.user is not None))
        visitors = ensure(
            session, ANONYMOUS, (one.visitor for one in fresh if one.visitor is not None)
        )
        changed = log_in(
            session,
            [
                Claim(one.at, one.digest, visitors[one.visitor], users[one.user])
                for one in fresh
                if one.user is not None and one.visitor is not None
            ],
        )
        products = _products(session, fresh)
        write_events(session, fresh, users, visitors, products)
        _give_feedback(session, fresh)
        # Who owns a visitor by the time that this is committed, a worker finds out.
        work.owe(session, work.PROFILE, {*users.values(), *visitors.values(), *changed})
    return fresh, products


def _owe_listed_meanwhile(
    sessions: Sessions, fresh: Sequence[Incoming], products: Mapping[str, int]
) -> None:
    """Let events find a product that was listed after it was looked for and before they were there.

    Its own search for its mentions may have been before them.
    """
    with sessions.begin() as session:
        now = _products(session, fresh)
        listed = [id_ for item, id_ in now.items() if products.get(item) != id_]
        work.owe(session, work.MENTIONS, listed)


def _only_fresh(session: Session, events: Sequence[Incoming]) -> list[Incoming]:
    """Leave out what was taken in before, and what is in the batch twice."""
    first = {one.digest: one for one in reversed(events)}
    digests = sorted(first)
    taken = session.scalars(
        _FRESH, {"events": digests, "times": [first[digest].at for digest in digests]}
    )
    fresh = {bytes(digest) for digest in taken}
    return [one for one in events if one.digest in fresh and first[one.digest] is one]


def _products(session: Session, events: Sequence[Incoming]) -> dict[str, int]:
    """Find the products that the events name, by public id."""
    named = {item.item_id for one in events for item in one.event.params.items}
    ids = [item.partition(":") for item in sorted(named) if PRODUCT_ID.fits(item)]
    rows = session.execute(
        _PRODUCTS,
        {"sellers": [seller for seller, _, _ in ids], "skus": [sku for _, _, sku in ids]},
    )
    return {f"{row.seller_id}:{row.sku}": row.id for row in rows}


def _give_feedback(session: Session, events: Sequence[Incoming]) -> None:
    given = [(shown, one) for one in events for shown in one.quoted if shown is not None]
    if given:
        session.execute(
            _FEEDBACK,
            {
                "decisions": [shown.decision for shown, _ in given],
                "positions": [shown.position for shown, _ in given],
                "names": [one.event.name for _, one in given],
                "times": [one.at for _, one in given],
            },
        )


def _unknown_items(one: Incoming, products: dict[str, int]) -> EventNote | None:
    unknown = [item.item_id for item in one.event.params.items if item.item_id not in products]
    if not unknown:
        return None
    named = ", ".join(repr(item) for item in unknown[:_NAMED_IN_A_WARNING])
    more = f" and {len(unknown) - _NAMED_IN_A_WARNING} more" if unknown[3:] else ""
    return EventNote(
        index=one.index,
        detail=f"No product of this shop is called {named}{more}; `item_id` is `seller:sku`.",
    )
