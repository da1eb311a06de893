"""Learning which ads are clicked: one writer, one transaction from the events to the new version.

What was learnt is marked, counted for its creative, and known to the new version, in one commit: a
crash loses nothing and doubles nothing, and a second learner goes away at once.

Every ad is learnt at one age, `feedback_seconds` after it was decided, clicked or not: to learn the
clicks as they come and the rest later would teach that more is clicked than is, whenever there are
more ads to see now than there were before. A click, or an impression, that comes later still is
learnt when it comes: each event has a mark of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from vitrine import logs
from vitrine.ads.clicks import CLICK_MODELS, PRIOR
from vitrine.ads.features import from_bytes, in_place
from vitrine.ads.models import CLICK, IMPRESSION
from vitrine.db import Sessions, again_after_deadlock
from vitrine.recommend.examples import Example
from vitrine.recommend.versions import add_version, last_state, may_learn

SLOTS_AT_ONCE = 2000
# An event can come in before the slot that it is of can be seen, but not by so much.
ORPHAN_SECONDS = 600.0
_KINDS = (IMPRESSION, CLICK)

log = logs.get(__name__)

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What one round did; `version` is None if it taught nothing."""

    version: int | None
    slots: int
    examples: int
    conversions: int

    @property
    def anything(self) -> bool:
        """Whether there may be more of it."""
        return bool(self.slots or self.conversions)


@dataclass(slots=True)
class _Slot:
    """An ad that was decided, and what came of it: kinds that were learnt before, and all."""

    row: Any
    before: set[str] = field(default_factory=set)
    after: set[str] = field(default_factory=set)

    @property
    def is_new(self) -> bool:
        """Seen, as nobody knew before; a click is not without a look."""
        return bool(self.after) and not self.before

    @property
    def is_clicked(self) -> bool:
        """Clicked, as nobody knew before."""
        return CLICK in self.after and CLICK not in self.before


@again_after_deadlock
def learn_clicks(
    sessions: Sessions, now: datetime, *, feedback_seconds: float, at_once: int = SLOTS_AT_ONCE
) -> Learnt | None:
    """Learn from what is due, some `at_once`; None while another process is at it."""
    with sessions.begin() as session:
        if not may_learn(session, CLICK_MODELS):
            return None
        slots = _due(session, now - timedelta(seconds=feedback_seconds), at_once)
        counts = _Counts()
        conversions = _take_conversions(session, counts, at_once)
        version, examples = _teach(session, slots, counts)
        _mark(session, slots)
        _count(session, counts)
    if version is not None:
        log.info("clicks.learnt", version=version, examples=examples)
    return Learnt(version, len(slots), examples, conversions)


def click_learn_all(
    sessions: Sessions, now: datetime, *, feedback_seconds: float, rounds: int = 50
) -> int:
    """Learn until nothing is due, at most `rounds` versions; returns the examples learnt."""
    examples = 0
    for _ in range(rounds):
        learnt = learn_clicks(sessions, now, feedback_seconds=feedback_seconds)
        if learnt is None or not learnt.anything:
            break
        examples += learnt.examples
    return examples


@dataclass(slots=True)
class _Counts:
    """What is to be added to the counts of creatives: impressions, clicks, conversions."""

    of: dict[int, list[float]] = field(default_factory=dict)

    def add(self, creative: int, *, impressions: float = 0, clicks: float = 0,
            conversions: float = 0) -> None:  # fmt: skip
        counts = self.of.setdefault(creative, [0.0, 0.0, 0.0])
        for place, more in enumerate((impressions, clicks, conversions)):
            counts[place] += more


def _due(session: Session, closed: datetime, limit: int) -> list[_Slot]:
    """Read the slots that something new is known of, oldest first, and close what has no slot."""
    values = {"closed": closed, "limit": limit}
    keys: set[Key] = set()
    for due in (_CLOSED_SLOTS, _LATE_CLICKS, _OPEN_IMPRESSIONS):
        keys |= {(row.decision, row.position) for row in session.execute(due, values)}
    orphaned = {"before": closed - timedelta(seconds=ORPHAN_SECONDS)}
    session.execute(_CLOSE_ORPHANS, {**_arrays(keys), **orphaned})
    rows = session.execute(_SLOTS, {**_arrays(keys), "closed": closed})
    slots = {(row.decision, row.position): _Slot(row) for row in rows}
    for row in session.execute(_EVENTS, {**_arrays(slots), "kinds": list(_KINDS)}):
        slot = slots[row.decision, row.position]
        slot.after.add(row.kind)
        if row.learned:
            slot.before.add(row.kind)
    return list(slots.values())


def _teach(session: Session, slots: Sequence[_Slot], counts: _Counts) -> tuple[int | None, int]:
    """Learn what is new and count it; returns the version that knows it, and its examples."""
    news = [one for one in slots if one.is_new or one.is_clicked]
    for one in news:
        counts.add(one.row.creative_id, impressions=one.is_new, clicks=one.is_clicked)
    examples = [(one, made) for one in news if (made := _example(one)) is not None]
    if not examples:
        return None, 0
    # Takes seconds to import, and only a worker that learns needs it.
    from vitrine.ads.click_model import ClickModel

    model = ClickModel(PRIOR, last_state(session, CLICK_MODELS))
    for one, example in examples:
        # What is clicked late was predicted when it was first learnt: to count it twice would
        # flatter or blame.
        model.learn(example, validate=one.is_new)
    values = {
        "state": model.to_state(),
        "examples": model.examples,
        "report": model.report(),
        "held": model.validation.worse_than_prior(),
    }
    return add_version(session, CLICK_MODELS, values), len(examples)


