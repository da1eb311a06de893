"""Explanations: which parts of a photo matched which parts of a product's picture."""

from vitrine.client.request import Message, call
from vitrine.wire.explanations import ExplanationOut

_EXPLANATION = "/v1/search/{search_id}/explanations/{product}"


@call("GET", _EXPLANATION, ExplanationOut)
def explanation(search_id: str, product_id: str) -> Message:
    """Take the similarity of a search's photo and a product apart, for some minutes after it."""
    return Message(path={"search_id": search_id, "product": product_id})


@call("GET", f"{_EXPLANATION}/picture", bytes)
def explanation_picture(search_id: str, product_id: str) -> Message:
    """Fetch the same as a PNG; it shows the photo if that came by an upload that is still kept."""
    return Message(path={"search_id": search_id, "product": product_id})
