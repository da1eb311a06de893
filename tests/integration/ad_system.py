"""An ad system that keeps its campaigns and creatives in a shop, over the api."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient

from vitrine.api.app import create_app
from vitrine.assembly import Platform, assemble
from vitrine.catalog.keys import create_key
from vitrine.settings import Settings

UNIT = 1_000_000
TODAY = datetime.now(UTC).date()
CAMPAIGN: dict[str, Any] = {
    "advertiser": "tern",
    "name": "Mugs",
    "starts_on": f"{TODAY - timedelta(days=1)}",
    "ends_on": f"{TODAY + timedelta(days=30)}",
    "total_budget_micros": 100 * UNIT,
    "daily_budget_micros": 10 * UNIT,
    "bid_type": "cpc",
    "bid_micros": UNIT // 2,
    "targeting": {"categories": ["home"], "price": {"gte": "5"}},
}


class AdSystem:
    """Asks the api with an ads key, and expects it to go well unless told otherwise."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._api: FlaskClient = create_app(platform).test_client()
        with platform.sessions.begin() as session:
            self._headers = {"Authorization": f"Bearer {create_key(session, 'ads')[1]}"}

    def __call__(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        answer = self._api.open(f"/v1/{path}", method=method, headers=self._headers, json=body)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def send(self, path: str, body: dict[str, Any], *pictures: bytes, status: int = 200) -> Any:
        """PUT with pictures."""
        part, files = ("campaign", "examples") if "campaigns" in path else ("creative", "image")
        form: dict[str, Any] = {part: json.dumps(body)}
        form[files] = [(io.BytesIO(one), f"{at}.jpg") for at, one in enumerate(pictures)]
        answer = self._api.put(f"/v1/{path}", headers=self._headers, data=form)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def refusal(
        self, method: str, path: str, body: Any, *, status: int = 422
    ) -> tuple[str | None, str]:
        """Pointer of the first wrong field, and what was said."""
        problem = self(method, path, body, status=status)
        errors = problem["errors"]
        return errors[0]["pointer"] if errors else None, problem["detail"]

    def campaign(self, slug: str, **changes: Any) -> Any:
        """Keep a campaign of an advertiser of its own kind."""
        self("PUT", "advertisers/tern", {"name": "Tern"})
        return self("PUT", f"campaigns/{slug}", {**CAMPAIGN, **changes})

    def media(self, cid: str) -> int:
        """How `/media` answers for a picture."""
        return self._api.get(f"/media/{cid}").status_code


@contextmanager
def ad_system(settings: Settings) -> Iterator[AdSystem]:
    """An ad system at an empty shop, where nobody works."""
    platform = assemble(settings)
    yield AdSystem(platform)
    platform.engine.dispose()
    platform.redis.close()
