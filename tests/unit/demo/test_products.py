import re
from collections import Counter

from vitrine.demo.kinds import KINDS
from vitrine.demo.patterns import PATTERNS
from vitrine.demo.products import catalogue, product
from vitrine.wire import ProductIn


def test_a_product_is_the_same_whatever_the_count() -> None:
    assert catalogue(1, 5) == catalogue(1, 60)[:5]
    assert catalogue(1, 60)[41] == product(1, 41)


def test_another_seed_is_another_shop() -> None:
    ours, theirs = catalogue(1, 30), catalogue(2, 30)
    assert not {one.title for one in ours} & {one.title for one in theirs}
    assert not {one.sku for one in ours} & {one.sku for one in theirs}


def test_every_kind_comes_once_before_any_comes_twice() -> None:
    assert len(KINDS) >= 12
    kinds = [one.design.kind for one in catalogue(3, 3 * len(KINDS))]
    for block in range(3):
        assert set(kinds[block * len(KINDS) : (block + 1) * len(KINDS)]) == set(KINDS)


def test_listings_are_what_the_api_takes() -> None:
    for one in catalogue(4, 150):
        listing = ProductIn.model_validate(one.listing())
        low, high = KINDS[one.design.kind].prices
        assert low <= listing.price < high + 1
        assert listing.category == KINDS[one.design.kind].category
        assert {"color", "material", "pattern", "style"} <= set(listing.attributes)
        assert listing.brand and listing.description and one.sku


def test_colours_are_shared_by_many_products() -> None:
    products = catalogue(1, 300)
    colours = Counter(one.attributes["color"] for one in products)
    assert len(colours) >= 10
    # No colour gives a product away: the rarest still stands on several.
    assert min(colours.values()) >= 5
    assert len({one.sku for one in products}) == 300


def test_kinds_name_patterns_that_exist() -> None:
    for kind in KINDS.values():
        assert set(kind.patterns) <= set(PATTERNS)


def test_descriptions_have_the_right_articles() -> None:
    found = " ".join(one.description for one in catalogue(1, 400))
    assert re.search(r"\bAn [aeiou]", found)
    assert re.search(r"\ban [aeiou]", found)
    assert not re.search(r"\b[Aa] [aeiou]", found), "a before a vowel"
    assert not re.search(r"\b[Aa]n [^aeiou]", found), "an before a consonant"
    assert re.search(r"A pair of [a-z-]+ sunglasses", found)
