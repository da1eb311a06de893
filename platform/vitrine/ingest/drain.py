"""Drain: claim what is due of one kind and work on it until nothing is left.

Untried rows go in batches. A row with an attempt behind it goes alone, because it may be what
killed the worker that had it. Every attempt is committed before the work begins.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from vitrine import logs, work
from vitrine.errors import VitrineError
from vitrine.ingest.embed import embed, fill, give_up_embedding, give_up_filling
from vitrine.ingest.index_work import give_up_syncing, sync_rows
from vitrine.ingest.parts import Parts
from vitrine.ingest.purge import give_up_purging, purge
from vitrine.ingest.text_work import give_up_writing, write_texts

log = logs.get(__name__)


# A row that meets an outage waits this long; it is never given up for it.
OUTAGE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Handler:
    """How a kind of work is done, and what is said when it is given up."""

    run: Callable[[Parts, Sequence[work.Claim]], None]
    give_up: Callable[[Session, Sequence[work.Claim], str], None]
    batch: Callable[[Parts], int]
    follow_up: tuple[str, ...] = ()


# What is owed for a picture that has got its vector.
_ROWS = (work.SYNC, work.CREATIVE)

HANDLERS: dict[str, Handler] = {
    work.EMBED: Handler(embed, give_up_embedding, lambda parts: parts.bounds.embed_batch, _ROWS),
    work.FILL: Handler(fill, give_up_filling, lambda parts: parts.bounds.embed_batch, _ROWS),
    work.SYNC: Handler(sync_rows, give_up_syncing, lambda parts: parts.bounds.sync_batch),
    work.TEXT: Handler(write_texts, give_up_writing, lambda parts: parts.bounds.sync_batch),
    work.PURGE: Handler(purge, give_up_purging, lambda parts: parts.bounds.sync_batch),
}


def drain(
    parts: Parts,
    kind: str,
    *,
    handlers: Mapping[str, Handler] = HANDLERS,
    first: Sequence[str] = (),
    ring: Callable[[Sequence[str]], object] = lambda kinds: None,
    seconds: float = 30.0,
) -> int:
    """Work on what is due of `kind`, at most `seconds` long; return how many rows were tried.

    `handlers` are these and those of layers above. `first` are kinds that somebody waits for: what
    is new of them is done before every batch. `ring` is called for the kinds that the work has made
    due, and for `kind` itself when time ran out before the work did.
    """
    handler = handlers[kind]
    until = time.monotonic() + seconds
    tried = 0
    while True:
        _do_first(parts, {one: handlers[one] for one in first if one != kind}, ring)
        claims = _claim(parts, kind, handler.batch(parts))
        if not claims:
            return tried
        tried += len(claims)
        going_on = _attempt(parts, handler, claims)
        if handler.follow_up:
            ring(handler.follow_up)
        if not going_on:
            return tried
        if time.monotonic() > until:
            ring((kind,))
            return tried


def _do_first(
    parts: Parts, handlers: Mapping[str, Handler], ring: Callable[[Sequence[str]], object]
) -> None:
    for kind, handler in handlers.items():
        if claims := _claim(parts, kind, handler.batch(parts), only_fresh=True):
            _attempt(parts, handler, claims)
            if handler.follow_up:
                ring(handler.follow_up)


def _claim(parts: Parts, kind: str, batch: int, *, only_fresh: bool = False) -> list[work.Claim]:
    for fresh, limit in ((True, batch),) if only_fresh else ((True, batch), (False, 1)):
        with parts.sessions.begin() as session:
            claims = work.claim(
                session,
                kind,
                limit=limit,
                lease_seconds=parts.bounds.lease_seconds,
                fresh=fresh,
            )
        if claims:
            return claims
    return []


def _attempt(parts: Parts, handler: Handler, claims: Sequence[work.Claim]) -> bool:
    """Do the work; False if a dependency is down and going on would be in vain."""
    worn = [claim for claim in claims if claim.attempts > parts.bounds.max_attempts]
    if worn:
        # It was claimed too often and never came back to say why: it took its worker with it.
        reason = f"The worker stopped {parts.bounds.max_attempts} times while working on this."
        with parts.sessions.begin() as session:
            handler.give_up(session, worn, reason)
        log.error("work.given_up", kind=claims[0].kind, keys=[one.key for one in worn])
        claims = [claim for claim in claims if claim not in worn]
    if not claims:
        return True
    started = time.perf_counter()
    try:
        handler.run(parts, claims)
    except Exception as error:  # noqa: BLE001 - whatever it is, the row keeps it and is tried again
        return _failed(parts, handler, claims, error)
    log.info(
        "work.done",
        kind=claims[0].kind,
        count=len(claims),
        ms=round((time.perf_counter() - started) * 1000, 1),
    )
    return True


def _failed(parts: Parts, handler: Handler, claims: Sequence[work.Claim], error: Exception) -> bool:
    """Give the work back, or up; False if a dependency is down."""
    reason = str(error).strip().splitlines()[0][:500] if str(error).strip() else repr(error)
    outage = isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, VitrineError) and error.retryable
    )
    log.warning(
        "work.failed",
        kind=claims[0].kind,
        count=len(claims),
        outage=outage,
        error=reason,
        exc_info=not outage,
    )
    alone = len(claims) == 1
    with parts.sessions.begin() as session:
        if outage and alone:
            work.postpone(session, claims, reason, seconds=OUTAGE_SECONDS)
        elif alone and claims[0].attempts >= parts.bounds.max_attempts:
            # What went wrong is in the log; it may name paths that are no seller's business.
            handler.give_up(session, claims, f"This failed {claims[0].attempts} times on our side.")
        else:
            # From now on each goes alone: one that is at fault holds up none of the others.
            work.retry(session, claims, reason)
    return not outage
