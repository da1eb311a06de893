"""What the click model knows of an ad in a place: a row of bounded numbers, served and learnt from.

The model over them is linear, so what works only together stands here as a product. Every number
lies in [-1, 1] and loses nothing that matters as float16, which is how slots keep them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrine.recommend.features import position_value

POSITION = "position"
FEATURES: tuple[str, ...] = (
    # Where it stands: a good place is no merit of an ad.
    POSITION,
    "relevance",
    "visual",
    "profile",
    "context",
    "similarity",
    # Nothing of these four tells ads apart; they keep the probabilities true.
    "picture",
    "text",
    "known",
    "mobile",
    # Each beside what it belongs to: how much all ads are clicked is for the intercept, and moves
    # no ad's numbers.
    "campaign_rate",
    "click_rate",
    "tested",
    "product",
)
# Leads what a slot keeps: what was kept as another version's features is not learnt from.
FEATURES_VERSION = 1

# Of ads in general, and how many clicks each guess is worth: of that for the shop, of the shop's
# rate for a campaign, of a campaign's for a creative. Rates that differ by a half of their mean
# are worth four.
CLICK_RATE = 0.01
SHOP_CLICKS, CAMPAIGN_CLICKS, CREATIVE_CLICKS = 10.0, 5.0, 5.0
_LOG_ODDS_MOST = 4.0
_TESTED_MOST = 1e6

Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AdFacts:
    """One ad as it would be shown: how it suits, and how it did so far.

    `similarity` is the cosine to the picture of the page, None without one; `visual`, `profile` and
    `context` are the factors of relevance, from 0 to 1. The counts are of the creative and of all
    creatives of its campaign.
    """

    similarity: float | None
    visual: float
    profile: float
    context: float
    impressions: float
    clicks: float
    campaign_impressions: float
    campaign_clicks: float
    draws_on_product: bool


@dataclass(frozen=True, slots=True)
class PageFacts:
    """Where ads would be shown, and what is known there; the counts are of the whole shop.

    `known`: the person has a profile. The placement is what a shop calls it, and no feature: to
    learn one for each, a new placement would have to begin at nothing.
    """

    placement: str
    device: str | None
    known: bool
    has_picture: bool
    has_text: bool
    shop_impressions: float = 0.0
    shop_clicks: float = 0.0


def features(facts: Sequence[AdFacts], page: PageFacts, position: int = 1) -> Numbers:
    """Describe ads in one place, counted from 1: [n, len(FEATURES)], finite, in [-1, 1]."""
    visual, profile, context = (
        np.array([getattr(one, name) for one in facts], np.float64)
        for name in ("visual", "profile", "context")
    )
    similarity = [0.0 if one.similarity is None else one.similarity for one in facts]
    impressions = np.maximum([one.impressions for one in facts], 0.0)
    columns: dict[str, Any] = {
        POSITION: position_value(position - 1),
        "relevance": visual * profile * context,
        # A factor is 1 where nothing speaks against an ad: only where something is known does it
        # speak for it.
        "visual": visual * page.has_picture,
        "profile": profile * page.known,
        "context": context,
        "similarity": np.array(similarity, np.float64),
        "picture": float(page.has_picture),
        "text": float(page.has_text),
        "known": float(page.known),
        "mobile": float(page.device == "mobile"),
        **_click_rates(facts, page),
        "tested": np.log1p(impressions) / np.log1p(_TESTED_MOST),
        "product": np.array([one.draws_on_product for one in facts], np.float64),
    }
    made = np.empty((len(facts), len(FEATURES)), np.float32)
    for place, name in enumerate(FEATURES):
        made[:, place] = columns[name]
    return np.clip(np.nan_to_num(made, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)


def in_place(row: Numbers, position: int) -> Numbers:
    """Put a row of features into the place, counted from 1, where its ad really stood."""
    moved = row.copy()
    moved[FEATURES.index(POSITION)] = position_value(position - 1)
    return moved


def to_bytes(row: Numbers) -> bytes:
    """Write one row [f] as a slot keeps it: the version, then the features, in float16."""
    return np.concatenate(([FEATURES_VERSION], row)).astype(np.float16).tobytes()


def from_bytes(kept: bytes | None) -> Numbers | None:
    """Read one row [f]; None if it is not of this release's features."""
    if kept is None or len(kept) != 2 * (1 + len(FEATURES)):
        return None
    read = np.frombuffer(kept, np.float16).astype(np.float32)
    return read[1:] if read[0] == FEATURES_VERSION and np.isfinite(read).all() else None


def smoothed_rate(clicks: Any, impressions: Any, towards: Any, strength: float) -> Any:
    """Estimate a click rate as if it had begun with `strength` clicks at the rate `towards`.

    The mean of a Gamma posterior: what is new is taken for what it belongs to (empirical Bayes).
    Counted in clicks and not in impressions, since those alone tell two rates apart: the fewer are
    clicked, the more impressions it takes.
    """
    return (clicks + strength) / (impressions + strength / towards)


def _click_rates(facts: Sequence[AdFacts], page: PageFacts) -> dict[str, Any]:
    counts = np.maximum(
        np.array(
            [
                (one.clicks, one.impressions, one.campaign_clicks, one.campaign_impressions)
                for one in facts
            ],
            np.float64,
        ).reshape(len(facts), 4),
        0.0,
    )
    shop = smoothed_rate(
        max(page.shop_clicks, 0.0), max(page.shop_impressions, 0.0), CLICK_RATE, SHOP_CLICKS
    )
    campaign = smoothed_rate(counts[:, 2], counts[:, 3], shop, CAMPAIGN_CLICKS)
    rate = smoothed_rate(counts[:, 0], counts[:, 1], campaign, CREATIVE_CLICKS)
    shop, campaign, rate = (_log_odds(one) for one in (shop, campaign, rate))
    return {
        "campaign_rate": (campaign - shop) / _LOG_ODDS_MOST,
        "click_rate": (rate - campaign) / _LOG_ODDS_MOST,
    }


def _log_odds(rate: Any) -> Any:
    inside = np.clip(rate, 1e-6, 0.999)
    return np.log(inside) - np.log1p(-inside)
