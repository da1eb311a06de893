"""Request bodies: read with every bound checked, and documented from the same declaration.

The door refuses only what size and count can tell; what is wrong inside a picture is the worker's
to find, so that one bad picture does not refuse its siblings.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from flask import Request
from pydantic import BaseModel
from werkzeug.datastructures import FileStorage

from vitrine.errors import (
    FieldError,
    Invalid,
    Malformed,
    TooLarge,
    UnsupportedMediaType,
    VitrineError,
)
from vitrine.settings import MIB, Settings
from vitrine.wire import read

B_co = TypeVar("B_co", covariant=True)
M = TypeVar("M", bound=BaseModel)
References = Callable[[type[BaseModel]], dict[str, Any]]

JSON = "application/json"
MULTIPART = "multipart/form-data"
# Room for the JSON of a listing with everything at its bound, and for the multipart frame.
MAX_JSON_BYTES = 8 * MIB
MAX_PARTS = 64
# The bytes, the text, the strings in it, and what is decoded from them.
JSON_COPIES = 4


class Body(Protocol[B_co]):
    """How a body is read and how it is documented."""

    def read(self, request: Request, settings: Settings) -> B_co: ...

    def size(self, request: Request, settings: Settings) -> int:
        """The most memory that reading it takes, known before it is read."""
        ...

    def models(self) -> tuple[type[BaseModel], ...]: ...

    def document(self, reference: References, settings: Settings) -> dict[str, Any] | None:
        """OpenAPI's `requestBody`; None for no body."""
        ...


class NoBody:
    """Whatever is sent along is not looked at."""

    def read(self, request: Request, settings: Settings) -> None:
        return None

    def size(self, request: Request, settings: Settings) -> int:
        return 0

    def models(self) -> tuple[type[BaseModel], ...]:
        return ()

    def document(self, reference: References, settings: Settings) -> dict[str, Any] | None:
        return None


@dataclass(frozen=True)
class JsonBody(Generic[M]):
    """One JSON object, sent as JSON or as one of `also`."""

    model: type[M]
    example: Any
    also: tuple[str, ...] = ()

    def read(self, request: Request, settings: Settings) -> M:
        if request.mimetype not in {JSON, *self.also}:
            raise _unsupported(request, (JSON, *self.also))
        return read(self.model, parse_json(_data(request, MAX_JSON_BYTES, settings)))

    def size(self, request: Request, settings: Settings) -> int:
        return JSON_COPIES * _announced(request, min(MAX_JSON_BYTES, settings.max_request_bytes))

    def models(self) -> tuple[type[BaseModel], ...]:
        return (self.model,)

    def document(self, reference: References, settings: Settings) -> dict[str, Any] | None:
        content = {JSON: {"schema": reference(self.model), "example": self.example}}
        return {"required": True, "content": content}


@dataclass(frozen=True)
class Upload(Generic[M]):
    """What an upload body held; `files` is None if the request brought no picture at all."""

    model: M
    files: list[bytes] | None


