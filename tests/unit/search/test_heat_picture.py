"""An explanation as a picture: warm where the match is, and drawn whatever the photos are."""

import io

import numpy as np
import pytest
from PIL import Image

from vitrine.search.heat import Match, Pair
from vitrine.search.heat_picture import Side, draw, headline, in_words

WHOLE = (0.0, 0.0, 1.0, 1.0)
CORNER = np.zeros((4, 4))
CORNER[0, 0] = 0.5


def match(*pairs: Pair) -> Match:
    return Match(0.5, CORNER, CORNER[::-1, ::-1], list(pairs))


def drawn(size: tuple[int, int], *pairs: Pair, seen: tuple[float, ...] = WHOLE) -> Image.Image:
    photo = Image.new("RGB", size, (128, 128, 128))
    found = match(*pairs)
    left = Side("your photo", None, found.query_heat, seen)
    right = Side("the product", photo, found.product_heat, seen)
    return Image.open(io.BytesIO(draw(found, left, right)))


def redness(picture: Image.Image, x: int, y: int) -> int:
    red, _, blue = picture.convert("RGB").getpixel((x, y))
    return red - blue


def test_it_is_warm_where_the_match_is_and_only_there() -> None:
    sheet = drawn((400, 400))
    # The first panel stands at (20, 56), 420 pixels a side unless made smaller; it has no photo.
    assert sheet.format == "PNG"
    assert redness(sheet, 30, 70) > 60
    assert abs(redness(sheet, 360, 380)) < 20
    right = sheet.width - 30
    assert redness(sheet, right, 440) > 60
    assert abs(redness(sheet, right - 300, 100)) < 20


def test_heat_lies_on_what_was_seen() -> None:
    part = drawn((400, 400), seen=(0.5, 0.0, 0.5, 1.0))
    # Places end where the model's view does; beyond it the outermost go on.
    assert redness(part, 30, 70) > 60
    assert redness(part, 20 + 215, 70) > 60
    assert abs(redness(part, 20 + 400, 70)) < 20


@pytest.mark.parametrize("size", [(400, 400), (1200, 60), (60, 1200), (20, 20)])
def test_any_photo_can_be_drawn_on(size: tuple[int, int]) -> None:
    pair = Pair((0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5), 0.3)
    sheet = drawn(size, pair, pair, pair)
    assert 640 <= sheet.width <= 900
    assert sheet.height <= 700


def test_a_match_of_nothing_can_be_drawn() -> None:
    nothing = Match(-0.2, -CORNER, -CORNER, [])
    side = Side("your photo", None, nothing.query_heat, WHOLE)
    assert draw(nothing, side, side)


def test_marks_are_drawn_over_the_photo() -> None:
    pair = Pair((0.25, 0.25, 0.5, 0.5), (0.25, 0.25, 0.5, 0.5), 0.3)
    plain, marked = drawn((400, 400)), drawn((400, 400), pair)
    width, height = plain.size
    box = (0, 0, width, height - 50)
    difference = np.asarray(plain.crop(box), int) - np.asarray(marked.crop(box), int)
    assert (np.abs(difference).max(2) > 40).sum() > 500


def test_it_is_said_in_words() -> None:
    assert in_words((0, 0.25, 0.5, 0.5), (0.25, 0, 0.5, 0.5), 0.314) == (
        "The middle left of the photo matches the top of the product's picture: "
        "31 % of the similarity."
    )
    assert in_words((0, 0, 1, 1), (0, 0, 1, 1), 1.8).endswith(
        ": 100 % of the similarity, of which other parts take some away."
    )


@pytest.mark.parametrize("cosine", [-0.3, 0.0, 0.05])
def test_what_is_hardly_alike_is_called_so(cosine: float) -> None:
    assert "hardly alike" in headline(cosine)
    assert "hardly alike" not in headline(0.06)
