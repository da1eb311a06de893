"""Search: the question and the answer."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from vitrine.wire.base import Received, Sent, without_null_defaults
from vitrine.wire.names import PRODUCT_ID
from vitrine.wire.products import ProductOut

DEFAULT_LIMIT = 20
MAX_LIMIT = 100

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, strict=True, description="Most results wanted.")]
# What a filter may say is known in retrieval.filters alone, which also refuses what is no object.
FilterObject = Annotated[
    Any,
    WithJsonSchema(
        {
            "type": "object",
            "description": "Conditions that all hold; see the section on filters in docs/api.md.",
            "examples": [{"category": "apparel/tops", "price": {"lt": 50}, "in_stock": True}],
        }
    ),
]
ProductIdText = Annotated[str, PRODUCT_ID.validator(), PRODUCT_ID.schema(examples=["acme:mug-1"])]
Milliseconds = Annotated[float, AfterValidator(lambda spent: round(spent, 2))]


class SearchQuery(Received):
    """The `query` part beside an `image` file."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    product_id: ProductIdText | SkipJsonSchema[None] = Field(
        None, description="Search by the stored pictures of this product instead of a photo."
    )
    filter: FilterObject = None
    limit: Limit = DEFAULT_LIMIT


class SearchBody(SearchQuery):
    """The flat JSON form: exactly one of `image_base64` and `product_id`."""

    image_base64: str | SkipJsonSchema[None] = Field(
        None, description="The photo's bytes in base64 (RFC 4648, section 4)."
    )


class QueryOut(Sent):
    """The question as it was understood."""

    by: Literal["image", "product"]
    product_id: str | None = None
    filter: dict[str, Any] | None = None
    limit: int


class ResultImage(Sent):
    """The picture of the product that matched best."""

    id: str
    url: str


class SearchResult(Sent):
    """One product; best first, one slot a product."""

    product: ProductOut
    score: float = Field(description="Cosine similarity, at most 1.")
    image: ResultImage
    token: str = Field(description="Signed; events about this result quote it.")
    reasons: list[str] = Field(default_factory=list)


class TimingMs(Sent):
    """Milliseconds spent in each stage."""

    decode: Milliseconds = 0.0
    encode: Milliseconds = 0.0
    search: Milliseconds = 0.0
    hydrate: Milliseconds = 0.0
    total: Milliseconds = 0.0


class ModelOut(Sent):
    """The model that judged the similarity."""

    name: str
    digest: str
    trained: bool = Field(description="False: random weights, scores mean little.")


class SearchResponse(Sent):
    """What was found."""

    search_id: str
    query: QueryOut
    results: list[SearchResult]
    timing_ms: TimingMs
    model: ModelOut
