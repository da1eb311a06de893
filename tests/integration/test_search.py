"""One call that takes what the shopper has: on the real PostgreSQL, Milvus Lite and Redis.

One shop serves all tests of this file, none of which changes it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from tests.integration.shop import COUNT, Shopper, colours, ids, shop_of_a_module, sku
from tests.pictures import jpeg
from vitrine import deadline
from vitrine.assembly import Platform
from vitrine.errors import Conflict, Invalid, NotFound, Unavailable
from vitrine.media import colour
from vitrine.search import ranking, service
from vitrine.search.models import EmptySearch
from vitrine.search.service import SearchRequest
from vitrine.search.uploads import Uploads
from vitrine.wire import SearchQuery


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest) -> Iterator[Platform]:
    with shop_of_a_module(request) as platform:
        yield platform


@pytest.fixture
def find(shop: Platform) -> Shopper:
    return Shopper(shop)


def test_words_alone_find_what_has_them(find: Shopper) -> None:
    response = find(text="red mug", limit=3)
    assert response.query.by == "text"
    assert set(ids(response)) == {"p00", "p03", response.results[2].product.id.partition(":")[2]}
    assert response.results[0].score >= response.results[1].score > 0
    assert response.category is None
    assert response.out_of_catalogue is None
    assert not response.regions


def test_a_title_with_one_typo_still_finds_it(find: Shopper) -> None:
    response = find(text="greeen bowl isel", limit=1)
    assert ids(response) == ["p08"]
    assert {one.meant for one in response.query.corrections} == {"green", "isle"}


def test_words_move_a_photo_towards_what_they_say(find: Shopper) -> None:
    alone = find(4, limit=6)
    steered = find(4, text="red", limit=6)
    assert steered.query.by == "hybrid"
    assert colours(alone)[0] == "blue"
    assert colours(steered).count("red") == 6
    assert colours(alone).count("red") < 6


def test_a_photo_moves_words_towards_what_it_shows(find: Shopper) -> None:
    response = find(6, text="red", limit=6)
    by_words = find(text="red", limit=6)
    assert ids(response)[0] == "p06"
    assert set(ids(by_words)) == set(ids(response))


def test_what_a_photo_finds_is_read_beyond_the_depth_of_the_words(
    find: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "HYBRID_DEPTH", 1)
    monkeypatch.setattr(ranking, "NEIGHBOURS", 1)
    # Six are red, of which five are looked through: boots, whose texts are shorter, come first.
    response = find(9, text="red", limit=1, category="off", explain=True)
    assert ids(response) == ["p09"]
    assert {part.name for part in response.results[0].parts} == {"image", "text"}


@pytest.mark.parametrize("method", ["rrf", "weights"])
def test_the_weights_of_photo_and_words(find: Shopper, method: str) -> None:
    photo = find(4, text="red", fusion={"method": method, "image": 1, "text": 0}, category="off")
    words = find(4, text="red", fusion={"method": method, "image": 0, "text": 1}, category="off")
    assert ids(photo)[0] == "p04"
    assert colours(words)[0] == "red"


def test_the_parts_of_a_score_add_up(find: Shopper) -> None:
    for response in (
        find(4, text="red boot", explain=True),
        find(4, explain=True),
        find(text="red boot", explain=True),
    ):
        for result in response.results:
            assert sum(part.value for part in result.parts) == pytest.approx(result.score, abs=1e-4)
            assert all(part.words for part in result.parts)
            assert result.reasons
    assert not find(4).results[0].parts


def test_pages_show_every_product_once(find: Shopper) -> None:
    seen, cursor, sizes = [], None, []
    while True:
        page = find(0, limit=5) if cursor is None else find(cursor=cursor, limit=5)
        seen += ids(page)
        sizes.append(len(page.results))
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == [sku(number) for number in range(COUNT)]
    assert sizes == [5, 5, 5, 3]


def test_a_page_asked_for_twice_is_the_same(find: Shopper) -> None:
    cursor = find(0, limit=3).next_cursor
    assert ids(find(cursor=cursor, limit=3)) == ids(find(cursor=cursor, limit=3))


def test_a_ranking_grows_page_by_page(find: Shopper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "NEIGHBOURS", 1)
    monkeypatch.setattr(service, "_HEADROOM", 1)
    monkeypatch.setattr(service, "_LEAST_GROWTH", 6)
    monkeypatch.setattr(service, "_GROWTH", 2)
    page = find(0, limit=4)
    shown = ids(page)
    while page.next_cursor:
        page = find(cursor=page.next_cursor, limit=4)
        shown += ids(page)
    assert sorted(shown) == [sku(number) for number in range(COUNT)]


def test_positions_go_on_over_pages(find: Shopper, shop: Platform) -> None:
    from vitrine.decisions.tokens import TokenSigner

    signer = TokenSigner(shop.settings.secret_key)
    first = find(0, limit=4)
    second = find(cursor=first.next_cursor, limit=4)
    read = [signer.read(one.token) for one in [*first.results, *second.results]]
    assert [one.position for one in read] == list(range(1, 9))
    assert {one.decision for one in read} == {first.search_id} == {second.search_id}


def test_another_key_cannot_turn_the_page(find: Shopper) -> None:
    cursor = find(0, limit=3).next_cursor
    with pytest.raises(NotFound, match="Search again"):
        find(cursor=cursor, key_id="other")
    with pytest.raises(Invalid, match="whole question"):
        find(cursor=cursor, text="mug")


def test_other_orders(find: Shopper) -> None:
    cheap = find(text="mug", sort="price_asc", limit=3)
    assert ids(cheap) == ["p00", "p01", "p02"]
    dear = find(5, sort="price_desc", limit=3)
    assert ids(dear) == ["p17", "p16", "p15"]
    assert ids(find(cursor=dear.next_cursor, limit=2)) == ["p14", "p13"]
    assert ids(find(5, sort="newest", limit=2)) == ["p17", "p16"]


def test_facets_count_what_matches(find: Shopper) -> None:
    response = find(text="mug boot", facets=["category", "brand", "price", "attributes.color"])
    facets = {one.field: one for one in response.facets}
    assert all(one.exact and one.products == 12 for one in facets.values())
    tree = {one.value: one for one in facets["category"].values}
    assert tree["home"].children[0].value == "home/kitchen"
    assert tree["home"].count == tree["shoes"].count == 6
    assert {one.value: one.count for one in facets["brand"].values} == {"Tern": 6, "Gull": 6}
    assert {one.value: one.count for one in facets["attributes.color"].values} == {
        "red": 4,
        "blue": 4,
        "green": 4,
    }
    assert sum(one.count for one in facets["price"].bins) == 12
    narrowed = find(text="mug boot", facets=["brand"], filter={"attributes.color": "red"})
    assert narrowed.facets[0].products == 4


def test_facets_of_the_nearest_only_say_so(find: Shopper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "FACET_DEPTH", 10)
    monkeypatch.setattr(ranking, "NEIGHBOURS", 5)
    (facet,) = find(2, limit=5, facets=["brand"]).facets
    assert not facet.exact
    assert facet.products == 10


def test_more_and_less_of_a_product(find: Shopper) -> None:
    plain = find(0, limit=COUNT, category="off")
    scores = {one.product.id: one.score for one in plain.results}
    liked = find(0, more_like=["acme:p09"], limit=COUNT, category="off")
    assert "p09" not in ids(liked)
    moved = {one.product.id: one.score for one in liked.results}
    assert moved["acme:p00"] < scores["acme:p00"]
    only = find(more_like=["acme:p09"], limit=3)
    assert only.query.by == "likes"
    assert ids(only) == ids(find(product_id="acme:p09", limit=3))
    disliked = find(9, less_like=["acme:p00"], limit=COUNT)
    assert "p00" not in ids(disliked)
    with pytest.raises(NotFound, match="acme:nothing"):
        find(0, more_like=["acme:nothing"])


def test_several_photos_of_one_thing(shop: Platform) -> None:
    request = SearchRequest(photos=(jpeg(1), jpeg(2)), query=SearchQuery(limit=2))
    assert set(ids(shop.search.search(request, key_id="k"))) == {"p01", "p02"}


def test_excluded_products_and_low_scores_are_left_out(find: Shopper) -> None:
    assert ids(find(0, limit=1, exclude=["acme:p00", "acme:never-was"])) != ["p00"]
    scores = [one.score for one in find(0, limit=COUNT, category="off").results]
    least = (scores[2] + scores[3]) / 2
    assert len(find(0, limit=COUNT, min_score=least, category="off").results) == 3


def test_diversity_changes_the_order_and_loses_nothing(find: Shopper) -> None:
    plain, diverse = find(0, limit=COUNT), find(0, limit=COUNT, diversity=0.9)
    assert ids(plain)[0] == ids(diverse)[0]
    assert ids(plain) != ids(diverse)
    assert set(ids(plain)) == set(ids(diverse))


def test_the_category_of_a_photo(find: Shopper) -> None:
    response = find(14, limit=5)
    assert response.category is not None
    assert response.category.use == "boost"
    assert response.category.candidates
    confidences = [one.confidence for one in response.category.candidates]
    assert confidences == sorted(confidences, reverse=True)
    off = find(14, limit=5, category="off", explain=True)
    assert off.category is not None
    assert all(part.name == "image" for one in off.results for part in one.parts)


def test_boxes_are_searches_of_their_own(find: Shopper) -> None:
    boxes = [
        {"x": 0, "y": 0, "width": 1, "height": 1},
        {"x": 0.5, "y": 0.5, "width": 0.5, "height": 0.5},
    ]
    response = find(7, boxes=boxes, limit=3)
    assert response.results == []
    assert [one.box.x for one in response.boxes] == [0, 0.5]
    whole, part = response.boxes
    assert whole.results[0].product.id == "acme:p07"
    assert whole.search_id != part.search_id
    assert ids(find(7, crop=boxes[1], limit=3)) == [
        one.product.id.partition(":")[2] for one in part.results
    ]
    following = find(cursor=part.next_cursor, limit=3)
    assert not set(ids(following)) & {one.product.id.partition(":")[2] for one in part.results}


def test_boxes_share_one_photo_and_its_decoding(
    find: Shopper, shop: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = shop.uploads.keep(jpeg(7), key_id="test")
    times: list[str] = []
    develop, get = colour.develop, Uploads.get
    monkeypatch.setattr(
        colour, "develop", lambda *a, **k: times.append("decoded") or develop(*a, **k)
    )
    monkeypatch.setattr(Uploads, "get", lambda *a, **k: times.append("fetched") or get(*a, **k))
    boxes = [{"x": 0.1 * n, "y": 0.0, "width": 0.5, "height": 1.0} for n in range(4)]
    response = find(upload_id=upload.id, boxes=boxes, limit=1)
    assert [one.box.x for one in response.boxes] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert times == ["fetched", "decoded"]


def test_an_upload_is_searched_again_without_another(find: Shopper, shop: Platform) -> None:
    upload = shop.uploads.keep(jpeg(5), key_id="test")
    assert ids(find(upload_id=upload.id, limit=1)) == ["p05"]
    crop = {"x": 0.0, "y": 0.0, "width": 0.6, "height": 0.6}
    assert find(upload_id=upload.id, crop=crop, limit=1).results
    with pytest.raises(NotFound):
        find(upload_id=upload.id, key_id="other")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "something to search for"),
        (
            {"product_id": "acme:p01", "crop": {"x": 0, "y": 0, "width": 1, "height": 1}},
            "one photo",
        ),
        ({"text": "mug", "facets": ["colour"]}, "no facet"),
        ({"cursor": "nonsense"}, "start again"),
        ({"text": "mug", "less_like": ["acme:p03"]}, "`exclude` or `filter`"),
        (
            {"more_like": ["acme:p01"], "less_like": ["acme:p03"], "rocchio": {"more": 0}},
            "`exclude` or `filter`",
        ),
        (
            {"product_id": "acme:p01", "text": "mug", "fusion": {"image": 0, "text": 0}},
            "raise `image` or `text`",
        ),
    ],
)
def test_what_says_nothing_is_refused(find: Shopper, query: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        find(**query)


def test_a_photo_and_a_product_are_two_questions(find: Shopper) -> None:
    with pytest.raises(Invalid, match="not by both"):
        find(1, product_id="acme:p02")


def test_without_redis_there_is_an_answer_and_no_next_page(
    shop: Platform, find: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise Unavailable("Redis does not answer")

    monkeypatch.setattr(shop.short_lived.__class__, "put", away)
    response = find(0, limit=3)
    assert len(response.results) == 3
    assert response.next_cursor is None


def test_what_finds_nothing_is_counted(find: Shopper, shop: Platform) -> None:
    for _ in range(2):
        assert find(text="Zzyzx", filter={"brand": "Tern"}).results == []
    assert find(3, filter={"brand": "Nobody"}).results == []
    with shop.sessions() as session:
        counted = session.execute(
            select(EmptySearch.kind, EmptySearch.text, EmptySearch.filter, EmptySearch.searches)
        ).all()
    assert sorted((row[0], row[1], row[2], row[3]) for row in counted) == [
        ("image", "", {"brand": "Nobody"}, 1),
        ("text", "zzyzx", {"brand": "Tern"}, 2),
    ]


def test_a_ranking_that_does_not_grow_ends(find: Shopper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deeper and deeper searches, of which nothing is left to show."""
    monkeypatch.setattr(ranking, "NEIGHBOURS", 1)
    monkeypatch.setattr(service, "_LEAST_GROWTH", 2)
    monkeypatch.setattr(service, "_GROWTH", 2)
    with deadline.within(20):
        page = find(product_id="acme:p03", min_score=0.9999, limit=1)
        assert page.results == []
        rare = {"any": [{"attributes.color": "red"}, {"attributes.color": "none"}]}
        monkeypatch.setattr(ranking, "_FEW_PRODUCTS", 1)
        assert len(find(4, filter=rare, limit=COUNT).results) == 6


