"""What the index shall hold of creatives, as Postgres says it now."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import String, cast, exists, select, text
from sqlalchemy.orm import Session

from vitrine import work
from vitrine.ads.models import ARCHIVED, Creative
from vitrine.catalog.models import CREATIVE, EMBEDDED, CreativeImage, Product
from vitrine.catalog.paging import id_pages
from vitrine.embedding.models import Embedding
from vitrine.embedding.vectors import unpack_all
from vitrine.index.models import Generation
from vitrine.index.schema import CreativeRow, CreativeScalars
from vitrine.work import Work

# A creative is found by its own picture, else by the first of its product that has a vector.
_INDEXED = """
    select creatives.id, creatives.campaign_id, shown.cid
    from creatives
    cross join lateral (
        select cid from (
            select 1 as choice, position, id, cid from creative_images
            where kind = 'creative' and owner_id = creatives.id and state <> 'failed'
            union all
            select 2, product_images.position, product_images.id, product_images.cid
            from products
            join product_images on product_images.product_id = products.id
            where products.seller_id = creatives.seller_id and products.sku = creatives.sku
              and product_images.state <> 'failed'
        ) as pictures
        where exists (
            select from embeddings
            where embeddings.cid = pictures.cid and embeddings.model = :model
        )
        order by choice, position, id
        limit 1
    ) as shown
    where creatives.state <> 'archived'
"""
_ROWS = text(
    f"""
    select found.*, embeddings.vector
    from ({_INDEXED} and creatives.id = any(cast(:ids as bigint[]))) as found
    join embeddings on embeddings.cid = found.cid and embeddings.model = :model
    """  # noqa: S608 - made of constants
)
_SCALARS = text(f"{_INDEXED} and creatives.id > :after order by creatives.id limit :limit")


def read_creative_rows(session: Session, ids: Sequence[int], model: str) -> dict[int, CreativeRow]:
    """Read the index rows of creatives; an archived one, and one without a vector, has none."""
    rows = session.execute(_ROWS, {"model": model, "ids": list(ids)}).all()
    if not rows:
        return {}
    vectors = unpack_all([row.vector for row in rows])
    return {
        row.id: CreativeRow(row.id, row.campaign_id, vector, row.cid)
        for row, vector in zip(rows, vectors, strict=True)
    }


def read_creative_scalars(
    session: Session, model: str, *, after: int, limit: int
) -> list[CreativeScalars]:
    """Read a page of what the index shall hold, without the vectors, ordered by id."""
    rows = session.execute(_SCALARS, {"model": model, "after": after, "limit": limit})
    return [CreativeScalars(row.id, row.campaign_id, row.cid) for row in rows]


def creative_ids(session: Session, *, page: int) -> Iterator[list[int]]:
    """Go through the ids of all creatives, in pages."""
    return id_pages(session, Creative.id, page=page)


def owe_drawing(session: Session, products: Iterable[int]) -> None:
    """Owe the rows of the creatives that draw on these products."""
    drawing = (
        select(Creative.id)
        .join(Product, (Product.seller_id == Creative.seller_id) & (Product.sku == Creative.sku))
        .where(Product.id.in_(list(products)), Creative.state != ARCHIVED)
    )
    work.owe(session, work.CREATIVE, session.scalars(drawing))


def stuck_creatives(session: Session, limit: int) -> list[int]:
    """Find creatives whose picture has its vector, is not searchable yet, and owes nothing."""
    has_vector = exists().where(
        Embedding.cid == CreativeImage.cid,
        Embedding.model == Generation.model,
        Generation.state == "active",
    )
    owed = exists().where(Work.kind == work.CREATIVE, Work.key == cast(Creative.id, String))
    statement = (
        select(Creative.id)
        .join(CreativeImage, CreativeImage.owner_id == Creative.id)
        .where(CreativeImage.kind == CREATIVE, CreativeImage.state == EMBEDDED)
        .where(Creative.state != ARCHIVED, has_vector, ~owed)
    )
    return list(session.scalars(statement.distinct().limit(limit)))
