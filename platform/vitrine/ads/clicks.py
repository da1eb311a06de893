"""How likely an ad is clicked, and a click leads to a sale, as auctions ask for it."""

from collections.abc import Mapping

from vitrine.ads.features import FEATURES
from vitrine.ads.models import CLICK_LEARNER_LOCK, ClickModelRow
from vitrine.db import Readers
from vitrine.recommend.linear import make_prior
from vitrine.recommend.serving import REMEMBERED_SECONDS, Serving
from vitrine.recommend.versions import Kind

# What predicts before the first click: about 0.01 for an ad that suits its page fairly, a third of
# that or three times as much for one that suits as little or as well as can be. A feature that is
# not named here starts at 0.
PRIOR_INTERCEPT = -5.5
PRIOR_WEIGHTS: Mapping[str, float] = {
    "position": -1.5,
    "relevance": 0.8,
    "visual": 0.3,
    "profile": 0.4,
    "context": 0.3,
    "similarity": 0.4,
    # Of log-odds that are scaled by 4: how an ad did is believed, but for what suited it then.
    "campaign_rate": 3.2,
    "click_rate": 3.2,
}
PRIOR = make_prior(FEATURES, PRIOR_WEIGHTS, PRIOR_INTERCEPT)

CLICK_MODELS = Kind(ClickModelRow, CLICK_LEARNER_LOCK, "model", "vitrine ads model list")

# Of clicks in general, and how many clicks that guess is worth: a Beta(1, 49) prior.
CONVERSION_RATE, CONVERSION_CLICKS = 0.02, 50.0


class ClickModels(Serving):
    """Reads the click model that serves; PRIOR while none does."""

    def __init__(self, readers: Readers, *, seconds: float = REMEMBERED_SECONDS) -> None:
        super().__init__(readers, ClickModelRow, PRIOR, seconds=seconds)


def conversion_rate(clicks: float, conversions: float) -> float:
    """Estimate how many conversions a click of a campaign brings, at most 1.

    The mean of the posterior after a Beta prior of CONVERSION_RATE that counts as much as
    CONVERSION_CLICKS clicks. Conversions after a mere view count too: what an impression is worth
    is this times its probability of a click.
    """
    clicks, conversions = max(clicks, 0.0), max(conversions, 0.0)
    rate = (conversions + CONVERSION_RATE * CONVERSION_CLICKS) / (clicks + CONVERSION_CLICKS)
    return min(rate, 1.0)