@dataclass(frozen=True, kw_only=True)
class UploadBody(Generic[M]):
    """Either a multipart form (a JSON part and picture files) or a JSON object alone.

    `json` may know more fields than `part_model`, of which it is then a subclass.
    """

    part: str
    part_model: type[M]
    part_required: bool
    files: str
    most_files: Callable[[Settings], int]
    json: type[M]
    json_room: Callable[[Settings], int] = lambda settings: MAX_JSON_BYTES
    example: Any
    json_example: Any

    def read(self, request: Request, settings: Settings) -> Upload[M]:
        if request.mimetype == JSON:
            data = _data(request, self.json_room(settings), settings)
            return Upload(read(self.json, parse_json(data)), None)
        if request.mimetype != MULTIPART:
            raise _unsupported(request, (MULTIPART, JSON))
        most = self.most_files(settings)
        request.max_content_length = self._form_room(settings)
        return self._read_form(request, settings, most)

    def size(self, request: Request, settings: Settings) -> int:
        if request.mimetype == JSON:
            room = min(self.json_room(settings), settings.max_request_bytes)
            return JSON_COPIES * _announced(request, room)
        # Each part is let go as it is read, so that at most one is there twice.
        form = _announced(request, self._form_room(settings))
        return form + min(form, settings.max_image_bytes)

    def _form_room(self, settings: Settings) -> int:
        # One picture more than allowed is still read, to be refused by a clearer problem.
        pictures = (self.most_files(settings) + 1) * settings.max_image_bytes
        return min(pictures + MAX_JSON_BYTES, settings.max_request_bytes)

    def models(self) -> tuple[type[BaseModel], ...]:
        return (self.part_model, self.json)

    def document(self, reference: References, settings: Settings) -> dict[str, Any] | None:
        most = self.most_files(settings)
        picture = {"type": "string", "format": "binary"}
        pictures = {"type": "array", "items": picture, "minItems": 1, "maxItems": most}
        form = {
            "type": "object",
            "properties": {
                self.part: reference(self.part_model),
                self.files: pictures if most > 1 else picture,
            },
            "additionalProperties": False,
        }
        if self.part_required:
            form["required"] = [self.part]
        return {
            "required": True,
            "content": {
                MULTIPART: {
                    "schema": form,
                    "encoding": {
                        self.part: {"contentType": JSON},
                        self.files: {"contentType": "image/*"},
                    },
                    "example": {self.part: self.example},
                },
                JSON: {"schema": reference(self.json), "example": self.json_example},
            },
        }

    def _read_form(self, request: Request, settings: Settings, most: int) -> Upload[M]:
        try:
            form, files = request.form, request.files
        except ValueError as error:
            raise Malformed(f"The multipart body cannot be read: {error}.") from error
        unknown = sorted(({*form} | {*files}) - {self.part, self.files})
        if unknown:
            raise _wrong(
                f"/{unknown[0]}", f"is not a known part; known are {self.part}, {self.files}"
            )
        if self.files in form:
            raise _wrong(f"/{self.files}", "must be a file: give the part a filename")
        pictures = files.getlist(self.files)
        if len(pictures) > most:
            raise _wrong(f"/{self.files}", f"has {len(pictures)} pictures; send at most {most}")
        model = self._read_part(form.getlist(self.part), files.getlist(self.part))
        received = [
            _picture(file, f"/{self.files}/{at}", settings) for at, file in enumerate(pictures)
        ]
        return Upload(model, received or None)

    def _read_part(self, texts: list[str], files: list[FileStorage]) -> M:
        # curl sends `-F product=@file.json` as a file and `-F 'product={…}'` as a text.
        parts = [*(text.encode() for text in texts), *(file.read() for file in files)]
        if len(parts) > 1:
            raise _wrong(f"/{self.part}", "is there more than once; send one such part")
        if not parts and self.part_required:
            raise _wrong(f"/{self.part}", "is required: a part that holds JSON")
        what = f"The part `{self.part}`"
        return read(self.part_model, parse_json(parts[0], what) if parts else {}, what=what)


def _data(request: Request, room: int, settings: Settings) -> bytes:
    room = min(room, settings.max_request_bytes)
    # Werkzeug ends a body that does not say its length at the bound, without an error: one byte
    # more tells a body that is too long from one that just fits.
    request.max_content_length = room + 1
    data = request.get_data(cache=False)
    if len(data) > room:
        raise TooLarge(f"The request has more than {room} bytes; send less at once.")
    return data


def _announced(request: Request, room: int) -> int:
    """The length that the request says it has; without one, and above the bound, the bound."""
    said = request.content_length
    return room if said is None else min(said, room)


def parse_json(data: bytes, what: str = "The body") -> Any:
    """Decode strict JSON in UTF-8; raises Malformed for all that readers disagree about."""
    try:
        return json.loads(data.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise Malformed(f"{what} is nested too deeply.") from None
    except ValueError as error:
        raise Malformed(f"{what} is not JSON: {error}.") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice[:80]!r} is there twice in one object")
    return found


def _picture(file: FileStorage, pointer: str, settings: Settings) -> bytes:
    with file.stream as stream:  # closed, it lets its copy of the picture go
        data = stream.read(settings.max_image_bytes + 1)
    if not data:
        raise _wrong(pointer, "is empty; send the picture's bytes")
    check_picture_size(len(data), pointer, settings)
    return data


def check_picture_size(size: int, pointer: str, settings: Settings) -> None:
    """Raise TooLarge for a picture of more bytes than the shop takes."""
    if size > settings.max_image_bytes:
        detail = f"is larger than {settings.max_image_bytes} bytes; send a smaller file"
        raise TooLarge(f"`{pointer}` {detail}.", errors=[{"pointer": pointer, "detail": detail}])


def _wrong(pointer: str, detail: str) -> Invalid:
    error: FieldError = {"pointer": pointer, "detail": detail}
    return Invalid(f"The request cannot be used: `{pointer}` {detail}.", errors=[error])


def _unsupported(request: Request, known: tuple[str, ...]) -> VitrineError:
    sent = f"not {request.mimetype[:80]!r}" if request.mimetype else "but no Content-Type came"
    return UnsupportedMediaType(f"Send {' or '.join(known)}, {sent}.")
