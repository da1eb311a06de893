"""Search by photo or by product, through one generation fixed at the start of the request."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from vitrine.catalog.models import Product, ProductImage
from vitrine.db import Sessions
from vitrine.decisions.tokens import Shown, TokenSigner, new_decision_id
from vitrine.embedding.encoders import Encoders
from vitrine.embedding.models import Embedding, Model
from vitrine.embedding.vectors import unpack
from vitrine.errors import Conflict, Invalid, NotFound, Unavailable
from vitrine.index.client import VectorIndex
from vitrine.index.generations import active_generation
from vitrine.media.decode import Limits, decode
from vitrine.retrieval import filters
from vitrine.retrieval.candidates import Among, candidates
from vitrine.retrieval.hydration import Hydrated, hydrate
from vitrine.wire import (
    DEFAULT_LIMIT,
    ModelOut,
    QueryOut,
    SearchResponse,
    SearchResult,
    TimingMs,
    parse_product_id,
)

# Hydration may drop some candidates; these many more are asked for so that a page stays full.
_HEADROOM = 4
_MOST_CANDIDATES = 4096
# Up to so many products that match a condition on attributes are named to the index.
_FEW_PRODUCTS = 2000


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What a storefront asks: a photo's bytes or a product id, never both."""

    image: bytes | None = None
    product_id: str | None = None
    filter: dict[str, Any] | None = None
    limit: int = DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class _Serving:
    """The generation of this request: one collection and the model that filled it."""

    collection: str
    model: ModelOut


@dataclass(slots=True)
class _Timing:
    """Milliseconds by stage."""

    stages: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        before = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - before) * 1000
            self.stages[name] = self.stages.get(name, 0.0) + spent

    def out(self) -> TimingMs:
        total = (time.perf_counter() - self.started) * 1000
        return TimingMs(**{name: round(ms, 2) for name, ms in self.stages.items()}, total=total)


