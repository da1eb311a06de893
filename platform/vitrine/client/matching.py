"""Ads: the auction, and why it went as it did."""

from vitrine.client.request import Message, Picture, call
from vitrine.wire.ads import DecisionOut, MatchQuery, MatchResponse


# Sent twice it would hold two auctions, and keep money free for both.
@call("POST", "/v1/ads/match", MatchResponse, repeatable=False)
def match_ads(query: MatchQuery, image: Picture | None = None) -> Message:
    """Fill slots with the ads that suit who looks and what they look at; `image` is a photo of it.

    Load the `impression_url` of an ad that is shown, and let it link to its `click_url`.
    """
    return Message(
        json=query.model_dump_json(exclude_none=True),
        json_part="query",
        pictures=() if image is None else (image,),
        pictures_part="image",
    )


@call("GET", "/v1/ads/decisions/{decision}", DecisionOut)
def ad_decision(decision_id: str) -> Message:
    """Explain an auction: who took part, who was filtered by what, and prices."""
    return Message(path={"decision": decision_id})
