"""How text is cut into words and written for the index."""

import marshal
import tempfile
from pathlib import Path

import jieba
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.index.bm25 import document_vector, query_vector
from vitrine.index.text_words import index_words, load_dictionary, normalise, words


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("蓝色马克杯 Blue mug", "蓝色马克杯 blue mug"),
        ("蓝色Mug", "蓝色 mug"),
        ("Küche, CAFÉ", "kuche cafe"),
        ("T-Shirts", "t shirt tshirt"),
        ("blue-green", "blue green"),
        ("Women’s Levi's", "women levi"),
        ("2.0 l / 12,50", "2p0 l 12p50"),
        ("dresses boxes berries shoes glass bus", "dress box berry shoe glass bus"),
        ("ＦＵＬＬ", "full"),
        (" !? ", ""),
    ],
)
def test_text_is_written_in_one_form(text: str, written: str) -> None:
    assert normalise(text) == written


def test_a_word_of_another_alphabet_stays_one_word() -> None:
    assert len(index_words(normalise("Большая кружка"))) == 2
    assert normalise("Кружка") == normalise("кружка") != normalise("чашка")


def test_han_characters_are_cut_into_words() -> None:
    assert {"蓝色", "马克杯"} <= set(index_words(normalise("蓝色马克杯")))


def test_the_dictionary_is_never_read_from_where_others_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = ({"蓝": 1, "蓝色马克杯": 10**9}, 10**9)
    (tmp_path / "jieba.cache").write_bytes(marshal.dumps(planted))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(jieba, "dt", jieba.Tokenizer())
    load_dictionary()
    assert jieba.dt.initialized
    assert jieba.dt.FREQ["马克杯"] > 0
    assert "蓝色马克杯" not in jieba.dt.FREQ
    assert [file.name for file in tmp_path.iterdir()] == ["jieba.cache"], "and none is written"


@given(st.text(max_size=80))
def test_whatever_is_written_leaves_a_tokenizer_nothing_to_differ_about(text: str) -> None:
    for word in normalise(text).split(" "):
        assert word == word.lower()
        assert word.isascii() is False or word == "" or word.isalnum()
    assert all(len(word) <= 64 for word in words(text))


def test_bm25_is_the_product_of_both_sides() -> None:
    rarity = {"zebra": 3.0, "mug": 0.5}

    def score(document: list[str]) -> float:
        vector = document_vector(document)
        asked = query_vector(["zebra", "mug"], rarity.__getitem__)
        return sum(weight * vector.get(id_, 0.0) for id_, weight in asked.items())

    assert score(["zebra"]) > score(["mug"]) > score(["plate"]) == 0
    assert score(["mug", "mug"]) > score(["mug"])
    assert score(["zebra", *["plate"] * 90]) < score(["zebra"])
