"""Query strings, read into models."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from werkzeug.datastructures import MultiDict

from vitrine.api.bodies import parse_json
from vitrine.errors import Invalid, Malformed
from vitrine.wire import read

Q = TypeVar("Q", bound=BaseModel)


def read_query(model: type[Q], given: MultiDict[str, str]) -> Q:
    """Make a `model` of the query string; raises Invalid, also for a name given twice."""
    for name, values in given.lists():
        if len(values) > 1:
            raise Invalid(
                f"The query parameter `{name}` is there {len(values)} times; give it once.",
                errors=[{"pointer": f"/{name}", "detail": "is there more than once"}],
            )
    return read(model, given.to_dict(), what="The query string")


def _object(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return parse_json(text.encode(), "it")
    except Malformed as error:
        raise PydanticCustomError("json", "must be JSON: {why}", {"why": str(error)}) from None


JsonObject = Annotated[dict[str, Any], BeforeValidator(_object), WithJsonSchema({"type": "object"})]
