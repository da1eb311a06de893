"""The days of a campaign: those of the calendar, by the clock of its time zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def local_day(at: datetime, zone: str) -> date:
    """The date that a calendar in `zone` shows at this moment."""
    return at.astimezone(ZoneInfo(zone)).date()


def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """When a day begins and ends there, in UTC; the end is no part of it.

    Where clocks are changed a day has 23 or 25 hours, or others, and one that a zone left out, as
    Samoa did with 30 December 2011, has none.
    """
    return _begin(day, zone), _LAST if day == date.max else _begin(day + timedelta(days=1), zone)


def flight_bounds(
    starts_on: date, ends_on: date | None, zone: str
) -> tuple[datetime, datetime | None]:
    """When a flight begins and ends, in UTC; the end, None for a flight without, is no part."""
    return _begin(starts_on, zone), None if ends_on is None else day_bounds(ends_on, zone)[1]


def _begin(day: date, zone: str) -> datetime:
    """The first moment at which the calendar shows this day, or a later one."""
    midnight = datetime.combine(day, time.min, ZoneInfo(zone))
    try:
        # By the offset before a change of the clock, and by the one after it.
        before, after = midnight.astimezone(UTC), midnight.replace(fold=1).astimezone(UTC)
    except OverflowError:  # on the first and last days that there are
        return _FIRST if day.year == 1 else _LAST
    if before <= after:
        return before  # of a midnight that comes twice, the first
    # Clocks leap over it, at a moment between the two: they lie as far apart as the leap is wide.
    while before - after > _SECOND:
        middle = after + (before - after) // 2
        if local_day(middle, zone) >= day:
            before = middle
        else:
            after = middle
    return before.replace(microsecond=0)
