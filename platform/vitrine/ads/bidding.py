"""The auction and the reservations: who wins is who pays, and can."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vitrine.ads import auction
from vitrine.ads.auction import Bid, Terms, Winner
from vitrine.ads.context import AdContext
from vitrine.ads.counters import Ask, Counters
from vitrine.ads.frequency import Shown, cap_asks
from vitrine.ads.scoring import Scored

# Each time somebody is refused the others bid again; in the end who was not refused has it. What is
# known to be spent or capped takes no part before: refused is who was overtaken by another request.
_ROUNDS = 40
_NEVER = Shown()


@dataclass(slots=True)
class Sold:
    """Who won, with what was reserved for it; and why others of those who bid did not.

    `losses` are by winner: how much less similar it is than what it displaces.
    """

    winners: list[Winner] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    losses: list[float | None] = field(default_factory=list)
    bids: list[Bid] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)

    def drop(self, at: int, counters: Counters) -> None:
        """Take a winner out again, and give back what was reserved for it."""
        counters.release([self.asks.pop(at)])
        del self.winners[at], self.losses[at]


@dataclass(frozen=True, slots=True)
class House:
    """What the shop asks for: of relevance, of similarity, of price."""

    exponent: float
    max_loss: float
    reserve_micros: int


class Auctioneer:
    """Sells slots; safe to share between threads."""

    def __init__(self, counters: Counters, house: House) -> None:
        self._counters = counters
        self.house = house

    @property
    def exponent(self) -> float:
        """How much relevance counts beside what an ad is worth."""
        return self.house.exponent

    def scores(self, sold: Sold) -> list[float]:
        """Tell by what the bids were ranked."""
        return [auction.worth_micros(bid) * bid.relevance**self.house.exponent for bid in sold.bids]

    def sell(
        self, scored: Scored, context: AdContext, decision: str, shown: Mapping[int, Shown]
    ) -> Sold:
        """Fill the slots; what the winners are expected to cost is reserved when this returns."""
        terms = self._terms(context)
        bids = bids_of(scored)
        sold = Sold(bids=bids)
        losses = self._losses(scored, context)
        live = list(range(len(bids)))
        for left in range(_ROUNDS, 0, -1):
            winners = _run(
                bids, live, terms, lambda at, position: self._may(losses(at, position), context)
            )
            sold.asks = [reserve_ask(scored, one, context, decision, shown) for one in winners]
            sold.winners = winners
            answers = self._counters.reserve(sold.asks)
            self._note(sold, answers, scored)
            if not any(answers) or left == 1:
                break
            self._counters.release(sold.asks)
            live = [at for at in live if at not in sold.refused]
        sold.losses = [losses(one.at, one.position) for one in sold.winners]
        return sold

    def why_not(self, sold: Sold, scored: Scored, context: AdContext) -> Callable[[int], str]:
        """Tell why one that bid was not shown."""
        terms, losses = self._terms(context), self._losses(scored, context)
        shown = {sold.bids[one.at].advertiser for one in sold.winners}

        def why(at: int) -> str:
            bid = sold.bids[at]
            if at in sold.refused:
                return sold.refused[at]
            if auction.worth_micros(bid) < auction.reserve_micros(bid, terms):
                return "reserve"
            positions = range(1, terms.slots + 1)
            if not any(self._may(losses(at, position), context) for position in positions):
                return "displacement"
            if bid.advertiser in shown and not terms.same_advertiser:
                return "same_advertiser"
            return "outbid"

        return why

    def _terms(self, context: AdContext) -> Terms:
        return Terms(
            slots=context.query.slots,
            exponent=self.house.exponent,
            floor_micros=max(self.house.reserve_micros, context.query.floor_micros),
            same_advertiser=context.query.same_advertiser,
        )

    @staticmethod
    def _note(sold: Sold, answers: list[str | None], scored: Scored) -> None:
        """Take out the winners for whom nothing could be reserved, and their campaigns.

        Of a campaign with room for one more but not for two, the one that had it goes on.
        """
        told = list(zip(sold.winners, answers, strict=True))
        served = {scored.ads[winner.at].campaign.id for winner, no in told if no is None}
        for winner, no in told:
            if no is None:
                continue
            sold.refused[winner.at] = no
            campaign = scored.ads[winner.at].campaign.id
            if campaign not in served:
                others = (at for at, ad in enumerate(scored.ads) if ad.campaign.id == campaign)
                sold.refused.update(dict.fromkeys(others, no))
        sold.winners = [one for one, no in zip(sold.winners, answers, strict=True) if no is None]
        sold.asks = [one for one, no in zip(sold.asks, answers, strict=True) if no is None]

    @staticmethod
    def _losses(scored: Scored, context: AdContext) -> Callable[[int, int], float | None]:
        """Tell how much similarity an ad costs in a slot; None where nothing is displaced.

        One of which nothing is known may cost all that was there.
        """
        positions, organic = context.query.positions, context.organic

        def loss(at: int, position: int) -> float | None:
            place = positions[position - 1] if positions else position
            displaced = organic[place - 1] if place <= len(organic) else None
            similarity = scored.similarity(at)
            if displaced is None:
                return None
            return math.inf if similarity is None else max(0.0, displaced - similarity)

        return loss

    def _may(self, loss: float | None, context: AdContext) -> bool:
        most = self.house.max_loss
        if context.query.max_loss is not None:
            most = min(most, context.query.max_loss)
        return loss is None or loss <= most


def _run(
    bids: list[Bid], live: list[int], terms: Terms, may: Callable[[int, int], bool]
) -> list[Winner]:
    """Run the auction among those who are still there; places are those in `bids`."""
    found = auction.run(
        [bids[at] for at in live], terms, lambda at, position: may(live[at], position)
    )
    return [
        Winner(live[one.at], one.position, one.price_micros, one.expected_micros, one.score)
        for one in found
    ]


def bids_of(scored: Scored) -> list[Bid]:
    """Tell what each ad bids, and how likely it pays."""
    pays, relevances = scored.pays.tolist(), scored.relevance.total.tolist()
    return [
        Bid(
            creative_id=ad.creative.id,
            campaign_id=ad.campaign.id,
            advertiser=ad.campaign.advertiser,
            bid_type=ad.campaign.bid_type,
            bid_micros=ad.campaign.bid_micros,
            probability=probability,
            relevance=relevance,
            reserve_micros=ad.campaign.reserve_micros,
        )
        for ad, probability, relevance in zip(scored.ads, pays, relevances, strict=True)
    ]


def reserve_ask(
    scored: Scored, winner: Winner, context: AdContext, decision: str, shown: Mapping[int, Shown]
) -> Ask:
    """Tell what has to be kept free for a winner."""
    campaign = scored.ads[winner.at].campaign
    return Ask(
        decision=decision,
        position=winner.position,
        standing=campaign.standing,
        today=campaign.today(context.now),
        price_micros=winner.price_micros,
        expected_micros=winner.expected_micros,
        caps=cap_asks(campaign, context.same, shown.get(campaign.id, _NEVER), context.now),
    )
