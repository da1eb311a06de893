"""bench/search_text.py: listings read as a seller would write them, and questions made of them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from PIL import Image
from rapidfuzz.distance import OSA

BENCH = Path(__file__).parents[3] / "bench"
HEADER = "path,label,title,category,retail_price,discounted_price,brand,description\n"
ROWS = (
    'a.jpg,a,Tern Blue Mug,"Kitchen & Dining > Coffee Mugs > Tern Coffee Mugs > Tern Blue M...",'
    '20.0,12.5,Tern,"A mug. Specifications Material Ceramic Color Blue, Gray Dimensions 9 cm"\n'
    'b.jpg,b,Gull G7 Analog Watch,"Watches > Wrist Watches > Gull Wrist Watches",99.0,,,A watch.\n'
)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    monkeypatch.syspath_prepend(str(BENCH))
    import _flipkart
    import _shoppers

    yield {"flipkart": _flipkart, "shoppers": _shoppers}
    for name in ("_flipkart", "_shoppers", "_shop"):
        sys.modules.pop(name, None)


@pytest.fixture
def items(bench: dict[str, ModuleType], tmp_path: Path) -> list:
    (tmp_path / "images.csv").write_text(HEADER + ROWS)
    return bench["flipkart"].read_items(tmp_path)


def test_a_listing_says_what_its_seller_would_say(items: list) -> None:
    mug = items[0].listing.product
    assert mug.category == "kitchen-dining/coffee-mugs"
    assert mug.brand == "Tern"
    assert f"{mug.price}" == "12.50"
    assert mug.attributes == {"color": ["blue", "grey"], "material": ["ceramic"]}
    assert items[0].leaf == "Coffee Mugs"
    assert items[0].colours == {"blue", "grey"}


def test_without_a_brand_the_category_does_not_say_it_either(items: list) -> None:
    watch = items[1].listing.product
    assert watch.category == "watches/wrist-watches"
    assert f"{watch.price}" == "99.00"
    assert watch.attributes == {}


def test_a_typo_is_one_slip_in_one_word(bench: dict[str, ModuleType]) -> None:
    title = "Tern Blue Ceramic Mug of 300 ml"
    for seed in range(200):
        typed = bench["shoppers"].with_typo(title, Random(seed))
        changed = [
            (before, after)
            for before, after in zip(title.split(), typed.split(), strict=True)
            if before != after
        ]
        assert len(changed) == 1
        before, after = changed[0]
        assert before in {"Tern", "Blue", "Ceramic"}
        assert OSA.distance(before, after) == 1
    assert bench["shoppers"].with_typo("A 300 ml mug", Random(1)) is None


def test_words_of_a_title_never_say_the_brand(bench: dict[str, ModuleType], items: list) -> None:
    mug, watch = items
    some_words = bench["shoppers"].some_words
    assert some_words(mug, Random(1)) == "blue mug"
    # No brand is listed: the first word is taken for it, and "G7" is no word.
    assert some_words(watch, Random(1)) == "analog watch"
    assert some_words(mug, Random(1), 3) is None


def test_the_last_word_is_only_begun(bench: dict[str, ModuleType]) -> None:
    begun, two_begun = bench["shoppers"].begun, bench["shoppers"].two_begun
    found = {begun("Tern Blue Ceramic - 9 cm", Random(seed)) for seed in range(50)}
    assert found == {f"Tern Blue {'Ceramic'[:end]}" for end in range(3, 7)}
    assert {two_begun("Tern Ceramic Mug", Random(seed)) for seed in range(50)} == {
        f"Tern {'Ceramic'[:end]}" for end in range(3, 7)
    }
    assert begun("A mug", Random(1)) is None
    assert two_begun("Tern Mug Ceramic", Random(1)) is None


def test_a_part_of_a_photo_keeps_40_to_70_percent_of_it(bench: dict[str, ModuleType]) -> None:
    import io

    photo = Image.new("RGB", (300, 200), "red")
    for seed in range(30):
        part = Image.open(io.BytesIO(bench["shoppers"].part_of(photo, Random(seed))))
        assert 0.38 <= part.width * part.height / (300 * 200) <= 0.71
    same = [bench["shoppers"].part_of(photo, Random(5)) for _ in range(2)]
    assert same[0] == same[1]
