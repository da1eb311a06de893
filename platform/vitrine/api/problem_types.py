"""What each kind of problem means to the program that gets it."""

from collections.abc import Iterator

from vitrine.errors import VitrineError

ADVICE = {
    "internal": "Not the caller's fault. Try again later; if it lasts, report the request id "
    "(`instance`) to the operator, whose log holds the cause under it.",
    "invalid": "Correct the fields that `errors` points to (JSON pointers into the request), then "
    "send it again.",
    "image-rejected": "Send another file. `detail` says what is wrong with this one and `code` is "
    "a stable name for it.",
    "filter-invalid": "Correct the filter where `errors` points to; docs/api.md lists its fields.",
    "malformed": "The request could not be read, as JSON or as a multipart form. Correct how it "
    "is made.",
    "unauthenticated": "Send `Authorization: Bearer <key>` with a key that is in force.",
    "forbidden": "Use a key of a role that may do this; a seller's key changes only that seller's "
    "products.",
    "not-found": "Check the id and the address. What was deleted is not found either.",
    "method-not-allowed": "Use a method that the `Allow` header names.",
    "conflict": "The state of the thing does not allow this now; `detail` says what has to happen "
    "first.",
    "too-large": "Send fewer or smaller pictures.",
    "unsupported-media-type": "Send one of the content types that `detail` names.",
    "too-many-requests": "Wait for the seconds that `Retry-After` names. `RateLimit` says how much "
    "is left before that happens; the operator may raise the limits.",
    "misconfigured": "Only the operator can put this right; their log says how.",
    "unavailable": "Try the same request again after the seconds that `Retry-After` names.",
    "out-of-memory": "Try again after the seconds that `Retry-After` names. If it lasts, the "
    "operator has to give the api more memory or fewer threads.",
}


def kinds(root: type[VitrineError] = VitrineError) -> Iterator[type[VitrineError]]:
    """The classes of vitrine.errors, the root first."""
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == VitrineError.__module__:
            yield from kinds(kind)