def test_facets_of_another_order_are_exact_only_if_all_were_counted(
    find: Shopper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "SORTED_DEPTH", 6)
    monkeypatch.setattr(ranking, "FACET_DEPTH", 6)
    (facet,) = find(product_id="acme:p03", sort="price_asc", facets=["brand"], limit=2).facets
    assert (facet.exact, facet.products) == (False, 6)


def test_excluded_products_still_vote_on_the_category(find: Shopper) -> None:
    whole = find(0, limit=3)
    left = find(0, limit=3, exclude=[f"acme:{sku(number)}" for number in range(6)])
    filtered = find(0, limit=3, filter={"category": "shoes"})
    liked = find(0, limit=3, more_like=["acme:p17"])
    assert whole.category is not None
    for other in (left, filtered, liked):
        assert other.category is not None
        assert other.category.candidates[0].category == whole.category.candidates[0].category
        assert other.category.confidence == pytest.approx(whole.category.confidence, abs=0.01)


def test_a_page_of_an_index_that_was_made_anew_says_so(find: Shopper, shop: Platform) -> None:
    page = find(0, limit=3)
    kept = shop.search_memory.recall(page.search_id, key_id="test")
    kept.question["generation"] = 999
    shop.search_memory.keep(page.search_id, kept)
    with pytest.raises(Conflict, match="Search again"):
        find(cursor=page.next_cursor, limit=3)


def test_a_later_page_that_cannot_be_kept_is_the_last(
    find: Shopper, shop: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "NEIGHBOURS", 1)
    monkeypatch.setattr(service, "_LEAST_GROWTH", 10)
    first = find(0, limit=3)

    def away(*_: Any) -> None:
        raise Unavailable("Redis does not answer")

    monkeypatch.setattr(shop.short_lived.__class__, "put", away)
    assert find(cursor=first.next_cursor, limit=6).next_cursor is None
