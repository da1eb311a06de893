"""Matching over a real shop: what suits is found, what does not is not shown, and why is told."""

import dataclasses
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from tests.integration.conftest import listing, worked_off
from tests.integration.market import UNIT, Market, creatives, first
from tests.integration.shop import KINDS, shop_of_a_module, sku
from tests.integration.shoppers import Shoppers, name
from tests.pictures import jpeg
from vitrine.ads.candidates import Finder
from vitrine.ads.counters import Counters
from vitrine.ads.eligibility import draws_in
from vitrine.ads.explaining import explain
from vitrine.ads.gallery import MOST_HUNG, Gallery
from vitrine.ads.keeping import Background
from vitrine.ads.looking import RunningAds
from vitrine.ads.matching import AdMatcher
from vitrine.ads.models import AdSlot, Campaign, Control
from vitrine.assembly import Platform
from vitrine.catalog.models import CreativeImage, Product, ProductImage
from vitrine.decisions.tokens import TokenSigner
from vitrine.errors import Invalid, NotFound, Unavailable
from vitrine.index.client import VectorIndex
from vitrine.recommend.erasure import erase
from vitrine.redis_calls import RedisCalls, make_redis
from vitrine.wire import ProductPatch
from vitrine.wire.ads import DecisionOut, MatchQuery
from vitrine.wire.creatives import CreativePatch


@pytest.fixture(scope="module")
def shop(request: pytest.FixtureRequest) -> Iterator[Platform]:
    with shop_of_a_module(request) as platform:
        yield platform


