"""Rebuild, verify, reconcile and switch on the real PostgreSQL, Milvus Lite and encoder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine import work
from vitrine.assembly import Platform
from vitrine.catalog.service import Catalog
from vitrine.errors import Conflict, Unavailable
from vitrine.index.generations import active_generation
from vitrine.index.models import Generation
from vitrine.ingest.housekeeping import keep_house
from vitrine.ingest.reconcile import reconcile
from vitrine.ingest.switch import alone, rebuild, use_model
from vitrine.ingest.verify import verify
from vitrine.search.service import SearchRequest
from vitrine.settings import Settings
from vitrine.wire import SearchQuery

WorkOff = Callable[[], int]


@pytest.fixture
def shop(platform: Platform, catalog: Catalog, work_off: WorkOff) -> Platform:
    """Six products with a picture each, searchable."""
    for number in range(6):
        catalog.put("acme", f"mug-{number}", listing(price=number), [jpeg(number)])
    work_off()
    return platform


def active(platform: Platform) -> Generation:
    with platform.sessions() as session:
        return active_generation(session)


def best(platform: Platform, number: int) -> str:
    request = SearchRequest(photos=(jpeg(number),), query=SearchQuery(limit=1))
    return platform.search.search(request, key_id="test").results[0].product.id


def index_rows(platform: Platform) -> list[int]:
    collection = active(platform).images_collection
    return [row.id for row in platform.index.scalars(collection, after=0, limit=100)]


def blob_path(platform: Platform, cid: str) -> Path:
    """Where the store keeps this picture."""
    root = Path(platform.settings.blob_url.removeprefix("file://"))
    return next(path for path in root.rglob(cid))


def test_a_lost_index_is_rebuilt_from_postgres(shop: Platform) -> None:
    before = active(shop)
    shop.index.drop(before.images_collection)
    with pytest.raises(Unavailable, match="vitrine index rebuild"):
        best(shop, 3)
    switched = rebuild(shop.ingest)
    assert switched.pictures == 6
    assert switched.generation != before.id
    assert [best(shop, number) for number in range(6)] == [f"acme:mug-{n}" for n in range(6)]


def test_only_one_process_rebuilds_at_a_time(shop: Platform) -> None:
    with alone(shop.ingest), pytest.raises(Conflict, match="Another rebuild"):
        rebuild(shop.ingest)
    rebuild(shop.ingest)


def test_what_a_dead_rebuild_left_is_cleared_away(shop: Platform) -> None:
    with shop.sessions.begin() as session:
        stale = Generation(model=active_generation(session).model, state="building")
        session.add(stale)
        session.flush()
        shop.index.create(stale.images_collection, 256)
    rebuild(shop.ingest)
    assert not shop.index.exists(stale.images_collection)
    with shop.sessions() as session:
        states = sorted(session.scalars(select(Generation.state)))
    assert states == ["active", "retired"]


@pytest.mark.parametrize("page", [2, 3, 1000])
def test_verify_finds_and_repairs_what_differs(shop: Platform, page: int) -> None:
    generation = active(shop)
    collection = generation.images_collection
    rows = shop.index.scalars(collection, after=0, limit=100)
    shop.index.delete(collection, [rows[0].id, rows[5].id])
    with shop.sessions.begin() as session:
        session.execute(text("update products set price = 99 where sku = 'mug-2'"))
        session.execute(text("delete from products where sku = 'mug-3'"))
    found = verify(shop.ingest, generation, repair=False, page=page)
    assert (found.missing, found.surplus, found.different, found.repaired) == (2, 1, 1, 0)
    repaired = verify(shop.ingest, generation, page=page)
    assert repaired.repaired == 4
    assert verify(shop.ingest, generation, page=page).wrong == 0
    assert index_rows(shop) == [row.id for row in rows if row.id != rows[3].id]


def test_reconcile_owes_what_was_forgotten(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    accepted = catalog.put("acme", "mug", listing(), [jpeg(1)])
    with platform.sessions.begin() as session:
        session.execute(text("delete from work"))
    assert work_off() == 0
    with platform.sessions.begin() as session:
        assert reconcile(session) == {work.EMBED: 1, work.SYNC: 0, work.TEXT: 1, work.PURGE: 0}
        again = reconcile(session)
        assert set(again.values()) == {0}, "what is owed is not owed again"
    work_off()
    assert catalog.job(accepted.job.id).state == "done"


def test_housekeeping_purges_orphans_and_drops_old_collections(
    shop: Platform, work_off: WorkOff
) -> None:
    before = active(shop)
    rebuild(shop.ingest)
    keep_house(shop.ingest)
    assert shop.index.exists(before.images_collection), "it was retired only just now"
    with shop.sessions.begin() as session:
        session.execute(text("update generations set retired_at = now() - interval '2 hours'"))
        session.execute(text("delete from products where sku = 'mug-1'"))
    keep_house(shop.ingest)
    assert not shop.index.exists(before.images_collection)
    work_off()
    assert len(list(shop.blobs.ids())) == 5


def test_another_model_is_filled_beside_the_one_in_use(
    shop: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    before = active(shop)
    other = shop.models.build("timm:resnet10t?pretrained=false&seed=3&size=96")
    seen = []

    def wait() -> None:
        """The worker's turn; meanwhile searches answer by the old model and listings arrive."""
        seen.append(active(shop).id)
        assert best(shop, 2) == "acme:mug-2"
        if len(seen) == 1:
            catalog.put("acme", "late", listing(), [jpeg(77)])
        work_off()

    switched = use_model(shop.ingest, other, ring=lambda kinds: None, wait=wait)
    assert set(seen) == {before.id}
    assert active(shop).model == other.digest
    assert switched.pictures == 7
    work_off()
    assert best(shop, 77) == "acme:late"
    assert [best(shop, number) for number in range(6)] == [f"acme:mug-{n}" for n in range(6)]
    assert (
        use_model(shop.ingest, other, ring=lambda kinds: None, wait=lambda: None).generation
        == switched.generation
    ), "it is in use already"


