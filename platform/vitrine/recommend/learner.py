"""Learning from what came back: one writer, one transaction from the events to the new version.

What was learnt is marked with the version that knows it, in one commit: a crash loses nothing and
doubles nothing, and a second learner goes away at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Session

from vitrine import logs
from vitrine.db import Sessions, again_after_deadlock
from vitrine.decisions.models import Decision, Feedback
from vitrine.recommend.examples import (
    SEEN,
    Answer,
    Shown,
    first_examples,
    late_examples,
    read_features,
)
from vitrine.recommend.features import FEATURES_VERSION
from vitrine.recommend.ranker import PRIOR
from vitrine.recommend.versions import RANKERS, add_version, last_state, may_learn

# A page with a click is learnt this long after it was shown: most clicks on it have come by then.
ANSWERED_SECONDS = 60.0
ORPHAN_SECONDS = 600.0
DECISIONS_AT_ONCE = 1000

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Learnt:
    """What one round did; `version` is None if it taught nothing."""

    version: int | None
    decisions: int
    examples: int


@again_after_deadlock
def learn(
    sessions: Sessions, *, feedback_seconds: float, at_once: int = DECISIONS_AT_ONCE
) -> Learnt | None:
    """Learn from what is due, at most `at_once` decisions; None while another process is at it."""
    with sessions.begin() as session:
        if not may_learn(session, RANKERS):
            return None
        session.execute(_CLOSE_ORPHANS, {"seconds": feedback_seconds + ORPHAN_SECONDS})
        due = _due(session, feedback_seconds, at_once)
        if not due:
            return Learnt(None, 0, 0)
        answers = _answers(session, [row.id for row in due])
        learnt = _teach(session, due, answers)
        _mark(session, answers)
    if learnt.version is not None:
        log.info("ranker.learnt", version=learnt.version, examples=learnt.examples)
    return learnt


def learn_all(sessions: Sessions, *, feedback_seconds: float, rounds: int = 20) -> int:
    """Learn until nothing is due, at most `rounds` versions; returns the examples learnt."""
    examples = 0
    for _ in range(rounds):
        learnt = learn(sessions, feedback_seconds=feedback_seconds)
        if learnt is None or not learnt.decisions:
            break
        examples += learnt.examples
    return examples


def _teach(session: Session, due: Sequence[Any], answers: dict[str, list[Answer]]) -> Learnt:
    # Takes seconds to import, and only a worker that learns needs it.
    from vitrine.recommend.online import OnlineModel

    model = OnlineModel(PRIOR, last_state(session, RANKERS))
    before = model.examples
    for row in due:
        features = read_features(row.features, len(row.products))
        if features is None or row.context.get("features") != FEATURES_VERSION:
            continue
        shown = Shown(features, row.propensities)
        if row.learned:
            # It was predicted when it was first learnt: to count it twice would flatter or blame.
            for example in late_examples(shown, answers[row.id]):
                model.learn(example, validate=False)
        else:
            for example in first_examples(shown, answers[row.id]):
                model.learn(example)
    examples = model.examples - before
    if not examples:
        return Learnt(None, len(due), 0)
    values = {
        "state": model.to_state(),
        "examples": model.examples,
        "report": model.validation.report(),
        "held": model.validation.worse_than_prior(),
    }
    return Learnt(add_version(session, RANKERS, values), len(due), examples)


def _window(feedback_seconds: float) -> Any:
    return func.now() - func.make_interval(0, 0, 0, 0, 0, 0, feedback_seconds)


def _told(feedback_seconds: float) -> Any:
    """What may make its decision due: impressions only once their window has passed."""
    return ~Feedback.learned & or_(Feedback.name != SEEN, Feedback.at <= _window(feedback_seconds))


def _due(session: Session, feedback_seconds: float, limit: int) -> Sequence[Any]:
    """Read the decisions that something new is known of, oldest first.

    One is closed when its window has passed, or sooner if something of it was acted upon. Nobody
    may have looked at one of which nothing came back: it teaches nothing.
    """
    answered = min(ANSWERED_SECONDS, feedback_seconds)
    ids = (
        select(Decision.id)
        .join(Feedback, Feedback.decision == Decision.id)
        .where(
            _told(feedback_seconds),
            or_(
                Decision.learned,
                Decision.at <= _window(feedback_seconds),
                (Feedback.name != SEEN) & (Decision.at <= _window(answered)),
            ),
        )
    )
    return session.execute(
        select(
            Decision.id,
            Decision.context,
            Decision.products,
            Decision.propensities,
            Decision.features,
            Decision.learned,
        )
        .where(Decision.id.in_(ids))
        .order_by(Decision.at, Decision.id)
        .limit(limit)
    ).all()


def _answers(session: Session, ids: Sequence[str]) -> dict[str, list[Answer]]:
    """Read what came back for each decision."""
    found: dict[str, list[Answer]] = {one: [] for one in ids}
    rows = session.execute(
        select(Feedback.decision, Feedback.position, Feedback.name, Feedback.learned)
        .where(Feedback.decision.in_(ids))
        .order_by(Feedback.decision, Feedback.position, Feedback.name)
    )
    for row in rows:
        found[row.decision].append(Answer(row.position, row.name, row.learned))
    return found


def _mark(session: Session, answers: Mapping[str, Sequence[Answer]]) -> None:
    """Mark what was read as learnt, and nothing that came since: that is of the next round."""
    session.execute(update(Decision).where(Decision.id.in_(answers)).values(learned=True))
    fresh = [
        (decision, one.position, one.name)
        for decision, some in answers.items()
        for one in some
        if not one.learned
    ]
    decisions, positions, names = zip(*fresh, strict=True) if fresh else ((), (), ())
    session.execute(
        _MARK, {"decisions": list(decisions), "positions": list(positions), "names": list(names)}
    )


_MARK = text("""
    update feedback set learned = true
    from unnest(cast(:decisions as text[]), cast(:positions as int[]), cast(:names as text[]))
        as read (decision, position, name)
    where feedback.decision = read.decision and feedback.position = read.position
        and feedback.name = read.name
""")

# Of answers that nobody wrote down (a search's), or that were forgotten with their person. An
# answer is written beside the request, so that a quick click may be there before it.
_CLOSE_ORPHANS = text("""
    update feedback set learned = true
    where not learned and at <= now() - make_interval(secs => :seconds)
        and not exists (select from decisions where decisions.id = feedback.decision)
""")
