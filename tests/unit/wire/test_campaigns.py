"""What an ad system may send of campaigns and advertisers."""

from datetime import date
from typing import Any

import pytest

from vitrine.errors import Invalid
from vitrine.wire import read
from vitrine.wire.advertisers import AdvertiserIn
from vitrine.wire.campaigns import MAX_MICROS, CampaignIn, CampaignPatch

UNIT = 1_000_000
GOOD: dict[str, Any] = {
    "advertiser": "tern",
    "name": "Mugs",
    "starts_on": "2027-03-01",
    "total_budget_micros": 100 * UNIT,
    "bid_type": "cpc",
    "bid_micros": UNIT // 2,
}
EFFECT = {"lowest_bid_micros": 1, "highest_bid_micros": UNIT, "target_cost_micros": 5 * UNIT}
CAP = {"per": "day", "impressions": 3}


def campaign(**changes: Any) -> CampaignIn:
    return read(CampaignIn, {**GOOD, **changes})


def refusal(**changes: Any) -> tuple[str, str]:
    """Pointer and sentence of the first wrong field."""
    with pytest.raises(Invalid) as caught:
        campaign(**changes)
    error = caught.value.errors[0]
    assert f"`{error['pointer']}` {error['detail']}" in str(caught.value)
    return error["pointer"], error["detail"]


def test_what_is_left_out_has_defaults() -> None:
    found = campaign()
    assert (found.state, found.time_zone, found.pacing, found.caps) == ("active", "UTC", "even", [])
    assert (found.ends_on, found.daily_budget_micros) == (None, None)
    assert (found.click_days, found.view_days, found.reserve_micros) == (30, 1, 0)
    assert found.targeting.example_similarity == 0.5


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu"]
)
def test_zones_with_and_without_summer_time(zone: str) -> None:
    assert campaign(time_zone=zone).time_zone == zone


@pytest.mark.parametrize(
    "zone",
    [
        *("", "Berlin", "Europe", "Europe/", "+02:00", "CEST", "../UTC", "/etc/localtime", 3, None),
        *("localtime", "posixrules", "posix/UTC", "right/UTC", "a\x00b", "x" * 5000, "zone.tab"),
        *("Europe/Berlin\n", "UTC ", "\ud800"),
    ],
)
def test_what_is_no_zone_everywhere_is_refused(zone: Any) -> None:
    assert refusal(time_zone=zone)[0] == "/time_zone"


@pytest.mark.parametrize(
    "day",
    [
        *("2027-02-29", "2027-13-01", "2027-3-1", "2027-03-01T00:00:00Z", "20270301", "2027-W09-1"),
        *("1999-12-31", "3000-01-01", "٢٠٢٧-٠٣-٠١", "2027-03-01\n", "", 0, 1.5, True, None, []),
    ],
)
def test_what_is_no_day_is_refused(day: Any) -> None:
    assert refusal(starts_on=day)[0] == "/starts_on"
    if day is not None:
        assert refusal(ends_on=day)[0] == "/ends_on"


@pytest.mark.parametrize(
    ("changes", "pointer", "said"),
    [
        ({"ends_on": "2027-02-28"}, "/ends_on", "before `starts_on`"),
        ({"daily_budget_micros": 101 * UNIT}, "/daily_budget_micros", "`total_budget_micros`"),
        ({"bid_micros": 101 * UNIT}, "/bid_micros", "even once"),
        ({"bid_micros": 2 * UNIT, "daily_budget_micros": UNIT}, "/bid_micros", "even once"),
        ({"bid_type": "cpm", "bid_micros": 999}, "/bid_micros", "at least 1000"),
        ({"target_cost_micros": UNIT}, "/target_cost_micros", "give all"),
        ({"lowest_bid_micros": 1}, "/target_cost_micros", "give all"),
        ({**EFFECT, "highest_bid_micros": None}, "/target_cost_micros", "give all"),
        ({**EFFECT, "bid_type": "cpa"}, "/target_cost_micros", "with cpa"),
        ({**EFFECT, "lowest_bid_micros": UNIT}, "/bid_micros", "between"),
        ({**EFFECT, "highest_bid_micros": 2}, "/bid_micros", "between"),
        ({"caps": [CAP, {**CAP, "impressions": 9}]}, "/caps", "twice"),
    ],
)
def test_fields_that_contradict_each_other(
    changes: dict[str, Any], pointer: str, said: str
) -> None:
    found, detail = refusal(**changes)
    assert found == pointer
    assert said in detail


@pytest.mark.parametrize(
    "changes",
    [
        {"ends_on": "2027-03-01"},
        {"daily_budget_micros": 100 * UNIT},
        {"bid_micros": 100 * UNIT},
        # A thousand impressions may cost more than the budget: it pays for one of them.
        {"bid_type": "cpm", "bid_micros": 100_000 * UNIT},
        {"bid_type": "cpm", "bid_micros": 1000},
        EFFECT,
        {**EFFECT, "bid_type": "cpm", "bid_micros": 1000},
        {"caps": [{"per": per, "impressions": 1} for per in ("hour", "day", "flight")]},
    ],
)
def test_fields_that_just_agree(changes: dict[str, Any]) -> None:
    campaign(**changes)


