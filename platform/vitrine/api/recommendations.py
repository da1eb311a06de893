"""Recommendations: what suits this person, here and now."""

from dataclasses import dataclass
from typing import Annotated, Any, get_args

from flask import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from vitrine.api.auth import STOREFRONTS
from vitrine.api.bodies import NoBody, parse_json
from vitrine.api.dispatch import json_response
from vitrine.api.operations import Call, Operation, PathParameter, Reply, Routes
from vitrine.api.queries import JsonText
from vitrine.api.services import Services
from vitrine.errors import FilterInvalid, Forbidden, Invalid, Malformed, NotFound
from vitrine.recommend.visit import RecommendationRequest
from vitrine.retrieval import filters
from vitrine.wire import DEFAULT_LIMIT, MAX_LIMIT
from vitrine.wire.base import without_null_defaults
from vitrine.wire.names import PERSON, PRODUCT_ID, SELLER, Form
from vitrine.wire.recommendations import (
    MAX_EXCLUDED_IDS,
    MAX_PAGE_PRODUCTS,
    MAX_SEEN_DAYS,
    RecommendationContext,
    RecommendationResponse,
    RecommendationSource,
)

routes = Routes("Recommendations")

SOURCE_NAMES = get_args(RecommendationSource)
_SOURCE = Form("|".join(SOURCE_NAMES), f"of {', '.join(SOURCE_NAMES)}", 20)
USER = {
    "user": PathParameter(
        description="What the shop calls a user (`user_id`) or an anonymous visitor (`client_id`).",
        pattern=f"^{PERSON.pattern}$",
        example="u-1042",
    )
}


@dataclass(frozen=True)
class Several:
    """One or more texts of a form, with commas between them."""

    form: Form
    most: int

    def validator(self) -> AfterValidator:
        """Refuse other texts with words instead of the pattern."""

        def check(text: str) -> str:
            found = text.split(",")
            if len(found) > self.most:
                raise PydanticCustomError("too_many", "names more than {most}", {"most": self.most})
            if not all(map(self.form.fits, found)):
                raise PydanticCustomError(
                    "form",
                    "must be one, or several with commas between them, each {words}",
                    {"words": self.form.words},
                )
            return text

        return AfterValidator(check)

    def schema(self) -> WithJsonSchema:
        """Show the pattern in the JSON schema."""
        one = f"({self.form.pattern})"
        return WithJsonSchema(
            {"type": "string", "pattern": f"^{one}(,{one}){{0,{self.most - 1}}}$"}
        )


_PAGE = Several(PRODUCT_ID, MAX_PAGE_PRODUCTS)
_EXCLUDED = Several(PRODUCT_ID, MAX_EXCLUDED_IDS)
_SOURCES = Several(_SOURCE, len(SOURCE_NAMES))
PageProducts = Annotated[str, _PAGE.validator(), _PAGE.schema()]
ExcludedIds = Annotated[str, _EXCLUDED.validator(), _EXCLUDED.schema()]
SourceNames = Annotated[str, _SOURCES.validator(), _SOURCES.schema()]


class RecommendationQuery(BaseModel):
    """From where, how many, and which not."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=without_null_defaults)

    context: Annotated[RecommendationContext, Field(description="The page that they are for.")] = (
        "home"
    )
    product: PageProducts | SkipJsonSchema[None] = Field(
        None, description="The product of the page, or those of the cart, with commas between them."
    )
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Most results wanted.")] = (
        DEFAULT_LIMIT
    )
    filter: JsonText | SkipJsonSchema[None] = Field(
        None,
        description="A filter as JSON, as in `POST /v1/search`.",
        examples=[{"category": "home"}],
    )
    exclude_ids: ExcludedIds | SkipJsonSchema[None] = Field(
        None, description="Never these products; with commas between them."
    )
    exclude_seen_days: (
        Annotated[
            int,
            Field(ge=1, le=MAX_SEEN_DAYS, description="Not what was recommended so many days ago."),
        ]
        | SkipJsonSchema[None]
    ) = None
    exclude_seller: Annotated[str, SELLER.validator(), SELLER.schema()] | SkipJsonSchema[None] = (
        Field(None, description="Nothing of this seller, who is the one that looks.")
    )
    sources: SourceNames | SkipJsonSchema[None] = Field(
        None, description="Only from these sources; with commas between them."
    )
    explain: Annotated[bool, Field(description="Take each score apart.")] = False


@routes.serve(
    Operation(
        method="GET",
        path="/v1/users/{user}/recommendations",
        summary="Recommend products to a user or a visitor",
        roles=STOREFRONTS,
        query=RecommendationQuery,
        body=NoBody(),
        replies=(Reply(model=RecommendationResponse, description="Best first."),),
        problems=(FilterInvalid, Invalid, NotFound, Forbidden),
        path_parameters=USER,
        fresh=True,
    )
)
def recommend(services: Services, call: Call[RecommendationQuery, None]) -> Response:
    """For anybody: whom the shop does not know is shown what is popular or new, and, on the page of
    a product, what looks like it. Each product comes with a token that events about it quote.

    A key that stands in pages asks for anonymous visitors alone.
    """
    query, user = call.query, call.path["user"]
    if not PERSON.fits(user):
        raise Invalid(f"A user or visitor is called by {PERSON.words}.")
    request = RecommendationRequest(
        user=user,
        context=query.context,
        products=_listed(query.product),
        limit=query.limit,
        filter=_filter_in(query.filter),
        exclude_ids=_listed(query.exclude_ids),
        exclude_seen_days=query.exclude_seen_days,
        exclude_seller=query.exclude_seller,
        sources=_listed(query.sources) or SOURCE_NAMES,
        explain=query.explain,
        published=call.caller.published,
    )
    found = services.recommender.recommend(request, key_id=call.caller.key_id)
    response = json_response(found)
    # Every answer is one of its own, with tokens that are counted: no cache may hand it on.
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _listed(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(dict.fromkeys(text.split(",")))


def _filter_in(text: str | None) -> dict[str, Any] | None:
    """Read a filter out of the query string; what it may say, `retrieval.filters` knows."""
    if text is None:
        return None
    try:
        found = parse_json(text.encode(), "The filter")
    except Malformed as error:
        raise _no_filter(str(error)) from None
    if not isinstance(found, dict):
        raise _no_filter(filters.NO_OBJECT)
    return found


def _no_filter(detail: str) -> FilterInvalid:
    return FilterInvalid(detail, errors=[{"pointer": "/filter", "detail": detail}])
