"""From a question to a ranking: the searches side by side, their fusion, and what moves it."""

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from sqlalchemy import ColumnElement, select

from vitrine.catalog.models import Product
from vitrine.db import Readers
from vitrine.index.client import VectorIndex
from vitrine.index.text import TextIndex
from vitrine.retrieval import filters
from vitrine.retrieval.candidates import Among, candidates
from vitrine.retrieval.diversity import diversify
from vitrine.retrieval.fusion import Ranking, reciprocal_ranks, weighted_scores
from vitrine.retrieval.grouping import Ranked
from vitrine.retrieval.hydration import Rows, facts_of, read_products
from vitrine.retrieval.serving import Serving
from vitrine.retrieval.stored import Facts, read_facts, read_pictures
from vitrine.retrieval.text import text_candidates
from vitrine.search.calibration import Calibration
from vitrine.search.category import NEIGHBOURS, Neighbour, Prediction, predict
from vitrine.search.question import Question
from vitrine.wire import SearchQuery

T = TypeVar("T")

# Each of the two searches of a hybrid one looks so deep.
HYBRID_DEPTH = 200
# Other orders than relevance are of so many products that match best.
SORTED_DEPTH = 500
DIVERSE_DEPTH = 200
# Photos: of what matches everything does a little. Words: what matches has one of them.
FACET_DEPTH, TEXT_FACET_DEPTH = 200, 1000
MOST_CANDIDATES = 4096
# A ranking of so many is mostly shown at once: one query reads what orders and what shows them.
_SHOWN_AT_ONCE = 40
_ANY = filters.to_sql(filters.EVERYTHING)
# Up to so many products that match a condition on attributes are named to the index.
_FEW_PRODUCTS = 2000
# What a certain category adds: this share of what a cosine lacks to 1, or so much to a fused score.
CATEGORY_BOOST, FUSED_BOOST = 0.05, 0.002
# What is less likely than this, the photo does not seem to show.
_LEAST_CONFIDENCE = 0.1


