"""Text work: the text index and the vocabulary follow Postgres, and jobs learn what came of it."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.orm import Session

from vitrine import logs, work
from vitrine.catalog.jobs import Outcome, resolve
from vitrine.catalog.text_rows import product_ids, read_text_rows, read_texts
from vitrine.catalog.vocabulary import count_terms, recount
from vitrine.index.text import TextRow
from vitrine.index.text_sync import hold_texts, sync_texts
from vitrine.ingest.comparing import Verified, compare
from vitrine.ingest.parts import Parts

log = logs.get(__name__)

PAGE = 500
_OWED_AT_ONCE = 2000


def write_texts(parts: Parts, claims: Sequence[work.Claim]) -> None:
    """Sync the claimed products and tell the jobs. Raises Unavailable."""
    ids = sorted(int(claim.key) for claim in claims)
    ensure_text_index(parts)
    synced = sync_texts(parts.sessions, parts.texts, ids, read_and_count)
    with parts.sessions.begin() as session:
        settled = work.finish(session, claims)
        gone = {str(id_) for id_ in synced.absent}
        resolve(
            session,
            work.TEXT,
            {key: Outcome("removed" if key in gone else "searchable") for key in settled},
        )


def give_up_writing(session: Session, claims: Sequence[work.Claim], reason: str) -> None:
    """Tell the jobs of products whose words could not be written."""
    buried = work.bury(session, claims, reason)
    resolve(session, work.TEXT, {key: Outcome("failed", reason) for key in buried})


def ensure_text_index(parts: Parts) -> bool:
    """Make the text index again if it is not there, and owe every product to it; True if so.

    It is not there in a shop from before there was one, and after Milvus was lost.

    It counts as there only once everything is owed: whoever dies before leaves it to the next, who
    owes it again. What cannot be made is found out before, so that nothing is owed over and over.
    """
    if not parts.texts.available or parts.texts.exists():
        return False
    parts.texts.begin()
    owed = 0
    with parts.sessions() as reading:
        for ids in product_ids(reading, page=_OWED_AT_ONCE):
            with parts.sessions.begin() as session:
                work.owe(session, work.TEXT, ids)
            owed += len(ids)
    parts.texts.create()
    log.info("texts.created", owed=owed)
    return True


def read_and_count(session: Session, ids: Sequence[int]) -> Mapping[int, TextRow]:
    """Read the rows of these products, and count their words in the same transaction."""
    found = read_texts(session, ids)
    count_terms(session, ids, {id_: one.terms for id_, one in found.items()})
    return {id_: one.row for id_, one in found.items()}


def fill_texts(parts: Parts, progress: Callable[[int], object] = lambda count: None) -> int:
    """Write every product anew, and count the vocabulary anew; return how many there are."""
    if parts.texts.available:
        ensure_text_index(parts)  # if this dies halfway, the workers do the rest
        parts.texts.create()
    written = 0
    with parts.sessions() as reading:
        for ids in product_ids(reading, page=parts.bounds.sync_batch):
            sync_texts(parts.sessions, parts.texts, ids, read_and_count)
            written += len(ids)
            progress(written)
    verify_texts(parts)
    with parts.sessions.begin() as session:
        hold_texts(session)
        recount(session)
    return written


def verify_texts(
    parts: Parts,
    *,
    repair: bool = True,
    page: int = PAGE,
    progress: Callable[[int], object] = lambda count: None,
) -> Verified:
    """Compare every row of the text index with Postgres; memory holds two pages.

    Nothing is compared on a server that cannot search for words.
    """
    if not parts.texts.available:
        return Verified()

    def read(after: int, limit: int) -> tuple[list[TextRow], list[TextRow]]:
        found = parts.texts.rows(after=after, limit=limit)
        with parts.sessions() as session:
            wanted = read_text_rows(session, after=after, limit=limit)
        return wanted, found

    def sync_again(wrong: Sequence[int]) -> None:
        for start in range(0, len(wrong), parts.bounds.sync_batch):
            some = wrong[start : start + parts.bounds.sync_batch]
            sync_texts(parts.sessions, parts.texts, some, read_and_count)

    return compare(read, sync_again if repair else None, page=page, progress=progress)
