"""Suggestions and the log of searches without results, over HTTP."""

import csv
import datetime as dt
import io
import math
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine import work
from vitrine.api.app import create_app
from vitrine.assembly import Platform
from vitrine.catalog.keys import create_key
from vitrine.catalog.service import Catalog
from vitrine.ingest.drain import drain
from vitrine.retrieval.vocabulary import Vocabulary
from vitrine.search import gaps, suggest
from vitrine.search.suggest import Suggester
from vitrine.wire.suggest import Suggestion

WorkOff = Callable[[], int]


def suggested(platform: Platform, query: str, limit: int = 20) -> list[Suggestion]:
    suggester = Suggester(platform.sessions, Vocabulary(platform.sessions))
    return suggester.suggest(query, limit).suggestions


def texts(platform: Platform, query: str, kind: str) -> list[str]:
    return [one.text for one in suggested(platform, query) if one.kind == kind]


def test_what_is_typed_is_completed(
    platform: Platform, catalog: Catalog, work_off: WorkOff
) -> None:
    catalog.put("acme", "mug", listing(), [jpeg(1)])
    catalog.put("acme", "tee", listing(title="Moonlight tee", brand="Muji"), [jpeg(2)])
    broken = listing(title="Moonlight cup", brand="Munich", category="musical/munich")
    catalog.put("acme", "broken", broken, [jpeg(3)[:300]])
    work_off()
    assert texts(platform, "mu", "category") == ["mugs"]
    assert texts(platform, "mu", "brand") == ["Muji"]
    assert texts(platform, "blue mu", "query")[0] in {"blue mug", "blue mugs"}
    assert texts(platform, "moonl", "product") == ["Moonlight tee"], "the other has no picture"
    assert texts(platform, "moonlihgt", "query") == ["moonlight"]
    (product,) = [one for one in suggested(platform, "moonl") if one.kind == "product"]
    assert (product.product, product.highlight) == ("acme:tee", [(0, 5)])
    assert len(suggested(platform, "mu", limit=2)) == 2
    assert suggested(platform, "?!") == suggested(platform, "zzzz") == []
    catalog.delete("acme", "tee")
    assert texts(platform, "moonl", "product") == [], "at once, before the work is done"
    work_off()
    assert texts(platform, "mu", "brand") == []


def test_a_brand_is_suggested_as_soon_as_its_picture_can_be_found(
    platform: Platform, catalog: Catalog, work_off: WorkOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggest, "_NAMES_SECONDS", 0.0)
    monkeypatch.setattr(suggest, "_SHARE", math.inf)
    suggester = Suggester(platform.sessions, Vocabulary(platform.sessions))

    def brands() -> list[str]:
        found = suggester.suggest("mu", 20).suggestions
        return [one.text for one in found if one.kind == "brand"]

    catalog.put("acme", "tee", listing(brand="Muji"), [jpeg(2)])
    drain(platform.ingest, work.TEXT)
    assert brands() == [], "its words are there, its picture is not"
    work_off()
    assert brands() == ["Muji"], "although no word has changed"


@pytest.fixture
def api(platform: Platform) -> FlaskClient:
    return create_app(platform).test_client()


def get(api: FlaskClient, platform: Platform, role: str, path: str) -> Any:
    with platform.sessions.begin() as session:
        key = create_key(session, role)[1]
    return api.get(path, headers={"Authorization": f"Bearer {key}"})


def test_gaps_are_counted_paged_and_exported(platform: Platform, api: FlaskClient) -> None:
    def record(asked: str, times: int = 1, filter: dict[str, Any] | None = None) -> None:
        for _ in range(times):
            gaps.record(platform.sessions, kind="text", text=asked, filter=filter)

    record("Green  Lamp", 3)
    record("green lamp")
    record("green lamp", 2, {"brand": "Tern"})
    record('=HYPERLINK("x"), a')
    record("me@example.com")
    record("call +49 170 1234567")
    assert get(api, platform, "storefront", "/v1/searches/empty").status_code == 403
    first = get(api, platform, "admin", "/v1/searches/empty?limit=2").json
    found = [(one["text"], one["filter"], one["searches"]) for one in first["searches"]]
    assert found == [("green lamp", None, 4), ("green lamp", {"brand": "Tern"}, 2)]
    path = f"/v1/searches/empty?cursor={first['next_cursor']}"
    rest = get(api, platform, "admin", path).json
    assert [one["text"] for one in rest["searches"]] == ['=hyperlink("x"), a']
    assert rest["next_cursor"] is None
    assert get(api, platform, "admin", "/v1/searches/empty?cursor=x").status_code == 422
    assert get(api, platform, "admin", "/v1/searches/empty?since=0").status_code == 422
    exported = get(api, platform, "admin", "/v1/searches/empty?format=csv")
    assert exported.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(exported.text)))
    assert [row["text"] for row in rows][-1] == '\'=hyperlink("x"), a'


def test_gaps_are_forgotten_bounded_and_fail_no_search(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked() -> list[str]:
        page = gaps.read_gaps(platform.sessions, since=dt.date(2000, 1, 1), limit=100)
        return sorted(one.text for one in page.searches)

    monkeypatch.setattr(gaps, "MOST_A_DAY", 2)
    for one in ("a", "b", "c", "a"):
        gaps.record(platform.sessions, kind="text", text=one, filter=None)
    assert asked() == ["a", "b"]
    with platform.sessions.begin() as session:
        session.execute(text("update empty_searches set day = day - 91 where text = 'a'"))
    assert gaps.forget_gaps(platform.sessions, days=90) == 1
    assert asked() == ["b"]
    with platform.sessions.begin() as session:
        session.execute(text("drop table empty_searches"))
    gaps.record(platform.sessions, kind="text", text="d", filter=None)
