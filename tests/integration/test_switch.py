"""Switching between models and back, on the real PostgreSQL, Milvus Lite and encoders.

Two models with vectors of one size, so that nothing but care keeps them apart.
"""

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import select, text

from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine import work
from vitrine.assembly import Platform
from vitrine.catalog.service import Catalog
from vitrine.embedding import records
from vitrine.embedding.models import Embedding, Model
from vitrine.embedding.registry import InstalledModel
from vitrine.embedding.vectors import pack, unpack
from vitrine.errors import Conflict, NotFound, Unavailable
from vitrine.index.generations import (
    activate,
    active_generation,
    previous_generation,
    resume_generation,
)
from vitrine.index.models import Generation
from vitrine.ingest.drain import drain
from vitrine.ingest.housekeeping import keep_house
from vitrine.ingest.switch import rebuild, roll_back, use_model
from vitrine.ingest.verify import verify
from vitrine.media.decode import decode
from vitrine.search.service import SearchRequest
from vitrine.wire import ProductPatch, SearchQuery, SearchResponse

WorkOff = Callable[[], int]


@pytest.fixture
def models(platform: Platform) -> tuple[InstalledModel, InstalledModel]:
    one, other = (
        platform.models.build(f"timm:resnet10t?pretrained=false&seed={seed}&size=96")
        for seed in (3, 4)
    )
    assert one.dim == other.dim
    return one, other


@pytest.fixture
def shop(
    platform: Platform,
    catalog: Catalog,
    work_off: WorkOff,
    models: tuple[InstalledModel, InstalledModel],
) -> Platform:
    """Six products with a picture each; the first model is in use."""
    switch(platform, models[0], work_off)
    for number in range(6):
        catalog.put("acme", f"mug-{number}", listing(price=number), [jpeg(number)])
    work_off()
    return platform


def switch(platform: Platform, model: InstalledModel, wait: Callable[[], object]) -> None:
    use_model(platform.ingest, model, ring=lambda kinds: None, wait=wait)


def back(platform: Platform, wait: Callable[[], object]) -> None:
    roll_back(platform.ingest, platform.models.find_digest, ring=lambda kinds: None, wait=wait)


def ask(platform: Platform, number: int, **more: object) -> SearchResponse:
    request = SearchRequest(photos=(jpeg(number),), query=SearchQuery(**more))  # type: ignore[arg-type]
    return platform.search.search(request, key_id="test")


def found(platform: Platform, number: int) -> tuple[str, float]:
    first = ask(platform, number).results[0]
    return first.product.id.removeprefix("acme:"), first.score


def own(number: int, name: str | None = None) -> tuple[str, object]:
    """The product is found by its own picture, whose cosine is 1 if one model made both vectors."""
    return name or f"mug-{number}", pytest.approx(1, abs=2e-3)


def catalog_cid(platform: Platform, number: int) -> str:
    product = platform.catalog.get(f"acme:mug-{number}")
    return product.images[0].id


def active(platform: Platform) -> Generation:
    with platform.sessions() as session:
        return active_generation(session)


def test_back_to_the_model_before_with_all_that_happened_since(
    shop: Platform,
    catalog: Catalog,
    work_off: WorkOff,
    models: tuple[InstalledModel, InstalledModel],
) -> None:
    before = active(shop)
    switch(shop, models[1], work_off)
    keep_house(shop.ingest)
    catalog.put("acme", "late", listing(), [jpeg(77)])
    catalog.patch("acme", "mug-2", ProductPatch(price="99"))
    gone = catalog.delete("acme", "mug-3")
    catalog.put("acme", "mug-4", listing(price=4), [jpeg(44)])
    work_off()
    assert catalog.job(str(gone.id)).state == "done"
    with shop.sessions() as session:
        (deleted,) = set(range(6)) - {
            int(sku[-1]) for sku in session.scalars(text("select sku from products")) if "-" in sku
        }
    assert deleted == 3
    kept = {row.id for row in shop.index.scalars(before.images_collection, after=0, limit=100)}
    assert len(kept) == 4, "what was deleted left the kept generation too, at once"
    meanwhile: list[str] = []

    def wait() -> None:
        assert ask(shop, 1).model.digest == models[1].digest, "the newer model answers until then"
        if not meanwhile:
            meanwhile.append(catalog.put("acme", "later", listing(), [jpeg(78)]).job.id)
        work_off()

    back(shop, wait)
    assert active(shop).id == before.id
    assert verify(shop.ingest, active(shop), repair=False).wrong == 0
    assert meanwhile
    assert catalog.job(meanwhile[0]).state == "done"
    for number in (0, 1, 2, 5):
        assert found(shop, number) == own(number)
        assert ask(shop, number).model.digest == models[0].digest
    assert found(shop, 77) == own(77, "late")
    assert found(shop, 78) == own(78, "later")
    assert found(shop, 44) == own(44, "mug-4")
    assert "acme:mug-3" not in {one.product.id for one in ask(shop, 3, limit=50).results}
    assert found(shop, 4)[1] < 0.999, "a picture that was replaced is not found"
    dear = ask(shop, 2, filter={"price": {"gte": 50}})
    assert [one.product.id for one in dear.results] == ["acme:mug-2"]
    # And forward again: the newer one is what is kept now.
    back(shop, work_off)
    assert active(shop).model == models[1].digest
    assert found(shop, 78) == own(78, "later")


