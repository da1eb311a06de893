"""Listing and finding on the real PostgreSQL, Milvus Lite and encoder, step by step."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text

from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine import work
from vitrine.assembly import Platform
from vitrine.catalog.models import ProductImage
from vitrine.catalog.service import Catalog
from vitrine.decisions.tokens import TokenSigner
from vitrine.errors import Conflict, Invalid, NotFound, Unavailable
from vitrine.index.generations import active_generation
from vitrine.ingest.drain import HANDLERS, drain
from vitrine.search import ranking, service
from vitrine.search.service import SearchRequest
from vitrine.wire import ProductPatch, SearchQuery, SearchResponse

WorkOff = Callable[[], int]


def find(platform: Platform, image: bytes, **more: Any) -> SearchResponse:
    return platform.search.search(
        SearchRequest(photos=(image,), query=SearchQuery(**more)), key_id="test"
    )


def found_ids(response: SearchResponse) -> list[str]:
    return [result.product.id for result in response.results]


def owed(platform: Platform) -> dict[str, tuple[int, int]]:
    with platform.sessions() as session:
        return work.backlog(session)


def indexed_ids(platform: Platform) -> set[int]:
    with platform.sessions() as session:
        collection = active_generation(session).images_collection
    return {row.id for row in platform.index.scalars(collection, after=0, limit=1000)}


def vectors_made(platform: Platform) -> list[Any]:
    with platform.sessions() as session:
        return list(session.execute(text("select cid, created_at from embeddings order by cid")))


def test_a_listing_becomes_searchable_and_is_found_by_its_photo(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    accepted = catalog.put("acme", "mug-1", listing(), [jpeg(1), jpeg(2)])
    catalog.put("acme", "mug-2", listing(title="Other"), [jpeg(3)])
    assert accepted.job.state == "queued"
    assert accepted.job.counts.pending == 2
    assert [image.state for image in accepted.product.images] == ["received", "received"]
    assert found_ids(find(platform, jpeg(1))) == []

    work_off()

    job = catalog.job(accepted.job.id)
    assert (job.state, job.counts.searchable) == ("done", 2)
    response = find(platform, jpeg(2))
    assert found_ids(response) == ["acme:mug-1", "acme:mug-2"]
    best = response.results[0]
    assert best.score > 0.99
    assert best.image.id == accepted.product.images[1].id
    assert best.product.images[1].width == 320
    shown = TokenSigner(platform.settings.secret_key).read(best.token)
    assert (shown.item, shown.position, shown.kind) == ("acme:mug-1", 1, "search")
    assert shown.decision == response.search_id
    assert response.results[0].score >= response.results[1].score


def test_search_by_product_leaves_the_product_out(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    for number in range(3):
        catalog.put("acme", f"mug-{number}", listing(), [jpeg(number)])
    with pytest.raises(Conflict, match="embedded yet"):
        platform.search.similar("acme:mug-1", key_id="test")
    work_off()
    response = platform.search.similar("acme:mug-1", key_id="test")
    assert sorted(found_ids(response)) == ["acme:mug-0", "acme:mug-2"]
    with pytest.raises(NotFound):
        platform.search.similar("acme:nothing", key_id="test")


def test_the_same_put_twice_does_no_work_twice(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    first = catalog.put("acme", "mug", listing(), [jpeg(1), jpeg(2)])
    work_off()
    second = catalog.put("acme", "mug", listing(), [jpeg(1), jpeg(2)])
    assert owed(platform) == {}
    assert second.job.state == "done"
    assert second.product.version == first.product.version
    assert second.product.updated_at == first.product.updated_at


def test_a_changed_photo_replaces_only_that_photo(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    first = catalog.put("acme", "mug", listing(), [jpeg(1), jpeg(2), jpeg(3)])
    work_off()
    before = dict(vectors_made(platform))
    second = catalog.put("acme", "mug", listing(), [jpeg(1), jpeg(4), jpeg(3)])
    states = {image.id: image.state for image in second.product.images}
    assert list(states.values()) == ["searchable", "received", "searchable"]
    work_off()
    job = catalog.job(second.job.id)
    assert (job.state, job.counts.searchable, job.counts.removed) == ("done", 3, 1)
    after = dict(vectors_made(platform))
    gone = first.product.images[1].id
    assert gone not in after
    assert not platform.blobs.exists(gone)
    kept = before.keys() - {gone}
    assert {cid: after[cid] for cid in kept} == {cid: before[cid] for cid in kept}
    assert find(platform, jpeg(4)).results[0].score > 0.99
    assert find(platform, jpeg(2)).results[0].score < 0.99


def test_one_picture_in_two_places_is_embedded_once(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    catalog.put("acme", "mug", listing(), [jpeg(1)])
    work_off()
    again = catalog.put("other", "mug", listing(), [jpeg(1), jpeg(1)])
    assert [image.state for image in again.product.images] == ["embedded"]
    assert set(owed(platform)) == {work.SYNC, work.TEXT, work.MENTIONS}
    work_off()
    assert len(vectors_made(platform)) == 1
    assert sorted(found_ids(find(platform, jpeg(1)))) == ["acme:mug", "other:mug"]


def test_a_price_change_reaches_the_filter_without_embedding_again(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    catalog.put("acme", "mug", listing(price="12.50"), [jpeg(1)])
    work_off()
    before = vectors_made(platform)
    cheap = {"price": {"lt": "10"}}
    assert found_ids(find(platform, jpeg(1), filter=cheap)) == []
    patch = ProductPatch.model_validate({"price": "9.99", "availability": "out_of_stock"})
    accepted = catalog.patch("acme", "mug", patch)
    assert set(owed(platform)) == {work.SYNC, work.TEXT}
    work_off()
    assert catalog.job(accepted.job.id).state == "done"
    assert found_ids(find(platform, jpeg(1), filter=cheap)) == ["acme:mug"]
    assert found_ids(find(platform, jpeg(1), filter={"in_stock": True})) == []
    assert vectors_made(platform) == before


def test_a_change_the_index_does_not_know_yet_is_already_obeyed(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    catalog.put("acme", "mug", listing(price="5"), [jpeg(1)])
    work_off()
    catalog.patch("acme", "mug", ProductPatch.model_validate({"price": "50"}))
    assert found_ids(find(platform, jpeg(1), filter={"price": {"lt": 10}})) == []


def test_attributes_filter_and_pages_are_filled(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    for number in range(30):
        color = "red" if number % 10 == 0 else "blue"
        product = listing(attributes={"color": color})
        catalog.put("acme", f"mug-{number}", product, [jpeg(number, size=(80, 60))])
    work_off()
    response = find(platform, jpeg(1), filter={"attributes.color": "red"}, limit=3)
    assert sorted(found_ids(response)) == ["acme:mug-0", "acme:mug-10", "acme:mug-20"]


def test_delete_is_gone_at_once_and_then_everywhere(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    own = catalog.put("acme", "mug", listing(), [jpeg(1), jpeg(2)])
    catalog.put("acme", "keeps", listing(), [jpeg(2)])
    work_off()
    job = catalog.delete("acme", "mug")
    assert "acme:mug" not in found_ids(find(platform, jpeg(1)))
    with pytest.raises(NotFound):
        catalog.get("acme:mug")
    work_off()
    done = catalog.job(job.id)
    assert (done.state, done.counts.removed) == ("done", 2)
    first, second = (image.id for image in own.product.images)
    assert not platform.blobs.exists(first)
    assert platform.blobs.exists(second), "another listing shows it"
    assert [cid for cid, _ in vectors_made(platform)] == [second]
    assert len(indexed_ids(platform)) == 1
    assert found_ids(find(platform, jpeg(2))) == ["acme:keeps"]


def test_one_bad_picture_of_five_fails_alone(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    files = [jpeg(1), jpeg(2), jpeg(3)[:400], jpeg(4), jpeg(5)]
    accepted = catalog.put("acme", "mug", listing(), files)
    work_off()
    job = catalog.job(accepted.job.id)
    assert job.state == "done"
    assert (job.counts.searchable, job.counts.failed) == (4, 1)
    (error,) = job.errors
    assert error.image == accepted.product.images[2].id
    assert error.reason
    product = catalog.get("acme:mug")
    assert [image.state for image in product.images].count("searchable") == 4
    assert product.images[2].reason == error.reason
    assert find(platform, jpeg(5)).results[0].score > 0.99


def test_a_new_product_needs_a_picture_and_a_known_one_keeps_its_own(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    with pytest.raises(Invalid, match="at least one picture"):
        catalog.put("acme", "mug", listing(), None)
    catalog.put("acme", "mug", listing(), [jpeg(1)])
    work_off()
    kept = catalog.put("acme", "mug", listing(title="Green mug"), None)
    assert kept.product.title == "Green mug"
    assert [image.state for image in kept.product.images] == ["searchable"]
    assert set(owed(platform)) == {work.TEXT}, "a title is in no row of a picture"


def test_an_outage_of_the_index_loses_nothing_and_fails_nobody(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    with platform.sessions() as session:
        generation = active_generation(session)
    platform.index.drop(generation.images_collection)
    accepted = catalog.put("acme", "mug", listing(), [jpeg(1)])
    for _ in range(8):
        work_off()
        with platform.sessions.begin() as session:
            session.execute(text("update work set due_at = now() - interval '1s'"))
    assert catalog.job(accepted.job.id).state in {"queued", "running"}
    with pytest.raises(Unavailable):
        find(platform, jpeg(1))
    platform.index.create(generation.images_collection, 256)
    work_off()
    assert catalog.job(accepted.job.id).state == "done"
    assert found_ids(find(platform, jpeg(1))) == ["acme:mug"]


def test_a_picture_that_was_tried_too_often_is_given_up_with_a_reason(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    accepted = catalog.put("acme", "mug", listing(), [jpeg(1)])
    with platform.sessions.begin() as session:
        session.execute(text("update work set attempts = 5 where kind = 'embed'"))
    drain(platform.ingest, work.EMBED)
    drain(platform.ingest, work.TEXT)
    job = catalog.job(accepted.job.id)
    assert (job.state, job.counts.failed) == ("done", 1)
    assert "stopped 5 times" in job.errors[0].reason
    again = catalog.put("acme", "mug", listing(), [jpeg(1)])
    assert again.job.state == "queued", "the seller sent it again, so it is tried again"
    work_off()
    assert catalog.job(again.job.id).counts.searchable == 1


def test_replacing_a_picture_while_it_is_embedded_ends_right(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    catalog.put("acme", "mug", listing(), [jpeg(1)])
    with platform.sessions.begin() as session:
        claims = work.claim(session, work.EMBED, limit=9, lease_seconds=60, fresh=True)
    catalog.put("acme", "mug", listing(), [jpeg(2)])
    drain(platform.ingest, work.PURGE)
    from vitrine.ingest.embed import embed

    embed(platform.ingest, claims)  # the worker that was slow comes back to a purged picture
    work_off()
    with platform.sessions() as session:
        states = session.scalars(select(ProductImage.state)).all()
    assert states == ["searchable"]
    assert len(vectors_made(platform)) == len(indexed_ids(platform)) == 1


def test_pages_go_through_all_products_once(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    for number in range(7):
        seller = "acme" if number % 2 else "other"
        catalog.put(seller, f"mug-{number}", listing(), [jpeg(1)])
    seen: list[str] = []
    cursor = None
    while True:
        page = catalog.page(cursor=cursor, limit=3)
        seen += [product.id for product in page.products]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7
    assert len(catalog.page(seller="acme").products) == 3
    with pytest.raises(Invalid):
        catalog.page(cursor="x")


def test_attributes_are_compared_as_json(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    catalog.put("acme", "mug", listing(attributes={"organic": 1}), [jpeg(1)])
    work_off()
    changed = catalog.put("acme", "mug", listing(attributes={"organic": True}), None)
    assert changed.product.version == 2
    organic = {"attributes.organic": True}
    assert found_ids(find(platform, jpeg(1), filter=organic)) == ["acme:mug"]


def test_no_job_stays_open_when_requests_and_workers_race(
    platform: Platform, catalog: Catalog
) -> None:
    stop = threading.Event()

    def work_on() -> None:
        while not stop.is_set():
            for kind in HANDLERS:
                drain(platform.ingest, kind)

    workers = [threading.Thread(target=work_on) for _ in range(2)]
    for worker in workers:
        worker.start()
    jobs = []
    for number in range(60):
        sku = f"mug-{number % 3}"
        product = listing(title=f"Mug {number}", price=number)
        jobs.append(catalog.put("acme", sku, product, [jpeg(number % 3)]).job)
        patch = ProductPatch.model_validate({"title": f"Cup {number}"})
        jobs.append(catalog.patch("acme", sku, patch).job)
    until = time.monotonic() + 30
    open_jobs = [job.id for job in jobs]
    while open_jobs and time.monotonic() < until:
        open_jobs = [id_ for id_ in open_jobs if catalog.job(id_).state != "done"]
    stop.set()
    for worker in workers:
        worker.join()
    assert open_jobs == []


def test_a_rare_attribute_is_found_however_far_away(
    platform: Platform, catalog: Catalog, work_off: WorkOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        attributes = {"color": "gold" if number == 39 else "blue"}
        product = listing(attributes=attributes)
        catalog.put("acme", f"mug-{number}", product, [jpeg(number, size=(80, 60))])
    work_off()
    # With fewer candidates than products, the golden one is not among the nearest.
    monkeypatch.setattr(service, "MOST_CANDIDATES", 4)
    monkeypatch.setattr(ranking, "NEIGHBOURS", 4)
    response = find(platform, jpeg(0), filter={"attributes.color": "gold"}, limit=1)
    assert found_ids(response) == ["acme:mug-39"]
    assert found_ids(find(platform, jpeg(0), filter={"attributes.color": "nope"})) == []
