"""What the click learner reads and writes: the ads that are due, marks, and counts of creatives."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from vitrine.ads.models import CLICK, IMPRESSION

# An event can come in before the slot that it is of can be seen, but not by so much.
ORPHAN_SECONDS = 600.0
_KINDS = (IMPRESSION, CLICK)

Key = tuple[str, int]


@dataclass(slots=True)
class DueSlot:
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


@dataclass(slots=True)
class Counts:
    """What is to be added to the counts of creatives: impressions, clicks, conversions."""

    of: dict[int, list[float]] = field(default_factory=dict)

    def add(self, creative: int, *, impressions: float = 0, clicks: float = 0,
            conversions: float = 0) -> None:  # fmt: skip
        """Add something of one creative."""
        counts = self.of.setdefault(creative, [0.0, 0.0, 0.0])
        for place, more in enumerate((impressions, clicks, conversions)):
            counts[place] += more


def read_due(session: Session, closed: datetime, limit: int) -> list[DueSlot]:
    """Read the slots that something new is known of, oldest first, and close what has no slot."""
    values = {"closed": closed, "limit": limit}
    keys: set[Key] = set()
    for due in (_CLOSED_SLOTS, _LATE_CLICKS, _OPEN_IMPRESSIONS):
        keys |= {(row.decision, row.position) for row in session.execute(due, values)}
    orphaned = {"before": closed - timedelta(seconds=ORPHAN_SECONDS)}
    session.execute(_CLOSE_ORPHANS, {**_arrays(keys), **orphaned})
    rows = session.execute(_SLOTS, {**_arrays(keys), "closed": closed})
    slots = {(row.decision, row.position): DueSlot(row) for row in rows}
    for row in session.execute(_EVENTS, {**_arrays(slots), "kinds": list(_KINDS)}):
        slot = slots[row.decision, row.position]
        slot.after.add(row.kind)
        if row.learned:
            slot.before.add(row.kind)
    return list(slots.values())


def take_conversions(session: Session, counts: Counts, limit: int) -> int:
    """Count parts of conversions that were not counted before; returns how many it looked at."""
    taken = 0
    for row in session.execute(_TAKE_CONVERSIONS, {"limit": limit}):
        taken += row.parts
        if row.conversions:
            counts.add(row.creative_id, conversions=row.conversions)
    return taken


def mark(session: Session, slots: Sequence[DueSlot]) -> None:
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


def add_counts(session: Session, counts: Counts) -> None:
    """Add to the counts of creatives; what is of no creative is of no use."""
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