@dataclass(frozen=True, slots=True)
class Pool:
    """Products in their order.

    `complete`: no others are to follow; `exact`: no others match; `rows`: what shows them, if they
    are few.
    """

    items: list[Ranked]
    complete: bool
    exact: bool
    neighbours: list[Neighbour] = field(default_factory=list)
    prediction: Prediction | None = None
    rows: Rows | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the conditions and the wishes that came with it."""

    question: Question
    query: SearchQuery
    tree: filters.Filter
    serving: Serving
    calibration: Calibration

    @property
    def condition(self) -> ColumnElement[bool]:
        return filters.to_sql(self.tree)

    def depth(self, wanted: int) -> int:
        """How many products to rank so that `wanted` of them can be shown in the right order."""
        needs = [wanted]
        if self.question.by == "hybrid":
            needs.append(HYBRID_DEPTH)
        if self.question.from_photo:
            needs.append(NEIGHBOURS)
        if self.query.sort != "relevance":
            needs.append(SORTED_DEPTH)
        if self.query.diversity > 0:
            needs.append(min(DIVERSE_DEPTH, 5 * wanted))
        if self.query.facets:
            needs.append(TEXT_FACET_DEPTH if self.question.by == "text" else FACET_DEPTH)
        return max(needs)


class Ranker:
    """Ranks products; safe to share between threads."""

    def __init__(self, readers: Readers, index: VectorIndex, texts: TextIndex) -> None:
        self._readers = readers
        self._index = index
        self._texts = texts
        self._beside = ThreadPoolExecutor(max_workers=16, thread_name_prefix="words")

    def require_answer(self) -> None:
        """Raise Unavailable while the index is known not to answer."""
        self._index.require_answer()

    def rank(self, asked: Asked, words: str | None, wanted: int) -> Pool:
        """Rank at least `wanted` products, if there are as many; best first.

        `words` are those of the question as the index is asked for them.
        """
        pool = self._rank(asked, words, asked.depth(wanted))
        predicted = pool.prediction.category if pool.prediction else None
        if asked.query.category != "filter" or predicted is None:
            return pool
        narrow = filters.within_category(asked.tree, predicted)
        narrowed = self._rank(replace(asked, tree=narrow), words, asked.depth(wanted))
        return replace(narrowed, neighbours=pool.neighbours, prediction=pool.prediction)

    def _rank(self, asked: Asked, words: str | None, depth: int) -> Pool:
        among = Among(only=self._matching(asked), exclude=asked.question.exclude)
        found = self._search(asked, words, depth, among)
        items = self._fuse(asked, found)
        rows, facts = self._read_facts(asked, [one.product_id for one in items])
        items = [one for one in items if one.product_id in facts]
        neighbours: list[Neighbour] = []
        prediction = None
        if asked.question.from_photo:
            neighbours = self._neighbours(asked, items, facts)
            prediction = predict(neighbours, asked.calibration)
            if asked.query.category == "boost":
                _boost(items, facts, prediction, fused=asked.question.by == "hybrid")
        least = asked.query.min_score
        if least is not None and asked.question.vector is not None:
            items = [one for one in items if one.cosine is not None and one.cosine >= least]
        items.sort(key=lambda one: (-one.score, one.product_id))
        items = self._ordered(asked, items, facts)
        # Deeper there are only some that look even less alike.
        exact = found.complete or (least is not None and found.lowest < least)
        complete = exact or asked.query.sort != "relevance"
        return Pool(items, complete, exact, neighbours, prediction, rows)

    def _read_facts(
        self, asked: Asked, products: list[int]
    ) -> tuple[Rows | None, dict[int, Facts]]:
        """Read what orders these products, and if they are few, all that shows them as well."""
        if not products:
            return {}, {}
        with self._readers() as reads:
            if len(products) > _SHOWN_AT_ONCE:
                return None, read_facts(reads, products, asked.condition)
            rows = read_products(reads, products, asked.condition)
        return rows, facts_of(rows)

    def _search(self, asked: Asked, words: str | None, depth: int, among: Among) -> "_Found":
        """Ask by vector and by words side by side, with the same filter."""
        question = asked.question
        later: Future[dict[int, float]] | None = None
        if words is not None and question.vector is not None:
            later = self._start(lambda: self._by_words(asked, words, depth, among))
        cosines: dict[int, tuple[int | None, float]] = {}
        bm25: dict[int, float] = {}
        lowest = 1.0
        if question.vector is not None:
            near = candidates(
                self._index,
                asked.serving.collection,
                question.vector[np.newaxis, :],
                asked.tree,
                depth,
                among=among,
            )
            cosines = {one.product_id: (one.image_id, one.score) for one in near}
            lowest = near[-1].score if near else -1.0
        if later is not None:
            bm25 = later.result()
        elif words is not None:
            bm25 = self._by_words(asked, words, depth, among)
        complete = len(cosines) < depth and len(bm25) < depth
        if later is not None:
            seen = list(cosines)
            self._look_at(asked, cosines, bm25)
            if words is not None and len(bm25) >= depth:
                self._read(asked, words, seen, bm25)
        return _Found(cosines, bm25, lowest, complete)

    def _by_words(self, asked: Asked, words: str, depth: int, among: Among) -> dict[int, float]:
        found = text_candidates(self._texts, words, asked.tree, depth, among=among)
        return {one.product_id: one.score for one in found}

    def _look_at(
        self,
        asked: Asked,
        cosines: dict[int, tuple[int | None, float]],
        bm25: dict[int, float],
    ) -> None:
        """Compare those that words alone found with the photo too.

        Else whoever is not among the nearest would count as not alike at all, however near.
        """
        vector = asked.question.vector
        assert vector is not None
        unseen = [product for product in bm25 if product not in cosines]
        if not unseen:
            return
        with self._readers() as reads:
            stored = read_pictures(reads, unseen, asked.serving.model.digest)
        for product, pictures in stored.items():
            cosines[product] = pictures.best(vector)

    def _read(self, asked: Asked, words: str, seen: Sequence[int], bm25: dict[int, float]) -> None:
        """Ask how well the words fit those that the photo alone found.

        Where more products have a word than were looked through ("black"), those that look right
        are seldom among the first.
        """
        unread = Among(only=[product for product in seen if product not in bm25])
        bm25 |= self._by_words(asked, words, len(seen), unread)

    def _fuse(self, asked: Asked, found: "_Found") -> list[Ranked]:
        items = {
            product: Ranked(product, image, cosine=cosine)
            for product, (image, cosine) in found.cosines.items()
        }
        for product, score in found.bm25.items():
            items.setdefault(product, Ranked(product, None)).bm25 = score
        if asked.question.by != "hybrid":
            for one in items.values():
                if one.cosine is not None:
                    one.parts["image"] = one.cosine
                else:
                    one.parts["text"] = one.bm25 or 0.0
            return list(items.values())
        fusion = asked.query.fusion
        rankings = [
            Ranking("image", {id_: one for id_, (_, one) in found.cosines.items()}, fusion.image),
            Ranking("text", found.bm25, fusion.text, nothing=0.0),
        ]
        fuse = reciprocal_ranks if fusion.method == "rrf" else weighted_scores
        for product, parts in fuse(rankings).items():
            items[product].parts = parts
        return list(items.values())

    def _neighbours(
        self, asked: Asked, items: Sequence[Ranked], facts: dict[int, Facts]
    ) -> list[Neighbour]:
        """The nearest of the whole catalogue: those that a filter let through are no fair vote.

        Nor are those that likes moved the question to, or that are left after some were excluded.
        """
        cosines = {one.product_id: one.cosine for one in items if one.cosine is not None}
        question = asked.question
        if asked.tree != filters.EVERYTHING or question.exclude:
            near = candidates(
                self._index,
                asked.serving.collection,
                question.seen[np.newaxis, :],
                filters.EVERYTHING,
                NEIGHBOURS,
            )
            cosines = {one.product_id: one.score for one in near}
            with self._readers() as reads:
                facts = read_facts(reads, list(cosines), _ANY)
        return [
            Neighbour(product, facts[product].category, cosine)
            for product, cosine in cosines.items()
            if product in facts
        ]

    def _ordered(self, asked: Asked, items: list[Ranked], facts: dict[int, Facts]) -> list[Ranked]:
        sort = asked.query.sort
        if sort != "relevance":
            sign = -1 if sort == "price_desc" else 1
            if sort == "newest":
                return sorted(items, key=lambda one: facts[one.product_id].created_at, reverse=True)
            return sorted(items, key=lambda one: sign * facts[one.product_id].price)
        if asked.query.diversity > 0:
            return self._diverse(asked, items)
        return items

    def _diverse(self, asked: Asked, items: list[Ranked]) -> list[Ranked]:
        """Reorder the best by MMR on their stored vectors; the rest follows as it was."""
        if not items:
            return items
        best, rest = items[:DIVERSE_DEPTH], items[DIVERSE_DEPTH:]
        with self._readers() as reads:
            ids = [one.product_id for one in best]
            stored = read_pictures(reads, ids, asked.serving.model.digest)
        if not stored:
            return items
        nothing = np.zeros_like(next(iter(stored.values())).vectors[0])
        vectors = np.stack(
            [
                stored[one.product_id].vector_of(one.image_id)
                if one.product_id in stored
                else nothing
                for one in best
            ]
        )
        relevance = np.array([one.score for one in best])
        order = diversify(relevance, vectors, asked.query.diversity, len(best))
        return [best[at] for at in order] + rest

    def _matching(self, asked: Asked) -> list[int] | None:
        """Name the products that match, if the index cannot tell and they are few.

        If they are many, going through the nearest ones finds enough of them soon.
        """
        if filters.to_milvus(asked.tree)[1]:
            return None
        with self._readers() as reads:
            some = select(Product.id).where(asked.condition).limit(_FEW_PRODUCTS + 1)
            found = list(reads.scalars(some))
        return found if len(found) <= _FEW_PRODUCTS else None

    def _start(self, work: Callable[[], T]) -> "Future[T]":
        """Run it beside this thread, with the deadline of this request."""
        context = contextvars.copy_context()
        return self._beside.submit(context.run, work)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the two searches found: (image, cosine) and BM25 by product.

    `lowest` is the least cosine that the search by vector came to.
    """

    cosines: dict[int, tuple[int | None, float]]
    bm25: dict[int, float]
    lowest: float
    complete: bool


def _boost(
    items: Sequence[Ranked], facts: dict[int, Facts], prediction: Prediction, *, fused: bool
) -> None:
    """Raise the products of the likely categories, each by how likely its category is.

    A cosine is raised by a share of what it lacks to 1: what is the same stays first.
    """
    likely = dict(prediction.candidates)
    for one in items:
        confidence = likely.get(facts[one.product_id].category, 0.0)
        if confidence >= _LEAST_CONFIDENCE:
            room = FUSED_BOOST if fused else CATEGORY_BOOST * (1 - (one.cosine or 0.0))
            one.parts["category"] = room * confidence
