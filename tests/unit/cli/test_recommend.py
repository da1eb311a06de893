"""`vitrine recommend`: what it asks the api, and what a person sees."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask, request
from werkzeug.serving import make_server

from vitrine.cli.recommend import recommend
from vitrine.wire.recommendations import RecommendationResponse

PRODUCT: dict[str, Any] = {
    "id": "acme:mug-1",
    "seller": "acme",
    "sku": "mug-1",
    "title": "Blue\nmug [bold]",
    "description": "",
    "brand": "Tern",
    "category": "home/mugs",
    "price": "12.50",
    "currency": "EUR",
    "availability": "in_stock",
    "in_stock": True,
    "attributes": {},
    "images": [],
    "version": 1,
    "created_at": "2026-11-24T00:00:00Z",
    "updated_at": "2026-11-24T00:00:00Z",
}
ANSWER: dict[str, Any] = {
    "recommendation_id": "r-1",
    "context": "cart",
    "known": False,
    "degraded": "The vector index does not answer.",
    "results": [
        {
            "product": PRODUCT,
            "score": 0.0712,
            "image": {"id": "c", "url": "/media/c"},
            "token": "v1.x.y",
            "source": "bought_together",
            "sources": ["bought_together", "trending"],
            "reasons": [
                {"source": "bought_together", "text": "Often in one basket with Red bowl"},
                {"source": "trending", "text": "Popular now"},
            ],
            "explored": True,
            "parts": [{"name": "affinity", "value": 0.5, "part": 0.6}],
        }
    ],
    "ranker": {"version": 0},
    "model": {"name": "vitrine-r18", "digest": "d", "trained": True},
    "timing_ms": {"person": 2.0, "sources": 9.0, "total": 15.0},
}


@pytest.fixture
def asked() -> dict[str, str]:
    return {}


@pytest.fixture
def url(asked: dict[str, str]) -> Iterator[str]:
    app = Flask("shop")

    @app.get("/v1/users/<user>/recommendations")
    def answer(user: str) -> Any:
        asked.update(request.args.to_dict(), user=user)
        return ANSWER if user != "empty" else {**ANSWER, "results": [], "degraded": None}

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(recommend, [*arguments, "--url", url, "--key", "k"])


def test_what_is_asked(url: str, asked: dict[str, str]) -> None:
    found = run(
        url, "u 1", "--context", "cart", "--product", "acme:a", "--product", "acme:b",
        "--filter", '{"brand": "Tern"}', "--exclude", "acme:c", "--exclude-seen", "3",
        "--exclude-seller", "acme", "--sources", "new,trending", "--limit", "3",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert asked == {
        "user": "u 1",
        "context": "cart",
        "product": "acme:a,acme:b",
        "filter": '{"brand": "Tern"}',
        "exclude_ids": "acme:c",
        "exclude_seen_days": "3",
        "exclude_seller": "acme",
        "sources": "new,trending",
        "limit": "3",
    }


def test_what_a_person_sees(url: str) -> None:
    output = run(url, "u-1").output
    lines = output.splitlines()
    (row,) = [line for line in lines if "acme:mug-1" in line and "12.50 EUR" in line]
    assert "Blue mug [bold]" in row
    assert "bought_together" in row
    assert "Often in one basket with Red bowl; Popular now (explored)" in row
    assert "+0.6000  affinity 0.500" in output
    assert "a stranger sees" in output
    assert "The vector index does not answer." in output
    assert "Ranker: the prior; model: vitrine-r18" in output


def test_nothing_to_show(url: str) -> None:
    assert "Nothing to recommend" in run(url, "empty").output


def test_json_is_the_answer(url: str) -> None:
    answer = json.loads(run(url, "u-1", "--json").output)
    assert RecommendationResponse.model_validate(answer) == RecommendationResponse.model_validate(
        ANSWER
    )
