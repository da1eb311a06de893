"""The vocabulary: which words products are called by, and how many, kept with the text index."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from vitrine.catalog.models import ProductText
from vitrine.catalog.text_rows import Terms

_NOTHING = Terms()
_COUNT = text(
    """
    insert into vocabulary (term, products, mentions)
    select term, products, mentions
    from unnest(cast(:terms as text[]), cast(:products as int[]), cast(:mentions as int[]))
        as change(term, products, mentions)
    order by term
    on conflict (term) do update
    set products = vocabulary.products + excluded.products,
        mentions = vocabulary.mentions + excluded.mentions
    """
)
_CLEAN = text("delete from vocabulary where term = any(:terms) and mentions <= 0")
_MARK = text(
    """
    insert into vocabulary_state (id, version) values (1, 1)
    on conflict (id) do update set version = vocabulary_state.version + 1
    """
)
_RECOUNT = (
    text("delete from vocabulary"),
    text(
        """
        insert into vocabulary (term, products, mentions)
        select term, sum(called), count(*)
        from (
            select unnest(terms) as term, 1 as called from product_texts
            union all
            select unnest(described), 0 from product_texts
        ) as words
        group by term
        """
    ),
    _MARK,
)


def count_terms(session: Session, ids: Sequence[int], now: Mapping[int, Terms]) -> None:
    """Count the words of these products as they are now; one that is not in `now` is gone.

    The caller holds the lock of the text index: two that count at once could meet in a deadlock.
    """
    before = {
        row.product_id: Terms(frozenset(row.terms), frozenset(row.described))
        for row in session.execute(
            select(ProductText.product_id, ProductText.terms, ProductText.described).where(
                ProductText.product_id.in_(ids)
            )
        )
    }
    products: dict[str, int] = {}
    mentions: dict[str, int] = {}
    for id_ in set(ids):
        for terms, step in ((before.get(id_, _NOTHING), -1), (now.get(id_, _NOTHING), 1)):
            for term in terms.called:
                products[term] = products.get(term, 0) + step
            for term in terms.called | terms.described:
                mentions[term] = mentions.get(term, 0) + step
    changed = sorted(one for one in mentions if mentions[one] or products.get(one))
    if changed:
        counts = {
            "terms": changed,
            "products": [products.get(one, 0) for one in changed],
            "mentions": [mentions[one] for one in changed],
        }
        session.execute(_COUNT, counts)
        session.execute(_CLEAN, {"terms": [one for one in changed if mentions[one] < 0]})
        session.execute(_MARK)
    _keep(session, set(ids), before, now)


def recount(session: Session) -> None:
    """Count the whole vocabulary anew from what is kept of each product."""
    for statement in _RECOUNT:
        session.execute(statement)


def _keep(
    session: Session, ids: set[int], before: Mapping[int, Terms], now: Mapping[int, Terms]
) -> None:
    gone = ids - now.keys()
    session.execute(delete(ProductText).where(ProductText.product_id.in_(gone)))
    rows = [
        {
            "product_id": id_,
            "terms": sorted(terms.called),
            "described": sorted(terms.described),
        }
        for id_, terms in now.items()
        if id_ in ids and before.get(id_) != terms
    ]
    if not rows:
        return
    statement = insert(ProductText).values(rows)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["product_id"],
            set_={
                "terms": statement.excluded.terms,
                "described": statement.excluded.described,
            },
        )
    )
