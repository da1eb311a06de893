"""Suggestions while typing, and searches without results."""

import datetime as dt
import re
from typing import Annotated, Literal

from flask import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from vitrine.api.auth import ADMIN, STOREFRONTS
from vitrine.api.bodies import NoBody
from vitrine.api.operations import Call, Operation, Reply, Routes
from vitrine.api.services import Services
from vitrine.search.gaps import as_csv, read_gaps
from vitrine.wire.base import without_null_defaults
from vitrine.wire.search import MAX_TEXT_CHARACTERS
from vitrine.wire.suggest import EmptySearchPage, Suggestions

routes = Routes("Search")

_DAYS = 30


def _day(written: str) -> str:
    # Left alone, pydantic takes "0" for the first day of 1970.
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", written, re.ASCII):
        raise PydanticCustomError("day", "must be a day, such as 2026-11-23")
    return written


class SuggestQuery(BaseModel):
    """What is typed so far."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS, description="Typed so far.")]
    limit: Annotated[int, Field(ge=1, le=50, description="Most suggestions wanted.")] = 10


class EmptyQuery(BaseModel):
    """Since when, and how many."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_null_defaults)

    since: (
        Annotated[
            dt.date,
            BeforeValidator(_day),
            Field(description="First day (UTC); default: 30 days ago."),
        ]
        | SkipJsonSchema[None]
    ) = None
    limit: Annotated[int, Field(ge=1, le=10_000, description="Most of them wanted.")] = 100
    cursor: Annotated[
        str, Field(max_length=100, description="`next_cursor` of the page before.")
    ] = ""
    format: Annotated[
        Literal["json", "csv"], Field(description="csv: for a spreadsheet, one page of it.")
    ] = "json"


@routes.serve(
    Operation(
        method="GET",
        path="/v1/suggest",
        summary="Complete what a shopper types",
        roles=STOREFRONTS,
        query=SuggestQuery,
        body=NoBody(),
        replies=(Reply(model=Suggestions, description="Words, categories, brands, products."),),
    )
)
def suggest(services: Services, call: Call[SuggestQuery, None]) -> Suggestions:
    """Ask at every letter: it completes the last word, also of one that has a typo."""
    return services.suggester.suggest(call.query.q, call.query.limit)


@routes.serve(
    Operation(
        method="GET",
        path="/v1/searches/empty",
        summary="Read which searches found nothing",
        roles=frozenset({ADMIN}),
        query=EmptyQuery,
        body=NoBody(),
        replies=(
            Reply(
                model=EmptySearchPage,
                media_types=("text/csv",),
                description="The most frequent first.",
            ),
        ),
    )
)
def empty_searches(services: Services, call: Call[EmptyQuery, None]) -> EmptySearchPage | Response:
    """What shoppers want and this shop has not got; nobody's name and no photo is kept."""
    query = call.query
    since = query.since or dt.datetime.now(dt.UTC).date() - dt.timedelta(days=_DAYS)
    page = read_gaps(services.sessions, since=since, limit=query.limit, cursor=query.cursor or None)
    if query.format == "json":
        return page
    response = Response(as_csv(page.searches), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="empty-searches.csv"'
    return response
