"""Validate a received body; what is wrong becomes JSON pointers and sentences."""

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from vitrine.errors import FieldError, Invalid

Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], data: Any, *, what: str = "The body") -> Model:
    """Make a `model` of decoded JSON; raises Invalid with one entry a wrong field."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fields = field_errors(error, data, known=model.model_fields)
        where = f"`{fields[0]['pointer']}` " if fields[0]["pointer"] else ""
        more = f" (and {len(fields) - 1} more, see errors)" if len(fields) > 1 else ""
        message = f"{what} cannot be used: {where}{fields[0]['detail']}{more}."
        raise Invalid(message, errors=fields) from None


def field_errors(
    error: ValidationError, data: Any, *, known: Iterable[str] = ()
) -> list[FieldError]:
    """Translate pydantic's findings; at most 20, which is more than anyone corrects at once."""
    found: dict[str, str] = {}
    for entry in error.errors(include_url=False, include_input=False)[:20]:
        context = entry.get("ctx", {})
        pointer = context.get("pointer") or _pointer(entry["loc"], data)
        detail = entry["msg"].replace("Input should be", "must be")
        if entry["type"] == "extra_forbidden":
            detail = f"is not a known field; known are {', '.join(sorted(known))}"
        elif entry["type"] == "missing":
            pointer, detail = _pointer(entry["loc"], None), "is required"
        elif entry["type"] == "string_pattern_mismatch":
            detail = f"must match {context['pattern']}"
        elif entry["type"] == "string_unicode":
            detail = "holds text that is not valid Unicode"
        elif entry["type"] in {"model_type", "model_attributes_type"}:
            detail = "must be a JSON object"
        found.setdefault(pointer, detail)
    return [{"pointer": pointer, "detail": detail} for pointer, detail in found.items()]


def _pointer(location: Iterable[str | int], data: Any) -> str:
    """Write a location as a JSON pointer (RFC 6901).

    Pydantic adds names of its own (the branch of a union, "[key]"); they are left out because
    `data` has no such place. Without data the location is taken as it is.
    """
    parts: list[str] = []
    for part in location:
        if data is not None:
            try:
                data = data[part]
            except (KeyError, IndexError, TypeError):
                break
        parts.append("/" + str(part).replace("~", "~0").replace("/", "~1"))
    return "".join(parts)
