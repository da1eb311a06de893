"""What is arranged step by step is as it would be if it were arranged at once."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.ads import arranging
from vitrine.ads.arranging import arranged, rearranged
from vitrine.ads.asks import Standing
from vitrine.ads.running import Running, RunningCampaign, RunningCreative
from vitrine.ads.targeting import Rules

NOW = datetime(2026, 11, 28, tzinfo=UTC)
WORDS = st.frozensets(st.sampled_from(["mug", "red", "boot", "bowl"]), max_size=3)
CATEGORIES = st.sampled_from([None, "home", "home/kitchen", "home/kitchen/mugs", "shoes"])
IDS = st.integers(1, 6)


def campaign(id_: int, keywords: frozenset[str], spent: int = 0) -> RunningCampaign:
    return RunningCampaign(
        id=id_,
        slug=f"c{id_}",
        version=1,
        advertiser="acme",
        time_zone="UTC",
        begins=NOW,
        ends=None,
        bid_type="cpc",
        bid_micros=1,
        pacing="asap",
        pace=1.0,
        caps=(),
        rules=Rules(),
        keywords=keywords,
        examples=(),
        by_example=False,
        example_similarity=0.5,
        reserve_micros=0,
        standing=Standing(id_, 1, 10, None, spent, None, 0),
        changed_at=(NOW,),
    )


def creative(
    id_: int, campaign_id: int, version: int, words: frozenset[str], category: str | None, seen: int
) -> RunningCreative:
    return RunningCreative(
        id=id_,
        slug=f"ad{id_}",
        campaign_id=campaign_id,
        title="",
        text="",
        call_to_action="",
        category=category,
        product=None,
        cid=None,
        version=version,
        words=words,
        impressions=float(seen),
        clicks=1.0,
        conversions=0.0,
        changed_at=(NOW,),
    )


CAMPAIGNS = st.dictionaries(
    IDS, st.none() | st.tuples(WORDS, st.sampled_from([0, 9, 10])), max_size=3
)
CREATIVES = st.dictionaries(
    st.integers(1, 12),
    st.none() | st.tuples(WORDS, CATEGORIES, st.integers(0, 9), st.booleans()),
    max_size=4,
)


@given(st.lists(st.tuples(CAMPAIGNS, CREATIVES), min_size=1, max_size=6))
def test_step_by_step_and_at_once_are_the_same(steps: list) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arranging, "_MANY", 10.0)
        running = Running()
        for campaigns, creatives in steps:
            known = running.creatives
            changes = {}
            for id_, told in creatives.items():
                before = known.get(id_)
                if told is None:
                    changes[id_] = None
                    continue
                words, category, seen, only_seen = told
                if before is not None and only_seen:
                    changes[id_] = replace(before, impressions=float(seen))
                else:
                    version = 1 if before is None else before.version + 1
                    changes[id_] = creative(id_, id_ % 6 + 1, version, words, category, seen)
            running = rearranged(
                running,
                {
                    id_: None if told is None else campaign(id_, *told)
                    for id_, told in campaigns.items()
                },
                changes,
            )
            assert running == arranged(running)


def test_the_same_again_is_the_same_object() -> None:
    running = rearranged(Running(), {1: campaign(1, frozenset({"mug"}))}, {})
    assert rearranged(running, {}, {}) is running


def test_words_of_a_campaign_find_its_creatives() -> None:
    ad = creative(5, 1, 1, frozenset({"red"}), "home/kitchen", 3)
    running = rearranged(Running(), {1: campaign(1, frozenset({"mug"}))}, {5: ad})
    assert running.by_word == {"red": (5,), "mug": (5,)}
    assert running.by_category == {"home": (5,), "home/kitchen": (5,)}
    assert running.shop.impressions == running.tallies[1].impressions == 3.0
    gone = rearranged(running, {1: None}, {})
    assert (gone.by_word, gone.by_category, gone.ids) == ({}, {}, ())
    assert gone.tallies[1].impressions == 3.0
    spent = rearranged(running, {1: campaign(1, frozenset({"mug"}), spent=10)}, {})
    assert (spent.by_word, spent.ids) == ({}, ())
    again = rearranged(spent, {1: campaign(1, frozenset({"mug"}), spent=9)}, {})
    assert (again.by_word, again.by_category) == (running.by_word, running.by_category)
    empty = rearranged(gone, {}, {5: None})
    assert (empty.by_word, empty.tallies, empty.ids) == ({}, {}, ())
