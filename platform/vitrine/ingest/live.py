"""Rows are written to every live generation, and what is gone leaves the one that is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vitrine import logs
from vitrine.errors import Unavailable
from vitrine.index.generations import live_generations, previous_generation
from vitrine.ingest.holdings import Holding
from vitrine.ingest.parts import Parts

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """What came of writing rows: the generation that was active, and which rows it holds now.

    `beside` is why the generation that is built could not be written.
    """

    active: int | None
    present: frozenset[int]
    beside: Unavailable | None


def sync_live(parts: Parts, holding: Holding[Any], ids: Sequence[int]) -> Written:
    """Sync rows in every live generation, the active one first.

    Raises Unavailable if that one cannot be written.
    """
    with parts.sessions() as session:
        generations = live_generations(session)
    if not generations:
        raise Unavailable("No embedding model is in use yet; `vitrine models use NAME`.")
    active, present = None, frozenset[int]()
    beside: Unavailable | None = None
    for generation in sorted(generations, key=lambda one: one.state != "active"):
        try:
            synced = holding.sync(parts.sessions, parts.index, generation, ids)
        except Unavailable as error:
            if generation.state == "active":
                raise
            beside = error
            continue
        if generation.state == "active":
            active, present = generation.id, synced.present
    return Written(active, present, beside)


def sync_kept(parts: Parts, holding: Holding[Any], gone: Sequence[int]) -> None:
    """Take what is gone out of the generation that is kept to go back to.

    It answers nobody and is compared with Postgres before it does: no listing waits for it.
    """
    with parts.sessions() as session:
        kept = previous_generation(session)
    if kept is None or not gone:
        return
    try:
        holding.sync(parts.sessions, parts.index, kept, gone)
    except Unavailable as error:
        log.warning("kept.not_synced", generation=kept.id, error=str(error))
