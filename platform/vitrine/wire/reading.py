"""Validate a received body; what is wrong becomes JSON pointers and sentences."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from vitrine.errors import FieldError, Invalid

Model = TypeVar("Model", bound=BaseModel)

# What pydantic finds, by its type; `{…}` is filled from the finding's context.
_SENTENCES = {
    "missing": "is required",
    "string_type": "must be a text",
    "string_unicode": "holds text that is not valid Unicode",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "literal_error": "must be {expected}",
}


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
        # A field that is missing has no place in the data.
        place = None if entry["type"] == "missing" else data
        pointer = context.get("pointer") or _pointer(entry["loc"], place)
        if entry["type"] == "extra_forbidden":
            # What is known within a field is another matter than what is known beside it.
            detail = _unknown(known if len(entry["loc"]) == 1 else ())
        else:
            detail = sentence(entry)
        found.setdefault(pointer, detail)
    return [{"pointer": pointer, "detail": detail} for pointer, detail in found.items()]


def sentence(entry: Mapping[str, Any]) -> str:
    """Say one finding of pydantic's in plain words, to stand behind the name of the field."""
    context = entry.get("ctx", {})
    if entry["type"] == "string_too_short" and context["min_length"] == 1:
        return "must not be empty"
    known = _SENTENCES.get(entry["type"])
    if known is None:
        return str(entry["msg"]).replace("Input should be", "must be")
    return known.format(**context)


def _unknown(known: Iterable[str]) -> str:
    names = ", ".join(sorted(known))
    return f"is not a known field; {f'known are {names}' if names else 'leave it out'}"


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
