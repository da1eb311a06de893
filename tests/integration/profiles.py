"""What somebody did in `tests.integration.shop`, and the profile that comes of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from tests.integration.shop import sku
from tests.integration.shoppers import person, who_is
from vitrine import work
from vitrine.assembly import Platform
from vitrine.catalog.models import Product
from vitrine.ingest.drain import drain
from vitrine.recommend.models import ProfileRow
from vitrine.recommend.profile import Profile
from vitrine.wire.events import EventBatch

NOW = datetime.now(UTC).replace(microsecond=0)


def did(name: str, number: int | None, minutes_ago: float, **more: Any) -> dict[str, Any]:
    """One event of one item, as a shop sends it."""
    at = NOW - timedelta(minutes=minutes_ago)
    item = {key: more.pop(key) for key in ("quantity", "rating") if key in more}
    items = [] if number is None else [{"item_id": f"acme:{sku(number)}", **item}]
    order = {"transaction_id": more.pop("order")} if "order" in more else {}
    return {
        "name": name,
        "event_id": f"{name}-{number}-{minutes_ago}",
        "timestamp_micros": int(at.timestamp() * 1_000_000),
        "params": {"items": items, **order},
        **more,
    }


def send(platform: Platform, *events: dict[str, Any], **who: str) -> None:
    taken = platform.intake.take(EventBatch(events=list(events), **who))
    assert not taken.errors, taken.errors


def model_of(platform: Platform) -> str:
    return platform.models.find(platform.settings.model).digest


def profile(platform: Platform, name: str) -> Profile:
    return platform.profiles.of(who_is(platform, name), model_of(platform))


def stored(platform: Platform, name: str) -> dict[str, Any] | None:
    with platform.sessions() as session:
        row = session.get(ProfileRow, person(platform, name))
        return row and row.body


def refresh(platform: Platform) -> int:
    return drain(platform.ingest, work.PROFILE, handlers=platform.handlers)


def ids(platform: Platform, *numbers: int) -> set[int]:
    with platform.sessions() as session:
        skus = [sku(number) for number in numbers]
        return set(session.scalars(select(Product.id).where(Product.sku.in_(skus))))