class SearchService:
    """Answers searches of one shop."""

    def __init__(
        self,
        sessions: Sessions,
        index: VectorIndex,
        encoders: Encoders,
        signer: TokenSigner,
        *,
        limits: Limits,
        currency: str,
    ) -> None:
        self._sessions = sessions
        self._index = index
        self._encoders = encoders
        self._signer = signer
        self._limits = limits
        self._currency = currency
        self._models: dict[str, ModelOut] = {}

    def search(self, request: SearchRequest, *, key_id: str) -> SearchResponse:
        """Find products by photo or by product, best first, one slot a product.

        Raises Invalid, ImageRejected, FilterInvalid, NotFound or Unavailable.
        """
        if (request.image is None) == (request.product_id is None):
            raise Invalid("Send either a photo or a `product_id`, one of the two.")
        timing = _Timing()
        tree = filters.parse(request.filter or {})
        serving = self._serving()
        exclude: frozenset[int] = frozenset()
        if request.image is not None:
            vector = self._embed(request.image, serving.model.digest, timing)
        else:
            assert request.product_id is not None
            product, vector = self._stored(request.product_id, serving.model.digest)
            exclude = frozenset({product})
        found = self._find(serving, vector, tree, request.limit, exclude, timing)
        search_id = new_decision_id()
        return SearchResponse(
            search_id=search_id,
            query=QueryOut(
                by="image" if request.image is not None else "product",
                product_id=request.product_id,
                filter=request.filter,
                limit=request.limit,
            ),
            results=[
                self._result(one, position, search_id, serving, key_id)
                for position, one in enumerate(found, start=1)
            ],
            timing_ms=timing.out(),
            model=serving.model,
        )

    def similar(
        self,
        product_id: str,
        *,
        key_id: str,
        filter: dict[str, Any] | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> SearchResponse:
        """Find products that look like this one; it is not among them."""
        request = SearchRequest(product_id=product_id, filter=filter, limit=limit)
        return self.search(request, key_id=key_id)

    def _serving(self) -> _Serving:
        with self._sessions() as session:
            generation = active_generation(session)
            return _Serving(
                collection=generation.images_collection,
                model=self._model(session, generation.model),
            )

    def _model(self, session: Session, digest: str) -> ModelOut:
        """Tell which model this is; a digest says the same for ever, so it is read once."""
        if digest not in self._models:
            model = session.get_one(Model, digest)
            trained = bool(model.spec.get("trained", True))
            self._models[digest] = ModelOut(name=model.name, digest=digest, trained=trained)
        return self._models[digest]

    def _embed(self, image: bytes, model: str, timing: _Timing) -> NDArray[np.float32]:
        try:
            encoder = self._encoders.get(model)
        except NotFound as error:
            raise Unavailable(f"This api has not got the model in use: {error}") from error
        with timing.stage("decode"):
            short_side = encoder.spec.preprocessing.short_side
            picture = decode(image, self._limits, short_side=short_side)
        with timing.stage("encode"):
            vectors: NDArray[np.float32] = encoder.encode([picture]).embedding
            return vectors

    def _stored(self, product_id: str, model: str) -> tuple[int, NDArray[np.float32]]:
        """Read the vector of a product's first picture that has one: float32 [1, d]."""
        seller, sku = parse_product_id(product_id)
        with self._sessions() as session:
            row = session.execute(
                select(Product.id, Embedding.vector)
                .select_from(Product)
                .join(ProductImage, ProductImage.product_id == Product.id, isouter=True)
                .join(
                    Embedding,
                    (Embedding.cid == ProductImage.cid) & (Embedding.model == model),
                    isouter=True,
                )
                .where(Product.seller_id == seller, Product.sku == sku)
                .order_by(Embedding.vector.is_(None), ProductImage.position)
                .limit(1)
            ).first()
        if row is None:
            raise NotFound(f"There is no product {product_id}.")
        if row.vector is None:
            raise Conflict(
                f"No picture of {product_id} has been embedded yet; its job tells when it is."
            )
        return row.id, unpack(row.vector)[np.newaxis, :]

    def _find(
        self,
        serving: _Serving,
        vectors: NDArray[np.float32],
        tree: filters.Filter,
        limit: int,
        exclude: frozenset[int],
        timing: _Timing,
    ) -> list[Hydrated]:
        """Fetch more until the page is full: hydration drops what no longer stands."""
        condition = filters.to_sql(tree)
        with timing.stage("search"):
            among = Among(only=self._matching(tree, condition), exclude=exclude)
        wanted = limit + _HEADROOM
        while True:
            with timing.stage("search"):
                found = candidates(
                    self._index,
                    serving.collection,
                    vectors,
                    tree,
                    wanted,
                    among=among,
                )
            with timing.stage("hydrate"), self._sessions() as session:
                shown = hydrate(session, found, condition, currency=self._currency, limit=limit)
            if len(shown) >= limit or len(found) < wanted or wanted >= _MOST_CANDIDATES:
                return shown
            wanted = min(wanted * 4, _MOST_CANDIDATES)

    def _matching(self, tree: filters.Filter, condition: ColumnElement[bool]) -> list[int] | None:
        """Name the products that match, if the index cannot tell and they are few.

        If they are many, going through the nearest ones finds enough of them soon.
        """
        if filters.to_milvus(tree)[1]:
            return None
        with self._sessions() as session:
            some = select(Product.id).where(condition).limit(_FEW_PRODUCTS + 1)
            found = list(session.scalars(some))
        return found if len(found) <= _FEW_PRODUCTS else None

    def _result(
        self, found: Hydrated, position: int, search_id: str, serving: _Serving, key_id: str
    ) -> SearchResult:
        shown = Shown(
            key_id=key_id,
            decision=search_id,
            kind="search",
            item=found.product.id,
            position=position,
            model=serving.model.digest[:16],
            issued_at=int(time.time()),
        )
        return SearchResult(
            product=found.product,
            score=found.score,
            image=found.image,
            token=self._signer.sign(shown),
            reasons=[f"its picture looks like the one asked for (cosine {found.score:.3f})"],
        )