def test_a_model_that_does_not_load_hurts_nothing_that_is_live(
    shop: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    before = active(shop)
    other = shop.models.build("timm:resnet10t?pretrained=false&seed=4&size=96")
    intact = (other.path / "model.xml").read_bytes()
    (other.path / "model.xml").write_bytes(b"<broken/>")
    looks = 0

    def wait() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            catalog.put("acme", "meanwhile", listing(), [jpeg(88)])
        work_off()
        if looks == 7:
            raise KeyboardInterrupt
        with shop.sessions.begin() as session:
            session.execute(text("update work set due_at = now() - interval '1s'"))

    try:
        with pytest.raises(KeyboardInterrupt):
            use_model(shop.ingest, other, ring=lambda kinds: None, wait=wait)
    finally:
        (other.path / "model.xml").write_bytes(intact)
    assert active(shop).id == before.id
    assert best(shop, 3) == "acme:mug-3"
    assert best(shop, 88) == "acme:meanwhile", "listing went on"
    with shop.sessions() as session:
        assert session.scalars(select(Generation.state)).all() == ["active"]
        assert work.backlog(session) == {}
        states = set(session.scalars(text("select distinct state from product_images")))
    assert states == {"searchable"}
    assert len(shop.index.collections()) == 3, "one of pictures, one of ads, and that of words"


def test_what_was_listed_before_the_first_model_becomes_searchable(
    settings: Settings, work_off: WorkOff, platform: Platform
) -> None:
    with platform.sessions.begin() as session:
        session.execute(text("delete from generations"))
    job = platform.catalog.put("acme", "early", listing(), [jpeg(5)]).job
    work_off()
    model = platform.models.find(settings.model)
    use_model(platform.ingest, model, ring=lambda kinds: None, wait=work_off)
    with platform.sessions.begin() as session:
        session.execute(text("update work set due_at = now() - interval '1s'"))
    work_off()
    assert platform.catalog.job(job.id).state == "done"
    assert best(platform, 5) == "acme:early"


def test_a_file_that_cannot_be_read_holds_up_nobody_else(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    jobs = [catalog.put("acme", f"mug-{n}", listing(), [jpeg(n)]).job for n in range(4)]
    broken = jobs[1].images[0].id
    path = blob_path(platform, broken)
    path.unlink()
    path.mkdir()
    work_off()
    states = [catalog.job(job.id).state for job in jobs]
    assert states == ["done", "running", "done", "done"], "its words are written already"
    for _ in range(5):
        with platform.sessions.begin() as session:
            session.execute(text("update work set due_at = now() - interval '1s'"))
        work_off()
    job = catalog.job(jobs[1].id)
    assert (job.state, job.counts.failed) == ("done", 1)
    assert "cannot be read" in job.errors[0].reason


def test_a_job_that_missed_its_sync_is_closed_by_housekeeping(
    shop: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    job = catalog.put("acme", "mug-1", listing(price=99), None).job
    with shop.sessions.begin() as session:
        session.execute(text("delete from work"))
    keep_house(shop.ingest)
    work_off()
    assert catalog.job(job.id).state == "done"
