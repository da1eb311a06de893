"""The log-likelihood ratio, recomputed cell by cell."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.recommend.pairs import strongest
from vitrine.recommend.significance import log_likelihood_ratios


def naive(both: int, first: int, second: int, people: int) -> float:
    """Twice the sum of observed · log(observed / expected), as Dunning writes it."""
    table = [[both, first - both], [second - both, people - first - second + both]]
    rows = [sum(row) for row in table]
    columns = [sum(column) for column in zip(*table, strict=True)]
    if both * people <= first * second:
        return 0.0
    total = 0.0
    for r in range(2):
        for c in range(2):
            if table[r][c]:
                total += table[r][c] * log(table[r][c] * people / (rows[r] * columns[c]))
    return 2 * total


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int, int, int]:
    both = draw(st.integers(0, 50))
    first, second = both + draw(st.integers(0, 500)), both + draw(st.integers(0, 500))
    people = first + second - both + draw(st.integers(0, 10_000))
    return both, first, second, max(people, 1)


@given(counts())
def test_as_a_naive_loop_has_it(one: tuple[int, int, int, int]) -> None:
    both, first, second, people = one
    found = log_likelihood_ratios(*(np.array([n]) for n in (both, first, second)), people)
    assert found[0] == pytest.approx(naive(*one), abs=1e-6, rel=1e-6)


def test_the_example_of_a_textbook() -> None:
    # Everybody who took one took the other, of 1,000 people: G² of 10 in 10 of 1,000.
    (found,) = log_likelihood_ratios(np.array([10]), np.array([10]), np.array([10]), 1000)
    assert found == pytest.approx(112.0, abs=0.1)


def test_what_is_together_less_than_by_chance_is_no_pair() -> None:
    found = log_likelihood_ratios(
        np.array([1, 90]), np.array([500, 100]), np.array([500, 900]), 1000
    )
    assert found.tolist() == [0.0, 0.0]


def test_the_strongest_companions_of_each_product() -> None:
    products = np.array([1, 2, 1, 2, 1, 3])
    strengths = np.array([5.0, 30.0, 20.0, 11.0, 40.0, 2.0])
    kept = strongest(products, strengths, least=10.0, most=1)
    assert sorted(kept.tolist()) == [1, 4]
    assert sorted(strongest(products, strengths, least=10.0, most=9).tolist()) == [1, 2, 3, 4]
    assert strongest(products, strengths, least=99.0, most=9).tolist() == []
