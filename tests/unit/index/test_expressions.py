"""No value leaves its literal: what `quote` writes is read back by a tokenizer of our own."""

import re
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vitrine.index import expressions

TOKEN = re.compile(
    r"""\s*(?:
        "(?P<text>(?:[^"\\\r\n]|\\["\\nrt])*)"
      | (?P<number>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)
      | (?P<word>[a-z_]+)
      | (?P<sign>==|!=|<=|>=|[<>\[\](),])
    )""",
    re.VERBOSE,
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
WORDS = {"true": True, "false": False}
NASTY = [
    '"',
    "\\",
    '\\"',
    "\n",
    "\r\n",
    "\t",
    "\x00",
    "%",
    "'",
    "{x}",
    "本",
    "𠮷",
    "👗",
    '" or id > 0 or brand == "',
]


def tokens(expression: str) -> list[object]:
    """Split an expression into values (wrapped in a tuple) and other words; fails on leftovers."""
    found: list[object] = []
    at = 0
    while at < len(expression):
        match = TOKEN.match(expression, at)
        assert match, f"cannot read {expression[at:]!r}"
        at = match.end()
        if match["text"] is not None:
            found.append((re.sub(r"\\(.)", lambda m: ESCAPES[m[1]], match["text"]),))
        elif match["number"] is not None:
            number = match["number"]
            found.append((float(number) if re.search(r"[.e]", number) else int(number),))
        else:
            word = match["word"] or match["sign"]
            found.append((WORDS[word],) if word in WORDS else word)
    return found


texts = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
).map("".join)
integers = st.integers(-expressions.INT64_MAX, expressions.INT64_MAX)
floats = st.floats(allow_nan=False, allow_infinity=False)


@given(texts)
def test_a_text_reads_back_as_itself_and_nothing_else(text: str) -> None:
    assert tokens(expressions.quote(text)) == [(text,)]


@given(st.booleans() | integers | floats)
@example(0.1 + 0.2)
@example(5e-324)
@example(1.7976931348623157e308)
def test_a_number_reads_back_exactly(value: float) -> None:
    assert tokens(expressions.quote(value)) == [(value,)]
    assert (expressions.quote(value) in {"true", "false"}) == isinstance(value, bool)


@given(st.decimals(0, 10**12, places=2))
def test_a_price_reads_back_as_its_double(price: Decimal) -> None:
    assert tokens(expressions.quote(price)) == [(float(price),)]


@given(st.lists(texts | integers, min_size=2, max_size=5))
def test_a_list_keeps_its_values_apart(values: list[str | int]) -> None:
    found = tokens(expressions.one_of("brand", values))
    assert found[:3] == ["brand", "in", "["]
    assert found[3::2][: len(values)] == [(value,) for value in values]
    assert found[4::2] == [","] * (len(values) - 1) + ["]"]


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        Decimal("NaN"),
        2**63,
        -(2**63),
        "\ud800",
        "a\udfff",
    ],
)
def test_what_no_literal_can_carry_is_refused(value: expressions.Value) -> None:
    with pytest.raises(ValueError):
        expressions.quote(value)


def test_empty_joins_are_the_constants() -> None:
    assert expressions.all_of([]) == ""
    assert expressions.any_of([]) == expressions.NOTHING
    assert expressions.one_of("brand", []) == expressions.NOTHING
    assert expressions.all_of(["a == 1", "b == 2"]) == "(a == 1) and (b == 2)"
    assert expressions.any_of(["a == 1", "b == 2"]) == "(a == 1) or (b == 2)"
