"""Who gets which slot, and what it costs: a generalised second price with reserve.

Ads stand in the order of what an impression of them is worth, times relevance to a power. Whoever
wins pays the least with which it would still have stood there (Edelman, Ostrovsky and Schwarz 2007;
Varian 2007). The power squashes relevance or stretches it, as Lahaie and Pennock (2007) do it to
the click rate: at 0 money alone counts, and the greater it is, the more relevance does.

An advertiser is never priced by its own: were one of its creatives gone, another of them would
stand there, so what the slot costs is what somebody else would have paid for it. So a second
creative is never a reason to pay more.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Allowed = Callable[[int, int], bool]
"""Whether the bid with this index may stand in this position (from 1)."""


@dataclass(frozen=True, slots=True)
class Bid:
    """One creative that might be shown.

    `bid_micros` is the most for a click (cpc), a conversion (cpa) or a thousand impressions (cpm),
    `probability` that an impression brings what is paid for, 1 for cpm; `reserve_micros` is what a
    thousand impressions have to be worth. Creatives differ in their ids.
    """

    creative_id: int
    campaign_id: int
    advertiser: str
    bid_type: str
    bid_micros: int
    probability: float
    relevance: float
    reserve_micros: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What the place asks for; `floor_micros` is the least that a thousand impressions are worth.

    With `same_advertiser` one advertiser may have several slots, with creatives of one campaign
    too; without it one. A creative never has two.
    """

    slots: int
    exponent: float = 1.0
    floor_micros: int = 0
    same_advertiser: bool = False


@dataclass(frozen=True, slots=True)
class Winner:
    """The bid at index `at` stands in `position`, from 1; a slot that nobody may have stays empty.

    `price_micros` is for one click, conversion or impression; `expected_micros` for one impression.
    """

    at: int
    position: int
    price_micros: int
    expected_micros: int
    score: float


def always(index: int, position: int) -> bool:
    """Allow every bid everywhere."""
    return True


def worth_micros(bid: Bid) -> float:
    """Tell what an impression is worth to who bids: 0 if that is no number above 0.

    Prices are whole micros, so of a bid for a thousand impressions the thousandth counts, rounded
    down: more than that could not be charged.
    """
    return _most(bid) * _chance(bid)


def score(bid: Bid, terms: Terms) -> float:
    """Tell what bids are ordered by: 0 for one that cannot take part, the reserve aside."""
    return worth_micros(bid) * _weight(bid, terms)


def reserve_micros(bid: Bid, terms: Terms) -> float:
    """Tell what an impression has to be worth, at least."""
    return max(terms.floor_micros, bid.reserve_micros) / 1000


def run(bids: Sequence[Bid], terms: Terms, allowed: Allowed = always) -> list[Winner]:
    """Fill the slots from the first, each with the best that is left and allowed there.

    Equal scores go by the lower creative id; the order of the bids changes nothing.
    """
    left = sorted(_ranks(bids, terms))
    winners: list[Winner] = []
    for position in range(1, terms.slots + 1):
        if not left:
            break
        standing = (rank for rank in left if allowed(rank[2], position))
        won = next(standing, None)
        if won is None:
            continue
        bid = bids[won[2]]
        owner, creative = bid.advertiser, bid.creative_id
        rival = next((rank for rank in standing if bids[rank[2]].advertiser != owner), None)
        winners.append(_charged(bid, won, rival, terms, position))
        if terms.same_advertiser:
            left = [rank for rank in left if rank[1] != creative]
        else:
            left = [rank for rank in left if bids[rank[2]].advertiser != owner]
    return winners


_Rank = tuple[float, int, int]
"""Sorts bids, best first: the score with its sign changed, the creative id, the index."""


def _ranks(bids: Sequence[Bid], terms: Terms) -> Iterator[_Rank]:
    for at, bid in enumerate(bids):
        worth = worth_micros(bid)
        scored = worth * _weight(bid, terms)
        if 0 < scored < math.inf and worth >= reserve_micros(bid, terms):
            yield -scored, bid.creative_id, at


def _charged(bid: Bid, won: _Rank, rival: _Rank | None, terms: Terms, position: int) -> Winner:
    """Find the least price, from 1 to the bid, that would have kept the position.

    By halving and not by a division: what the comparison says is then exactly what is paid for,
    however it rounds, and the bid itself, which did win, bounds it.
    """
    chance, weight, reserve = _chance(bid), _weight(bid, terms), reserve_micros(bid, terms)

    def keeps_it(price: int) -> bool:
        worth = price * chance
        return worth >= reserve and (rival is None or (-(worth * weight), *won[1:]) < rival)

    price = 1 + bisect_left(range(1, _most(bid)), True, key=keeps_it)
    expected = min(price, max(1, math.ceil(price * chance)))
    return Winner(won[2], position, price, expected, -won[0])


def _most(bid: Bid) -> int:
    """The most that is paid at once."""
    most = bid.bid_micros // 1000 if bid.bid_type == "cpm" else bid.bid_micros
    return max(most, 0)


def _chance(bid: Bid) -> float:
    if bid.bid_type == "cpm":
        return 1.0
    return min(bid.probability, 1.0) if bid.probability > 0 else 0.0


def _weight(bid: Bid, terms: Terms) -> float:
    # What is not a number above 0 is not relevant, also where its power would be 1.
    return bid.relevance**terms.exponent if bid.relevance > 0 else 0.0
