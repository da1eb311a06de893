"""The auction, recounted in fractions by a naive loop; and what no bidder should have to fear."""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.ads.auction import Bid, Terms, Winner, always, reserve_micros, run, score, worth_micros

MOST = 10**15
# Numbers whose products are exact in floats, so that a naive loop in fractions agrees to the micro,
# and few enough of them that scores are often equal.
EXACT = st.sampled_from([0.125, 0.25, 0.5, 0.75, 1.0])
ROUGH = st.floats(0, 1, allow_subnormal=True)
MONEY = st.integers(1, MOST)
EXPONENTS = st.sampled_from([0.0, 0.5, 1.0, 2.0])


@st.composite
def auctions(
    draw: st.DrawFn,
    *,
    numbers: st.SearchStrategy[float] = ROUGH,
    money: st.SearchStrategy[int] = MONEY,
    exponents: st.SearchStrategy[float] = EXPONENTS,
) -> tuple[list[Bid], Terms, frozenset[tuple[int, int]]]:
    """Bids, terms, and the (creative, position) pairs that are refused."""
    bids = []
    for creative in range(1, draw(st.integers(0, 8)) + 1):
        how = draw(st.sampled_from(["cpc", "cpm", "cpa"]))
        bids.append(
            Bid(
                creative_id=creative,
                campaign_id=draw(st.integers(1, 3)),
                advertiser=draw(st.sampled_from("abcd")),
                bid_type=how,
                bid_micros=max(draw(money), 1000 if how == "cpm" else 1),
                probability=1.0 if how == "cpm" else draw(numbers),
                relevance=draw(numbers),
                reserve_micros=draw(st.sampled_from([0, 0, 1, 2500, 10**6])),
            )
        )
    terms = Terms(
        slots=draw(st.integers(1, 5)),
        exponent=draw(exponents),
        floor_micros=draw(st.sampled_from([0, 0, 1, 1700, 10**7])),
        same_advertiser=draw(st.booleans()),
    )
    pairs = st.tuples(st.integers(1, 8), st.integers(1, 5))
    return bids, terms, draw(st.frozensets(pairs, max_size=8))


def refusing(bids: list[Bid], refused: frozenset[tuple[int, int]]) -> Callable[[int, int], bool]:
    return lambda index, position: (bids[index].creative_id, position) not in refused


def fraction_score(bid: Bid, price: int, exponent: float) -> Fraction:
    return Fraction(price) * Fraction(bid.probability) * Fraction(bid.relevance) ** int(exponent)


def naively(
    bids: list[Bid], terms: Terms, refused: frozenset[tuple[int, int]]
) -> dict[int, tuple[int, int]]:
    """Creative and price by position; the price is divided out, in fractions."""
    most = {
        bid.creative_id: bid.bid_micros // (1000 if bid.bid_type == "cpm" else 1) for bid in bids
    }
    reserve = {
        bid.creative_id: Fraction(max(bid.reserve_micros, terms.floor_micros), 1000) for bid in bids
    }
    left = [
        bid
        for bid in bids
        if most[bid.creative_id] * Fraction(bid.probability) >= reserve[bid.creative_id]
    ]
    found = {}
    for position in range(1, terms.slots + 1):
        here = [bid for bid in left if (bid.creative_id, position) not in refused]
        here.sort(
            key=lambda bid: (
                -fraction_score(bid, most[bid.creative_id], terms.exponent),
                bid.creative_id,
            )
        )
        if not here:
            continue
        winner = here[0]
        rivals = [bid for bid in here if bid.advertiser != winner.advertiser]
        bounds = [Fraction(1), reserve[winner.creative_id] / Fraction(winner.probability)]
        if rivals:
            rival = rivals[0]
            needed = fraction_score(rival, most[rival.creative_id], terms.exponent)
            exactly = needed / fraction_score(winner, 1, terms.exponent)
            # Equal scores go to the lower id, so the other one has to score more.
            behind = winner.creative_id > rival.creative_id and exactly.denominator == 1
            bounds.append(exactly + 1 if behind else exactly)
        found[position] = (winner.creative_id, math.ceil(max(bounds)))
        if terms.same_advertiser:
            left = [bid for bid in left if bid.creative_id != winner.creative_id]
        else:
            left = [bid for bid in left if bid.advertiser != winner.advertiser]
    return found


@given(
    auctions(numbers=EXACT, money=st.integers(1, 5000), exponents=st.sampled_from([0.0, 1.0, 2.0]))
)
def test_slots_and_prices_are_those_of_a_naive_loop(
    auction: tuple[list[Bid], Terms, frozenset[tuple[int, int]]],
) -> None:
    bids, terms, refused = auction
    winners = run(bids, terms, refusing(bids, refused))
    assert {
        one.position: (bids[one.at].creative_id, one.price_micros) for one in winners
    } == naively(bids, terms, refused)


