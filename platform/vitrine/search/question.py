"""What was asked, as a vector: photos, a product, likes and dislikes, put together."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from vitrine.db import Sessions
from vitrine.embedding.encoders import Encoders
from vitrine.embedding.preprocess import seen_part
from vitrine.embedding.regions import find_regions
from vitrine.embedding.vectors import normalise
from vitrine.errors import Conflict, Invalid, NotFound
from vitrine.media.crop import Box as Part
from vitrine.media.decode import Limits
from vitrine.retrieval.relevance_feedback import rocchio
from vitrine.retrieval.serving import Serving
from vitrine.retrieval.stored import StoredPictures, read_pictures
from vitrine.search.looking import as_region, encoder_in_use
from vitrine.search.photos import Photos
from vitrine.search.timing import Timing
from vitrine.search.uploads import Uploads
from vitrine.wire import Box, Region, SearchQuery, parse_product_id

_NAMED = text(
    """
    select id, seller_id, sku from products
    where (seller_id, sku) in (
        select * from unnest(cast(:sellers as text[]), cast(:skus as text[]))
    )
    """
)

By = Literal["image", "text", "hybrid", "product", "likes"]


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What a storefront asks: photos of one thing, and everything else that it said.

    `opened` are the photos that the boxes of one request share (see `Understanding.open`).
    """

    photos: tuple[bytes, ...] = ()
    query: SearchQuery = field(default_factory=SearchQuery)
    opened: Photos | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What to look for.

    `vector` is float32 [d] of length 1; None where words alone ask. `map` is the feature map of the
    first photo or of its crop, float16 [c, h, w].
    """

    by: By
    vector: NDArray[np.float32] | None
    text: str | None = None
    map: NDArray[np.float16] | None = None
    regions: list[Region] = field(default_factory=list)
    exclude: frozenset[int] = frozenset()

    @property
    def from_photo(self) -> bool:
        return self.map is not None

    @property
    def seen(self) -> NDArray[np.float32]:
        """The vector [d] of the first photo itself, whatever else moves the question."""
        assert self.map is not None
        # The mean of a map points where the embedding does (see embedding/runtimes/torch.py).
        return normalise(self.map.astype(np.float32).mean(axis=(1, 2)))


class Understanding:
    """Turns requests into questions."""

    def __init__(
        self, sessions: Sessions, encoders: Encoders, uploads: Uploads, limits: Limits
    ) -> None:
        self._sessions = sessions
        self._encoders = encoders
        self._uploads = uploads
        self._limits = limits

    def open(
        self, request: SearchRequest, *, key_id: str, boxes: Sequence[Box] = ()
    ) -> SearchRequest:
        """Fetch the photos of a request once, to `read` it for each of `boxes`.

        Raises NotFound or Unavailable.
        """
        return replace(request, opened=self._photos(request, key_id, boxes))

    def read(
        self,
        request: SearchRequest,
        serving: Serving,
        timing: Timing,
        *,
        key_id: str,
        box: Box | None = None,
    ) -> Question:
        """Understand a request, or one box of it.

        Raises Invalid, ImageRejected, NotFound, Conflict or Unavailable.
        """
        query = request.query
        photos = self._photos(request, key_id) if request.opened is None else request.opened
        _check(query, len(photos))
        products = self._products(query, serving.model.digest)
        vector, features = None, None
        regions: list[Region] = []
        if photos:
            vector, features, regions = self._see(photos, box or query.crop, serving, timing)
        elif query.product_id is not None:
            # As its first picture shows it.
            vector = products.pictures(query.product_id).vectors[0]
        more = [products.mean(one) for one in query.more_like]
        less = [products.mean(one) for one in query.less_like]
        if more or less:
            weights = query.rocchio
            vector = rocchio(
                vector, more, less, weights=(weights.query, weights.more, weights.less)
            )
        return Question(
            by=_by(query, bool(photos), vector is not None),
            vector=vector,
            text=query.text,
            map=features,
            regions=regions,
            exclude=products.all_named,
        )

    def _photos(self, request: SearchRequest, key_id: str, boxes: Sequence[Box] = ()) -> Photos:
        data = request.photos
        if request.query.upload_id is not None:
            data = (self._uploads.get(request.query.upload_id, key_id=key_id),)
        return Photos(data, self._limits, [_part(box) for box in boxes])

    def _see(
        self, photos: Photos, box: Box | None, serving: Serving, timing: Timing
    ) -> tuple[NDArray[np.float32], NDArray[np.float16], list[Region]]:
        """Embed photos of one thing: the direction of their mean, and the map of the first."""
        encoder = encoder_in_use(self._encoders, serving.model.digest)
        with timing.stage("decode"):
            side = encoder.spec.preprocessing.short_side
            pictures = photos.decoded(side, None if box is None else _part(box))
        with timing.stage("encode"):
            encoded = encoder.encode(pictures)
        vector = normalise(encoded.embedding.mean(axis=0))
        regions = []
        if box is None:
            seen = seen_part(pictures[0].size, encoder.spec.preprocessing)
            found = find_regions(encoded.map[0], seen)
            regions = [as_region(one.box, one.score) for one in found]
        return vector, encoded.map[0].astype(np.float16), regions

    def _products(self, query: SearchQuery, model: str) -> "_Products":
        """Look up every product that the query names, in two statements."""
        named = [*query.more_like, *query.less_like]
        if query.product_id is not None:
            named.append(query.product_id)
        if not named and not query.exclude:
            return _Products({}, {}, set())
        pairs = {tuple(parse_product_id(one)) for one in [*named, *query.exclude]}
        with self._sessions() as session:
            sellers, skus = zip(*pairs, strict=True)
            rows = session.execute(_NAMED, {"sellers": list(sellers), "skus": list(skus)})
            ids = {f"{row.seller_id}:{row.sku}": int(row.id) for row in rows}
            missing = next((one for one in named if one not in ids), None)
            if missing is not None:
                raise NotFound(f"There is no product {missing}.")
            pictures = read_pictures(session, [ids[one] for one in named], model)
        return _Products(ids, pictures, set(ids.values()))


@dataclass(frozen=True, slots=True)
class _Products:
    """Products that a query names, by public id. What it names is not among what it finds."""

    ids: dict[str, int]
    stored: dict[int, StoredPictures]
    named: set[int]

    @property
    def all_named(self) -> frozenset[int]:
        return frozenset(self.named)

    def pictures(self, product: str) -> StoredPictures:
        found = self.stored.get(self.ids[product])
        if found is None:
            raise Conflict(
                f"No picture of {product} has been embedded yet; its job tells when it is."
            )
        return found

    def mean(self, product: str) -> NDArray[np.float32]:
        return normalise(self.pictures(product).vectors.mean(axis=0))


def _check(query: SearchQuery, photos: int) -> None:
    """Refuse a question that says nothing, or two things at once."""
    ways = [photos > 0, query.product_id is not None]
    if sum(ways) == 2:
        raise Invalid(
            "Ask by a photo or by `product_id`, not by both; `more_like` moves a photo's results "
            "towards products."
        )
    if not any(ways) and query.text is None and not query.more_like:
        raise Invalid(
            "Send something to search for: a photo (an `image` file, `image_base64` or an "
            "`upload_id`), a `product_id`, `text` or `more_like`."
        )
    if (query.crop is not None or query.boxes is not None) and photos != 1:
        raise Invalid("`crop` and `boxes` are parts of one photo; send one photo with them.")
    weights, fusion = query.rocchio, query.fusion
    moved = (any(ways) and weights.query) or (query.more_like and weights.more)
    if query.less_like and not moved:
        # What is least like them would be all that is left to look for.
        raise Invalid(
            "`less_like` moves a photo, a `product_id` or `more_like`, whose weight in `rocchio` "
            "is above 0: send one of them. To leave products out of what words find, use "
            "`exclude` or `filter`.",
            errors=[{"pointer": "/less_like", "detail": "there is nothing that it could move"}],
        )
    seen = any(ways) or query.more_like
    if seen and query.text is not None and not (fusion.image or fusion.text):
        raise Invalid(
            "The weights of `fusion` leave nothing to search for; raise `image` or `text`.",
            errors=[{"pointer": "/fusion", "detail": "leaves nothing to search for"}],
        )


def _part(box: Box) -> Part:
    return box.x, box.y, box.width, box.height


def _by(query: SearchQuery, photos: bool, seen: bool) -> By:
    if seen and query.text is not None:
        return "hybrid"
    if photos:
        return "image"
    if query.product_id is not None:
        return "product"
    return "text" if query.text is not None else "likes"
