"""Advertisers of `tests.integration.shop`, and an ad system that asks for their ads."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.conftest import worked_off
from tests.integration.shop import sku
from tests.pictures import jpeg
from vitrine.ads.accounts.advertisers import Advertisers
from vitrine.ads.accounts.campaigns import Campaigns
from vitrine.ads.accounts.creatives import Creatives
from vitrine.assembly import Platform
from vitrine.wire.ads import AdOut, MatchQuery, MatchResponse
from vitrine.wire.advertisers import AdvertiserIn
from vitrine.wire.campaigns import CampaignIn, CampaignOut, CampaignPatch
from vitrine.wire.creatives import CreativeIn

UNIT = 1_000_000


class Market:
    """What an ad system does with a shop: photos are numbered as the shop's own are."""

    def __init__(self, shop: Platform) -> None:
        self.shop = shop
        parts = (shop.sessions, shop.blobs, shop.doorbell)
        self.advertisers = Advertisers(shop.sessions)
        self.campaigns = Campaigns(*parts)
        self.creatives = Creatives(*parts)
        self._matcher = shop.matcher

    def campaign(self, slug: str, *, advertiser: str | None = None, **changes: Any) -> CampaignOut:
        """A campaign that runs for a month; its advertiser is called like it unless told."""
        who = advertiser or f"{slug}-inc"
        self.advertisers.put(who, AdvertiserIn(name=who))
        today = datetime.now(UTC).date()
        fields: dict[str, Any] = {
            "advertiser": who,
            "name": slug,
            "starts_on": today - timedelta(days=1),
            "ends_on": today + timedelta(days=30),
            "total_budget_micros": 1000 * UNIT,
            "bid_type": "cpc",
            "bid_micros": UNIT // 2,
            "pacing": "asap",
        }
        examples = changes.pop("examples", None)
        return self.campaigns.put(slug, CampaignIn.model_validate({**fields, **changes}), examples)

    def creative(
        self,
        slug: str,
        campaign: str,
        *,
        product: int | None = None,
        photo: int | None = None,
        **changes: Any,
    ) -> None:
        """A creative that draws on a product, or has a photo like that of one."""
        fields: dict[str, Any] = {
            "campaign": campaign,
            "title": "" if product is not None else slug,
            "landing_url": f"https://{slug}.example/",
        }
        if product is not None:
            fields["product_id"] = f"acme:{sku(product)}"
        image = None if photo is None else jpeg(photo)
        self.creatives.put(slug, CreativeIn.model_validate({**fields, **changes}), image)

    def patch(self, slug: str, **changes: Any) -> CampaignOut:
        return self.campaigns.patch(slug, CampaignPatch.model_validate(changes))

    def ready(self) -> "Market":
        """Let what was put in be found."""
        worked_off(self.shop)
        self.look()
        return self

    def look(self) -> None:
        """Let the api see at once what it would see within a second."""
        self._matcher.forget()

    def match(self, photo: int | None = None, **query: Any) -> MatchResponse:
        photos = () if photo is None else (jpeg(photo),)
        if "product" in query:
            query["product_id"] = f"acme:{sku(query.pop('product'))}"
        return self._matcher.match(MatchQuery.model_validate(query), key_id="test", photos=photos)


def creatives(found: MatchResponse) -> list[str]:
    return [one.creative for one in found.ads]


def first(found: MatchResponse) -> AdOut:
    return found.ads[0]
