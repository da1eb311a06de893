"""What one call of the api is: declared once, then served and documented from that."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flask import Response
from pydantic import BaseModel, ConfigDict

from vitrine.api.auth import Caller
from vitrine.errors import VitrineError

if TYPE_CHECKING:
    from vitrine.api.bodies import Body
    from vitrine.api.services import Services

Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B")
Q_co = TypeVar("Q_co", bound=BaseModel, covariant=True)
B_co = TypeVar("B_co", covariant=True)


class NoQuery(BaseModel):
    """No query parameters; one that is sent is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid")


class AnyQuery(BaseModel):
    """Query parameters are of no interest."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Q_co, B_co]):
    """One request, read and checked."""

    caller: Caller
    path: Mapping[str, str]
    query: Q_co
    body: B_co


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A part of the path, for the documentation; its handler refuses what it cannot use."""

    description: str
    pattern: str
    example: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer that is not a problem: JSON of `model`, or `media_types` of another kind."""

    description: str
    status: int = 200
    model: type[BaseModel] | None = None
    media_types: tuple[str, ...] = ()
    example: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation(Generic[Q, B]):
    """The declaration of one call. `roles` empty: no key is needed.

    `fresh`: no answer is like another, so that nobody has one already. `any_page`: pages of every
    origin may make it, without any key.
    """

    method: str
    path: str
    summary: str
    roles: frozenset[str]
    query: type[Q]
    body: "Body[B]"
    replies: tuple[Reply, ...]
    problems: tuple[type[VitrineError], ...] = ()
    path_parameters: Mapping[str, PathParameter] = field(default_factory=dict)
    fresh: bool = False
    any_page: bool = False

    @property
    def revalidated(self) -> bool:
        """Whether its answer carries an ETag: every GET of the api whose JSON may stay the same."""
        if self.fresh:
            return False
        return self.method == "GET" and self.path.startswith(("/v1/", "/openapi.json"))


Handler = Callable[["Services", Call[Q, B]], BaseModel | Response]


@dataclass(frozen=True, slots=True)
class Route:
    """A declaration with the function that answers it."""

    tag: str
    operation: Operation[Any, Any]
    handler: Handler[Any, Any]

    @property
    def name(self) -> str:
        return self.handler.__name__

    @property
    def key(self) -> tuple[str, str]:
        """Method and path, which no two routes share."""
        return self.operation.method, self.operation.path


class Routes:
    """The calls of one resource, in the order that the documentation shows them."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self._routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def serve(self, operation: Operation[Q, B]) -> Callable[[Handler[Q, B]], Handler[Q, B]]:
        """Register the decorated function as the answer to `operation`."""

        def register(handler: Handler[Q, B]) -> Handler[Q, B]:
            self._routes.append(Route(self.tag, operation, handler))
            return handler

        return register
