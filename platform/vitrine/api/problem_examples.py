"""One example a problem, as the documentation shows it: a sentence that the api really says."""

from typing import Any

from vitrine.errors import VitrineError
from vitrine.wire import Problem, ProblemField

_DETAILS = {
    "internal": "Something went wrong on our side. Quote this request id when you report it; "
    "the log of the api says more.",
    "invalid": "The body cannot be used: `/price` must have at most two decimals.",
    "image-rejected": "The end of this JPEG file is missing: it was cut off on the way or while it "
    "was saved. Upload the original again.",
    "filter-invalid": "Give true or false.",
    "malformed": "The body is not JSON: Expecting value: line 1 column 1 (char 0).",
    "unauthenticated": "Send a key: `Authorization: Bearer <key>`.",
    "forbidden": "This is a seller key; this call needs one of the role storefront.",
    "not-found": "There is no product demo:mug-1.",
    "method-not-allowed": "POST is not possible at this address; /docs says what is.",
    "conflict": "No picture of demo:mug-1 has been embedded yet; its job tells when it is.",
    "too-large": "`/images/0` is larger than 20971520 bytes; send a smaller file.",
    "unsupported-media-type": "Send multipart/form-data or application/json, not 'text/plain'.",
    "too-many-requests": "This key asks more than 6000 times a minute; try again in 2 s.",
    "misconfigured": "The installation needs a change before it can answer this. The log of "
    "the api says which, beside this request id.",
    "unavailable": "The database does not answer; try again in a few seconds.",
    "out-of-memory": "There is not enough memory to compute this picture now; try again.",
}
_FIELDS = {
    "invalid": ProblemField(pointer="/price", detail="must have at most two decimals"),
    "filter-invalid": ProblemField(pointer="/filter/in_stock", detail="Give true or false."),
    "too-large": ProblemField(
        pointer="/images/0", detail="is larger than 20971520 bytes; send a smaller file"
    ),
}


def example(kind: type[VitrineError]) -> dict[str, Any]:
    """The problem document of a typical error of this kind."""
    field = _FIELDS.get(kind.slug)
    document = Problem(
        type=f"/problems/{kind.slug}",
        title=kind.title,
        status=kind.status,
        detail=_DETAILS[kind.slug],
        instance="9c1f0a7f3b7e4e0c8d0a4f3e2b1c0d9e",
        errors=[field] if field else [],
        code="truncated" if kind.slug == "image-rejected" else None,
    )
    return document.model_dump(mode="json", exclude_none=True)
