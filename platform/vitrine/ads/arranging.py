"""Arrange creatives by what finds them: campaign, words, category; and add up what they did."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Set
from dataclasses import replace
from typing import TypeVar

from vitrine.ads.running import Running, RunningCampaign, RunningCreative, Tally

K = TypeVar("K", bound=Hashable)
R = TypeVar("R", RunningCampaign, RunningCreative)
Places = Mapping[K, tuple[int, ...]]

# Of so many of all it takes less to arrange all anew.
_MANY = 0.05


def arranged(running: Running) -> Running:
    """Arrange all creatives anew. Ids are in order, so that every process draws the same."""
    of_campaign: dict[int, list[int]] = {}
    by_word: dict[str, list[int]] = {}
    by_category: dict[str, list[int]] = {}
    for id_ in sorted(running.creatives):
        one = running.creatives[id_]
        of_campaign.setdefault(one.campaign_id, []).append(id_)
        for word in _words(running, one):
            by_word.setdefault(word, []).append(id_)
        for path in _paths(running, one):
            by_category.setdefault(path, []).append(id_)
    found = replace(
        running,
        ids=_ids(running),
        of_campaign={id_: tuple(some) for id_, some in of_campaign.items()},
        by_word={word: tuple(some) for word, some in by_word.items()},
        by_category={path: tuple(some) for path, some in by_category.items()},
        tallies={},
    )
    return _counted(found, of_campaign)


def rearranged(
    before: Running,
    campaigns: Mapping[int, RunningCampaign | None],
    creatives: Mapping[int, RunningCreative | None],
) -> Running:
    """Put in what came or changed, and take out what went: None."""
    if not campaigns and not creatives:
        return before
    after = replace(
        before,
        campaigns=_with(before.campaigns, campaigns),
        creatives=_with(before.creatives, creatives),
    )
    moved = {id_ for id_ in creatives if _is_moved(before.creatives, after.creatives, id_)}
    for id_ in campaigns:
        if (_keywords(before, id_), _sells(before, id_)) != (
            _keywords(after, id_),
            _sells(after, id_),
        ):
            moved.update(before.of_campaign.get(id_, ()))
    if len(moved) > len(after.creatives) * _MANY:
        return arranged(after)
    if moved:
        after = replace(
            after,
            ids=_ids(after),
            of_campaign=_places(before.of_campaign, before, after, moved, _campaign),
            by_word=_places(before.by_word, before, after, moved, _words),
            by_category=_places(before.by_category, before, after, moved, _paths),
        )
    both = [each.creatives.get(id_) for id_ in creatives for each in (before, after)]
    return _counted(after, {one.campaign_id for one in both if one is not None})


def _with(known: Mapping[int, R], changes: Mapping[int, R | None]) -> Mapping[int, R]:
    if not changes:
        return known
    return {id_: one for id_, one in {**known, **changes}.items() if one is not None}


def _is_moved(
    before: Mapping[int, RunningCreative], after: Mapping[int, RunningCreative], id_: int
) -> bool:
    """Whether something else finds it now: mostly creatives change in what they did alone."""
    one, other = before.get(id_), after.get(id_)
    return one is None or other is None or one.version != other.version


def _places(
    known: Places[K],
    before: Running,
    after: Running,
    moved: Set[int],
    keys_of: Callable[[Running, RunningCreative], Iterable[K]],
) -> Places[K]:
    """Put the creatives that moved into their new places; all other places stay as they are."""
    new: dict[K, list[int]] = {}
    for id_ in moved:
        if id_ in before.creatives:
            for key in keys_of(before, before.creatives[id_]):
                new.setdefault(key, [])
        if id_ in after.creatives:
            for key in keys_of(after, after.creatives[id_]):
                new.setdefault(key, []).append(id_)
    places = dict(known)
    for key, ids in new.items():
        stay = (id_ for id_ in known.get(key, ()) if id_ not in moved)
        places[key] = tuple(sorted((*stay, *ids)))
        if not places[key]:
            del places[key]
    return places


def _campaign(running: Running, creative: RunningCreative) -> Iterable[int]:
    return (creative.campaign_id,)


def _ids(running: Running) -> tuple[int, ...]:
    found = (id_ for id_, one in running.creatives.items() if _sells(running, one.campaign_id))
    return tuple(sorted(found))


def _sells(running: Running, campaign_id: int) -> bool:
    """Whether its ads are to be found: others would take the places of those that can be shown."""
    campaign = running.campaigns.get(campaign_id)
    return campaign is not None and not campaign.is_spent


def _words(running: Running, creative: RunningCreative) -> Iterable[str]:
    if not _sells(running, creative.campaign_id):
        return ()
    return creative.words | _keywords(running, creative.campaign_id)


def _keywords(running: Running, campaign_id: int) -> frozenset[str]:
    campaign = running.campaigns.get(campaign_id)
    return frozenset() if campaign is None else campaign.keywords


def _paths(running: Running, creative: RunningCreative) -> Iterable[str]:
    """A category and all above it."""
    if not _sells(running, creative.campaign_id):
        return []
    parts = creative.category.split("/") if creative.category is not None else []
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _counted(running: Running, campaigns: Iterable[int]) -> Running:
    """Add up anew what the creatives of these campaigns did."""
    tallies = dict(running.tallies)
    for id_ in campaigns:
        if id_ in running.of_campaign:
            tallies[id_] = _sum(running.creatives[one] for one in running.of_campaign[id_])
        else:
            tallies.pop(id_, None)
    return replace(running, tallies=tallies, shop=_sum(tallies.values()))


def _sum(counted: Iterable[RunningCreative | Tally]) -> Tally:
    impressions = clicks = conversions = 0.0
    for one in counted:
        impressions += one.impressions
        clicks += one.clicks
        conversions += one.conversions
    return Tally(impressions, clicks, conversions)