@given(auctions())
def test_a_price_lies_between_the_reserve_and_the_bid(
    auction: tuple[list[Bid], Terms, frozenset[tuple[int, int]]],
) -> None:
    bids, terms, refused = auction
    for one in run(bids, terms, refusing(bids, refused)):
        bid = bids[one.at]
        most = bid.bid_micros // 1000 if bid.bid_type == "cpm" else bid.bid_micros
        assert 1 <= one.expected_micros <= one.price_micros <= most
        assert one.price_micros * bid.probability >= reserve_micros(bid, terms)
        assert one.expected_micros >= min(one.price_micros * bid.probability, one.price_micros)
        assert one.score == score(bid, terms) > 0


@given(auctions(), st.randoms(use_true_random=False))
def test_the_order_of_the_bids_changes_nothing(
    auction: tuple[list[Bid], Terms, frozenset[tuple[int, int]]], random: object
) -> None:
    bids, terms, refused = auction
    shuffled = list(bids)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def told(bids: list[Bid]) -> list[tuple[int, Winner]]:
        winners = run(bids, terms, refusing(bids, refused))
        return [(bids[one.at].creative_id, replace(one, at=0)) for one in winners]

    assert told(shuffled) == told(bids)


@given(auctions(), st.data())
def test_a_winner_keeps_its_position_or_a_better_one_with_any_bid_from_its_price_on(
    auction: tuple[list[Bid], Terms, frozenset[tuple[int, int]]], data: st.DataObject
) -> None:
    bids, terms, refused = auction
    winners = run(bids, terms, refusing(bids, refused))
    if not winners:
        return
    one = data.draw(st.sampled_from(winners))
    price = data.draw(st.one_of(st.just(one.price_micros), st.integers(one.price_micros, MOST)))
    bid = bids[one.at]
    # Its advertiser's others would stand there instead of it, which is no loss to the advertiser.
    changed = [other for other in bids if other is bid or other.advertiser != bid.advertiser]
    at = changed.index(bid)
    changed[at] = replace(bid, bid_micros=price * (1000 if bid.bid_type == "cpm" else 1))
    again = run(changed, terms, refusing(changed, refused))
    assert next(found.position for found in again if found.at == at) <= one.position


@given(auctions(), st.data())
def test_below_its_price_a_winner_loses_the_position_or_misses_the_reserve(
    auction: tuple[list[Bid], Terms, frozenset[tuple[int, int]]], data: st.DataObject
) -> None:
    bids, terms, refused = auction
    winners = [one for one in run(bids, terms, refusing(bids, refused)) if one.price_micros > 1]
    if not winners:
        return
    one = data.draw(st.sampled_from(winners))
    bid = bids[one.at]
    less = data.draw(st.integers(1, one.price_micros - 1))
    changed = list(bids)
    changed[one.at] = replace(bid, bid_micros=less * (1000 if bid.bid_type == "cpm" else 1))
    again = run(changed, terms, refusing(changed, refused))
    assert not [found for found in again if found.at == one.at and found.position == one.position]


@given(auctions(), st.data())
def test_a_loser_that_bids_more_and_still_loses_makes_nobody_pay_less(
    auction: tuple[list[Bid], Terms, frozenset[tuple[int, int]]], data: st.DataObject
) -> None:
    bids, terms, refused = auction
    before = run(bids, terms, refusing(bids, refused))
    losers = sorted(set(range(len(bids))) - {one.at for one in before})
    if not losers:
        return
    at = data.draw(st.sampled_from(losers))
    more = data.draw(st.integers(bids[at].bid_micros, MOST))
    raised = [*bids[:at], replace(bids[at], bid_micros=more), *bids[at + 1 :]]
    after = run(raised, terms, refusing(bids, refused))
    if [(one.at, one.position) for one in after] != [(one.at, one.position) for one in before]:
        return
    for was, now in zip(before, after, strict=True):
        assert now.price_micros >= was.price_micros


@given(auctions())
def test_nobody_who_may_stand_in_a_slot_and_has_none_scores_more_than_who_stands_there(
    auction: tuple[list[Bid], Terms, frozenset[tuple[int, int]]],
) -> None:
    bids, terms, refused = auction
    winners = run(bids, terms, refusing(bids, refused))
    stands = {one.position: one for one in winners}
    placed = {one.at: one.position for one in winners}
    owners = {bids[one.at].advertiser: one.position for one in reversed(winners)}
    for at, bid in enumerate(bids):
        takes_part = score(bid, terms) > 0 and worth_micros(bid) >= reserve_micros(bid, terms)
        until = placed.get(at, terms.slots + 1)
        if not terms.same_advertiser:
            until = min(until, owners.get(bid.advertiser, until))
        for position in range(1, until):
            if takes_part and (bid.creative_id, position) not in refused:
                assert stands[position].score >= score(bid, terms)


@given(auctions())
def test_no_creative_comes_twice_and_no_advertiser_unless_it_may(
    auction: tuple[list[Bid], Terms, frozenset[tuple[int, int]]],
) -> None:
    bids, terms, refused = auction
    winners = run(bids, terms, refusing(bids, refused))
    assert len({bids[one.at].creative_id for one in winners}) == len(winners)
    assert len({one.position for one in winners}) == len(winners)
    assert all((bids[one.at].creative_id, one.position) not in refused for one in winners)
    if not terms.same_advertiser:
        assert len({bids[one.at].advertiser for one in winners}) == len(winners)


