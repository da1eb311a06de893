from hypothesis import given
from hypothesis import strategies as st

from vitrine.media.cid import content_id, is_content_id


def test_known_value() -> None:
    # `printf 'hello world' | ipfs add --cid-version 1 --raw-leaves -Q`
    wanted = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
    assert content_id(b"hello world") == wanted


@given(st.binary(max_size=64))
def test_every_content_id_is_one(data: bytes) -> None:
    cid = content_id(data)
    assert is_content_id(cid)
    assert len(cid) == 59
    assert not is_content_id(cid.upper())
    assert not is_content_id(cid + "a")
    assert not is_content_id(cid[:-1])


@given(st.text(max_size=70))
def test_other_text_is_none(text: str) -> None:
    assert not is_content_id(text)


def test_one_spelling_a_digest() -> None:
    cid = content_id(b"x")
    last = "abcdefghijklmnopqrstuvwxyz234567"
    accepted = [letter for letter in last if is_content_id(cid[:-1] + letter)]
    # The last letter carries three bits: eight of 32 letters are spellings of some digest.
    assert len(accepted) == 8


def test_paths_are_none() -> None:
    for text in ("../../etc/passwd", "b/../" + "a" * 54, "", "b" + "\u00e9" * 58):
        assert not is_content_id(text)
