"""Why a product matched a photo."""

from pydantic import Field

from vitrine.wire.base import Sent
from vitrine.wire.search import BoxOut, ModelOut, ResultImage


class HeatOut(Sent):
    """What each part of a photo adds to the cosine; all of them together are the cosine."""

    box: BoxOut = Field(
        description="The part of the photo that the grid lies on, which is what the model saw."
    )
    rows: list[list[float]] = Field(description="From the top; a number below zero takes away.")


class MatchedParts(Sent):
    """A part of the photo and a part of the product's picture that look alike."""

    query: BoxOut
    product: BoxOut
    share: float = Field(description="What the two add to the cosine.")
    words: str


class ExplanationOut(Sent):
    """Which parts of a photo matched which parts of a product's picture."""

    search_id: str
    product_id: str
    image: ResultImage = Field(description="The product's picture that matched best.")
    cosine: float
    query: HeatOut
    product: HeatOut
    pairs: list[MatchedParts] = Field(description="The strongest first.")
    picture: str = Field(description="Path of a PNG that shows it.")
    model: ModelOut
