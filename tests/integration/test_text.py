"""Finding by words, on the real PostgreSQL and Milvus Lite: what is written is what is found."""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import text

from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine import work
from vitrine.assembly import Platform
from vitrine.catalog.service import Catalog
from vitrine.catalog.text_rows import read_texts
from vitrine.errors import NotFound, Unavailable
from vitrine.ingest.drain import HANDLERS, drain
from vitrine.ingest.housekeeping import keep_house
from vitrine.ingest.switch import rebuild
from vitrine.ingest.text_work import ensure_text_index, fill_texts, verify_texts
from vitrine.retrieval import filters
from vitrine.retrieval.candidates import Among
from vitrine.retrieval.text import text_candidates
from vitrine.retrieval.vocabulary import Vocabulary
from vitrine.retrieval.words import Correction, Understood, understand
from vitrine.wire import ProductPatch

WorkOff = Callable[[], int]

SHOP = {
    "mug": {
        "title": "蓝色马克杯 Blue mug",
        "attributes": {"color": "blue", "dishwasher_safe": True},
    },
    "bowl": {
        "title": "Große Schüssel",
        "brand": "Küchenglück",
        "category": "home/kitchen/bowls",
        "price": "30",
        "description": "Handmade in Slovenia by Ljubica.",
        "attributes": {},
    },
    "tee": {
        "title": "Women's T-Shirt Moonlight",
        "brand": "Levi's",
        "category": "apparel/tops/t-shirts",
        "price": "19.90",
        "attributes": {"color": "red", "sizes": ["S", "XL"]},
    },
    "cup": {"title": "Кружка белая", "brand": "", "price": "8", "attributes": {}},
}


@pytest.fixture
def shop(platform: Platform, catalog: Catalog, work_off: WorkOff) -> Platform:
    for number, (sku, fields) in enumerate(SHOP.items()):
        catalog.put("acme", sku, listing(**fields), [jpeg(number, size=(80, 60))])
    work_off()
    return platform


def ask(platform: Platform, query: str, filter: object = None, **among: object) -> list[str]:
    """The skus found by these very words, best first."""
    tree = filters.EVERYTHING if filter is None else filters.parse(filter)
    found = text_candidates(platform.texts, query, tree, 10, among=Among(**among))
    assert all(one.score > 0 for one in found)
    with platform.sessions() as session:
        skus = dict(session.execute(text("select id, sku from products")).all())
    return [skus[one.product_id] for one in found]


def read(platform: Platform, typed: str) -> Understood:
    return understand(typed, Vocabulary(platform.sessions).now())


def ids(platform: Platform) -> dict[str, int]:
    with platform.sessions() as session:
        return {row.sku: row.id for row in session.execute(text("select sku, id from products"))}


FOUND = {
    "马克杯": ["mug"],
    "blue": ["mug"],
    "Mug": ["mug", "cup"],  # the other by its category
    "MUGS": ["mug", "cup"],
    "蓝色 mug": ["mug", "cup"],
    "grosse schussel": ["bowl"],
    "SCHÜSSEL": ["bowl"],
    "kuchengluck": ["bowl"],
    "ljubica": ["bowl"],
    "кружка": ["cup"],
    "t-shirt": ["tee"],
    "tshirt": ["tee"],
    "womens": ["tee"],
    "women’s levis": ["tee"],
    "xl": ["tee"],
    "dishwasher safe": ["mug"],
    "kitchen bowl": ["bowl", "cup", "mug"],
    "nothing like it": [],
    "!?": [],
    "": [],
}


def test_words_of_any_script_find_what_has_them(shop: Platform) -> None:
    for query, found in FOUND.items():
        skus = ask(shop, query)
        assert (query, sorted(skus)) == (query, sorted(found))
        assert skus[:1] == found[:1], query


def test_filters_hold(shop: Platform) -> None:
    assert ask(shop, "mug", {"price": {"lt": 10}}) == ["cup"]
    assert ask(shop, "kitchen", {"category": "home/kitchen/bowls"}) == ["bowl"]
    assert ask(shop, "kitchen", {"not": {"brand": ["Küchenglück", "Tern"]}}) == ["cup"]
    every = ids(shop)
    assert ask(shop, "kitchen", only=[every["mug"], every["tee"]]) == ["mug"]
    assert ask(shop, "kitchen", only=[]) == []
    assert ask(shop, "mug", exclude={every["mug"]}) == ["cup"]


def test_typos_and_beginnings_find_the_product(shop: Platform) -> None:
    for typed, meant in {
        "women's t-shrit moonlight": Correction("shrit", "shirt"),
        "levi's t-shirt moonlihgt now": Correction("moonlihgt", "moonlight"),
        "grosse schusel x": Correction("schusel", "schüssel"),
    }.items():
        understood = read(shop, typed)
        assert meant in understood.corrections
        assert ask(shop, understood.query)[0] in {"tee", "bowl"}
    assert read(shop, "womens moonl").completed == ("moonlight",)
    assert ask(shop, read(shop, "moonl").query) == ["tee"]
    assert read(shop, "蓝色马").completed == ("马克", "马克杯")
    assert ask(shop, read(shop, "bluemug x").query)[0] == "mug"
    assert read(shop, "ljubica").corrections == (), "a word of a description is known"


