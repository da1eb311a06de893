"""What the wire models are built of: two bases and text that can be stored."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError


class Received(BaseModel):
    """A body that a caller sends: an unknown field is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sent(BaseModel):
    """A body that the api sends: a newer server may say more than an older client knows."""

    model_config = ConfigDict(extra="ignore", frozen=True, from_attributes=True)


def storable(text: str) -> str:
    """Refuse what PostgreSQL cannot keep: NUL and lone surrogates."""
    if "\x00" in text:
        raise PydanticCustomError("nul", "remove the NUL character (U+0000)")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("surrogate", "is not valid Unicode text") from None
    return text


def at_most_bytes(limit: int) -> AfterValidator:
    """Bound the length in UTF-8, for columns whose bound counts bytes."""

    def check(text: str) -> str:
        if len(text.encode()) > limit:
            raise PydanticCustomError(
                "too_many_bytes", "is longer than {limit} bytes in UTF-8", {"limit": limit}
            )
        return text

    return AfterValidator(check)


Storable = AfterValidator(storable)
Text = Annotated[str, Storable]
Stripped = StringConstraints(strip_whitespace=True)


def without_null_defaults(schema: dict[str, Any]) -> None:
    """Show an optional field as what it is when it is given, not as `null` by default."""
    for field in schema.get("properties", {}).values():
        if field.get("default", ...) is None:
            del field["default"]
