"""Search: one call that takes whatever the shopper has."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec

from pydantic import BaseModel

from vitrine.client.paging import Pages
from vitrine.client.request import (
    Call,
    Message,
    Picture,
    Request,
    call,
    given,
    with_signature,
)
from vitrine.wire import (
    DEFAULT_LIMIT,
    Box,
    BoxOut,
    CategoryUse,
    Fusion,
    Rocchio,
    SearchResponse,
    SearchResult,
    Sort,
)

P = ParamSpec("P")
SearchPages = Pages[SearchResponse, SearchResult]
BoxLike = Box | BoxOut | Mapping[str, float]
"""A part of a photo: a model, such as a region's `box`, or the same as a dict."""


@call("POST", "/v1/search", SearchResponse, repeatable=True)
def search(  # noqa: PLR0913 - one parameter a field of the query
    image: Picture | None = None,
    *,
    images: Sequence[Picture] | None = None,
    text: str | None = None,
    product_id: str | None = None,
    upload_id: str | None = None,
    crop: BoxLike | None = None,
    boxes: Sequence[BoxLike] | None = None,
    filter: Mapping[str, Any] | None = None,
    limit: int = DEFAULT_LIMIT,
    sort: Sort | None = None,
    more_like: Sequence[str] | None = None,
    less_like: Sequence[str] | None = None,
    rocchio: Rocchio | Mapping[str, float] | None = None,
    fusion: Fusion | Mapping[str, Any] | None = None,
    diversity: float | None = None,
    min_score: float | None = None,
    exclude: Sequence[str] | None = None,
    facets: Sequence[str] | None = None,
    category: CategoryUse | None = None,
    explain: bool | None = None,
    cursor: str | None = None,
) -> Message:
    """Find products by a photo, by words, by both, by a product or by what was liked.

    `images` are several photos of one thing; `crop` is a part of the photo, and each of `boxes` a
    search of its own; `cursor` asks for the page after one, with nothing else but `limit`. What is
    left out is as docs/api.md says.
    """
    photos = _photos(image, images)
    query = given(
        text=text,
        product_id=product_id,
        upload_id=upload_id,
        crop=crop,
        boxes=boxes,
        filter=filter,
        limit=limit,
        cursor=cursor,
        sort=sort,
        more_like=more_like,
        less_like=less_like,
        rocchio=rocchio,
        fusion=fusion,
        diversity=diversity,
        min_score=min_score,
        exclude=exclude,
        facets=facets,
        category=category,
        explain=explain,
    )
    return Message(
        json=json.dumps(query, default=_plain),
        json_part="query",
        pictures=photos,
        pictures_part="image",
    )


def _followed(first_page: Call[P, SearchResponse]) -> Callable[P, SearchPages]:
    def iter_search(*args: P.args, **kwargs: P.kwargs) -> SearchPages:
        """Search, and read all results, page by page; takes what `search` takes.

        `limit` is the size of a page. Each of `boxes` has pages of its own, so they are refused.
        """
        if kwargs.get("boxes") is not None:
            raise ValueError(
                "each box has results of its own: search with `boxes`, then go on with `cursor` "
                "and the `next_cursor` of one of them"
            )
        return Pages(
            first=first_page(*args, **kwargs), items=lambda found: found.results, after=_page_after
        )

    return with_signature(iter_search, inspect.signature(first_page.write))


iter_search = _followed(search)


def _page_after(found: SearchResponse) -> Request[SearchResponse] | None:
    if not found.next_cursor:
        return None
    return search(cursor=found.next_cursor, limit=found.query.limit)


@call("GET", "/v1/products/{id}/similar", SearchResponse)
def similar(
    product_id: str, *, filter: Mapping[str, Any] | None = None, limit: int = DEFAULT_LIMIT
) -> Message:
    """Find products that look like this one, from its stored vectors."""
    encoded = None if filter is None else json.dumps(filter)
    return Message(path={"id": product_id}, params=given(filter=encoded, limit=limit))


def _photos(image: Picture | None, images: Sequence[Picture] | None) -> Sequence[Picture]:
    if image is not None and images is not None:
        raise ValueError("give `image`, or `images` of one thing, not both")
    if images is not None and not images:
        raise ValueError("`images` is empty: give at least one, or leave it out")
    return (image,) if image is not None else images or ()


def _plain(value: Any) -> Any:
    """What JSON knows, of the models and sequences that callers may give."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"a {type(value).__name__} cannot be sent: {value!r}")
