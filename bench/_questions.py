"""The kinds of questions that a storefront asks, each over HTTP and in this process."""

import contextlib
import http.client
import json
import queue
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import numpy as np
from _synthetic import SEED, STUDIO, Drawn, public_id

from vitrine.assembly import Platform
from vitrine.demo.products import product
from vitrine.search.service import SearchRequest, SearchService
from vitrine.wire import SearchQuery, SearchResponse

LIMIT = 20
BOUNDARY = "vitrine-bench"
Kind = Literal["search", "similar", "suggest", "heat map", "ads"]
# What has to be asked before: a page is asked for by the answer before it.
Before = Literal["nothing", "search", "two searches", "upload"]


@dataclass(frozen=True)
class Question:
    """One request; `query` is its JSON, or what is in its address."""

    query: dict[str, Any] = field(default_factory=dict)
    photo: bytes | None = None
    kind: Kind = "search"
    before: Before = "nothing"


class Refused(Exception):
    """The api has not got this, or refuses it."""


class Api:
    """Asks over HTTP, on kept connections."""

    def __init__(self, url: str, key: str) -> None:
        self._address = urlsplit(url).netloc
        self._headers = {"Authorization": f"Bearer {key}"}
        self._idle: queue.SimpleQueue[http.client.HTTPConnection] = queue.SimpleQueue()

    def connect(self, callers: int) -> None:
        """Have a fresh connection for each caller: the api hangs up on idle ones."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()
        for _ in range(callers):
            connection = http.client.HTTPConnection(self._address, timeout=60)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            self._idle.put(connection)

    def prepare(self, question: Question) -> Question:
        """Ask what has to be asked before."""
        if question.before == "upload":
            assert question.photo is not None
            kept = json.loads(self._send("POST", "/v1/uploads", *_form({}, question.photo)))
            return replace(question, photo=None, query={**question.query, **_upload(kept)})
        if question.before == "nothing":
            return question
        answer = json.loads(self(replace(question, kind="search", before="nothing")))
        if question.kind == "heat map":
            return replace(question, photo=None, query=_explained(answer))
        if question.before == "two searches":
            answer = json.loads(self(_following(answer)))
        return _following(answer)

    def __call__(self, question: Question) -> bytes:
        query = question.query
        if question.kind == "suggest":
            return self._send("GET", f"/v1/suggest?q={quote(query['q'])}")
        if question.kind == "similar":
            path = f"/v1/products/{quote(query['product_id'])}/similar?limit={query['limit']}"
            return self._send("GET", path)
        if question.kind == "heat map":
            return self._send(
                "GET", f"/v1/search/{query['search_id']}/explanations/{query['product']}"
            )
        if question.photo is not None:
            return self._send("POST", "/v1/search", *_form(query, question.photo))
        path = "/v1/ads/match" if question.kind == "ads" else "/v1/search"
        return self._send("POST", path, json.dumps(query).encode(), "application/json")

    def _send(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> bytes:
        connection = self._idle.get(timeout=60)
        try:
            headers = {**self._headers, "Content-Type": content_type} if body else self._headers
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            text: bytes = answer.read()
        finally:
            self._idle.put(connection)
        if answer.status not in {200, 201}:
            raise Refused(f"{answer.status}: {text[:300].decode(errors='replace')}")
        return text


class InProcess:
    """Asks the service in this process: the same questions without HTTP."""

    def __init__(self, platform: Platform, key_id: str) -> None:
        self._service: SearchService = platform.search
        self._platform, self._key_id = platform, key_id

    def prepare(self, question: Question) -> Question:
        """Ask what has to be asked before."""
        if question.before == "upload":
            assert question.photo is not None
            kept = self._platform.uploads.keep(question.photo, key_id=self._key_id)
            upload = _upload({"upload_id": kept.id})
            return replace(question, photo=None, query={**question.query, **upload})
        if question.before == "nothing":
            return question
        answer = self(replace(question, before="nothing")).model_dump(mode="json")
        if question.before == "two searches":
            answer = self(_following(answer)).model_dump(mode="json")
        return _following(answer)

    def __call__(self, question: Question) -> SearchResponse:
        photos = () if question.photo is None else (question.photo,)
        request = SearchRequest(photos=photos, query=SearchQuery(**question.query))
        return self._service.search(request, key_id=self._key_id)


def questions(drawn: Drawn, products: int, count: int) -> dict[str, list[Question]]:
    """`count` questions of each kind, no two alike one after the other."""
    dice = np.random.default_rng(SEED)
    listed = [product(SEED, int(at)) for at in dice.integers(0, products, count)]
    photos = [drawn.queries[at % len(drawn.queries)] for at in range(count)]
    words = [_words(one.title) for one in listed]

    def by_photo(
        more: Callable[[int], dict[str, Any]] = lambda at: {}, **how: Any
    ) -> list[Question]:
        return [
            Question({"limit": LIMIT, **more(at)}, photo, **how) for at, photo in enumerate(photos)
        ]

    def narrow(at: int) -> dict[str, Any]:
        # Of the photo's own kind, as a shopper would filter.
        shown = product(SEED, at % len(drawn.queries))
        return {"filter": {"category": shown.category.split("/")[0], "price": {"lt": 80}}}

    halves = [{"x": 0.0, "y": 0.0, "width": 0.6, "height": 1.0},
              {"x": 0.4, "y": 0.0, "width": 0.6, "height": 1.0}]  # fmt: skip
    facets = ["category", "brand", "price", "attributes.color"]
    found = {
        "photo": by_photo(),
        "words": [Question({"limit": LIMIT, "text": text}) for text in words],
        "photo and words": by_photo(lambda at: {"text": words[at]}),
        "photo, category and price": by_photo(narrow),
        "photo, attribute": by_photo(
            lambda at: {"filter": {"attributes.color": listed[at].attributes["color"]}}
        ),
        "photo, second page": by_photo(before="search"),
        "photo, third page": by_photo(before="two searches"),
        "photo, explained": by_photo(lambda at: {"explain": True}),
        "photo, facets": by_photo(lambda at: {"facets": facets}),
        "words, facets": [
            Question({"limit": LIMIT, "text": text, "facets": facets}) for text in words
        ],
        "photo, by price": by_photo(lambda at: {"sort": "price_asc"}),
        "two boxes": by_photo(lambda at: {"boxes": halves}),
        "upload and crop": by_photo(lambda at: {"crop": halves[at % 2]}, before="upload"),
        "similar": [
            Question({"limit": LIMIT, "product_id": public_id(one)}, kind="similar")
            for one in listed
        ],
        "suggest": [Question({"q": text[: 3 + at % 4]}, kind="suggest")
                    for at, text in enumerate(words)],
        "heat map": by_photo(
            # Of what is drawn alone: of the others there is no picture to look at.
            lambda at: {"filter": {"seller": STUDIO}, "category": "off"},
            kind="heat map",
            before="search",
        ),
    }  # fmt: skip
    return found


def _words(title: str) -> str:
    """Two words of a title, as typed into a box."""
    parts = [part.lower() for part in title.split() if part.isalpha() and part != "in"]
    return " ".join(parts[-2:])


def _form(query: dict[str, Any], photo: bytes) -> tuple[bytes, str]:
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    text = f'{part}query"\r\nContent-Type: application/json\r\n\r\n{json.dumps(query)}\r\n'
    head = f'{text if query else ""}{part}image"; filename="p"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    return body, f"multipart/form-data; boundary={BOUNDARY}"


def _upload(kept: dict[str, Any]) -> dict[str, Any]:
    return {"upload_id": kept["upload_id"]}


def _following(answer: dict[str, Any]) -> Question:
    if answer["next_cursor"] is None:
        raise Refused("there is no next page")
    return Question({"limit": LIMIT, "cursor": answer["next_cursor"]})


def _explained(answer: dict[str, Any]) -> dict[str, Any]:
    if not answer["results"]:
        raise Refused("there is no result to explain")
    return {"search_id": answer["search_id"], "product": answer["results"][0]["product"]["id"]}
