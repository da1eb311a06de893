"""What a search leaves behind comes back as it was, and to its own key alone."""

import numpy as np
import pytest

from vitrine.errors import NotFound
from vitrine.search.memory import Ranked, Remembered, SearchMemory


class Shelf:
    """Keeps bytes as Redis does."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], tuple[bytes, int]] = {}

    def put(self, kind: str, id: str, value: bytes, seconds: int) -> None:
        self.kept[kind, id] = (value, seconds)

    def get(self, kind: str, id: str) -> bytes | None:
        found = self.kept.get((kind, id))
        return found[0] if found else None


def remembered(with_map: bool) -> Remembered:
    random = np.random.default_rng(0)
    return Remembered(
        key_id="a",
        model="digest",
        collection="images_1",
        question={"text": "rote Tasse 蓝色", "limit": 5},
        vectors=random.normal(size=(2, 8)).astype(np.float32),
        map=random.normal(size=(3, 2, 4)).astype(np.float16) if with_map else None,
        ranking=[Ranked(7, 12, 0.5, None, {"image": 0.5}), Ranked(3, None, bm25=7.25)],
        complete=True,
        upload_id="u" * 22,
        crop=(0.1, 0.2, 0.3, 0.4) if with_map else None,
    )


@pytest.mark.parametrize("with_map", [True, False])
def test_it_comes_back_as_it_was(with_map: bool) -> None:
    memory, one = SearchMemory(Shelf(), seconds=900), remembered(with_map)
    memory.keep("id", one)
    back = memory.recall("id", key_id="a")
    assert (back.vectors == one.vectors).all()
    assert (back.map is None) == (not with_map)
    if back.map is not None and one.map is not None:
        assert (back.map == one.map).all()
    for name in ("key_id", "question", "ranking", "complete", "upload_id", "crop", "model"):
        assert getattr(back, name) == getattr(one, name)


def test_it_is_kept_as_long_as_said() -> None:
    shelf = Shelf()
    SearchMemory(shelf, seconds=77).keep("id", remembered(False))
    assert [seconds for _, seconds in shelf.kept.values()] == [77]


def test_another_key_finds_nothing() -> None:
    memory = SearchMemory(Shelf(), seconds=900)
    memory.keep("id", remembered(False))
    for search_id, key_id in (("id", "b"), ("other", "a")):
        with pytest.raises(NotFound, match="15 minutes"):
            memory.recall(search_id, key_id=key_id)