@pytest.mark.parametrize("field", ["total_budget_micros", "bid_micros"])
@pytest.mark.parametrize("amount", [0, -1, MAX_MICROS + 1, 1.0, "5", True, None, 10**400])
def test_money_is_a_whole_number_of_micros(field: str, amount: Any) -> None:
    assert refusal(**{field: amount})[0] == f"/{field}"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"advertiser": "A b"}, "/advertiser"),
        ({"advertiser": "x" * 101}, "/advertiser"),
        ({"name": " "}, "/name"),
        ({"name": "a\x00"}, "/name"),
        ({"state": "archived"}, "/state"),
        ({"bid_type": "CPC"}, "/bid_type"),
        ({"caps": [{"per": "week", "impressions": 1}]}, "/caps/0/per"),
        ({"caps": [{"per": "day", "impressions": 0}]}, "/caps/0/impressions"),
        ({"click_days": 91}, "/click_days"),
        ({"view_days": -1}, "/view_days"),
        ({"reserve_micros": -1}, "/reserve_micros"),
        ({"targeting": {"geo": ["de"]}}, "/targeting/geo/0"),
        ({"targeting": {"geo": ["DE\n"]}}, "/targeting/geo/0"),
        ({"targeting": {"devices": ["phone"]}}, "/targeting/devices/0"),
        ({"targeting": {"categories": ["Home"]}}, "/targeting/categories/0"),
        ({"targeting": {"price": {}}}, "/targeting/price"),
        ({"targeting": {"price": {"gte": "5", "lt": "5.00"}}}, "/targeting/price"),
        ({"targeting": {"price": {"lt": -1}}}, "/targeting/price/lt"),
        ({"targeting": {"example_similarity": 0}}, "/targeting/example_similarity"),
        ({"targeting": {"example_similarity": float("nan")}}, "/targeting/example_similarity"),
        ({"targeting": {"colour": []}}, "/targeting/colour"),
        ({"exclusions": {"price": {"lt": 5}}}, "/exclusions/price"),
        # All words of a keyword have to be in the text: of one without words, all always are.
        ({"targeting": {"keywords": ["mug", "!?"]}}, "/targeting/keywords/1"),
        ({"exclusions": {"keywords": [""]}}, "/exclusions/keywords/0"),
        ({"budget": 5}, "/budget"),
    ],
)
def test_pointers_name_what_is_wrong(changes: dict[str, Any], pointer: str) -> None:
    assert refusal(**changes)[0] == pointer


def test_what_is_unknown_within_a_field_is_not_told_what_is_known_beside_it() -> None:
    assert refusal(budget=5)[1].startswith("is not a known field; known are advertiser, ")
    assert refusal(targeting={"colour": []})[1] == "is not a known field; leave it out"


def test_a_campaign_survives_the_way_there_and_back() -> None:
    sent = campaign(
        ends_on="2027-05-31",
        **EFFECT,
        caps=[CAP],
        targeting={"price": {"gte": 5, "lt": "9.9"}, "keywords": [" Blue mug "], "geo": ["DE-BY"]},
        exclusions={"devices": ["tv"]},
    )
    assert sent.ends_on == date(2027, 5, 31)
    assert sent.targeting.keywords == ["Blue mug"]
    assert CampaignIn.model_validate_json(sent.model_dump_json()) == sent
    assert CampaignIn.model_validate_json(sent.model_dump_json(exclude_none=True)) == sent


def test_a_patch_holds_only_what_was_given() -> None:
    patch = read(CampaignPatch, {"daily_budget_micros": None, "ends_on": "2027-05-31"})
    assert patch.changes() == {"daily_budget_micros": None, "ends_on": date(2027, 5, 31)}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"advertiser": "gull"}, "/advertiser"),
        ({"bid_type": "cpm"}, "/bid_type"),
        ({"time_zone": "UTC"}, "/time_zone"),
        ({"name": None}, "/name"),
        ({"starts_on": None}, "/starts_on"),
        ({"total_budget_micros": None}, "/total_budget_micros"),
        ({"state": "archived"}, "/state"),
    ],
)
def test_a_patch_that_cannot_be(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(CampaignPatch, body)
    assert caught.value.errors[0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"members": []}, "/name"),
        ({"name": "Tern", "members": ["a b"]}, "/members/0"),
        ({"name": "Tern", "members": ["\ud800"]}, "/members/0"),
        ({"name": "Tern", "members": [f"u{at}" for at in range(101)]}, "/members"),
    ],
)
def test_an_advertiser_that_cannot_be(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(AdvertiserIn, body)
    assert caught.value.errors[0]["pointer"] == pointer
