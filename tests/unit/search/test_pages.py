"""A cursor is read back as it was written, and nothing else is."""

import pytest

from vitrine.decisions.tokens import new_decision_id
from vitrine.errors import Invalid
from vitrine.search.pages import Cursor


def test_it_comes_back() -> None:
    cursor = Cursor(new_decision_id(), 24, 20)
    assert Cursor.read(str(cursor)) == cursor


X = "x" * 22


@pytest.mark.parametrize(
    "text",
    ["", "20", "a.b.c", f"{X}.1", f"{X}.-1.2", f"{X}.4.5", f"{X}.1.2\n", f"{X}.1.٣"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="start again"):
        Cursor.read(text)
