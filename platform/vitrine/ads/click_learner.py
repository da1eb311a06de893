"""Learning which ads are clicked: one writer, one transaction from the events to the new version.

What was learnt is marked, counted for its creative, and known to the new version, in one commit: a
crash loses nothing and doubles nothing, and a second learner goes away at once.

Every ad is learnt at one age, `feedback_seconds` after it was decided, clicked or not: to learn the
clicks as they come and the rest later would teach that more is clicked than is, whenever there are
more ads to see now than there were before. A click, or an impression, that comes later still is
learnt when it comes: each event has a mark of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from vitrine import logs
from vitrine.ads.click_rows import (
    Counts,
    DueSlot,
    add_counts,
    mark,
    read_due,
    take_conversions,
)
from vitrine.ads.clicks import CLICK_MODELS, PRIOR
from vitrine.ads.features import from_bytes, in_place
from vitrine.ads.models import CLICK
from vitrine.db import Sessions, again_after_deadlock
from vitrine.recommend.examples import Example
from vitrine.recommend.versions import add_version, last_state, may_learn

SLOTS_AT_ONCE = 2000

log = logs.get(__name__)


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


@again_after_deadlock
def learn_clicks(
    sessions: Sessions, now: datetime, *, feedback_seconds: float, at_once: int = SLOTS_AT_ONCE
) -> Learnt | None:
    """Learn from what is due, some `at_once`; None while another process is at it."""
    with sessions.begin() as session:
        if not may_learn(session, CLICK_MODELS):
            return None
        slots = read_due(session, now - timedelta(seconds=feedback_seconds), at_once)
        counts = Counts()
        conversions = take_conversions(session, counts, at_once)
        version, examples = _teach(session, slots, counts)
        mark(session, slots)
        add_counts(session, counts)
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


def _teach(session: Session, slots: Sequence[DueSlot], counts: Counts) -> tuple[int | None, int]:
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


def _example(slot: DueSlot) -> Example | None:
    features = from_bytes(slot.row.features)
    if features is None:
        return None
    return Example(in_place(features, slot.row.position), CLICK in slot.after, 1.0)
