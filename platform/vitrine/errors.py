"""Every error that Vitrine raises on purpose.

    VitrineError
    ├── Invalid                 422  the request can be understood, its content cannot be used
    │   ├── ImageRejected       422  a picture that cannot or may not be decoded
    │   └── FilterInvalid       422  a filter that names an unknown field or has a wrong shape
    ├── Malformed               400  the request cannot be read at all
    ├── Unauthenticated         401  no key, an unknown key or a revoked one
    ├── Forbidden               403  the key is known and may not do this
    ├── NotFound                404
    ├── MethodNotAllowed        405
    ├── Conflict                409
    ├── TooLarge                413
    ├── UnsupportedMediaType    415
    ├── TooManyRequests         429  this key or address asks too often; worth a retry
    ├── Misconfigured           500  the operator has to change something; the message says what
    └── Unavailable             503  a dependency does not answer; worth a retry
        └── OutOfMemory         503  there is no memory for this now; worth a retry

The class says everything a caller has to decide on: `status` and `slug` become the problem
document (RFC 9457), `retryable` tells the worker whether the same work may succeed later.
Messages are sentences that name the fix.
"""

from collections.abc import Sequence
from typing import ClassVar, TypedDict


class FieldError(TypedDict):
    """One wrong field: a JSON pointer (RFC 6901) into the request, and what to change."""

    pointer: str
    detail: str


class VitrineError(Exception):
    """The root of the tree; `str(error)` is a sentence for the caller."""

    status: int = 500
    slug: str = "internal"
    title: str = "Something went wrong on our side"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.errors = list(errors)


class Invalid(VitrineError):
    status = 422
    slug = "invalid"
    title = "The request has content that cannot be used"


class ImageRejected(Invalid):
    """A picture that cannot or may not be decoded; `code` is stable, the message is for people."""

    slug = "image-rejected"
    title = "The picture cannot be used"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class FilterInvalid(Invalid):
    slug = "filter-invalid"
    title = "The filter cannot be used"


class Malformed(VitrineError):
    status = 400
    slug = "malformed"
    title = "The request cannot be read"


class Unauthenticated(VitrineError):
    status = 401
    slug = "unauthenticated"
    title = "A valid key is required"


class Forbidden(VitrineError):
    status = 403
    slug = "forbidden"
    title = "This key may not do this"


class NotFound(VitrineError):
    status = 404
    slug = "not-found"
    title = "There is no such thing"


class MethodNotAllowed(VitrineError):
    status = 405
    slug = "method-not-allowed"
    title = "This address does not take that method"


class Conflict(VitrineError):
    status = 409
    slug = "conflict"
    title = "The request contradicts the present state"


class TooLarge(VitrineError):
    status = 413
    slug = "too-large"
    title = "The request is too large"


class UnsupportedMediaType(VitrineError):
    status = 415
    slug = "unsupported-media-type"
    title = "The content type is not supported"


class TooManyRequests(VitrineError):
    """The same request is taken again after `retry_after_seconds`."""

    status = 429
    slug = "too-many-requests"
    title = "There were too many requests"
    retryable = True

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Misconfigured(VitrineError):
    slug = "misconfigured"
    title = "The installation needs a change"


class Unavailable(VitrineError):
    """A dependency does not answer; the same request may succeed after `retry_after_seconds`."""

    status = 503
    slug = "unavailable"
    title = "A part of the platform does not answer"
    retryable = True

    def __init__(self, message: str, *, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class OutOfMemory(Unavailable):
    """Not even one picture fits into the memory that is free; others may need less."""

    slug = "out-of-memory"
    title = "There is not enough memory for this now"
