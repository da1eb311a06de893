"""Bids that follow from what they bring."""

import numpy as np
import pytest

from vitrine.ads.effect import LEAST, STEP, STRENGTH, Aim, Effect, next_bid

AIM = Aim(lowest_micros=50_000, highest_micros=2_000_000, target_micros=20_000_000)


@pytest.mark.parametrize("rate", [0.01, 0.04])
@pytest.mark.parametrize("events", [1, 1000])
def test_a_conversion_comes_to_cost_its_target(rate: float, events: int) -> None:
    """Clicks (or thousands of impressions) at the price of the bid; conversions by chance."""
    random = np.random.default_rng(5)
    aim = Aim(50_000, 2_000_000, AIM.target_micros, events)
    bid, happened, conversions, mean = 300_000, 0, 0, 0.02 / events
    for _ in range(60):
        happened += 500 * events
        conversions += random.poisson(500 * rate)
        before, bid = bid, next_bid(bid, aim, Effect(happened, conversions, mean))
        assert before / STEP - 1 <= bid <= before * STEP + 1
    assert bid / rate == pytest.approx(AIM.target_micros, rel=0.1)


def test_few_data_move_a_bid_little_and_none_not_at_all() -> None:
    assert next_bid(300_000, AIM, Effect(0, 0, 0.02)) == 300_000
    assert next_bid(300_000, AIM, Effect(0, 0, 0.0)) == 300_000
    assert next_bid(300_000, AIM, Effect(1000, 0, 0.0)) == 300_000
    assert next_bid(300_000, AIM, Effect(LEAST / 0.02 - 1, 3, 0.02)) == 300_000
    # Without conversions so far: the shop's mean, and five conversions' weight behind it.
    wanted = AIM.target_micros * STRENGTH / (100 + STRENGTH / 0.02)
    assert next_bid(280_000, AIM, Effect(100, 0, 0.02)) == round(wanted)


@pytest.mark.parametrize("effect", [Effect(0, 0, 0.02), Effect(1e6, 0, 0.02), Effect(10, 1e6, 9.0)])
@pytest.mark.parametrize("bid", [1, 50_000, 700_000, 2_000_000, 10**15])
def test_a_bid_stays_within_its_bounds(bid: int, effect: Effect) -> None:
    for _ in range(40):
        bid = next_bid(bid, AIM, effect)
        assert AIM.lowest_micros <= bid <= AIM.highest_micros
