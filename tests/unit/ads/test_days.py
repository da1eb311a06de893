"""Days of 23, 24 and 25 hours, midnights that are not, and a day that was left out."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrine.ads.days import day_bounds, flight_bounds, local_day

HOUR = timedelta(hours=1)
ZONES = [
    *("UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Africa/Cairo"),
    *("Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Toronto", "Asia/Beirut"),
]


@pytest.mark.parametrize(
    ("zone", "day", "begin", "hours"),
    [
        ("UTC", "2026-03-29", "2026-03-29T00:00", 24),
        ("Europe/Berlin", "2026-03-28", "2026-03-27T23:00", 24),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00", 23),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00", 25),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00", 23),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00", 25),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30", 23.5),
        # Its midnight was one o'clock.
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00", 23),
        ("America/Sao_Paulo", "2018-11-03", "2018-11-03T03:00", 24),
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00", 25),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00", 23),
        # Clocks went from half past eleven in the evening to half past midnight.
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30", 23.5),
        ("America/Toronto", "1919-03-30", "1919-03-30T05:00", 23.5),
        # Nobody there had this day.
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00", 0),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00", 24),
        # Its midnight came twice: a minute past it the clock was put back.
        ("America/St_Johns", "2006-10-29", "2006-10-29T02:30", 25),
    ],
)
def test_where_a_day_lies(zone: str, day: str, begin: str, hours: float) -> None:
    bounds = day_bounds(date.fromisoformat(day), zone)
    assert bounds[0] == datetime.fromisoformat(begin).replace(tzinfo=UTC)
    assert bounds[1] - bounds[0] == hours * HOUR


@given(
    st.sampled_from(ZONES),
    st.integers(-631_152_000, 2_208_988_800).map(lambda at: datetime.fromtimestamp(at, UTC)),
)
@settings(max_examples=400)
def test_every_moment_lies_in_its_day_and_days_leave_no_gap(zone: str, at: datetime) -> None:
    day = local_day(at, zone)
    assert day == at.astimezone(ZoneInfo(zone)).date()
    begin, end = day_bounds(day, zone)
    assert begin <= at < end
    assert day_bounds(day + timedelta(days=1), zone)[0] == end
    assert day_bounds(day - timedelta(days=1), zone)[1] == begin
    assert local_day(begin, zone) == day
    assert local_day(begin - timedelta(seconds=1), zone) < day


def test_a_flight_ends_with_its_last_day() -> None:
    begin, end = flight_bounds(date(2026, 10, 24), date(2026, 10, 25), "Europe/Berlin")
    assert end is not None
    assert end - begin == 49 * HOUR
    assert flight_bounds(date(2026, 10, 24), None, "Europe/Berlin") == (begin, None)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_first_and_last_days_there_are(zone: str) -> None:
    first, last = day_bounds(date.min, zone), day_bounds(date.max, zone)
    assert first[0] < first[1] < last[0] < last[1]
