"""What advertisers, campaigns and creatives have in common as rows: names, changes, pages."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func

from vitrine.ads.models import ARCHIVED, Advertiser, Campaign, Creative
from vitrine.errors import Conflict, Invalid
from vitrine.wire.names import SLUG

Row = Advertiser | Campaign | Creative
WRONG_CURSOR = "This cursor was not made by this api; start again without one."


def check_slug(slug: str, what: str) -> None:
    """Refuse an id that no advertiser, campaign or creative can have; raises Invalid."""
    if not SLUG.fits(slug):
        message = f"The id of the {what} must be {SLUG.words}."
        raise Invalid(message, errors=[{"pointer": f"/{what}", "detail": message}])


def check_not_archived(row: Campaign | Creative, what: str) -> None:
    """Raise Conflict for what was archived, which is for good."""
    if row.state == ARCHIVED:
        raise Conflict(
            f"The {what} {row.slug} is archived and cannot be changed any more; make another one "
            "under an id of its own."
        )


def assign(row: Row, values: Mapping[str, Any]) -> set[str]:
    """Give a row these values; returns the names of those that differ."""
    changed = {name for name, value in values.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, values[name])
    return changed


def touch(row: Campaign | Creative) -> None:
    """Say that a row changed: whoever keeps a copy goes by the time, whoever compares by the
    version."""
    row.version += 1
    row.updated_at = func.clock_timestamp()


def read_cursor(cursor: str | None) -> int:
    """The id after which a page begins; raises Invalid."""
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise Invalid(WRONG_CURSOR)
    return int(cursor)
