"""What the calls of an ad system send, and what they make of the answers."""

import json
from typing import Any

import pytest
from flask import request
from tests.unit.client.conftest import NOW, Shop

from vitrine.wire.advertisers import AdvertiserIn
from vitrine.wire.campaigns import CampaignIn
from vitrine.wire.creatives import CreativeIn

MUGS = CampaignIn.model_validate(
    {
        "advertiser": "tern",
        "name": "Mugs",
        "starts_on": "2027-03-01",
        "total_budget_micros": 100_000_000,
        "bid_type": "cpc",
        "bid_micros": 500_000,
        "targeting": {"price": {"lt": "9.9"}},
    }
)
BLUE = CreativeIn(campaign="mugs", title="Blue", landing_url="https://a.b/")
ADVERTISER = {"id": "tern", "name": "Tern", "members": [], "created_at": NOW, "updated_at": NOW}
CAMPAIGN: dict[str, Any] = {
    **MUGS.model_dump(mode="json"),
    **{"id": "mugs", "status": "running", "spent_micros": 1, "spent_today_micros": 1},
    **{"bid_now_micros": 500_000, "pace": 1.0, "examples": [], "version": 1},
    **{"created_at": NOW, "updated_at": NOW, "a_field_of_the_future": 1},
}
CAMPAIGN["targeting"]["a_field_of_the_future"] = 1
CREATIVE: dict[str, Any] = {
    **BLUE.model_dump(mode="json"),
    **{"id": "blue", "image": None, "ready": False, "version": 1},
    **{"created_at": NOW, "updated_at": NOW},
}


def test_an_advertiser_is_sent_and_read(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def put(id: str) -> Any:
        got.append((id, request.get_json()))
        return ADVERTISER

    shop.on("PUT", "/v1/advertisers/<id>", put)
    shop.on("GET", "/v1/advertisers/<id>", lambda id: ADVERTISER)
    client.put_advertiser("tern", AdvertiserIn(name="Tern", members=["u-1"]))
    assert client.get_advertiser("tern").name == "Tern"
    assert got == [("tern", {"name": "Tern", "members": ["u-1"]})]


def test_a_campaign_goes_with_its_examples_or_as_json(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def put(id: str) -> Any:
        sent = request.get_json() if request.is_json else json.loads(request.form["campaign"])
        got.append((sent, [file.read() for file in request.files.getlist("examples")]))
        return CAMPAIGN

    shop.on("PUT", "/v1/campaigns/<id>", put)
    found = client.put_campaign("mugs", MUGS, [b"one", b"two"])
    client.put_campaign("mugs", MUGS)
    assert (found.id, str(found.targeting.price.lt)) == ("mugs", "9.90")
    assert [pictures for _, pictures in got] == [[b"one", b"two"], []]
    for sent, _ in got:
        assert sent["targeting"]["price"] == {"lt": "9.90"}
        assert "ends_on" not in sent
        assert CampaignIn.model_validate(sent) == MUGS
    with pytest.raises(ValueError, match="`clear_examples` removes them"):
        client.put_campaign("mugs", MUGS, [])


def test_a_creative_goes_with_its_picture_or_as_json(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def put(id: str) -> Any:
        sent = request.get_json() if request.is_json else json.loads(request.form["creative"])
        got.append((sent["landing_url"], [file.read() for file in request.files.getlist("image")]))
        return CREATIVE

    shop.on("PUT", "/v1/creatives/<id>", put)
    assert client.put_creative("blue", BLUE, b"picture").id == "blue"
    client.put_creative("blue", BLUE)
    assert got == [("https://a.b/", [b"picture"]), ("https://a.b/", [])]


def test_what_is_changed_is_all_that_is_sent(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def patch(id: str) -> Any:
        got.append(request.get_json())
        return CAMPAIGN if "state" in got[-1] else CREATIVE

    shop.on("PATCH", "/v1/campaigns/<id>", patch)
    shop.on("PATCH", "/v1/creatives/<id>", patch)
    shop.on("DELETE", "/v1/campaigns/<id>", lambda id: {**CAMPAIGN, "state": "archived"})
    client.patch_campaign("mugs", state="paused", daily_budget_micros=None, ends_on="2027-05-31")
    client.patch_creative("blue", category=None)
    assert client.archive_campaign("mugs").state == "archived"
    assert got == [
        {"state": "paused", "daily_budget_micros": None, "ends_on": "2027-05-31"},
        {"category": None},
    ]
    with pytest.raises(ValueError, match="target_costs"):
        client.patch_campaign("mugs", target_costs=5)


def test_pages_are_read_to_their_end(shop: Shop, client: Any) -> None:
    got: list[Any] = []

    def page(of: str, one: dict[str, Any]) -> Any:
        got.append(dict(request.args))
        return {of: [one], "next_cursor": None if "cursor" in request.args else "7"}

    shop.on("GET", "/v1/advertisers", lambda: page("advertisers", ADVERTISER))
    shop.on("GET", "/v1/campaigns", lambda: page("campaigns", CAMPAIGN))
    shop.on("GET", "/v1/creatives", lambda: page("creatives", CREATIVE))
    assert [one.id for one in client.iter_advertisers(page_size=1)] == ["tern", "tern"]
    assert len(list(client.iter_campaigns(advertiser="tern", state="paused"))) == 2
    assert len(list(client.iter_creatives(campaign="mugs"))) == 2
    assert got == [
        {"limit": "1"},
        {"limit": "1", "cursor": "7"},
        {"limit": "100", "advertiser": "tern", "state": "paused"},
        {"limit": "100", "advertiser": "tern", "state": "paused", "cursor": "7"},
        {"limit": "100", "campaign": "mugs"},
        {"limit": "100", "campaign": "mugs", "cursor": "7"},
    ]
