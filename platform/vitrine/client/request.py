"""What a call of the api is: described once, run by either client."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, cast
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from vitrine.client.refusal import read_model

Picture = bytes | Path | str
"""The bytes of a picture, or where its file is."""

ATTEMPTS = 4
_REPEATABLE = {"GET", "PUT", "DELETE"}
_JSON = "application/json"
_NOT_SAID = inspect.Signature.empty

P = ParamSpec("P")
Answer = TypeVar("Answer")
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What a request carries: values in the path, the query string, JSON, and pictures.

    With pictures the JSON is a part of a form, named `json_part`; without, it is the body. `url` is
    an address that an answer of the api gave, in place of the path.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    json: str | None = None
    json_part: str = ""
    pictures: Sequence[Picture] = ()
    pictures_part: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request(Generic[Answer]):
    """A call with its arguments."""

    method: str
    url: str
    message: Message
    returns: type[Answer]
    repeatable: bool
    attempts: int
    answers: frozenset[int]

    def read(self, response: httpx.Response) -> Answer:
        """Read the answer: a model, the bytes of a picture, or nothing."""
        answer: Any = None
        if issubclass(self.returns, BaseModel):
            answer = read_model(self.returns, response)
        elif self.returns is bytes:
            answer = response.content
        return cast(Answer, answer)

    @property
    def reads_files(self) -> bool:
        """Whether `load` has to wait for a disk."""
        return any(not isinstance(picture, bytes) for picture in self.message.pictures)

    def load(self) -> dict[str, Any]:
        """Make the arguments of httpx; reads the files of the pictures."""
        message = self.message
        options: dict[str, Any] = {"method": self.method, "url": self.url}
        if message.params:
            options["params"] = message.params
        if message.pictures:
            options["files"] = _form(message)
        elif message.json is not None:
            options |= {"content": message.json, "headers": {"Content-Type": _JSON}}
        return options


@dataclass(frozen=True, kw_only=True, slots=True)
class Call(Generic[P, Answer]):
    """One call of the api: where it goes, how its arguments become a request, what it answers.

    `path` is the one that the api declares. A call that is repeatable does no harm when it is sent
    twice; `answers` are statuses that are answers too, although they are not 2xx.
    """

    method: str
    path: str
    returns: type[Answer]
    write: Callable[P, Message]
    repeatable: bool
    attempts: int
    answers: frozenset[int]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Request[Answer]:
        message = self.write(*args, **kwargs)
        values = {name: quote(value, safe=":") for name, value in message.path.items()}
        return Request(
            method=self.method,
            url=message.url or self.path.format(**values),
            message=message,
            returns=self.returns,
            repeatable=self.repeatable,
            attempts=self.attempts,
            answers=self.answers,
        )


def call(
    method: str,
    path: str,
    returns: type[Answer],
    *,
    repeatable: bool | None = None,
    attempts: int = ATTEMPTS,
    answers: Sequence[int] = (),
) -> Callable[[Callable[P, Message]], Call[P, Answer]]:
    """Declare that the decorated function writes the requests of this call."""

    def declare(write: Callable[P, Message]) -> Call[P, Answer]:
        return Call(
            method=method,
            path=path,
            returns=returns,
            write=write,
            repeatable=method in _REPEATABLE if repeatable is None else repeatable,
            attempts=attempts,
            answers=frozenset(answers),
        )

    return declare


def headers(key: str) -> dict[str, str]:
    """What every request says."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def given(**values: Any) -> dict[str, Any]:
    """Leave out what was not given: the api knows its defaults."""
    return {name: value for name, value in values.items() if value is not None}


def as_method(run: Function, of: Call[..., Any] | Callable[..., Any]) -> Function:
    """Let a method look as the function does that it is made of: `help()` and editors show it."""
    write, returns = (of.write, of.returns) if isinstance(of, Call) else (of, _NOT_SAID)
    functools.update_wrapper(run, write)
    vars(run)["call"] = of
    signature = inspect.signature(write)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [itself, *signature.parameters.values()]
    return with_signature(run, signature.replace(parameters=parameters, return_annotation=returns))


def with_signature(function: Function, signature: inspect.Signature) -> Function:
    """Tell what a function takes that hands on whatever it is given."""
    vars(function)["__signature__"] = signature
    return function


def _form(message: Message) -> list[tuple[str, tuple[str | None, bytes | str, str]]]:
    parts: list[tuple[str, tuple[str | None, bytes | str, str]]] = []
    if message.json is not None:
        parts.append((message.json_part, (None, message.json, _JSON)))
    for position, picture in enumerate(message.pictures, start=1):
        parts.append((message.pictures_part, _file(picture, position)))
    return parts


def _file(picture: Picture, position: int) -> tuple[str, bytes, str]:
    # Bytes, not an open file: a request that is sent again starts from the beginning.
    if isinstance(picture, bytes):
        return f"image-{position}", picture, "application/octet-stream"
    path = Path(picture)
    return path.name, path.read_bytes(), "application/octet-stream"
