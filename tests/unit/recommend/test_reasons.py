"""Reasons name the product that a recommendation went out from, while it is there."""

from datetime import UTC, datetime

import pytest

from vitrine.recommend.profile import Profile
from vitrine.recommend.proposals import (
    BOUGHT_TOGETHER,
    FOR_YOU,
    NEW,
    RECENTLY_VIEWED,
    SIMILAR,
    SOURCES,
    TRENDING,
    Candidate,
)
from vitrine.recommend.reasons import named_products, reasons_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NAMES = {1: ("acme:mug", "Blue mug"), 2: ("acme:bowl", "Red bowl"), 3: ("acme:cup", "Cup")}
PROFILE = Profile("m", viewed={1: NOW, 2: NOW}, bought={2: NOW})


def said(source: str, because: int | None = None) -> tuple[str, str | None]:
    candidate = Candidate(9, scores={source: 1.0})
    if because is not None:
        candidate.because[source] = because
    (reason,) = reasons_of(candidate, PROFILE, NAMES, "home/kitchen/tea-pots")
    assert reason.source == source
    return reason.text, reason.product_id


@pytest.mark.parametrize(
    ("source", "because", "expected"),
    [
        (FOR_YOU, 1, ("Because you viewed Blue mug", "acme:mug")),
        (FOR_YOU, 2, ("Because you bought Red bowl", "acme:bowl")),
        (FOR_YOU, 3, ("Because you liked Cup", "acme:cup")),
        (SIMILAR, 1, ("Looks like Blue mug", "acme:mug")),
        (BOUGHT_TOGETHER, 1, ("Often in one basket with Blue mug", "acme:mug")),
        (TRENDING, None, ("Popular now", None)),
        (NEW, None, ("New in tea pots", None)),
        (RECENTLY_VIEWED, None, ("You viewed it lately", None)),
    ],
)
def test_each_source_in_words(
    source: str, because: int | None, expected: tuple[str, str | None]
) -> None:
    assert said(source, because) == expected


@pytest.mark.parametrize("source", SOURCES)
def test_a_product_that_is_gone_is_not_named(source: str) -> None:
    text, product = said(source, because=99)
    assert text
    assert "None" not in text
    assert product is None


def test_reasons_come_strongest_first_and_their_products_are_told() -> None:
    one = Candidate(
        9, scores={TRENDING: 1.0, SIMILAR: 0.5, FOR_YOU: 0.4}, because={SIMILAR: 1, FOR_YOU: 2}
    )
    assert [reason.source for reason in reasons_of(one, PROFILE, NAMES, "a")] == [
        SIMILAR, FOR_YOU, TRENDING,
    ]  # fmt: skip
    assert named_products([one, Candidate(10, because={SIMILAR: 3})]) == {1, 2, 3}
