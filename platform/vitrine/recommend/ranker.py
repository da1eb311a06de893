"""The ranker as the api sees it: what it starts from, and the newest version of it that serves."""

from collections.abc import Mapping

from vitrine.db import Readers
from vitrine.recommend.features import FEATURES
from vitrine.recommend.linear import make_prior
from vitrine.recommend.models import RankerRow
from vitrine.recommend.serving import REMEMBERED_SECONDS, Serving

# What ranks sensibly before the first click, and what learning starts from. A feature that is not
# named here starts at 0.
PRIOR_INTERCEPT = -4.0
PRIOR_WEIGHTS: Mapping[str, float] = {
    "position": -1.5,
    # As much as the likeness and the category of a page give to what is usual on it.
    "product_page": -0.8,
    "affinity": 1.2,
    "affinity_standing": 0.8,
    "affinity_in_main_interest": 0.3,
    "affinity_in_fresh_interest": 0.6,
    "aversion": -1.5,
    # Who stands before a product looks for one like it: what is liked elsewhere orders those.
    "likeness_on_product_page": 3.0,
    "likeness_in_cart": 0.4,
    "likeness_standing": 0.4,
    "category_of_page": 0.6,
    "category_of_cart": -0.3,
    "category_liked": 0.8,
    "category_disliked": -1.0,
    "department_liked": 0.3,
    "category_lately": 0.8,
    "brand_lately": 0.2,
    "brand_liked": 0.3,
    "brand_disliked": -0.5,
    "price_far": -0.8,
    "from_similar": 0.1,
    "from_bought_together": 0.4,
    # What was viewed is as near to the interests as can be; it is to come back, and not on top.
    "from_recently_viewed": -1.2,
    "together": 0.8,
    "wanted": 0.5,
    "wanted_by_unknown": 0.8,
    "click_rate": 1.5,
    "untested": 0.15,
    "young": 0.2,
    "viewed_lately": -0.3,
    "in_cart": -1.0,
}

PRIOR = make_prior(FEATURES, PRIOR_WEIGHTS, PRIOR_INTERCEPT)


class Rankers(Serving):
    """Reads the ranker that serves; PRIOR while none does."""

    def __init__(self, readers: Readers, *, seconds: float = REMEMBERED_SECONDS) -> None:
        super().__init__(readers, RankerRow, PRIOR, seconds=seconds)
