"""Pictures of ads go the way of those of products, into a collection of their own."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import select, text, update

from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine import work
from vitrine.ads.creative_rows import read_creative_scalars
from vitrine.ads.creative_work import CREATIVES, sync_creatives
from vitrine.ads.models import ARCHIVED, Advertiser, Campaign, Creative
from vitrine.assembly import Platform
from vitrine.catalog.models import CREATIVE, EXAMPLE, CreativeImage
from vitrine.catalog.pictures import add_creative_images
from vitrine.catalog.service import Catalog
from vitrine.embedding.models import Embedding
from vitrine.index.generations import active_generation
from vitrine.index.models import Generation
from vitrine.ingest.drain import drain
from vitrine.ingest.housekeeping import keep_house
from vitrine.ingest.reconcile import reconcile
from vitrine.ingest.switch import rebuild, roll_back, use_model
from vitrine.ingest.verify import verify
from vitrine.media.cid import content_id
from vitrine.media.decode import decode

WorkOff = Callable[[], int]
Advertise = Callable[..., int]


@pytest.fixture
def campaign(platform: Platform) -> int:
    """A campaign without creatives; its id."""
    with platform.sessions.begin() as session:
        session.add(Advertiser(id="tern", name="Tern"))
        session.flush()
        added = Campaign(
            slug="autumn",
            advertiser_id="tern",
            name="Autumn",
            time_zone="UTC",
            starts_on=date(2026, 1, 1),
            total_budget_micros=10**9,
            bid_type="cpc",
            bid_micros=10**5,
            pacing="asap",
            click_days=7,
            view_days=1,
        )
        session.add(added)
        session.flush()
        return added.id


@pytest.fixture
def advertise(platform: Platform, campaign: int) -> Advertise:
    """Add a creative with pictures of its own, or of a product; returns its id."""

    def advertise(slug: str, *files: bytes, sku: str | None = None) -> int:
        with platform.sessions.begin() as session:
            added = Creative(
                slug=slug, campaign_id=campaign, seller_id="acme" if sku else None, sku=sku
            )
            session.add(added)
            session.flush()
            if files:
                add_creative_images(session, platform.blobs, CREATIVE, added.id, files)
            else:
                work.owe(session, work.CREATIVE, [added.id])
            return added.id

    return advertise


def active(platform: Platform) -> Generation:
    with platform.sessions() as session:
        return active_generation(session)


def found(platform: Platform, *photos: int) -> list[int | None]:
    """Which creative shows each photo itself, if any does: the cosine of equal pictures is 1."""
    generation = active(platform)
    pictures = [decode(jpeg(one), platform.limits) for one in photos]
    vectors = platform.encoders.get(generation.model).encode(pictures).embedding
    answers = platform.index.search_creatives(generation.creatives_collection, vectors, 3)
    assert len(answers) == len(photos)
    best = [answer[0] if answer else None for answer in answers]
    return [hit.id if hit and hit.score > 0.998 else None for hit in best]


def indexed(platform: Platform, generation: Generation) -> set[int]:
    rows = platform.index.creative_scalars(generation.creatives_collection, after=0, limit=99)
    return {row.id for row in rows}


def states(platform: Platform) -> list[str]:
    with platform.sessions() as session:
        return list(session.scalars(select(CreativeImage.state).order_by(CreativeImage.id)))


def pictures(platform: Platform, creative: int, *files: bytes, kind: str = CREATIVE) -> list[str]:
    """Make these its pictures; returns their states."""
    with platform.sessions.begin() as session:
        uses = add_creative_images(session, platform.blobs, kind, creative, files)
        return [use.state for use in uses]


def archive(platform: Platform, creative: int) -> None:
    with platform.sessions.begin() as session:
        session.execute(update(Creative).where(Creative.id == creative).values(state=ARCHIVED))
        work.owe(session, work.CREATIVE, [creative])


def wrong(platform: Platform) -> tuple[int, int, int]:
    """Rows that are missing, surplus and different."""
    report = verify(platform.ingest, active(platform), CREATIVES, repair=False)
    return report.missing, report.surplus, report.different


def owed(platform: Platform) -> set[str]:
    with platform.sessions() as session:
        return set(work.backlog(session))


def forget_work(platform: Platform) -> None:
    with platform.sessions.begin() as session:
        session.execute(text("delete from work"))


def test_creatives_are_found_by_their_own_pictures(
    platform: Platform, campaign: int, advertise: Advertise, work_off: WorkOff
) -> None:
    first, second = advertise("one", jpeg(1)), advertise("two", jpeg(2))
    bad = advertise("bad", jpeg(3)[:400])
    pictures(platform, campaign, jpeg(4), jpeg(2), kind=EXAMPLE)
    work_off()
    assert found(platform, 1, 2, 3, 4) == [first, second, None, None]
    ends = ["searchable", "searchable", "failed", "embedded", "embedded"]
    assert states(platform) == ends
    with platform.sessions() as session:
        reason = session.scalar(select(CreativeImage.reason).filter_by(owner_id=bad))
        assert reason and "JPEG" in reason
        scalars = read_creative_scalars(session, active(platform).model, after=0, limit=9)
    assert [one.campaign_id for one in scalars] == [campaign] * 2

    assert pictures(platform, first, jpeg(1)) == ["searchable"]
    assert owed(platform) == set(), "the same again is no work"
    assert pictures(platform, first, jpeg(5)) == ["received"]
    assert pictures(platform, bad, jpeg(3)[:400]) == ["received"], "it is tried again"
    assert pictures(platform, second) == []
    work_off()
    assert found(platform, 1, 5, 2) == [None, first, None]
    assert not platform.blobs.exists(content_id(jpeg(1)))
    assert platform.blobs.exists(content_id(jpeg(2))), "it is an example, too"


def test_a_picture_of_a_product_and_an_ad_is_one_picture(
    platform: Platform, catalog: Catalog, advertise: Advertise, work_off: WorkOff
) -> None:
    catalog.put("acme", "mug", listing(), [jpeg(1)])
    work_off()
    creative = advertise("one", jpeg(1))
    assert states(platform) == ["embedded"], "its vector is there already"
    work_off()
    catalog.delete("acme", "mug")
    work_off()
    with platform.sessions() as session:
        assert len(session.scalars(select(Embedding.cid)).all()) == 1
    assert found(platform, 1) == [creative]

    archive(platform, creative)
    work_off()
    keep_house(platform.ingest)
    work_off()
    assert found(platform, 1) == [None]
    assert platform.blobs.exists(content_id(jpeg(1))), "its books may show it"
    pictures(platform, creative)
    work_off()
    assert not platform.blobs.exists(content_id(jpeg(1)))


def test_a_creative_follows_the_pictures_of_its_product(
    platform: Platform, catalog: Catalog, advertise: Advertise, work_off: WorkOff
) -> None:
    creative = advertise("of-the-mug", sku="mug")
    work_off()
    assert found(platform, 1) == [None]
    catalog.put("acme", "mug", listing(), [jpeg(1), jpeg(2)])
    work_off()
    assert found(platform, 1, 2) == [creative, None]
    catalog.put("acme", "mug", listing(), [jpeg(2), jpeg(1)])
    work_off()
    assert found(platform, 1, 2) == [None, creative]
    # Its own comes first, as soon as it has a vector.
    pictures(platform, creative, jpeg(3))
    work_off()
    assert found(platform, 2, 3) == [None, creative]
    pictures(platform, creative)
    work_off()
    assert found(platform, 2, 3) == [creative, None]

    catalog.delete("acme", "mug")
    work_off()
    keep_house(platform.ingest)
    assert found(platform, 2) == [None]
    assert wrong(platform) == (0, 0, 0)
    catalog.put("acme", "mug", listing(), [jpeg(2)])
    work_off()
    assert found(platform, 2) == [creative]


def test_another_model_and_a_rebuilt_index_know_all_creatives(
    platform: Platform, catalog: Catalog, advertise: Advertise, work_off: WorkOff
) -> None:
    catalog.put("acme", "mug", listing(), [jpeg(1)])
    own, drawn = advertise("own", jpeg(2)), advertise("drawn", sku="mug")
    gone = advertise("gone", jpeg(7))
    work_off()
    before = active(platform)
    late: list[int] = []

    def wait() -> None:
        if not late:
            late.append(advertise("late", jpeg(3)))
            late.append(advertise("late-drawn", sku="late"))
            catalog.put("acme", "late", listing(), [jpeg(4)])
            # The newer model's vector comes last: its row is owed once more.
            for kind in (work.EMBED, work.MENTIONS, work.CREATIVE, work.FILL, work.CREATIVE):
                drain(platform.ingest, kind, handlers=platform.handlers)
            with platform.sessions() as session:
                built = session.scalars(select(Generation).filter_by(state="building")).one()
            assert set(late) <= indexed(platform, built)
        work_off()

    other = platform.models.build("timm:resnet10t?pretrained=false&seed=3&size=96")
    use_model(platform.ingest, other, ring=lambda kinds: None, wait=wait)
    assert found(platform, 1, 2, 3, 4) == [drawn, own, *late]
    assert wrong(platform) == (0, 0, 0)
    work_off()

    archive(platform, gone)
    newer = advertise("newer", jpeg(2))
    work_off()
    assert gone not in indexed(platform, before), "what ended left the kept generation, too"
    rebuild(platform.ingest)
    assert found(platform, 1, 2, 3, 4) == [drawn, own, *late]
    roll_back(platform.ingest, platform.models.find_digest, ring=lambda kinds: None, wait=work_off)
    assert active(platform).id == before.id
    assert found(platform, 1, 2, 3, 4, 7) == [drawn, own, *late, None]
    assert indexed(platform, before) == {drawn, own, *late, newer}


def test_what_a_killed_worker_left_is_done_by_the_next(
    platform: Platform, advertise: Advertise, work_off: WorkOff
) -> None:
    one, two = advertise("one", jpeg(1)), advertise("two", jpeg(2))
    forget_work(platform)
    with platform.sessions.begin() as session:
        assert reconcile(session, beside=platform.ingest.beside)[work.EMBED] == 2
    drain(platform.ingest, work.EMBED)
    forget_work(platform)
    with platform.sessions.begin() as session:
        assert reconcile(session, beside=platform.ingest.beside)[work.CREATIVE] == 2
        assert reconcile(session, beside=platform.ingest.beside)[work.CREATIVE] == 0
    with platform.sessions.begin() as session:
        claims = work.claim(session, work.CREATIVE, limit=9, lease_seconds=60, fresh=True)
    for _ in range(2):  # a worker that was thought dead
        sync_creatives(platform.ingest, claims)
    assert found(platform, 1, 2) == [one, two]
    assert states(platform) == ["searchable"] * 2
    assert owed(platform) == set()

    # A vector that stayed behind, and a collection that is lost.
    pictures(platform, one, jpeg(3))
    drain(platform.ingest, work.EMBED)
    forget_work(platform)
    assert wrong(platform) == (0, 0, 1)
    platform.index.drop(active(platform).creatives_collection)
    keep_house(platform.ingest)
    assert found(platform, 3, 2) == [one, two]
    platform.index.drop(active(platform).creatives_collection)
    pictures(platform, two, jpeg(4))
    work_off()
    assert found(platform, 4) == [two], "what is new waits for no housekeeping"