def test_a_new_title_is_found_at_once_and_the_old_one_is_not(
    shop: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    patch = ProductPatch.model_validate({"title": "Yellow jug", "attributes": {}})
    job = catalog.patch("acme", "mug", patch).job
    assert (job.state, job.counts.total, len(job.images)) == ("queued", 1, 1)
    work_off()
    assert catalog.job(job.id).state == "done"
    # Alone in its segment of Milvus Lite, it is still before those of which one word fits.
    assert ask(shop, "yellow jug kitchen")[0] == "mug"
    assert ask(shop, "blue") == ask(shop, "马克杯") == []
    assert read(shop, "jug").corrections == ()


def test_a_deleted_product_is_found_by_no_word(
    shop: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    job = catalog.delete("acme", "bowl")
    drain(shop.ingest, work.SYNC)
    drain(shop.ingest, work.PURGE)
    assert catalog.job(job.id).state != "done", "its words are there still"
    work_off()
    assert catalog.job(job.id).state == "done"
    assert ask(shop, "schüssel") == []
    assert not Vocabulary(shop.sessions).now().knows("schüssel")


def test_words_that_cannot_be_written_are_told_by_the_job(
    platform: Platform, catalog: Catalog
) -> None:
    job = catalog.put("acme", "mug", listing(), [jpeg(1)]).job
    with platform.sessions.begin() as session:
        session.execute(text("update work set attempts = 5 where kind = 'text'"))
    for kind in HANDLERS:
        drain(platform.ingest, kind)
    done = catalog.job(job.id)
    assert (done.state, done.counts.total, done.counts.searchable) == ("done", 1, 1)
    (error,) = done.errors
    assert error.image is None
    assert "stopped 5 times" in error.reason


def test_a_lost_text_index_is_made_again(shop: Platform, work_off: WorkOff) -> None:
    shop.texts.drop()
    with pytest.raises(Unavailable, match="vitrine index rebuild"):
        ask(shop, "blue")
    keep_house(shop.ingest)
    work_off()
    assert ask(shop, "blue") == ["mug"]

    shop.texts.drop()
    with shop.sessions.begin() as session:
        session.execute(text("delete from product_texts"))
        session.execute(text("delete from vocabulary"))
    rebuild(shop.ingest)
    assert ask(shop, "schüssel") == ["bowl"]
    assert counted(shop) == expected(shop)


@pytest.mark.parametrize(
    "died_at",
    ["vitrine.ingest.text_work.product_ids", "vitrine.index.collections.make_ready"],
)
def test_who_dies_while_making_the_text_index_leaves_it_to_the_next(
    shop: Platform, work_off: WorkOff, monkeypatch: pytest.MonkeyPatch, died_at: str
) -> None:
    def die(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    for make in (ensure_text_index, fill_texts):
        shop.texts.drop()
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(died_at, die)
            make(shop.ingest)
        assert not shop.texts.exists()
        keep_house(shop.ingest)
        work_off()
        assert ask(shop, "blue") == ["mug"]
        assert ask(shop, "schüssel") == ["bowl"]


def test_a_worker_that_makes_the_text_index_comes_to_an_end(
    shop: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = ids(shop).values()
    shop.texts.drop()
    with shop.sessions.begin() as session:
        work.owe(session, work.TEXT, every)
    tried = drain(shop.ingest, work.TEXT, seconds=5)
    assert tried <= 2 * len(every), "its own claims are owed once more, and no oftener"
    with shop.sessions() as session:
        assert work.backlog(session) == {}
    assert ask(shop, "blue") == ["mug"]


def test_verify_finds_and_repairs_what_differs(shop: Platform) -> None:
    every = ids(shop)
    shop.texts.delete([every["mug"]])
    with shop.sessions.begin() as session:
        session.execute(text("update products set title = 'Plate' where sku = 'bowl'"))
        session.execute(text("delete from products where sku = 'tee'"))
    found = verify_texts(shop.ingest, repair=False, page=2)
    assert (found.missing, found.surplus, found.different, found.repaired) == (1, 1, 1, 0)
    assert verify_texts(shop.ingest).repaired == 3
    assert verify_texts(shop.ingest).wrong == 0
    assert counted(shop) == expected(shop)


def counted(platform: Platform) -> dict[str, tuple[int, int]]:
    with platform.sessions() as session:
        rows = session.execute(text("select term, products, mentions from vocabulary"))
        return {row.term: (row.products, row.mentions) for row in rows}


def expected(platform: Platform) -> dict[str, tuple[int, int]]:
    """The vocabulary, counted the slow way from the listings themselves."""
    called: Counter[str] = Counter()
    mentioned: Counter[str] = Counter()
    with platform.sessions() as session:
        every = list(session.scalars(text("select id from products")))
        for one in read_texts(session, every).values():
            called.update(one.terms.called)
            mentioned.update(one.terms.called | one.terms.described)
    return {term: (called[term], count) for term, count in mentioned.items()}


def test_the_vocabulary_stays_exact(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    chosen = random.Random(7)
    titles = ["Blue mug", "Red mug", "蓝色马克杯", "T-shirt red", "mug mug", "Большая кружка"]
    for step in range(40):
        sku = f"p{chosen.randrange(5)}"
        fields = {"title": chosen.choice(titles), "description": chosen.choice(titles)}
        action = chosen.choice(["put", "patch", "delete"])
        try:
            if action == "put":
                catalog.put("acme", sku, listing(**fields), [jpeg(1, size=(40, 40))])
            elif action == "patch":
                catalog.patch("acme", sku, ProductPatch.model_validate(fields))
            else:
                catalog.delete("acme", sku)
        except NotFound:
            continue
        if step % 5 == 0:
            work_off()
            assert counted(platform) == expected(platform)
    work_off()
    assert counted(platform) == expected(platform) != {}
    for number in range(5):
        with suppress(NotFound):
            catalog.delete("acme", f"p{number}")
    work_off()
    assert counted(platform) == {}
