"""What the words of a question mean, given the words of a catalogue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine import deadline
from vitrine.errors import Unavailable
from vitrine.index.text_words import words
from vitrine.retrieval import lexicon
from vitrine.retrieval.lexicon import Known, Lexicon
from vitrine.retrieval.words import Correction, understand

CATALOGUE = Lexicon(
    [
        Known("mug", 9, 9),
        Known("mugs", 2, 2),
        Known("rug", 3, 3),
        Known("shirt", 5, 5),
        Known("tshirt", 4, 4),
        Known("headphones", 2, 2),
        Known("moonlight", 2, 2),
        Known("blue", 7, 8),
        Known("schüssel", 1, 1),
        Known("slovenia", 0, 1),
        Known("蓝色", 1, 1),
        Known("马克杯", 1, 1),
        Known("501", 1, 1),
    ],
    products=20,
)


def corrected(text: str) -> list[tuple[str, str]]:
    return [(one.typed, one.meant) for one in understand(text, CATALOGUE).corrections]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("shrit now", [("shrit", "shirt")]),  # two letters swapped are one typo
        ("mig x", [("mig", "mug")]),
        ("lug x", [("lug", "mug")]),  # of equally near words that of more products
        ("moonligth x", [("moonligth", "moonlight")]),
        ("monligth x", [("monligth", "moonlight")]),  # two typos in a long word
        ("blxx x", []),  # two typos in a short one
        ("schusel x", [("schusel", "schüssel")]),
        ("502 x", []),  # another number is another thing
        ("bluemug x", [("bluemug", "blue mug")]),
        ("slovenia x", []),  # only a description has it
        ("Mugs x", []),
    ],
)
def test_an_unknown_word_is_corrected(typed: str, expected: list[tuple[str, str]]) -> None:
    found = [one for one in corrected(typed) if one[0] not in {"x", "now"}]
    assert found == expected


def test_what_was_typed_is_searched_for_as_well() -> None:
    understood = understand("shrit blue", CATALOGUE)
    assert understood.query == "shrit shirt blue"
    assert understood.corrections == (Correction("shrit", "shirt"),)


def test_the_last_word_is_completed_until_a_blank_follows() -> None:
    assert understand("blue moonl", CATALOGUE).completed == ("moonlight",)
    assert understand("blue moonl ", CATALOGUE).completed == ()
    assert understand("moonl blue", CATALOGUE).completed == ()
    assert understand("蓝色马", CATALOGUE).completed == ("马克杯",)
    assert understand("蓝色马克杯", CATALOGUE).completed == ()


def test_words_written_as_two_are_put_together() -> None:
    assert "headphones" in understand("head phones", CATALOGUE).query.split()
    assert "tshirt" in understand("t shirt", CATALOGUE).query.split()


def test_a_form_that_was_typed_already_is_not_added() -> None:
    assert understand("T-shirt", CATALOGUE).query == "t shirt tshirt"
    assert understand("t shirt", CATALOGUE).query == "t tshirt shirt"


def test_the_first_few_unknown_words_are_corrected() -> None:
    typos = "muug ruug shiirt bluue muggs moonnlight headphonnes"
    assert [one.typed for one in understand(f"{typos} x", CATALOGUE).corrections] == (
        typos.split()[:6]
    )
    assert set(typos.split()) <= set(understand(f"{typos} x", CATALOGUE).query.split())
    again = understand(f"{'muug ' * 8}", CATALOGUE).corrections
    assert len(again) == 8, "one word typed again is looked for once"


def test_a_word_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Lexicon([Known("mug", 1, 1)], products=1)
    before = [fresh.corrected("muug"), fresh.corrected("zebra")]
    monkeypatch.setattr(lexicon, "process", None)
    assert [fresh.corrected("muug"), fresh.corrected("zebra")] == before == ["mug", None]


def test_no_word_is_looked_for_when_the_time_is_over() -> None:
    with deadline.within(-1):
        assert understand("blue mug", CATALOGUE).query == "blue mug"
        with pytest.raises(Unavailable):
            understand("bluue mug", CATALOGUE)


@given(st.lists(st.sampled_from(["mug", "MUGS", "rug", "Schüssel", "slovenia", "501"]), min_size=1))
def test_a_known_word_is_never_changed(typed: list[str]) -> None:
    understood = understand(" ".join(typed), CATALOGUE)
    assert understood.query.split() == list(words(" ".join(typed)))[:40]
    assert understood.corrections == understood.completed == ()


@given(st.text(max_size=60))
def test_no_word_that_was_typed_is_lost(typed: str) -> None:
    asked = understand(typed, CATALOGUE).query.split()
    assert set(list(words(typed))[:40]) <= set(asked)
    assert understand(typed, Lexicon()).query.split() == list(words(typed))[:40]


def test_rarer_words_weigh_more_and_every_weight_is_above_zero() -> None:
    rarities = [CATALOGUE.rarity(word) for word in ("mug", "blue", "rug", "501", "zebra")]
    assert rarities == sorted(rarities)
    assert min(rarities) > 0
    assert Lexicon([Known("mug", 5, 5)], products=1).rarity("mug") > 0
