"""Search: the question and the answer."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from vitrine.wire.base import Received, Sent, Storable, Stripped, without_null_defaults
from vitrine.wire.names import PRODUCT_ID
from vitrine.wire.products import ProductOut

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_TEXT_CHARACTERS = 300
MAX_PHOTOS = 5
MAX_BOXES = 6
MAX_REFERENCES = 20
MAX_EXCLUDED = 200
MAX_FACETS = 20

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
UploadId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{22}$", examples=["x4nL0mJxq3Zr2q0bK9sVtw"])
]
Milliseconds = Annotated[float, AfterValidator(lambda spent: round(spent, 2))]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]

Sort = Literal["relevance", "price_asc", "price_desc", "newest"]
CategoryUse = Literal["boost", "filter", "off"]


class Box(Received):
    """A part of a photo, in fractions of its width and height; (0, 0) is the top left corner."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"x": 0.1, "y": 0.2, "width": 0.5,
                                                               "height": 0.6}]})  # fmt: skip

    x: Fraction
    y: Fraction
    width: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    height: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class Fusion(Received):
    """How a photo and words become one ranking.

    `rrf` adds up 1 / (20 + rank), times the weights (Cormack et al. 2009); `weights` adds up the
    scores, each scaled to 0–1.
    """

    method: Literal["rrf", "weights"] = "rrf"
    image: Weight = 1.0
    text: Weight = 1.0


class Rocchio(Received):
    """Weights of the question, of what is liked and of what is not (Rocchio 1971)."""

    query: Weight = 1.0
    more: Weight = 0.75
    less: Weight = 0.25


class SearchQuery(Received):
    """The `query` part beside `image` files."""

    model_config = ConfigDict(json_schema_extra=without_null_defaults)

    text: (
        Annotated[str, Stripped, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS), Storable]
        | SkipJsonSchema[None]
    ) = Field(None, description="Words, alone or beside a photo.", examples=["red mug"])
    product_id: ProductIdText | SkipJsonSchema[None] = Field(
        None, description="Search by the stored pictures of this product instead of a photo."
    )
    upload_id: UploadId | SkipJsonSchema[None] = Field(
        None, description="Search by a photo that `POST /v1/uploads` keeps for a short time."
    )
    crop: Box | SkipJsonSchema[None] = Field(
        None, description="Only this part of the photo is searched for."
    )
    boxes: (
        Annotated[list[Box], Field(min_length=1, max_length=MAX_BOXES)] | SkipJsonSchema[None]
    ) = Field(None, description="Search for each of these parts; results come per part.")
    filter: FilterObject = None
    limit: Limit = DEFAULT_LIMIT
    cursor: Annotated[str, Field(max_length=200)] | SkipJsonSchema[None] = Field(
        None, description="`next_cursor` of the page before; send nothing else but `limit`."
    )
    sort: Sort = Field(
        "relevance", description="Other orders are of the products that match well enough."
    )
    more_like: Annotated[list[ProductIdText], Field(max_length=MAX_REFERENCES)] = Field(
        default_factory=list, description="More like these products."
    )
    less_like: Annotated[list[ProductIdText], Field(max_length=MAX_REFERENCES)] = Field(
        default_factory=list, description="Less like these products."
    )
    rocchio: Rocchio = Field(
        default_factory=Rocchio, description="Weights of `more_like` and `less_like`."
    )
    fusion: Fusion = Field(
        default_factory=Fusion, description="How a photo and words are put together."
    )
    diversity: Fraction = Field(
        0.0, description="0: by relevance alone; 1: as different from each other as can be (MMR)."
    )
    min_score: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] | SkipJsonSchema[None] = (
        Field(None, description="Leave out what looks less like the photo than this (cosine).")
    )
    exclude: Annotated[list[ProductIdText], Field(max_length=MAX_EXCLUDED)] = Field(
        default_factory=list, description="Never these products."
    )
    facets: Annotated[list[str], Field(max_length=MAX_FACETS)] = Field(
        default_factory=list,
        description="Count what matches by these: `category`, `brand`, `price`, `in_stock`, "
        "`attributes.<name>`, or `attributes` for the most frequent of them.",
        examples=[["category", "brand", "price", "attributes.color"]],
    )
    category: CategoryUse = Field(
        "boost",
        description="What the category predicted for the photo does: `boost` raises its products a "
        "little, `filter` shows no other, `off` only says it.",
    )
    explain: bool = Field(False, description="Say how each score came about.")


