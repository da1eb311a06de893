"""Typed Python client of the HTTP API.

    with VitrineClient("http://127.0.0.1:8080", key) as vitrine:
        accepted = vitrine.put_product("acme:mug-1", ProductIn(...), [Path("mug.jpg")])
        vitrine.wait(accepted.job.id)
        for hit in vitrine.search(Path("photo.jpg")).results: ...

What the server refuses becomes ApiError; a server that does not answer becomes Unavailable.
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from vitrine.errors import FieldError, Unavailable, VitrineError
from vitrine.wire import (
    DEFAULT_LIMIT,
    Accepted,
    JobOut,
    JobRef,
    Problem,
    ProductIn,
    ProductOut,
    ProductPage,
    ProductPatch,
    Readiness,
    SearchResponse,
)

Model = TypeVar("Model", bound=BaseModel)
Picture = bytes | Path | str
"""The bytes of a picture, or where its file is."""

ATTEMPTS = 4
LONGEST_PAUSE_SECONDS = 10.0
FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.05, 1.0
# No answer came although the request may have been served: only worth a retry if that does no harm.
_BROKEN_OFF = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class ApiError(VitrineError):
    """The api refused the request; `problem` is its document, `str(error)` its sentence."""

    def __init__(self, problem: Problem) -> None:
        errors: list[FieldError] = [
            {"pointer": field.pointer, "detail": field.detail} for field in problem.errors
        ]
        super().__init__(
            problem.detail or problem.title or f"status {problem.status}", errors=errors
        )
        self.problem = problem
        self.status = problem.status
        self.slug = problem.slug
        self.title = problem.title
        self.detail = problem.detail
        self.request_id = problem.instance


class VitrineClient:
    """Talks to one Vitrine with one key; safe to share between threads."""

    def __init__(self, base_url: str, key: str, *, timeout: float = 30.0) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = httpx.Client(
            base_url=self.base_url,
            timeout=timeout,
            headers={"Authorization": f"Bearer {key}"} if key else {},
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Products

    def put_product(
        self, product_id: str, product: ProductIn, images: Sequence[Picture] | None = None
    ) -> Accepted:
        """Create or replace a listing; without `images` it keeps the pictures that it has."""
        url = _path("products", product_id)
        body = product.model_dump_json()
        if images is None:
            return self._json(Accepted, "PUT", url, content=body, headers=_JSON)
        if not images:
            raise ValueError("give at least one picture, or None to keep those of the product")
        parts: list[Part] = [("product", (None, body, "application/json"))]
        parts += [("images", _file(picture, at)) for at, picture in enumerate(images)]
        return self._json(Accepted, "PUT", url, files=parts)

    def patch_product(self, product_id: str, **changes: Any) -> Accepted:
        """Change the named fields of a listing; its pictures are not embedded again."""
        body = ProductPatch(**changes).model_dump_json(exclude_unset=True)
        return self._json(
            Accepted, "PATCH", _path("products", product_id), content=body, headers=_JSON
        )

    def delete_product(self, product_id: str) -> JobRef:
        """Remove a listing; it is gone from every answer when the job is done."""
        return self._json(JobRef, "DELETE", _path("products", product_id))

    def get_product(self, product_id: str) -> ProductOut:
        """Read a listing."""
        return self._json(ProductOut, "GET", _path("products", product_id))

    def list_products(
        self, cursor: str | None = None, *, limit: int = DEFAULT_LIMIT, seller: str | None = None
    ) -> ProductPage:
        """Read one page of listings."""
        params = _given(cursor=cursor, limit=limit, seller=seller)
        return self._json(ProductPage, "GET", "/v1/products", params=params)

    def iter_products(
        self, *, page_size: int = 100, seller: str | None = None
    ) -> Iterator[ProductOut]:
        """Read all listings, page by page."""
        cursor = None
        while True:
            page = self.list_products(cursor, limit=page_size, seller=seller)
            yield from page.products
            cursor = page.next_cursor
            if not cursor:
                return

    # Jobs

    def job(self, job_id: str) -> JobOut:
        """Read where a job stands."""
        return self._json(JobOut, "GET", _path("jobs", job_id))

    def wait(self, job_id: str, timeout: float = 60.0) -> JobOut:
        """Wait until a job is done or has failed; raises TimeoutError with its last state."""
        deadline = time.monotonic() + timeout
        pause = FIRST_POLL_SECONDS
        while True:
            job = self.job(job_id)
            if job.finished:
                return job
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(
                    f"Job {job_id} is still {job.state} after {timeout:g} s "
                    f"({job.counts.pending} of {job.counts.total} pending); is a worker running?"
                )
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_POLL_SECONDS)

    # Search

    def search(
        self,
        image: Picture | None = None,
        *,
        product_id: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> SearchResponse:
        """Find products that look like a photo, or like a product's own pictures."""
        query = _given(product_id=product_id, filter=filter, limit=limit)
        if image is None:
            return self._json(SearchResponse, "POST", "/v1/search", json=query, repeatable=True)
        parts: list[Part] = [
            ("query", (None, json.dumps(query), "application/json")),
            ("image", _file(image, 0)),
        ]
        return self._json(SearchResponse, "POST", "/v1/search", files=parts, repeatable=True)

    def similar(
        self,
        product_id: str,
        *,
        filter: dict[str, Any] | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> SearchResponse:
        """Find products that look like this one, from its stored vectors."""
        encoded = None if filter is None else json.dumps(filter)
        params = _given(filter=encoded, limit=limit)
        return self._json(
            SearchResponse, "GET", _path("products", product_id) + "/similar", params=params
        )

    # The platform itself

    def ready(self) -> Readiness:
        """Ask each dependency's state; answers also while the platform is not ready."""
        return _read(Readiness, self._once("GET", "/readyz"))

    def media(self, url: str, *, width: int | None = None) -> bytes:
        """Fetch a picture by the `url` that a product or a result names."""
        if not url.startswith("/"):
            raise ValueError(f"{url!r} is not a path of this server")  # the key goes nowhere else
        return self._send("GET", url, params=_given(w=width)).content

    def _json(self, model: type[Model], method: str, url: str, **options: Any) -> Model:
        return _read(model, self._send(method, url, **options))

    def _send(
        self, method: str, url: str, *, repeatable: bool = False, **options: Any
    ) -> httpx.Response:
        repeatable = repeatable or method in {"GET", "PUT", "DELETE"}
        for attempt in range(1, ATTEMPTS):
            pause = _backoff(attempt)
            try:
                response = self._http.request(method, url, **options)
            except httpx.ConnectError:
                pass  # never reached the server, so any request may be sent again
            except _BROKEN_OFF as error:
                if not repeatable:
                    raise self._unavailable(method, url, error) from error
            except httpx.TransportError as error:
                raise self._unavailable(method, url, error) from error
            else:
                if response.status_code != 503 or not repeatable:
                    return _checked(response)
                pause = _retry_after(response) or pause
            time.sleep(pause)
        return _checked(self._once(method, url, **options))

    def _once(self, method: str, url: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, url, **options)
        except httpx.TransportError as error:
            raise self._unavailable(method, url, error) from error

    def _unavailable(self, method: str, url: str, error: httpx.TransportError) -> Unavailable:
        if isinstance(error, httpx.ConnectError):
            return Unavailable(
                f"Nothing answers at {self.base_url} ({error}). Is `vitrine up` running there?"
            )
        if isinstance(error, httpx.TimeoutException):
            return Unavailable(f"{self.base_url} did not answer {method} {url} in time.")
        return Unavailable(f"{self.base_url} broke off {method} {url}: {error}.")


_JSON = {"Content-Type": "application/json"}
Part = tuple[str, tuple[str | None, bytes | str, str]]


def _path(resource: str, name: str) -> str:
    return f"/v1/{resource}/{quote(name, safe=':')}"


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _file(picture: Picture, position: int) -> tuple[str, bytes, str]:
    # Bytes, not an open file: a request that is sent again starts from the beginning.
    if isinstance(picture, bytes):
        return f"image-{position + 1}", picture, "application/octet-stream"
    path = Path(picture)
    return path.name, path.read_bytes(), "application/octet-stream"


def _read(model: type[Model], response: httpx.Response) -> Model:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise ApiError(
            Problem(
                title="The answer cannot be read",
                status=response.status_code,
                detail=f"{response.url} answered with something that is not a "
                f"{model.__name__}: is this the address of a Vitrine api?",
            )
        ) from error


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    raise ApiError(_problem(response))


def _problem(response: httpx.Response) -> Problem:
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:
        # Not ours: a proxy in between, or another server.
        return Problem(
            title=response.reason_phrase or "Error",
            status=response.status_code,
            detail=f"{response.url} answered {response.status_code} {response.reason_phrase}.",
        )


def _backoff(attempt: int) -> float:
    return min(0.1 * 3.0 ** (attempt - 1), LONGEST_PAUSE_SECONDS)


def _retry_after(response: httpx.Response) -> float:
    text: str = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_PAUSE_SECONDS) if text.isascii() and text.isdigit() else 0.0
