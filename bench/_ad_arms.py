"""Other ways to give slots to ads, with the same budgets and pacing: what we must beat."""

from collections.abc import Callable, Mapping

import numpy as np

from vitrine.ads.auction import Winner
from vitrine.ads.bidding import Auctioneer, Sold, bids_of, reserve_ask
from vitrine.ads.context import AdContext
from vitrine.ads.counters import Counters
from vitrine.ads.frequency import Shown
from vitrine.ads.scoring import Scored

Order = Callable[[Scored, np.random.Generator], np.ndarray]


def by_chance(scored: Scored, rng: np.random.Generator) -> np.ndarray:
    """Any of them."""
    return rng.permutation(len(scored.ads))


def by_bid(scored: Scored, rng: np.random.Generator) -> np.ndarray:
    """Who bids most for an impression, at the click rate of all."""
    bids = bids_of(scored)
    each = [
        one.bid_micros * {"cpm": 0.001, "cpc": 0.02, "cpa": 0.02 * 0.05}[one.bid_type]
        for one in bids
    ]
    return np.lexsort((rng.random(len(each)), -np.array(each)))


def by_click_rate(scored: Scored, rng: np.random.Generator) -> np.ndarray:
    """What is predicted to be clicked most."""
    return np.lexsort((rng.random(len(scored.ads)), -scored.expected))


class FirstPrice(Auctioneer):
    """Gives slots in an order, no advertiser twice; who has one pays what it bids."""

    def __init__(self, counters: Counters, like: Auctioneer, order: Order, seed: int) -> None:
        super().__init__(counters, like.house)
        self._book = counters
        self._order = order
        self._rng = np.random.default_rng(seed)

    def sell(
        self, scored: Scored, context: AdContext, decision: str, shown: Mapping[int, Shown]
    ) -> Sold:
        sold = Sold(bids=bids_of(scored))
        taken: set[str] = set()
        for at in map(int, self._order(scored, self._rng)):
            if len(sold.winners) == context.query.slots:
                break
            bid = sold.bids[at]
            if bid.advertiser in taken:
                continue
            price = bid.bid_micros // 1000 if bid.bid_type == "cpm" else bid.bid_micros
            position = len(sold.winners) + 1
            expected = max(1, int(np.ceil(price * bid.probability)))
            winner = Winner(at, position, price, expected, 0.0)
            ask = reserve_ask(scored, winner, context, decision, shown)
            if self._book.reserve([ask])[0] is None:
                taken.add(bid.advertiser)
                sold.winners.append(winner)
                sold.asks.append(ask)
                sold.losses.append(None)
        return sold