def a_bid(creative: int, micros: int, advertiser: str = "", **more: object) -> Bid:
    fields: dict[str, object] = {
        "campaign_id": creative,
        "bid_type": "cpc",
        "probability": 0.02,
        "relevance": 1.0,
        **more,
    }
    return Bid(
        creative_id=creative,
        bid_micros=micros,
        advertiser=advertiser or f"advertiser-{creative}",
        **fields,  # type: ignore[arg-type]
    )


def test_the_worked_example_of_the_documents() -> None:
    bids = [
        a_bid(1, 500_000, probability=0.02, relevance=0.8),
        a_bid(2, 9_000_000, bid_type="cpm", probability=1.0, relevance=0.8),
        a_bid(3, 20_000_000, bid_type="cpa", probability=0.0005, relevance=0.6),
        a_bid(4, 900_000, probability=0.004, relevance=0.9),
    ]
    terms = Terms(slots=2, exponent=1.0, floor_micros=4_000_000)
    assert [worth_micros(bid) for bid in bids] == pytest.approx([10_000, 9_000, 10_000, 3_600])
    assert [score(bid, terms) for bid in bids] == pytest.approx([8_000, 7_200, 6_000, 3_240])
    # 7,200 / (0.02 × 0.8), and 6,000 / (1 × 0.8).
    assert run(bids, terms) == [
        Winner(0, 1, 450_000, 9_000, pytest.approx(8_000)),
        Winner(1, 2, 7_500, 7_500, pytest.approx(7_200)),
    ]
    alone = run(bids[:1], Terms(slots=2, floor_micros=4_000_000))
    assert [one.price_micros for one in alone] == [200_000]
    squashed = run(bids, replace(terms, exponent=0.5))
    assert [one.at for one in squashed] == [0, 1]
    assert [one.at for one in run(bids, replace(terms, exponent=0.0))] == [0, 2]


@pytest.mark.parametrize("same_advertiser", [False, True])
def test_an_advertiser_is_never_priced_by_its_own(same_advertiser: bool) -> None:
    bids = [a_bid(1, 900, "a"), a_bid(2, 800, "a"), a_bid(3, 300, "b")]
    winners = run(bids, Terms(slots=2, same_advertiser=same_advertiser))
    second = Winner(1, 2, 300, 6, 16.0) if same_advertiser else Winner(2, 2, 1, 1, 6.0)
    assert winners == [Winner(0, 1, 300, 6, 18.0), second]


def test_a_position_that_nobody_may_have_stays_empty() -> None:
    bids = [a_bid(1, 900), a_bid(2, 800)]
    winners = run(bids, Terms(slots=3), lambda index, position: position > 1)
    assert [(one.at, one.position) for one in winners] == [(0, 2), (1, 3)]
    # Whoever may not stand there does not price it.
    first = run(bids, Terms(slots=1), lambda index, position: index == 0)
    assert [one.price_micros for one in first] == [1]


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_what_is_no_number_above_zero_takes_no_part(wrong: float, exponent: float) -> None:
    bids = [a_bid(1, 900, relevance=wrong), a_bid(2, 100)]
    shown = [one.at for one in run(bids, Terms(slots=2, exponent=exponent))]
    # No relevance is without bound; where it does not count, that does not matter.
    assert shown == ([0, 1] if wrong == math.inf and exponent == 0 else [1])
    bids = [a_bid(1, 900, probability=wrong), a_bid(2, 100)]
    winners = run(bids, Terms(slots=2, exponent=exponent))
    assert [one.at for one in winners] == ([0, 1] if wrong == math.inf else [1])


def test_the_greatest_bids_and_the_smallest_chances_keep_their_bounds() -> None:
    for chance in (1.0, 1e-9, 1e-300, 5e-324):
        bids = [
            a_bid(1, MOST, probability=chance),
            a_bid(2, MOST - 1, probability=chance),
        ]
        for one in run(bids, Terms(slots=2)):
            assert 1 <= one.expected_micros <= one.price_micros <= MOST
    winners = run([a_bid(1, MOST, probability=1.0), a_bid(2, MOST - 1, probability=1.0)], Terms(1))
    assert [one.price_micros for one in winners] == [MOST - 1]


def test_a_thousandth_of_a_cpm_bid_is_rounded_down() -> None:
    cpm = {"bid_type": "cpm", "probability": 1.0}
    bids = [a_bid(1, 2_999, **cpm), a_bid(2, 2_000, **cpm)]
    assert [worth_micros(bid) for bid in bids] == [2, 2]
    assert [(one.at, one.price_micros) for one in run(bids, Terms(2))] == [(0, 2), (1, 1)]
    # What could not be charged does not meet a reserve.
    assert run([a_bid(1, 2_999, **cpm, reserve_micros=2_500)], Terms(1)) == []
    assert run([a_bid(1, 999, **cpm)], Terms(1)) == []


def test_everybody_is_allowed_unless_somebody_says_otherwise() -> None:
    assert always(0, 1)
    assert run([], Terms(slots=20)) == []