def test_a_rollback_that_is_given_up_changes_nothing(
    shop: Platform,
    catalog: Catalog,
    work_off: WorkOff,
    models: tuple[InstalledModel, InstalledModel],
) -> None:
    before = active(shop)
    switch(shop, models[1], work_off)
    catalog.put("acme", "late", listing(), [jpeg(77)])
    work_off()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back(shop, stop)
    assert active(shop).model == models[1].digest
    with shop.sessions() as session:
        assert work.backlog(session) == {}
        kept = previous_generation(session)
    assert kept is not None
    assert kept.id == before.id
    # A process that was killed leaves it as "building"; housekeeping puts it back.
    with shop.sessions.begin() as session:
        session.execute(text("update generations set state = 'building' where state = 'retired'"))
    keep_house(shop.ingest)
    back(shop, work_off)
    assert found(shop, 77) == own(77, "late")


def test_what_is_kept_to_go_back_to(
    shop: Platform, work_off: WorkOff, models: tuple[InstalledModel, InstalledModel]
) -> None:
    first = active(shop)
    switch(shop, models[1], work_off)
    rebuild(shop.ingest)
    rebuilt = active(shop)
    with shop.sessions.begin() as session:
        kept = previous_generation(session)
        assert kept is not None
        assert kept.id == first.id, "a rebuild is nothing to go back from"
        session.execute(text("update generations set retired_at = retired_at - interval '1 year'"))
    keep_house(shop.ingest)
    with shop.sessions() as session:
        assert set(session.scalars(select(Generation.id))) == {first.id, rebuilt.id}
    pictures = {one for one in shop.index.collections() if one.startswith("images_")}
    assert pictures == {first.images_collection, rebuilt.images_collection}
    back(shop, work_off)
    # With its files gone it cannot answer, and that is said before anything is touched.
    with pytest.raises(NotFound):
        roll_back(
            shop.ingest,
            lambda digest: shop.models.find_digest("0" * 64),
            ring=lambda kinds: None,
            wait=work_off,
        )
    assert active(shop).id == first.id


def test_nothing_to_go_back_to(platform: Platform) -> None:
    with pytest.raises(Conflict, match="vitrine models use NAME"):
        back(platform, lambda: None)


def test_vectors_of_two_models_never_meet(
    shop: Platform,
    catalog: Catalog,
    work_off: WorkOff,
    models: tuple[InstalledModel, InstalledModel],
) -> None:
    """Every picture has vectors of both models; each answer and each row is made of one."""
    switch(shop, models[1], work_off)
    catalog.put("acme", "late", listing(), [jpeg(77)])
    work_off()
    for model in (models[1], models[0]):
        encoder = shop.encoders.get(model.digest)
        with shop.sessions() as session:
            rows = session.execute(
                select(Embedding.cid, Embedding.vector).filter_by(model=model.digest)
            )
            for cid, vector in rows:
                picture = decode(shop.blobs.get(cid), shop.limits, short_side=128)
                cosine = (encoder.encode([picture]).embedding[0] * unpack(vector)).sum()
                assert cosine > 0.99
        numbers = [0, 1, 2, 3, 4, 5]
        assert [found(shop, number) for number in numbers] == [own(number) for number in numbers]
        answer = shop.search.similar("acme:mug-1", key_id="test", limit=20)
        with shop.sessions() as session:
            mine = session.scalars(select(Embedding.vector).filter_by(model=model.digest))
            vectors = [unpack(one) for one in mine]
        cosines = np.array([[float(one @ other) for other in vectors] for one in vectors])
        for result in answer.results:
            assert np.abs(cosines - result.score).min() < 2e-3
        if model is models[1]:
            back(shop, work_off)


