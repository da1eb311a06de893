"""The tasks. A message says only that there may be work of a kind; the work table says which."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from celery import Celery

from vitrine import work
from vitrine.ads.click_learner import click_learn_all
from vitrine.ads.effect import adjust_bids
from vitrine.ads.pacing_work import pace_all
from vitrine.assembly import Platform
from vitrine.decisions.retention import Kept, keep_behaviour, kept_since
from vitrine.doorbell import WORK_TASK
from vitrine.ingest.drain import drain
from vitrine.ingest.housekeeping import keep_house
from vitrine.recommend.learner import learn_all
from vitrine.recommend.rollups import roll_up
from vitrine.search.gaps import forget_gaps
from vitrine.search.measuring import calibrate_if_due

SWEEP_TASK = "vitrine.sweep"
HOUSEKEEPING_TASK = "vitrine.housekeeping"
CALIBRATION_TASK = "vitrine.calibration"
LEARN_TASK = "vitrine.learn"
ROLLUP_TASK = "vitrine.rollup"
RETENTION_TASK = "vitrine.retention"
ADS_CONTROL_TASK = "vitrine.ads_control"
ADS_BIDS_TASK = "vitrine.ads_bids"


def register(celery: Celery, platform: Callable[[], Platform]) -> None:
    """Add the tasks to an application; `platform` gives the objects of the running process."""

    def do_work(kind: str) -> None:
        _do_work(platform(), kind)

    celery.task(name=WORK_TASK)(do_work)
    for name, task in _PERIODIC.items():
        celery.task(name=name)(_bound(task, platform))


def _bound(
    task: Callable[[Platform], None], platform: Callable[[], Platform]
) -> Callable[[], None]:
    def run() -> None:
        task(platform())

    return run


def _do_work(platform: Platform, kind: str) -> None:
    if kind in platform.handlers:
        # A shopper waits for their profile, a seller for a listing: the one is done in no time.
        # What is listed again is mostly known as bought or hidden by then before it can be found.
        drain(
            platform.ingest,
            kind,
            handlers=platform.handlers,
            first=(work.MENTIONS, work.PROFILE),
            ring=platform.doorbell.ring,
        )


def _sweep(platform: Platform) -> None:
    """Ring for work that nobody rang for, or whose worker died."""
    with platform.sessions() as session:
        due = work.due_kinds(session)
    platform.doorbell.ring(sorted(due))


def _keep_house(platform: Platform) -> None:
    keep_house(platform.ingest)
    platform.profiles.owe_outdated(platform.sessions)
    forget_gaps(platform.sessions, days=platform.settings.empty_search_days)


def _calibrate(platform: Platform) -> None:
    """Measure a catalogue that is new or has changed much."""
    rate = platform.settings.out_of_catalogue_false_rejections
    calibrate_if_due(platform.ingest, false_rejections=rate)


def _learn(platform: Platform) -> None:
    """Learn from what was clicked and what was not."""
    window = platform.settings.feedback_seconds
    learn_all(platform.sessions, feedback_seconds=window)
    click_learn_all(platform.sessions, platform.clock(), feedback_seconds=window)


def _retain(platform: Platform) -> None:
    """Prepare the months to come, and forget what shoppers did too long ago."""
    settings, now = platform.settings, datetime.now(UTC)
    kept = Kept(event_days=settings.event_days, decision_days=settings.decision_days)
    keep_behaviour(platform.sessions, kept, now=now)
    platform.profiles.owe_too_old(platform.sessions, kept_since(now, settings.event_days))


def _roll_up(platform: Platform) -> None:
    """Count what goes together and what is wanted now."""
    roll_up(platform.sessions, platform.event_weights, platform.rollup_bounds)


def _control_ads(platform: Platform) -> None:
    """Let campaigns spend their day's budget evenly."""
    pace_all(platform.sessions, now=platform.clock())


def _adjust_bids(platform: Platform) -> None:
    """Let bids follow from their effect."""
    adjust_bids(
        platform.sessions,
        now=platform.clock(),
        attribution=platform.settings.ad_attribution,
    )


_PERIODIC: Mapping[str, Callable[[Platform], None]] = {
    SWEEP_TASK: _sweep,
    HOUSEKEEPING_TASK: _keep_house,
    CALIBRATION_TASK: _calibrate,
    LEARN_TASK: _learn,
    RETENTION_TASK: _retain,
    ROLLUP_TASK: _roll_up,
    ADS_CONTROL_TASK: _control_ads,
    ADS_BIDS_TASK: _adjust_bids,
}
