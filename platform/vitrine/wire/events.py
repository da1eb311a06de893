"""Events: what shoppers did, in the shape of GA4's e-commerce events.

Fields of GA4 that are not named here are ignored, not refused: shops send what they send already.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from vitrine.wire.base import Sent, Storable
from vitrine.wire.names import PERSON

MAX_EVENTS = 500
MAX_ITEMS = 200
MAX_EVENT_ID_CHARACTERS = 200
MAX_COUNT = 1_000_000
# The last moment of the year 9999.
_LAST_MICROS = 253_402_300_799_999_999
_CENT = Decimal("0.01")

EventName = Literal[
    "view_item_list",
    "select_item",
    "view_item",
    "add_to_cart",
    "remove_from_cart",
    "add_to_wishlist",
    "purchase",
    "refund",
    "hide_item",
    "rate_item",
]
KEPT_NAMES = frozenset(get_args(EventName))
# GA4 names what these are about by their transaction as well.
_BY_TRANSACTION = frozenset({"purchase", "refund"})
_WITHOUT_ITEMS = frozenset({"view_item_list", *_BY_TRANSACTION})


def _cents(price: Decimal) -> Decimal:
    return price.quantize(_CENT, rounding=ROUND_HALF_EVEN)


Words = Annotated[str, Field(max_length=300), Storable]
PersonName = Annotated[str, PERSON.validator(), Storable, PERSON.schema(examples=["u-1042"])]
Micros = Annotated[int, Field(ge=0, le=_LAST_MICROS, strict=True, examples=[1795500000000000])]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Rating = Annotated[float, Field(ge=1, le=5, allow_inf_nan=False)]
Price = Annotated[Decimal, Field(ge=0, lt=10**10, allow_inf_nan=False), AfterValidator(_cents)]


class _Ga4(BaseModel):
    """A part of an event: what else GA4 or a shop puts into it is let go; null is not said."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class EventItem(_Ga4):
    """One product of an event."""

    item_id: Annotated[str, Field(min_length=1, max_length=200), Storable] = Field(
        description="Id of the product, `seller:sku`.", examples=["acme:mug-1"]
    )
    index: Count | None = Field(
        None, description="Its place in the list; a token knows it already."
    )
    quantity: Count | None = None
    price: Price | None = Field(None, description="Of one piece.")
    rating: Rating | None = Field(None, description="For `rate_item`.")
    token: str | None = Field(None, description="The `token` with which this product was shown.")
    item_list_id: Words | None = None


class EventParams(_Ga4):
    """What an event is about."""

    items: Annotated[list[EventItem], Field(max_length=MAX_ITEMS)] = Field(default_factory=list)
    item_list_id: Words | None = None
    search_term: Words | None = None
    transaction_id: (
        Annotated[str, Field(min_length=1, max_length=MAX_EVENT_ID_CHARACTERS), Storable] | None
    ) = Field(
        None,
        description="Of a purchase or refund; it stands in for `event_id`. "
        "A refund without items takes back all of the purchase that has the same.",
    )
    token: str | None = Field(None, description="As that of the item, for an event of one item.")
    rating: Rating | None = Field(None, description="As that of each item.")


class EventIn(_Ga4):
    """One thing that a shopper did."""

    name: EventName
    event_id: (
        Annotated[str, Field(min_length=1, max_length=MAX_EVENT_ID_CHARACTERS), Storable] | None
    ) = Field(
        None,
        description="Yours, unique for each shopper; the same one again is counted once. May be "
        "left out of a purchase or refund with a `transaction_id`.",
    )
    timestamp_micros: Micros | None = Field(
        None, description="When, in microseconds since 1970; without one: when it arrives."
    )
    client_id: PersonName | None = Field(
        None, description="The browser or device; the shopper while nobody has logged in."
    )
    user_id: PersonName | None = Field(
        None, description="The user. Beside a `client_id`: that browser turned out to be the user."
    )
    params: EventParams = Field(default_factory=EventParams)

    @model_validator(mode="after")
    def _is_whole(self) -> "EventIn":
        params = self.params
        if self.event_id is None and not (self.name in _BY_TRANSACTION and params.transaction_id):
            raise _lacks("/event_id", "is required")
        if not params.items and self.name not in _WITHOUT_ITEMS:
            raise _lacks("/params/items", "must name at least one item")
        if self.name == "rate_item" and params.rating is None:
            for at, item in enumerate(params.items):
                if item.rating is None:
                    raise _lacks(f"/params/items/{at}/rating", "is required, from 1 to 5")
        return self

    @property
    def key(self) -> str:
        """What tells it from the other events of its shopper."""
        return self.event_id or f"{self.name}:{self.params.transaction_id}"


def _lacks(pointer: str, detail: str) -> PydanticCustomError:
    # The pointer is taken from the context by wire.reading.
    return PydanticCustomError("incomplete", "{detail}", {"pointer": pointer, "detail": detail})


class _OneByOne:
    """Anything is taken into the batch; each event is read by itself, and refused by itself."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described = "What is none of these is named in `errors` and refused alone."
        return {"anyOf": [handler(EventIn.__pydantic_core_schema__), {"description": described}]}


class EventBatch(_Ga4):
    """Events of one shopper or of many; what stands here holds for each that does not say."""

    client_id: PersonName | None = Field(None, description="For events that name none.")
    user_id: PersonName | None = Field(None, description="For events that name none.")
    timestamp_micros: Micros | None = Field(None, description="For events that name none.")
    events: Annotated[
        list[Annotated[Any, _OneByOne]], Field(min_length=1, max_length=MAX_EVENTS)
    ] = Field(description="In any order.")


class EventNote(Sent):
    """What is to be said of one event."""

    index: int = Field(description="Its place in `events`, from 0.")
    detail: str


class EventsTaken(Sent):
    """What became of a batch; each event is one of accepted, duplicate, ignored or an error."""

    accepted: int
    duplicates: int = Field(description="Taken in before; they count once.")
    ignored: int = Field(description="Of no use here, or too old; `warnings` say why.")
    errors: list[EventNote] = Field(description="Events that were refused, and why.")
    warnings: list[EventNote] = Field(
        description="Events that were ignored, or taken in without a part of them."
    )