def _example(slot: _Slot) -> Example | None:
    features = from_bytes(slot.row.features)
    if features is None:
        return None
    return Example(in_place(features, slot.row.position), CLICK in slot.after, 1.0)


def _take_conversions(session: Session, counts: _Counts, limit: int) -> int:
    """Count parts of conversions that were not counted before; returns how many it looked at."""
    taken = 0
    for row in session.execute(_TAKE_CONVERSIONS, {"limit": limit}):
        taken += row.parts
        if row.conversions:
            counts.add(row.creative_id, conversions=row.conversions)
    return taken


def _mark(session: Session, slots: Sequence[_Slot]) -> None:
    """Mark what was read as learnt, and nothing that came since: that is of the next round."""
    fresh = [
        (one.row.decision, one.row.position, kind)
        for one in slots
        for kind in sorted(one.after - one.before)
    ]
    keys = [(one.row.decision, one.row.position) for one in slots if not one.row.learned]
    session.execute(_MARK_SLOTS, _arrays(keys))
    session.execute(
        _MARK_EVENTS,
        {**_arrays(one[:2] for one in fresh), "kinds": [kind for _, _, kind in fresh]},
    )


def _count(session: Session, counts: _Counts) -> None:
    rows = sorted(counts.of.items())
    if rows:
        columns = zip(*(values for _, values in rows), strict=True)
        names = ("impressions", "clicks", "conversions")
        values: Mapping[str, Any] = dict(zip(names, map(list, columns), strict=True))
        session.execute(_ADD_COUNTS, {"creatives": [id_ for id_, _ in rows], **values})


def _arrays(keys: Iterable[Key]) -> dict[str, Any]:
    ordered = list(keys)
    return {
        "decisions": [decision for decision, _ in ordered],
        "positions": [position for _, position in ordered],
    }


def _keyed(statement: str) -> TextClause:
    return text(
        statement.replace(
            ":keys",
            "unnest(cast(:decisions as text[]), cast(:positions as smallint[]))"
            " as key (decision, position)",
        )
    )


_CLOSED_SLOTS = text("""
    select decision, position from ad_slots where not learned and at <= :closed
    order by at, decision, position limit :limit
""")
# Of slots that were learnt; the others wait for their time.
_LATE_CLICKS = text("""
    select ad_events.decision, ad_events.position from ad_events
    left join ad_slots using (decision, position)
    where not ad_events.learned and invalid is null and kind = 'click'
        and coalesce(ad_slots.learned, ad_events.at <= :closed)
    order by ad_events.at limit :limit
""")
# Whether their slots were learnt is asked afterwards: to ask it of all would take long when much is
# left to learn.
_OPEN_IMPRESSIONS = text("""
    select decision, position from ad_events
    where not learned and invalid is null and kind = 'impression' and at <= :closed
    order by at limit :limit
""")
_SLOTS = _keyed("""
    select ad_slots.decision, ad_slots.position, creative_id, features, learned
    from :keys join ad_slots using (decision, position)
    where learned or at <= :closed order by at, decision, position
""")
_EVENTS = _keyed("""
    select ad_events.decision, ad_events.position, kind, learned
    from :keys join ad_events using (decision, position)
    where invalid is null and kind = any(:kinds)
""")
_MARK_SLOTS = _keyed("""
    update ad_slots set learned = true from :keys
    where ad_slots.decision = key.decision and ad_slots.position = key.position
""")
_MARK_EVENTS = text("""
    update ad_events set learned = true
    from unnest(cast(:decisions as text[]), cast(:positions as smallint[]), cast(:kinds as text[]))
        as read (decision, position, kind)
    where ad_events.decision = read.decision and ad_events.position = read.position
        and ad_events.kind = read.kind
""")
# Of slots that were forgotten as too old.
_CLOSE_ORPHANS = _keyed("""
    update ad_events set learned = true from :keys
    where ad_events.decision = key.decision and ad_events.position = key.position
        and not learned and at <= :before
        and not exists (
            select from ad_slots
            where ad_slots.decision = key.decision and ad_slots.position = key.position
        )
""")
# By the last touch, whatever the shop bills by: the parts of one conversion add up to one.
_TAKE_CONVERSIONS = text("""
    with open as (
        select conversion_id, decision, position from attributions where not learned
        order by conversion_id, decision, position limit :limit
    ),
    taken as (
        update attributions set learned = true from open
        where attributions.conversion_id = open.conversion_id
            and attributions.decision = open.decision and attributions.position = open.position
        returning attributions.conversion_id, creative_id, last_touch
    )
    select creative_id, count(*) as parts,
        coalesce(sum(last_touch) filter (where invalid is null), 0) as conversions
    from taken join conversions on conversions.id = taken.conversion_id
    group by creative_id
""")
_ADD_COUNTS = text("""
    insert into creative_stats as counted (creative_id, impressions, clicks, conversions)
    select creatives.id, more.impressions, more.clicks, more.conversions
    from unnest(
        cast(:creatives as bigint[]), cast(:impressions as float8[]), cast(:clicks as float8[]),
        cast(:conversions as float8[])
    ) as more (creative_id, impressions, clicks, conversions)
    join creatives on creatives.id = more.creative_id
    order by creatives.id
    on conflict (creative_id) do update set
        impressions = counted.impressions + excluded.impressions,
        clicks = counted.clicks + excluded.clicks,
        conversions = counted.conversions + excluded.conversions,
        updated_at = clock_timestamp()
""")