@pytest.fixture(scope="module")
def market(shop: Platform) -> Market:
    """Three campaigns, each for a kind of products."""
    # As chance draws nothing, what wins is what is worth most.
    settings = shop.settings.model_copy(update={"ad_exploration": 0.0})
    market = Market(dataclasses.replace(shop, settings=settings))
    for number, kind in enumerate(("mugs", "bowls", "boots")):
        market.campaign(kind, bid_micros=UNIT // 2 + number * 1000)
        for product in range(number * 6, number * 6 + 3):
            market.creative(f"{kind}-{product}", kind, product=product)
    return market.ready()


def why(shop: Platform, decision: str) -> DecisionOut:
    return explain(shop.reading.connect, decision)


def test_what_is_like_the_photo_is_shown_with_all_that_shows_it(market: Market) -> None:
    found = market.match(photo=7, slots=1)
    ad = first(found)
    assert (ad.creative, ad.campaign, ad.advertiser) == ("bowls-7", "bowls", "bowls-inc")
    assert ad.similarity == pytest.approx(1.0, abs=0.02)
    assert ad.relevance.total == pytest.approx(
        ad.relevance.visual * ad.relevance.profile * ad.relevance.context, abs=1e-5
    )
    assert ad.product is not None
    assert ad.product.id == f"acme:{sku(7)}"
    assert ad.title == ad.product.title
    assert ad.image is not None
    assert ad.image.id == ad.product.images[0].id
    assert ad.click_url.endswith(f"/ads/click/{ad.token}")


def test_the_page_of_a_product_shows_what_is_like_it_and_not_itself(market: Market) -> None:
    found = market.match(product=0, slots=3, same_advertiser=True)
    assert "mugs-0" not in creatives(found)
    told = why(market.shop, found.decision_id)
    assert told.filtered["on_the_page"] == 1


def test_an_irrelevant_ad_is_not_shown_whatever_it_pays(market: Market) -> None:
    market.campaign("rich", bid_micros=900 * UNIT)
    market.creative("rich-photo", "rich", photo=77, category="garden/tools")
    market.ready()
    found = market.match(product=1, category=KINDS[0], slots=20, relevance_floor=0.5)
    market.campaigns.archive("rich")
    market.look()
    assert creatives(found)
    assert "rich-photo" not in creatives(found)
    told = why(market.shop, found.decision_id)
    refused = {one.creative: one.reason for one in told.participants if one.outcome == "filtered"}
    assert refused["rich-photo"] == "relevance"
    assert told.relevance_floor == 0.5
    lower = market.match(category=KINDS[0], relevance_floor=0.0)
    assert why(market.shop, lower.decision_id).relevance_floor == 0.2


def test_words_name_ads_where_nothing_is_seen(market: Market) -> None:
    found = market.match(text="green boot", slots=1)
    assert first(found).campaign == "boots"
    assert "Green boot" in first(found).title
    assert first(found).similarity is None


def test_a_profile_alone_is_enough(market: Market) -> None:
    shopper = name()
    for product in ("p12", "p13", "p14"):
        Shoppers(market.shop).did(shopper, "view_item", product)
        Shoppers(market.shop).did(shopper, "add_to_cart", product)
    found = market.match(user_id=shopper, slots=1)
    assert first(found).campaign == "boots"


def test_no_advertiser_twice_unless_it_is_allowed(market: Market) -> None:
    once = market.match(category=KINDS[0], slots=5)
    advertisers = [one.advertiser for one in once.ads]
    assert len(advertisers) == len(set(advertisers))
    several = market.match(category=KINDS[0], slots=5, same_advertiser=True)
    assert [one.advertiser for one in several.ads].count("mugs-inc") > 1
    assert len(set(creatives(several))) == len(several.ads)


def test_the_same_state_and_seed_decide_the_same(market: Market) -> None:
    asked = {"text": "red mug", "category": KINDS[0], "slots": 4, "seed": 11}
    one, other = market.match(**asked), market.match(**asked)
    assert creatives(one) == creatives(other)
    told = [why(market.shop, found.decision_id) for found in (one, other)]
    prices = [[slot.price_micros for slot in one.slots] for one in told]
    assert prices[0] == [slot.price_micros for slot in told[1].slots]
    assert told[0].participants == told[1].participants


def test_a_winner_pays_no_more_than_it_bids_and_what_others_make_it_pay(market: Market) -> None:
    told = why(market.shop, market.match(category=KINDS[0], slots=3).decision_id)
    scores = [one.score for one in told.participants if one.outcome == "shown"]
    assert scores == sorted(scores, reverse=True)
    assert len(told.slots) >= 2
    for slot in told.slots:
        assert 1 <= slot.price_micros <= slot.bid_micros
        assert 1 <= slot.expected_micros <= slot.price_micros
    one, second = [each for each in told.participants if each.outcome == "shown"][:2]
    assert one.price_micros is not None
    assert one.probability is not None and one.relevance is not None and second.score is not None
    needed = second.score / (one.probability * one.relevance.total)
    assert one.price_micros == pytest.approx(needed, rel=1e-3)


def test_a_decision_can_be_explained(market: Market) -> None:
    shopper = name()
    found = market.match(user_id=shopper, product=8, text="bowl", slots=2, placement="side")
    told = why(market.shop, found.decision_id)
    assert (told.placement, told.model) == ("side", found.model.digest)
    assert (told.context["product_id"], told.context["text"]) == ("acme:p08", "bowl")
    assert shopper not in told.model_dump_json()
    by_outcome = {one.outcome for one in told.participants}
    assert "shown" in by_outcome
    assert [slot.creative for slot in told.slots] == creatives(found)
    assert told.slots[0].events == []
    with pytest.raises(NotFound):
        why(market.shop, "nothing-of-that-name-00")


def test_a_slot_is_written_down_before_the_answer(market: Market) -> None:
    found = market.match(category=KINDS[1], slots=2)
    with market.shop.sessions() as session:
        rows = session.query(AdSlot).filter(AdSlot.decision == found.decision_id).all()
    assert sorted(one.position for one in rows) == [one.position for one in found.ads]
    signer = TokenSigner(market.shop.settings.secret_key)
    shown = signer.read(first(found).token)
    assert (shown.decision, shown.kind, shown.item) == (
        found.decision_id,
        "ad",
        first(found).creative,
    )


def test_what_a_product_cannot_keep_is_not_promised(market: Market) -> None:
    catalog = market.shop.catalog
    asked = {"category": KINDS[0], "slots": 20, "same_advertiser": True}
    before = creatives(market.match(**asked))
    assert "mugs-2" in before
    catalog.patch("acme", sku(2), ProductPatch(availability="out_of_stock"))
    found = market.match(**asked)
    assert "mugs-2" not in creatives(found)
    assert why(market.shop, found.decision_id).filtered["out_of_stock"] == 1
    catalog.patch("acme", sku(2), ProductPatch(availability="in_stock"))
    assert "mugs-2" in creatives(market.match(**asked))


def test_a_product_without_a_picture_takes_nobodys_slot(market: Market) -> None:
    asked = {"category": KINDS[0], "slots": 20, "same_advertiser": True, "seed": 3}
    drawn = select(Product.id).where(Product.sku == sku(2)).scalar_subquery()
    of_it = update(ProductImage).where(ProductImage.product_id == drawn)
    for state, reasons in (("received", {"no_picture": 1}), ("searchable", {})):
        with market.shop.sessions.begin() as session:
            session.execute(of_it.values(state=state))
        matcher = market.shop.matcher
        found = matcher.match(MatchQuery.model_validate(asked), key_id="test")
        assert ("mugs-2" in creatives(found)) == (not reasons)
        told = why(market.shop, found.decision_id).filtered
        assert {one: told.get(one, 0) for one in reasons} == reasons
        assert "gone" not in told


def test_a_campaign_that_is_not_shown_takes_nobodys_place(market: Market) -> None:
    market.campaign("crowd", bid_micros=9 * UNIT)
    for number in range(150):
        market.creative(f"crowd-{number}", "crowd", product=number % 3, title="Nice mug")
    market.patch("crowd", state="paused")
    market.ready()
    for seed in range(5):
        for asked in ({"category": KINDS[0]}, {"text": "mug"}):
            found = market.match(**asked, slots=1, seed=seed)
            assert first(found).campaign == "mugs"
            assert "campaign" not in why(market.shop, found.decision_id).filtered
    market.patch("crowd", state="active")
    market.look()
    assert first(market.match(category=KINDS[0], slots=1, seed=1)).campaign == "crowd"
    market.campaigns.archive("crowd")
    market.look()


def test_who_is_gone_since_the_last_look_leaves_the_slot_to_the_next(market: Market) -> None:
    market.look()
    asked = {"category": KINDS[0], "slots": 1, "seed": 5}
    best = first(market.match(**asked)).creative
    market.creatives.patch(best, CreativePatch.model_validate({"state": "paused"}))
    found = market.match(**asked)
    assert creatives(found) not in ([], [best])
    assert why(market.shop, found.decision_id).filtered["gone"] == 1
    market.creatives.patch(best, CreativePatch.model_validate({"state": "active"}))
    market.look()


def test_an_ad_may_cost_only_so_much_similarity(market: Market) -> None:
    like = market.match(photo=7, slots=20, same_advertiser=True)
    similar = {one.creative: one.similarity for one in like.ads}
    assert "bowls-7" in similar
    organic = [{"product_id": "acme:p07", "similarity": 0.9}]
    found = market.match(photo=7, slots=1, organic=organic)
    ad = first(found)
    assert (ad.creative, ad.place, ad.loss) == ("bowls-7", 1, 0.0)
    signer = TokenSigner(market.shop.settings.secret_key)
    assert signer.read(ad.token).loss == 0.0
    others = [one for one in creatives(like) if one != "bowls-7"]
    told = why(market.shop, found.decision_id)
    reasons = {one.creative: one.reason for one in told.participants}
    assert others and all(reasons[one] == "displacement" for one in others)


def test_a_place_further_down_may_be_given_to_what_is_less_alike(market: Market) -> None:
    organic = [{"product_id": "acme:p07", "similarity": one} for one in (0.95, 0.9, -0.5)]
    found = market.match(photo=7, slots=3, organic=organic, max_loss=0.05, same_advertiser=True)
    assert [one.position for one in found.ads] in ([1, 3], [1])
    wide = market.match(photo=7, slots=1, organic=organic, positions=[3])
    assert first(wide).place == 3
    for positions in ([3], [3, 3]):
        with pytest.raises(Invalid, match="positions"):
            market.match(photo=7, slots=2, positions=positions)
    # Of what is not seen nobody knows what it costs.
    blind = market.match(category=KINDS[1], organic=organic[:1])
    assert blind.ads == []


@pytest.mark.parametrize(
    ("changes", "holds", "fails", "reason"),
    [
        ({"geo": ["DE"]}, {"geo": "DE-BY"}, {"geo": "FR"}, "targeting:geo"),
        ({"devices": ["mobile"]}, {"device": "mobile"}, {}, "targeting:device"),
        ({"keywords": ["red mugs"]}, {"text": "a red mug"}, {"text": "mug"}, "targeting:keyword"),
        ({"categories": ["home"]}, {"category": KINDS[0]}, {"category": KINDS[2]},
         "targeting:category"),
    ],
)  # fmt: skip
def test_targeting(market: Market, changes: dict, holds: dict, fails: dict, reason: str) -> None:
    market.campaign("aimed", bid_micros=5 * UNIT, targeting=changes)
    market.creative("aimed-photo", "aimed", photo=99)
    market.ready()
    try:
        assert "aimed-photo" in creatives(market.match(photo=99, **holds))
        missed = market.match(photo=99, **fails)
        assert "aimed-photo" not in creatives(missed)
        assert why(market.shop, missed.decision_id).filtered[reason] == 1
    finally:
        market.campaign("aimed", bid_micros=5 * UNIT)


def test_example_pictures_say_what_a_campaign_is_for(market: Market) -> None:
    near = {"example_similarity": 0.95}
    market.campaign("by-example", bid_micros=3 * UNIT, targeting=near, examples=[jpeg(4)])
    market.creative("by-example-ad", "by-example", photo=55)
    market.ready()
    there = why(market.shop, market.match(photo=4, relevance_floor=0.0, slots=20).decision_id)
    elsewhere = why(market.shop, market.match(photo=16, slots=20).decision_id)
    reasons = [
        {one.creative: one.reason for one in told.participants} for told in (there, elsewhere)
    ]
    assert reasons[0].get("by-example-ad") != "targeting:examples"
    assert reasons[1]["by-example-ad"] == "targeting:examples"
    with market.shop.sessions.begin() as session:
        unread = update(CreativeImage).where(CreativeImage.kind == "example")
        session.execute(unread.values(state="failed"))
    market.patch("by-example", name="by unreadable examples")
    market.look()
    told = why(market.shop, market.match(photo=4, relevance_floor=0.0, slots=20).decision_id)
    assert told.filtered["targeting:examples"] == 1
    market.campaigns.archive("by-example")


def test_a_cap_holds_for_one_person(market: Market) -> None:
    market.campaign("capped", bid_micros=9 * UNIT, caps=[{"per": "day", "impressions": 2}])
    market.creative("capped-ad", "capped", photo=33)
    market.ready()
    shopper, other = name(), name()
    seen = [creatives(market.match(photo=33, client_id=shopper)) for _ in range(4)]
    assert [one == ["capped-ad"] for one in seen] == [True, True, False, False]
    market.shop.redis.flushall()
    assert creatives(market.match(photo=33, client_id=shopper)) != ["capped-ad"]
    assert creatives(market.match(photo=33, client_id=other)) == ["capped-ad"]
    market.campaigns.archive("capped")


def test_whose_cap_is_reached_makes_nobody_pay_more(market: Market) -> None:
    shopper = name()
    market.campaign("wins", bid_micros=9 * UNIT)
    market.creative("wins-ad", "wins", photo=61)
    market.campaign("tired", bid_micros=8 * UNIT, caps=[{"per": "day", "impressions": 1}])
    market.creative("tired-ad", "tired", photo=61)
    market.ready()
    slots = {"slots": 2, "client_id": shopper}
    first_time = why(market.shop, market.match(photo=61, **slots).decision_id)
    again = why(market.shop, market.match(photo=61, **slots).decision_id)
    assert [one.creative for one in first_time.slots] == ["wins-ad", "tired-ad"]
    assert first_time.slots[0].price_micros > 7 * UNIT
    assert again.slots[0].creative == "wins-ad"
    assert again.slots[0].price_micros < 5 * UNIT
    assert again.filtered["cap:day"] == 1
    market.campaigns.archive("wins")
    market.campaigns.archive("tired")


def test_of_a_campaign_with_room_for_one_more_one_is_shown(market: Market) -> None:
    market.campaign("narrow", bid_micros=9 * UNIT, caps=[{"per": "flight", "impressions": 1}])
    for number in (1, 2):
        market.creative(f"narrow-{number}", "narrow", photo=62)
    market.ready()
    found = market.match(photo=62, client_id=name(), slots=2, same_advertiser=True)
    assert [one for one in creatives(found) if one.startswith("narrow")] == ["narrow-1"]
    assert len(found.ads) == 2
    market.campaigns.archive("narrow")


def test_a_cap_is_of_a_person_whatever_browser_they_use(market: Market) -> None:
    market.campaign("once", bid_micros=9 * UNIT, caps=[{"per": "day", "impressions": 1}])
    market.creative("once-ad", "once", photo=63)
    market.ready()
    shopper, browser = name(), name()
    Shoppers(market.shop).did(shopper, "view_item", "p01", client_id=browser)
    assert creatives(market.match(photo=63, user_id=shopper)) == ["once-ad"]
    assert creatives(market.match(photo=63, client_id=browser)) != ["once-ad"]
    market.campaigns.archive("once")


def test_whoever_is_erased_while_they_are_shown_something_is_nobody(market: Market) -> None:
    shopper = name()
    market.match(category=KINDS[0], user_id=shopper)
    matcher = market.shop.matcher
    sell = matcher.tools.auctioneer.sell

    def erase_and_sell(*given: Any) -> Any:
        erase(market.shop.sessions, shopper)
        return sell(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matcher.tools.auctioneer, "sell", erase_and_sell)
        query = MatchQuery(user_id=shopper, category=KINDS[0])
        found = matcher.match(query, key_id="test")
    with market.shop.sessions() as session:
        (slot,) = session.scalars(select(AdSlot).where(AdSlot.decision == found.decision_id))
        assert slot.person_id is None


def test_what_is_not_written_down_keeps_nothing_free(market: Market) -> None:
    matcher = market.shop.matcher
    released: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vitrine.ads.matching.record", lambda *given: 1 / 0)
        patch.setattr(matcher.tools.counters, "release", released.extend)
        with pytest.raises(ZeroDivisionError):
            matcher.match(MatchQuery(category=KINDS[0]), key_id="test")
    assert len(released) == 1


def test_every_process_decides_the_same(market: Market) -> None:
    """Whatever each saw in what order; what chance draws, too."""
    settings = market.shop.settings.model_copy(update={"ad_exploration": 1.0})
    answers = []
    for backwards in (False, True):
        matcher = dataclasses.replace(market.shop, settings=settings).matcher
        seen = matcher.tools.running.now()
        if backwards:
            turned = dict(reversed(list(seen.creatives.items())))
            matcher.tools.running._seen = dataclasses.replace(seen, creatives=turned)
        queries = [MatchQuery(category=KINDS[0], slots=4, seed=seed) for seed in range(3)]
        answers.append([creatives(matcher.match(one, key_id="test")) for one in queries])
    assert answers[0] == answers[1]


def test_after_a_quiet_time_nobody_is_served_what_was_before_it(market: Market) -> None:
    market.campaign("gone", bid_micros=9 * UNIT)
    market.creative("gone-ad", "gone", photo=64)
    market.ready()
    running = RunningAds(market.shop.reading.connect, refresh_seconds=0.01)
    before = running.now()
    assert "gone-ad" in {one.slug for one in before.creatives.values()}
    market.campaigns.archive("gone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vitrine.ads.looking._OLDEST_SECONDS", 0.05)
        time.sleep(0.1)
        with ThreadPoolExecutor(4) as threads:
            looks = list(threads.map(lambda _: running.now(), range(4)))
    assert all("gone-ad" not in {one.slug for one in each.creatives.values()} for each in looks)


def test_paused_archived_and_spent_campaigns_are_not_shown(market: Market) -> None:
    market.campaign("brief", bid_micros=9 * UNIT, total_budget_micros=9 * UNIT)
    market.creative("brief-ad", "brief", photo=44)
    market.ready()
    assert creatives(market.match(photo=44)) == ["brief-ad"]
    market.patch("brief", state="paused")
    market.look()
    assert "brief-ad" not in creatives(market.match(photo=44))
    market.patch("brief", state="active")
    market.look()
    assert creatives(market.match(photo=44)) == ["brief-ad"]
    market.campaigns.archive("brief")
    market.look()
    assert "brief-ad" not in creatives(market.match(photo=44))


def test_a_flight_begins_and_ends_by_the_clock_of_its_zone(market: Market) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    market.campaign("later", bid_micros=9 * UNIT, starts_on=tomorrow)
    market.creative("later-ad", "later", photo=66)
    market.ready()
    found = market.match(photo=66)
    assert "later-ad" not in creatives(found)
    assert why(market.shop, found.decision_id).filtered["flight"] == 1
    market.campaigns.archive("later")


def test_reserves_hold(market: Market) -> None:
    found = market.match(category=KINDS[0], slots=2, floor_micros=10**12)
    assert found.ads == []
    told = why(market.shop, found.decision_id)
    assert {one.reason for one in told.participants if one.outcome == "lost"} == {"reserve"}


def test_a_held_back_campaign_takes_no_part_when_the_draw_is_against_it(market: Market) -> None:
    market.campaign("slow", bid_micros=9 * UNIT, pacing="even")
    market.creative("slow-ad", "slow", photo=88)
    market.ready()
    with market.shop.sessions.begin() as session:
        slow = session.scalars(select(Campaign.id).where(Campaign.slug == "slow")).one()
        changes = {"pace": 0.5, "updated_at": func.clock_timestamp()}
        session.execute(update(Control).where(Control.campaign_id == slow).values(changes))
    market.look()
    for seed in range(12):
        found = market.match(photo=88, seed=seed)
        part = draws_in(slow, 0.5, seed)
        assert ("slow-ad" in creatives(found)) == part
        assert why(market.shop, found.decision_id).filtered.get("pacing", 0) == (not part)
    assert {draws_in(slow, 0.5, seed) for seed in range(12)} == {True, False}
    market.campaigns.archive("slow")


def test_without_the_index_words_and_categories_name_ads(market: Market) -> None:
    nowhere = VectorIndex("http://127.0.0.1:1", timeout_seconds=1.0)
    blind = Market(dataclasses.replace(market.shop, index=nowhere))
    found = blind.match(product=1, category=KINDS[0], slots=1)
    assert creatives(found)
    assert found.degraded is not None


def test_without_redis_there_are_ads_and_caps_hold(market: Market) -> None:
    gone = RedisCalls(make_redis("redis://127.0.0.1:1/0", timeout_seconds=0.2))
    counters = Counters(gone, market.shop.reading.connect, seconds=60)
    alone = Market(dataclasses.replace(market.shop, redis_calls=gone, ad_counters=counters))
    alone.campaign("capped-too", bid_micros=9 * UNIT, caps=[{"per": "hour", "impressions": 1}])
    alone.creative("capped-too-ad", "capped-too", photo=22)
    alone.ready()
    shopper = name()
    shown = [creatives(alone.match(photo=22, client_id=shopper)) for _ in range(2)]
    assert [one == ["capped-too-ad"] for one in shown] == [True, False]
    market.campaigns.archive("capped-too")


def test_an_unknown_product_or_photo_is_refused(market: Market) -> None:
    with pytest.raises(NotFound, match="acme:nothing"):
        market.match(product_id="acme:nothing")
    with pytest.raises(NotFound, match="upload"):
        market.match(upload_id="x4nL0mJxq3Zr2q0bK9sVtw")


def test_a_product_that_was_hidden_or_bought_is_not_advertised(market: Market) -> None:
    shopper = name()
    Shoppers(market.shop).did(shopper, "hide_item", "p00")
    found = market.match(user_id=shopper, category=KINDS[0], slots=20, same_advertiser=True)
    assert "mugs-0" not in creatives(found)
    assert why(market.shop, found.decision_id).filtered["hidden"] == 1
    with market.shop.sessions() as session:
        assert session.query(Product).filter(Product.sku == "p00").count() == 1


def test_in_memory_and_in_the_index_the_same_is_found(market: Market) -> None:
    tools = market.shop.matcher.tools
    asked = [MatchQuery(product_id=f"acme:{sku(at)}", slots=20, seed=at) for at in (1, 8, 14)]
    answers = []
    for most in (MOST_HUNG, 0):
        gallery = Gallery(market.shop.sessions, Background(), most=most)
        matcher = AdMatcher(replace(tools, finder=Finder(market.shop.index, gallery)))
        matcher.forget()
        found = [matcher.match(one, key_id="test") for one in asked]
        answers.append([[(ad.creative, ad.similarity) for ad in one.ads] for one in found])
        running, model = tools.running.now(), found[0].model.digest
        assert (gallery.pictures(running, model) is None) == (most == 0)
    assert answers[0] == answers[1]
    assert all(answers[0])


def test_what_is_in_memory_is_found_without_the_index(market: Market) -> None:
    nowhere = VectorIndex("http://127.0.0.1:1", timeout_seconds=1.0)
    matcher = replace(market.shop, index=nowhere).matcher
    query = MatchQuery(product_id=f"acme:{sku(7)}", slots=1)
    assert matcher.match(query, key_id="test").degraded is not None
    matcher.forget()
    found = matcher.match(query, key_id="test")
    assert found.degraded is None
    assert first(found).similarity is not None


def test_another_picture_of_a_product_comes_to_hang_in_memory(market: Market) -> None:
    shop = market.shop
    running, model = RunningAds(shop.reading.connect).now(), shop.matcher.tools.generations
    digest = model.current().model.digest
    gallery = Gallery(shop.sessions, Background(), turn_seconds=0.0)
    gallery.forget()
    before = gallery.pictures(running, digest)
    shop.catalog.put("acme", sku(6), listing(title="Red bowl", category=KINDS[1]), [jpeg(41)])
    worked_off(shop)
    gallery.forget()
    after = gallery.pictures(running, digest)
    assert before is not None and after is not None
    changed = {id_ for id_ in before.cids if before.cids[id_] != after.cids[id_]}
    assert {running.creatives[id_].slug for id_ in changed} == {"bowls-6"}
    row = before.rows[min(changed)]
    assert float(before.vectors[row] @ after.vectors[row]) < 0.9
    of_it = update(ProductImage).where(ProductImage.cid == after.cids[min(changed)])
    with shop.sessions.begin() as session:
        session.execute(of_it.values(state="failed"))
    gallery.forget()
    bare = gallery.pictures(running, digest)
    assert bare is not None
    assert after.cids.keys() - bare.cids.keys() == changed
    with shop.sessions.begin() as session:
        session.execute(of_it.values(state="searchable"))


def test_what_cannot_be_read_whole_is_followed_all_the_same(market: Market) -> None:
    running = RunningAds(market.shop.reading.connect)
    running.now()
    running._whole_at -= 1000

    def fails(*_: object) -> None:
        raise Unavailable("This takes too long.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vitrine.ads.looking.read_all", fails)
        running.forget()
        with pytest.raises(Unavailable):
            running.now()
        market.patch("bowls", state="paused")
        running.forget()
        assert "bowls" not in {one.slug for one in running.now().campaigns.values()}
    market.patch("bowls", state="active")


def test_what_changed_is_seen_as_if_all_were_looked_at(market: Market) -> None:
    readers = market.shop.reading.connect
    running = RunningAds(readers)
    before = running.now()
    market.campaign("worded", bid_micros=UNIT, targeting={"keywords": ["teapot"]})
    market.creative("worded-ad", "worded", photo=51, category="home/garden")
    market.creative("mugs-0", "mugs", product=0, text="Of stoneware")
    market.creatives.archive("boots-14")
    market.patch("bowls", state="paused")
    for look in range(2):
        running.forget()
        seen = running.now()
        assert seen == RunningAds(readers).now(), look
        worked_off(market.shop)
    assert seen != before
    assert seen.by_word["teapot"] == seen.of_campaign[seen.creatives[max(seen.ids)].campaign_id]
    assert not seen.waiting
    market.campaigns.archive("worded")
    market.patch("bowls", state="active")
    market.look()
