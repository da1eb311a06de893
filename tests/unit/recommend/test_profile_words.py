"""A profile in words, and as a picture."""

import io
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from PIL import Image

from vitrine.recommend.profile import Interest, PriceBand, Profile
from vitrine.recommend.profile_sheet import WIDTH, Row, draw_sheet
from vitrine.recommend.profile_words import Described, describe, summarise
from vitrine.recommend.thumbnails import SIDE

AT = datetime(2026, 11, 4, 9, tzinfo=UTC)
MUG = Described("home/kitchen/mugs", Decimal(12), "blue")
RED_MUG = Described("home/kitchen/mugs", Decimal(12), "red")
BOOT = Described("shoes/boots", Decimal(27), None)


def said(*products: Described | None) -> str:
    """What is said of an interest in these; None is gone."""
    interest = Interest(1.0, 0, 0, list(range(len(products))), AT)
    there = {id_: one for id_, one in enumerate(products) if one is not None}
    return describe(interest, there, "EUR")


def test_an_interest_says_what_its_products_have_in_common() -> None:
    assert said(MUG, MUG) == "home/kitchen/mugs, blue, around 12.00 EUR; last on 4 November 2026"
    mostly = "Mostly home/kitchen/mugs, blue, around 15.72 EUR; last on 4 November 2026"
    assert said(MUG, MUG, BOOT) == mostly
    assert said(MUG, RED_MUG, RED_MUG, RED_MUG).startswith("home/kitchen/mugs, red, ")
    assert said(BOOT, BOOT, MUG, MUG).startswith(
        "Of several kinds (shoes/boots, home/kitchen/mugs)"
    )
    assert said(None, MUG) == said(MUG)
    assert said(None) == "Products that are no longer sold; last on 4 November 2026"


def test_what_is_free_is_around_no_price() -> None:
    assert said(Described("books", Decimal(0), None)) == "books; last on 4 November 2026"


def test_a_profile_is_summed_up_in_sentences() -> None:
    profile = Profile(
        "a model", 24, AT,
        interests=[Interest(1.0, 1, 1, [1], AT)],
        categories={"shoes": 0.75, "hats": -0.5, "mugs": 0.25, "bags": -0.1},
        brands={"Tern": 1.0},
        price=PriceBand(9.5, 20, 80),
        bought={1: AT},
        hidden={2: AT, 3: AT},
    )  # fmt: skip
    assert summarise(profile, "EUR") == [
        "Made of 24 events, the last on 4 November 2026: 1 interest, 0 dislikes.",
        "Drawn to shoes (75 %), mugs (25 %).",
        "Likes the brand Tern (100 %).",
        "Not interested in hats (50 %).",
        "Looks at prices from 9.50 to 80.00 EUR, mostly around 20.00.",
        "Bought 1 product.",
        "Hid 2 products.",
    ]
    assert summarise(Profile("a model"), "EUR") == ["Nothing is known of this person yet."]


def test_the_picture_shows_the_products_and_what_they_weigh() -> None:
    red = Image.new("RGB", (SIDE, SIDE), (250, 0, 0))
    rows = [Row("word " * 60, weight, 20, [red, None]) for weight in (0.75, 0.25)]

    def drawn(*rows: Row) -> np.ndarray:
        sheet = Image.open(io.BytesIO(draw_sheet(["Of 2 events.", "x" * 300], rows, [])))
        assert sheet.format == "PNG" and sheet.width == WIDTH
        return np.asarray(sheet.convert("RGB")).astype(int)

    one, two = drawn(rows[0]), drawn(*rows)
    assert two.shape[0] > one.shape[0]
    assert [(sheet == (250, 0, 0)).all(2).sum() for sheet in (one, two)] == [SIDE**2, 2 * SIDE**2]
    light, heavy = ((drawn(row) == (56, 132, 60)).all(2).sum() for row in reversed(rows))
    assert heavy - light > 300, "the bar is longer"
