"""Why a product matched the photo of a search: made when asked for, while it is remembered."""

import io
import threading
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import select

from vitrine import deadline
from vitrine.catalog.models import SEARCHABLE, Product, ProductImage
from vitrine.db import Sessions
from vitrine.embedding.models import Embedding
from vitrine.embedding.preprocess import seen_part
from vitrine.embedding.vectors import unpack
from vitrine.errors import Conflict, NotFound, Unavailable
from vitrine.index.generations import active_generation
from vitrine.media.crop import crop
from vitrine.search.catalogue_pictures import CataloguePictures, Mapped
from vitrine.search.heat import Box, Match, decompose
from vitrine.search.heat_picture import Side, draw
from vitrine.search.memory import Keeper, Remembered, SearchMemory
from vitrine.search.uploads import Uploads
from vitrine.wire import ModelOut, parse_product_id

_PICTURE = "explanation"
# Drawing may not take the processors away from searches.
_AT_ONCE = 1
_LONGEST_WAIT_SECONDS = 5.0
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
_ASKED_BY = {
    "text": "words alone",
    "likes": "liked products alone",
    "hybrid": "words and liked products",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What matched; boxes of the match are to be read within `query_seen` and `product_seen`.

    Those are parts of the whole photo and of the product's picture `cid`. `query_cid` is the
    picture of the product that was searched by, if it was one.
    """

    cid: str
    query_cid: str | None
    model: ModelOut
    match: Match
    query_seen: Box
    product_seen: Box


@dataclass(frozen=True, slots=True)
class _Stored:
    """A picture of a product that answers searches: its vector is float32 [d]."""

    id: int
    cid: str
    vector: NDArray[np.float32]


class Explanations:
    """Explains what a key's own searches found."""

    def __init__(
        self,
        sessions: Sessions,
        memory: SearchMemory,
        uploads: Uploads,
        pictures: CataloguePictures,
        keeper: Keeper,
    ) -> None:
        self._sessions = sessions
        self._memory = memory
        self._uploads = uploads
        self._pictures = pictures
        self._keeper = keeper
        self._drawing = threading.BoundedSemaphore(_AT_ONCE)

    def explain(self, search_id: str, product_id: str, *, key_id: str) -> Explanation:
        """Take apart how a product's picture and the photo of a search are alike.

        Raises NotFound for a search that is forgotten or a product that is not in the shop, and
        Conflict where there is nothing to compare: words alone were asked, or another model is in
        use by now.
        """
        search = self._memory.recall(search_id, key_id=key_id)
        return self._explain(search, self._picture_of(search, product_id), key_id)

    def picture(self, search_id: str, product_id: str, *, key_id: str) -> bytes:
        """Draw an explanation as PNG. Raises what `explain` raises, and Unavailable.

        What shows an upload is not kept: it would outlive the upload.
        """
        search = self._memory.recall(search_id, key_id=key_id)
        stored = self._picture_of(search, product_id)
        name = f"{search_id}:{stored.id}"
        found = self._keeper.get(_PICTURE, name)
        if found is None:
            if not self._drawing.acquire(timeout=deadline.bounded(_LONGEST_WAIT_SECONDS)):
                raise Unavailable("Too many explanations are drawn at once; try again.")
            try:
                photo = self._photo(search, key_id)
                found = self._draw(self._explain(search, stored, key_id), photo)
            finally:
                self._drawing.release()
            if photo is None:
                with suppress(Unavailable):  # it is drawn, kept or not
                    self._keeper.put(_PICTURE, name, found, self._memory.seconds)
        return found

    def _explain(self, search: Remembered, stored: _Stored, key_id: str) -> Explanation:
        product, query_cid = self._pictures.mapped(stored.cid, search.model), None
        if search.map is not None:
            query = Mapped(search.map, self._query_seen(search, key_id))
        else:
            query_cid = self._asked_by(search, stored).cid
            query = self._pictures.mapped(query_cid, search.model)
        match = decompose(query.map, product.map)
        spec = self._pictures.encoder(search.model).spec
        told = ModelOut(name=spec.name, digest=search.model, trained=spec.trained)
        return Explanation(stored.cid, query_cid, told, match, query.seen, product.seen)

    def _picture_of(self, search: Remembered, product_id: str) -> _Stored:
        """The picture that the search ranked, if it stands, or else the nearest one."""
        if search.map is None and search.question.get("product_id") is None:
            raise Conflict(
                f"This search was by {_ASKED_BY[search.question['by']]}, so no photo is there to "
                "compare. Search by a photo or a `product_id` to see which parts matched."
            )
        pictures = self._searchable(product_id, search.model)
        ranked = {one.image_id for one in search.ranking}
        chosen = next((one for one in pictures if one.id in ranked), None)
        if chosen is None and search.vectors.size:
            chosen = max(pictures, key=lambda one: float((search.vectors @ one.vector).max()))
        return chosen or pictures[0]

    def _asked_by(self, search: Remembered, stored: _Stored) -> _Stored:
        """The picture of the product that was searched by which is nearest to a found one."""
        pictures = self._searchable(search.question["product_id"], search.model)
        return max(pictures, key=lambda one: float(one.vector @ stored.vector))

    def _searchable(self, product_id: str, model: str) -> list[_Stored]:
        """Pictures of a product that answer searches, in their order; at least one."""
        seller, sku = parse_product_id(product_id, pointer="/product")
        with self._sessions() as session:
            if active_generation(session).model != model:
                raise Conflict(
                    "The shop has switched to another model since this search. Search again, then "
                    "ask for the explanation of that."
                )
            rows = session.execute(
                select(ProductImage.id, ProductImage.cid, Embedding.vector)
                .join(Product, Product.id == ProductImage.product_id)
                .join(Embedding, Embedding.cid == ProductImage.cid)
                .where(Product.seller_id == seller, Product.sku == sku, Embedding.model == model)
                .where(ProductImage.state == SEARCHABLE)
                .order_by(ProductImage.position, ProductImage.id)
            ).all()
        if not rows:
            raise NotFound(
                f"No product {product_id} with a searchable picture is in the shop (any more)."
            )
        return [_Stored(row.id, row.cid, unpack(row.vector)) for row in rows]

    def _query_seen(self, search: Remembered, key_id: str) -> Box:
        """Which part of the photo the model saw; a square is assumed if its size is not known."""
        photo = self._photo(search, key_id)
        how = self._pictures.encoder(search.model).spec.preprocessing
        cut = search.crop or _WHOLE
        size = (1000, 1000)
        if photo is not None:
            size = crop(photo, cut).size
        return within(cut, seen_part(size, how))

    def _photo(self, search: Remembered, key_id: str) -> Image.Image | None:
        """The query photo, if it came by an upload that is still kept."""
        if search.upload_id is None:
            return None
        try:
            data = self._uploads.get(search.upload_id, key_id=key_id)
        except NotFound:
            return None
        return Image.open(io.BytesIO(data))

    def _draw(self, explanation: Explanation, photo: Image.Image | None) -> bytes:
        asked = explanation.query_cid
        if asked is not None:
            photo = self._pictures.shown(asked)
        match = explanation.match
        query = Side("your photo", photo, match.query_heat, explanation.query_seen)
        shown = self._pictures.shown(explanation.cid)
        product = Side("the product", shown, match.product_heat, explanation.product_seen)
        return draw(match, query, product)


def within(outer: Box, inner: Box) -> Box:
    """Read a box that is in fractions of another one in fractions of what that one lies in."""
    x, y, width, height = outer
    return x + inner[0] * width, y + inner[1] * height, inner[2] * width, inner[3] * height
