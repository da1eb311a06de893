"""An ad system at work over HTTP: from the upload of a creative to a report that adds up."""

import time
from datetime import UTC, datetime
from uuid import uuid4

import httpx

from tests.e2e.conftest import Running
from tests.pictures import jpeg
from vitrine.client import VitrineClient
from vitrine.wire.ads import MatchQuery, MatchResponse
from vitrine.wire.advertisers import AdvertiserIn
from vitrine.wire.campaigns import CampaignIn
from vitrine.wire.creatives import CreativeIn

UNIT = 1_000_000
BROWSER = {"User-Agent": "Mozilla/5.0"}


def advertise(ads: VitrineClient, name: str) -> None:
    """A campaign with one creative that has a photo of its own."""
    ads.put_advertiser(name, AdvertiserIn(name=name))
    campaign = CampaignIn(
        advertiser=name,
        name=name,
        starts_on=datetime.now(UTC).date(),
        total_budget_micros=5 * UNIT,
        bid_type="cpc",
        bid_micros=UNIT,
        reserve_micros=2 * UNIT,
    )
    ads.put_campaign(name, campaign)
    creative = CreativeIn(campaign=name, title="Ours", landing_url=f"https://{name}.example/")
    ads.put_creative(name, creative, jpeg(501))
    until = time.monotonic() + 60
    while not ads.get_creative(name).ready:
        assert time.monotonic() < until, ads.get_creative(name)
        time.sleep(0.2)


def matched(ads: VitrineClient, name: str) -> MatchResponse:
    """Ask until the api has seen the creative, which takes about a second."""
    until = time.monotonic() + 30
    while True:
        found = ads.match_ads(MatchQuery(client_id=f"{name}-browser"), image=jpeg(501))
        if [one.creative for one in found.ads] == [name]:
            return found
        assert time.monotonic() < until, found
        time.sleep(0.3)


def test_from_a_creative_to_a_report_that_adds_up(running: Running) -> None:
    name = f"ours-{uuid4().hex[:8]}"
    with running.client("ads") as ads:
        advertise(ads, name)
        found = matched(ads, name)
        (ad,) = found.ads
        assert ad.similarity is not None
        assert ad.similarity > 0.99
        pixel = httpx.get(ad.impression_url, headers=BROWSER)
        assert (pixel.status_code, pixel.headers["Content-Type"]) == (200, "image/gif")
        for _ in range(2):
            evil = {"url": "https://evil.example/", "next": "//evil.example"}
            click = httpx.get(ad.click_url, headers=BROWSER, params=evil)
            assert (click.status_code, click.headers["Location"]) == (
                302,
                f"https://{name}.example/",
            )
        sold = {"order_id": f"order-{name}", "value": "30.00", "client_id": f"{name}-browser"}
        (conversion,) = ads.send_conversions([sold]).conversions
        assert [one.campaign for one in conversion.attributed] == [name]

        told = ads.ad_decision(found.decision_id)
        (slot,) = told.slots
        assert {"impression", "click", "conversion"} <= set(slot.events)
        assert 0 < slot.billed_micros == slot.price_micros <= UNIT
        (row,) = ads.campaign_report(name).rows
        assert (row.impressions, row.clicks, row.conversions) == (1, 1, 1.0)
        assert row.spend_micros == slot.billed_micros == ads.get_campaign(name).spent_micros
        (charge,) = ads.ledger(name).entries
        refund = ads.refund_charge(f"refund-{name}", charge.id)
        assert refund.amount_micros == -charge.amount_micros
        assert ads.get_campaign(name).spent_micros == 0
        assert ads.archive_campaign(name).status == "archived"
        shown = ads.get_creative(name).image
        assert shown is not None
        assert httpx.get(f"{running.url}/media/{shown.id}").status_code == 404
    said = running.vitrine("ads", "verify")
    assert (said.returncode, said.stdout.strip()) == (0, "The books add up.")
    listed = running.vitrine("ads", "report", name)
    assert listed.returncode == 0, listed.stderr
    assert "CTR" in listed.stdout


def test_a_storefronts_key_sells_no_ads(running: Running) -> None:
    key = {"Authorization": f"Bearer {running.keys['storefront']}"}
    for method, path in (
        ("POST", "/v1/ads/match"),
        ("GET", "/v1/campaigns"),
        ("POST", "/v1/ads/conversions"),
        ("POST", "/v1/ads/refunds"),
    ):
        refused = httpx.request(method, running.url + path, headers=key, json={})
        assert refused.status_code == 403, path
