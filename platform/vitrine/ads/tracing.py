"""What can be told of an auction afterwards: who took part, who was filtered by what, prices."""

from collections import Counter
from typing import Any

from vitrine.ads.bidding import Auctioneer, Sold
from vitrine.ads.context import AdContext
from vitrine.ads.eligibility import Sifted
from vitrine.ads.running import Running
from vitrine.ads.scoring import Scored

# The best of those who bid, and examples of those who did not.
MOST_BIDDERS, MOST_FILTERED = 30, 20
_DIGITS = 6


def trace(
    context: AdContext,
    running: Running,
    sifted: Sifted,
    scored: Scored,
    sold: Sold,
    auctioneer: Auctioneer,
) -> dict[str, Any]:
    """Write down an auction as JSON."""
    won = {one.at: one for one in sold.winners}
    scores = auctioneer.scores(sold)
    why_not = auctioneer.why_not(sold, scored, context)
    order = sorted(range(len(scored.ads)), key=lambda at: (at not in won, -scores[at]))
    bidders = []
    for at in order[:MOST_BIDDERS]:
        bidder = _bidder(at, scored, sold, scores[at])
        if at in won:
            bidder["outcome"] = "shown"
            bidder["position"] = won[at].position
            bidder["price_micros"] = won[at].price_micros
        else:
            bidder["outcome"] = "lost"
            bidder["reason"] = why_not(at)
        bidders.append(bidder)
    examples = list(sifted.refused.items())[:MOST_FILTERED]
    reasons = Counter(sifted.refused.values())
    lost = len(order) - len(bidders)
    return {
        "participants": bidders + [_filtered(id_, why, running) for id_, why in examples],
        "filtered": dict(reasons),
        "left_out": lost + len(sifted.refused) - len(examples),
    }


def told(context: AdContext) -> dict[str, Any]:
    """Write down what an auction was about."""
    query = context.query
    said = query.model_dump(
        mode="json",
        exclude_defaults=True,
        exclude={"user_id", "client_id", "seed", "placement", "organic", "image_base64"},
    )
    return {
        **said,
        "known": context.profile.events > 0,
        "pictures": len(context.pictures),
        "interests": len(context.interests),
        "organic": len(context.organic),
    }


def _bidder(at: int, scored: Scored, sold: Sold, score: float) -> dict[str, Any]:
    ad = scored.ads[at]
    return {
        "creative": ad.creative.slug,
        "campaign": ad.campaign.slug,
        "advertiser": ad.campaign.advertiser,
        "bid_micros": sold.bids[at].bid_micros,
        "probability": round(sold.bids[at].probability, _DIGITS),
        "relevance": scored.relevance.told(at),
        "score": round(score, _DIGITS),
    }


def _filtered(creative_id: int, why: str, running: Running) -> dict[str, Any]:
    creative = running.creatives[creative_id]
    campaign = running.campaigns.get(creative.campaign_id)
    return {
        "creative": creative.slug,
        "campaign": campaign.slug if campaign else "",
        "advertiser": campaign.advertiser if campaign else "",
        "outcome": "filtered",
        "reason": why,
    }