class SearchBody(SearchQuery):
    """The flat JSON form."""

    image_base64: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=MAX_PHOTOS)]
        | (SkipJsonSchema[None])
    ) = Field(
        None,
        description="The photo's bytes in base64 (RFC 4648, section 4), or those of several photos "
        "of one thing.",
    )


class Correction(Sent):
    """A word that no product has, and the one that was searched for instead."""

    typed: str
    meant: str


class QueryOut(Sent):
    """The question as it was understood."""

    by: Literal["image", "text", "hybrid", "product", "likes"]
    text: str | None = None
    corrections: list[Correction] = Field(default_factory=list)
    product_id: str | None = None
    filter: dict[str, Any] | None = None
    limit: int
    sort: Sort = "relevance"


class BoxOut(Sent):
    """A part of a photo, in fractions of its width and height."""

    x: float
    y: float
    width: float
    height: float


class Region(Sent):
    """A part of the photo that looks like a thing of its own; the first is the main object."""

    box: BoxOut
    score: float = Field(description="How much of the photo's activation lies in it, 0 to 1.")


class ResultImage(Sent):
    """The picture of the product that matched best."""

    id: str
    url: str


class ScorePart(Sent):
    """One summand of a score."""

    name: str = Field(examples=["image", "text", "category", "diversity"])
    value: float
    words: str


class SearchResult(Sent):
    """One product; best first, one slot a product."""

    product: ProductOut
    score: float = Field(
        description="Cosine similarity (photo), BM25 (words) or the fused score (both)."
    )
    image: ResultImage
    token: str = Field(description="Signed; events about this result quote it.")
    reasons: list[str] = Field(default_factory=list)
    parts: list[ScorePart] = Field(
        default_factory=list, description="With `explain`: what the score is made of."
    )


class CategoryGuess(Sent):
    """A category that the photo may show."""

    category: str
    confidence: float = Field(description="Calibrated: of guesses at 0.8, about 80 % are right.")


class CategoryOut(Sent):
    """What the photo shows, judged by its neighbours in the catalogue."""

    category: str | None = Field(description="Null: nothing is likely enough.")
    confidence: float
    use: CategoryUse
    candidates: list[CategoryGuess] = Field(default_factory=list)


class OutOfCatalogue(Sent):
    """Whether the photo shows something that this shop does not sell."""

    score: float = Field(description="0: surely sold here; 1: surely not.")
    threshold: float = Field(description="From here on the answer is empty.")
    rejected: bool
    calibrated: bool = Field(
        description="False: this shop's scores were not measured yet, nothing is rejected."
    )


class FacetValue(Sent):
    """One value and how many of the products that match have it."""

    value: Any = Field(description="A text, a number, true or false.")
    count: int
    children: list["FacetValue"] = Field(
        default_factory=list, description="Of a category: those directly under it."
    )


class PriceBin(Sent):
    """Products that cost at least `gte` and less than `lt`."""

    gte: str
    lt: str
    count: int


class Facet(Sent):
    """Counts by one property."""

    field: str
    exact: bool = Field(
        description="True: of all products that match; false: of the nearest ones only."
    )
    products: int = Field(description="How many products were counted.")
    values: list[FacetValue] = Field(default_factory=list)
    bins: list[PriceBin] = Field(default_factory=list)


class BoxResults(Sent):
    """What was found for one part of the photo: a search of its own."""

    search_id: str
    box: BoxOut
    category: CategoryOut | None = None
    out_of_catalogue: OutOfCatalogue | None = None
    results: list[SearchResult]
    next_cursor: str | None = None


class TimingMs(Sent):
    """Milliseconds spent in each stage."""

    understand: Milliseconds = Field(0.0, description="Reading the words.")
    decode: Milliseconds = 0.0
    encode: Milliseconds = 0.0
    search: Milliseconds = 0.0
    hydrate: Milliseconds = 0.0
    facets: Milliseconds = 0.0
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
    boxes: list[BoxResults] = Field(
        default_factory=list, description="With `boxes`: the results of each, in their order."
    )
    regions: list[Region] = Field(
        default_factory=list, description="Of a photo: parts that may be searched by themselves."
    )
    category: CategoryOut | None = None
    out_of_catalogue: OutOfCatalogue | None = None
    facets: list[Facet] = Field(default_factory=list)
    next_cursor: str | None = Field(
        None, description="Asks for the next page, for 15 minutes; null: there is none."
    )
    timing_ms: TimingMs
    model: ModelOut
