"""Query strings, read into models."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, WithJsonSchema
from werkzeug.datastructures import MultiDict

from vitrine.errors import Invalid
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


JsonText = Annotated[str, WithJsonSchema({"type": "object"})]
"""JSON in the query string, still as its text."""
