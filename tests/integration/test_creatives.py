"""Creatives over the api: their pictures, their products, and what may change."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from tests.integration.ad_system import CAMPAIGN, AdSystem, ad_system
from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine import work
from vitrine.ads.models import Creative
from vitrine.assembly import Platform
from vitrine.media.cid import content_id
from vitrine.settings import Settings
from vitrine.wire import ProductPatch

MUG: dict[str, Any] = {
    "campaign": "mugs",
    "title": "Mugs",
    "landing_url": "https://shop.example/mugs",
}
DRAWN = {"campaign": "mugs", "landing_url": "https://shop.example/1", "product_id": "acme:mug-1"}


@pytest.fixture
def ads(settings: Settings) -> Iterator[AdSystem]:
    with ad_system(settings) as found:
        found.campaign("mugs")
        yield found


@pytest.fixture
def served(platform: Platform) -> AdSystem:
    """An ad system at a shop that has a model, for workers to embed with."""
    found = AdSystem(platform)
    found.campaign("mugs")
    return found


def owed(ads: AdSystem) -> set[str]:
    """Slugs of the creatives whose rows in the index are owed; owed no more afterwards."""
    with ads.platform.sessions.begin() as session:
        slugs = {
            str(id_): slug for id_, slug in session.execute(select(Creative.id, Creative.slug))
        }
        keys = work.pending_keys(session, work.CREATIVE, slugs)
        work.forget(session, work.CREATIVE)
    return {slugs[key] for key in keys}


def test_a_creative_with_a_picture_of_its_own(
    served: AdSystem, work_off: Callable[[], int]
) -> None:
    pointer, said = served.refusal("PUT", "creatives/blue", MUG)
    assert (pointer, "one `image` part" in said) == ("/image", True)
    first = served.send("creatives/blue", MUG, jpeg(1))
    assert (first["id"], first["campaign"], first["version"]) == ("blue", "mugs", 1)
    assert (first["image"]["state"], first["ready"]) == ("received", False)
    assert served("GET", "creatives/blue") == first
    assert (
        served.send("creatives/blue", MUG, jpeg(1)) == served("PUT", "creatives/blue", MUG) == first
    )
    assert served.media(content_id(jpeg(1))) == 200

    work_off()
    found = served("GET", "creatives/blue")
    assert (found["image"]["state"], found["ready"]) == ("searchable", True)

    other = served.send("creatives/blue", MUG, jpeg(2))
    assert (other["version"], other["image"]["id"]) == (2, content_id(jpeg(2)))
    work_off()
    assert served.media(content_id(jpeg(1))) == 404
    assert not served.platform.blobs.exists(content_id(jpeg(1)))
    # Archived, nobody is shown it any more.
    served("DELETE", "creatives/blue")
    assert served.media(content_id(jpeg(2))) == 404
    assert served("GET", "creatives/blue")["ready"] is False


def test_a_creative_that_draws_on_a_product(served: AdSystem, work_off: Callable[[], int]) -> None:
    pointer, said = served.refusal("PUT", "creatives/drawn", DRAWN)
    assert (pointer, "acme:mug-1" in said) == ("/product_id", True)
    served.platform.catalog.put("acme", "mug-1", listing(), [jpeg(1)])
    found = served("PUT", "creatives/drawn", DRAWN)
    assert (found["product_id"], found["image"], found["ready"]) == ("acme:mug-1", None, False)
    work_off()
    assert served("GET", "creatives/drawn")["ready"]

    # It stops with the product, and the same again is still the same.
    catalog = served.platform.catalog
    catalog.patch("acme", "mug-1", ProductPatch(availability="out_of_stock"))
    assert not served("GET", "creatives/drawn")["ready"]
    catalog.delete("acme", "mug-1")
    assert served("PUT", "creatives/drawn", DRAWN)["version"] == 1
    assert not served("GET", "creatives/drawn")["ready"]
    served.refusal("PUT", "creatives/other", DRAWN)


def test_a_picture_of_its_own_is_taken_away_for_that_of_the_product(ads: AdSystem) -> None:
    ads.platform.catalog.put("acme", "mug-1", listing(), [jpeg(1)])
    assert ads.send("creatives/both", DRAWN, jpeg(2))["image"]["id"] == content_id(jpeg(2))
    cleared = ads("PUT", "creatives/both", {**DRAWN, "clear_image": True})
    assert (cleared["image"], cleared["version"]) == (None, 2)
    assert ads("PUT", "creatives/both", {**DRAWN, "clear_image": True}) == cleared
    assert ads.refusal("PUT", "creatives/both", {**MUG, "clear_image": True})[0] == "/image"
    assert ads("GET", "creatives/both") == cleared


def test_what_changes_owes_the_row_in_the_index(ads: AdSystem) -> None:
    ads.send("creatives/blue", MUG, jpeg(1))
    assert owed(ads) == {"blue"}
    ads.send("creatives/blue", MUG, jpeg(1))
    ads("PATCH", "creatives/blue", {"title": "Mugs"})
    assert owed(ads) == set()
    for change in ({"state": "paused"}, {"state": "active"}, {"category": "home/mugs"}):
        ads("PATCH", "creatives/blue", change)
        assert owed(ads) == {"blue"}
    ads("DELETE", "creatives/blue")
    assert owed(ads) == {"blue"}
    ads("DELETE", "creatives/blue")
    assert owed(ads) == set()


def test_a_change_has_to_add_up_with_what_stays(ads: AdSystem) -> None:
    ads.send("creatives/blue", MUG, jpeg(1))
    assert ads.refusal("PATCH", "creatives/blue", {"title": " "})[0] == "/title"
    assert ads.refusal("PATCH", "creatives/blue", {"landing_url": "//a.b"})[0] == "/landing_url"
    changed = ads("PATCH", "creatives/blue", {"text": "Blue.", "landing_url": "https://a.b/"})
    assert (changed["title"], changed["text"], changed["version"]) == ("Mugs", "Blue.", 2)
    ads("PATCH", "creatives/none", {"text": "x"}, status=404)


def test_what_a_creative_is_of_never_changes(ads: AdSystem) -> None:
    pointer, said = ads.refusal("PUT", "creatives/blue", {**MUG, "campaign": "none"})
    assert (pointer, "`PUT /v1/campaigns/none`" in said) == ("/campaign", True)
    ads.send("creatives/blue", MUG, jpeg(1))
    ads.campaign("bowls")
    body = {**MUG, "campaign": "bowls"}
    assert ads.refusal("PUT", "creatives/blue", body, status=409)[0] == "/campaign"
    gone = ads("DELETE", "creatives/blue")
    assert ads("DELETE", "creatives/blue") == gone
    for method, change in (("PUT", MUG), ("PATCH", {"state": "active"})):
        assert "archived" in ads.refusal(method, "creatives/blue", change, status=409)[1]
    ads("DELETE", "campaigns/bowls")
    ads.send("creatives/red", body, jpeg(1), status=409)
    ads("GET", "creatives/red", status=404)


def test_creatives_come_oldest_first_and_archived_ones_when_asked_for(ads: AdSystem) -> None:
    ads("PUT", "campaigns/bowls", CAMPAIGN)
    for slug in ("b", "a", "c"):
        campaign = "bowls" if slug == "c" else "mugs"
        ads.send(f"creatives/{slug}", {**MUG, "campaign": campaign}, jpeg(1))
    ads("DELETE", "creatives/b")

    def listed(query: str) -> list[str]:
        return [one["id"] for one in ads("GET", f"creatives?{query}")["creatives"]]

    assert listed("") == ["a", "c"]
    assert listed("state=archived") == ["b"]
    assert listed("campaign=bowls") == ["c"]
    assert listed("campaign=none") == []
    page = ads("GET", "creatives?limit=1")
    assert listed(f"cursor={page['next_cursor']}") == ["c"]


def test_a_picture_is_public_as_long_as_any_ad_shows_it(ads: AdSystem) -> None:
    ads.send("creatives/one", MUG, jpeg(1))
    ads.send("creatives/two", MUG, jpeg(1))
    cid = content_id(jpeg(1))
    ads("DELETE", "creatives/one")
    assert ads.media(cid) == 200
    ads("DELETE", "creatives/two")
    assert ads.media(cid) == 404