def test_a_picture_that_was_embedded_just_as_the_model_changed(
    shop: Platform,
    catalog: Catalog,
    work_off: WorkOff,
    models: tuple[InstalledModel, InstalledModel],
) -> None:
    """Its vector is of the model before and its index row is owed: it must not stay unfound."""
    switch(shop, models[1], work_off)
    job = catalog.put("acme", "late", listing(), [jpeg(77)]).job
    with shop.sessions.begin() as session:
        cid = job.images[0].id
        encoder = shop.encoders.get(models[0].digest)
        vector = encoder.encode([decode(jpeg(77), shop.limits)]).embedding[0]
        session.add(Embedding(cid=cid, model=models[0].digest, vector=pack(vector)))
        session.execute(text("delete from work where kind = 'embed'"))
        session.execute(
            text("update product_images set state = 'embedded' where cid = :c"), {"c": cid}
        )
    drain(shop.ingest, work.SYNC)
    work_off()
    assert catalog.job(job.id).state == "done"
    assert found(shop, 77) == own(77, "late")


def test_the_active_generation_changes_while_rows_are_synced(
    shop: Platform,
    catalog: Catalog,
    work_off: WorkOff,
    models: tuple[InstalledModel, InstalledModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ "Searchable" is not said of the generation that answered a moment ago."""
    switch(shop, models[1], work_off)
    catalog.put("acme", "late", listing(), [jpeg(77)])
    drain(shop.ingest, work.EMBED)
    newer, upsert = active(shop), shop.index.upsert

    def change_first(collection: str, rows: object) -> None:
        if active(shop).id == newer.id:
            with shop.sessions.begin() as session:
                kept = previous_generation(session)
                assert kept is not None
                activate(session, resume_generation(session, kept.id).id)
        upsert(collection, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(shop.index, "upsert", change_first)
    drain(shop.ingest, work.SYNC)
    with shop.sessions() as session:
        states = "select state from product_images order by id desc limit 1"
        assert session.scalar(text(states)) == "embedded", "this model has no vector of it yet"
    work_off()
    assert active(shop).model == models[0].digest
    assert found(shop, 77) == own(77, "late")


def test_a_switch_that_died_right_after_the_row_changed(
    shop: Platform, work_off: WorkOff, models: tuple[InstalledModel, InstalledModel]
) -> None:
    """What the new model has no vector of was not owed any more: housekeeping owes it."""
    switch(shop, models[1], work_off)
    with shop.sessions.begin() as session:
        session.execute(
            text("delete from embeddings where model = :m and cid = (select min(cid) from images)"),
            {"m": models[1].digest},
        )
    keep_house(shop.ingest)
    with shop.sessions() as session:
        assert work.backlog(session)[work.EMBED] == (1, 0)
    work_off()
    assert [found(shop, number) for number in range(6)] == [own(number) for number in range(6)]


def test_what_only_the_newer_model_could_not_embed_is_found_again_after_the_way_back(
    shop: Platform, work_off: WorkOff, models: tuple[InstalledModel, InstalledModel]
) -> None:
    """Its file and its newer vector are lost; the older model still has one."""
    switch(shop, models[1], work_off)
    lost = catalog_cid(shop, 5)
    shop.blobs.delete(lost)
    with shop.sessions.begin() as session:
        gone = text("delete from embeddings where model = :m and cid = :c")
        session.execute(gone, {"m": models[1].digest, "c": lost})
    keep_house(shop.ingest)
    work_off()
    assert "acme:mug-5" not in {one.product.id for one in ask(shop, 0, limit=50).results}
    back(shop, work_off)
    work_off()
    assert found(shop, 5) == own(5)


def test_a_switch_says_why_pictures_are_lacking(
    shop: Platform, work_off: WorkOff, models: tuple[InstalledModel, InstalledModel]
) -> None:
    for number in range(4):
        shop.blobs.delete(catalog_cid(shop, number))
    with pytest.raises(Unavailable, match=r"would lack 4 of 6 .*file of this picture was lost"):
        switch(shop, models[1], work_off)
    assert active(shop).model == models[0].digest


def test_what_was_given_up_cannot_become_active(
    shop: Platform, models: tuple[InstalledModel, InstalledModel]
) -> None:
    """As where housekeeping took the lock of a switch whose connection was lost."""
    before = active(shop)
    with shop.sessions.begin() as session:
        stale = Generation(model=models[1].digest, state="retired")
        records.register(session, models[1])
        session.add(stale)
    with pytest.raises(Conflict, match="start it again"), shop.sessions.begin() as session:
        activate(session, stale.id)
    assert active(shop).id == before.id


def test_the_registry_says_what_a_model_is_and_was_measured(
    platform: Platform, models: tuple[InstalledModel, InstalledModel]
) -> None:
    with platform.sessions.begin() as session:
        records.record_figures(session, models[0], {"groceries": {"r@1": 0.5}, "shoes": {}})
        records.record_figures(session, models[0], {"groceries": {"r@1": 0.6}})
        records.register(session, models[0])
    with platform.sessions() as session:
        row = session.get_one(Model, models[0].digest)
    assert row.figures == {"groceries": {"r@1": 0.6}, "shoes": {}}
    assert row.dim == models[0].dim
    assert row.spec["preprocessing"]["input_size"] == [3, 96, 96]
