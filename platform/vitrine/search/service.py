"""Search: one call that takes whatever the shopper has, through one generation of the index."""

import time
from dataclasses import dataclass, replace
from typing import Any

from vitrine import deadline, logs
from vitrine.db import Readers, Sessions
from vitrine.decisions import shown as impressions
from vitrine.decisions.recording import Recorder
from vitrine.decisions.tokens import Shown, TokenSigner, new_decision_id
from vitrine.errors import Invalid, Unavailable
from vitrine.retrieval import filters
from vitrine.retrieval.hydration import Hydrated, Rows, hydrate, read_products
from vitrine.retrieval.serving import Generations
from vitrine.retrieval.vocabulary import Vocabulary
from vitrine.retrieval.words import Understood, understand
from vitrine.search import gaps
from vitrine.search.answers import category_out, out_of_catalogue_out, query_out
from vitrine.search.calibration_rows import Calibrations
from vitrine.search.facets import check_fields, count_facets, read_counted
from vitrine.search.memory import Remembered, SearchMemory
from vitrine.search.pages import Cursor
from vitrine.search.question import SearchRequest, Understanding
from vitrine.search.ranking import MOST_CANDIDATES, Asked, Pool, Ranker
from vitrine.search.reasons import parts, reasons
from vitrine.search.resuming import add_pool, put_away, read_then, take_up
from vitrine.search.timing import Timing
from vitrine.wire import (
    Box,
    BoxOut,
    BoxResults,
    Facet,
    SearchQuery,
    SearchResponse,
    SearchResult,
    parse_product_id,
)

__all__ = ["SearchRequest", "SearchService", "SearchTools"]

# Hydration may drop some of a ranking; these many more are ranked so that a page stays full.
_HEADROOM = 4
# A ranking that is too short for the next page grows to so many times its length, and this at
# least: another search costs more than some more results.
_GROWTH, _LEAST_GROWTH = 4, 200
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class SearchTools:
    """What a search is made with."""

    sessions: Sessions
    readers: Readers
    understanding: Understanding
    vocabulary: Vocabulary
    ranker: Ranker
    calibrations: Calibrations
    memory: SearchMemory
    recorder: Recorder
    signer: TokenSigner
    currency: str


@dataclass(slots=True)
class _Search:
    """One search on its way: what was asked, and the ranking so far."""

    search_id: str
    key_id: str
    asked: Asked
    reading: Understood | None
    kept: Remembered
    timing: Timing

    @property
    def words(self) -> str | None:
        return None if self.reading is None else self.reading.query


class SearchService:
    """Answers searches of one shop."""

    def __init__(self, tools: SearchTools) -> None:
        self._tools = tools
        self._generations = Generations(tools.readers, tools.sessions)

    def search(self, request: SearchRequest, *, key_id: str) -> SearchResponse:
        """Find products by photos, words, a product or likes; best first, one slot a product.

        Raises Invalid, ImageRejected, FilterInvalid, NotFound, Conflict or Unavailable.
        """
        query = request.query
        if query.cursor is not None:
            return self._next_page(query, key_id)
        check_fields(query.facets)
        if query.boxes is not None:
            return self._boxes(request, query.boxes, key_id)
        return self._first_page(request, key_id, Timing())

    def similar(
        self,
        product_id: str,
        *,
        key_id: str,
        filter: dict[str, Any] | None = None,
        limit: int | None = None,
    ) -> SearchResponse:
        """Find products that look like this one; it is not among them.

        Raises Invalid for what is no product id.
        """
        parse_product_id(product_id)
        given = {"limit": limit} if limit is not None else {}
        query = SearchQuery(product_id=product_id, filter=filter, **given)
        return self.search(SearchRequest(query=query), key_id=key_id)

    def _first_page(
        self, request: SearchRequest, key_id: str, timing: Timing, box: Box | None = None
    ) -> SearchResponse:
        query = request.query
        tree = filters.parse(query.filter or {})
        # In vain otherwise: to embed the photo is most of the work.
        self._tools.ranker.require_answer()
        serving = self._generations.current()
        with timing.stage("understand"):
            reading = self._understand(query.text)
        question = self._tools.understanding.read(request, serving, timing, key_id=key_id, box=box)
        calibration = self._tools.calibrations.of(serving.generation)
        asked = Asked(question, query, tree, serving, calibration)
        search = _Search(
            new_decision_id(), key_id, asked, reading, put_away(asked, reading, key_id, box), timing
        )
        with timing.stage("search"):
            pool = self._tools.ranker.rank(asked, search.words, query.limit + _HEADROOM)
        verdict = out_of_catalogue_out(asked, pool)
        if verdict is not None and verdict.rejected:
            pool = replace(pool, items=[], complete=True, exact=True)
        add_pool(search.kept, pool, asked.depth(query.limit + _HEADROOM))
        shown = self._page(search, Cursor(search.search_id), query.limit, pool.rows)
        response = self._answer(search, Cursor(search.search_id), shown)
        if not response.results:
            gaps.record(
                self._tools.sessions,
                kind=question.by,
                text=query.text or "",
                filter=query.filter,
            )
        return response.model_copy(
            update={
                "regions": question.regions,
                "category": category_out(asked, pool),
                "out_of_catalogue": verdict,
                "facets": self._facets(search, pool),
                "next_cursor": self._keep(search, response.next_cursor),
                "timing_ms": timing.out(),
            }
        )

    def _understand(self, text: str | None) -> Understood | None:
        return None if text is None else understand(text, self._tools.vocabulary.now())

    def _boxes(self, request: SearchRequest, boxes: list[Box], key_id: str) -> SearchResponse:
        """Search for each part of a photo by itself: each is a search of its own."""
        query = request.query
        if query.text or query.facets or query.crop or query.more_like or query.less_like:
            raise Invalid(
                "`boxes` go with one photo, `filter` and `limit`; search for one `crop` with the "
                "rest."
            )
        timing = Timing()
        request = self._tools.understanding.open(request, key_id=key_id, boxes=boxes)
        answers = []
        for box in boxes:
            deadline.bounded(1.0)
            answers.append(self._first_page(request, key_id, timing, box))
        first = answers[0]
        found = [
            BoxResults(
                search_id=answer.search_id,
                box=BoxOut(**box.model_dump()),
                category=answer.category,
                out_of_catalogue=answer.out_of_catalogue,
                results=answer.results,
                next_cursor=answer.next_cursor,
            )
            for box, answer in zip(boxes, answers, strict=True)
        ]
        return SearchResponse(
            search_id=first.search_id,
            query=first.query,
            results=[],
            boxes=found,
            timing_ms=timing.out(),
            model=first.model,
        )

    def _next_page(self, query: SearchQuery, key_id: str) -> SearchResponse:
        others = query.model_fields_set - {"cursor", "limit"}
        if others:
            raise Invalid(
                f"A `cursor` stands for the whole question: leave out {', '.join(sorted(others))}."
            )
        assert query.cursor is not None
        cursor, timing = Cursor.read(query.cursor), Timing()
        while True:
            kept = self._tools.memory.recall(cursor.search_id, key_id=key_id)
            before = len(kept.ranking), kept.depth, kept.complete
            if cursor.at > len(kept.ranking):
                raise Invalid("This cursor was not made by this api; start again without one.")
            search = self._resumed(cursor.search_id, kept, timing)
            shown = self._page(search, cursor, query.limit)
            response = self._answer(search, cursor, shown, limit=query.limit)
            following = response.next_cursor
            if (len(kept.ranking), kept.depth, kept.complete) != before:
                stands = self._tools.memory.recall(cursor.search_id, key_id=key_id)
                if len(stands.ranking) > before[0]:
                    continue  # the same page was asked for twice: what the other ranked stands
                following = self._keep(search, following)
            return response.model_copy(update={"next_cursor": following, "timing_ms": timing.out()})

    def _resumed(self, search_id: str, kept: Remembered, timing: Timing) -> _Search:
        generation = kept.question["generation"]
        serving = self._generations.remembered(generation, kept.model)
        asked = take_up(kept, serving, self._tools.calibrations.of(generation))
        return _Search(search_id, kept.key_id, asked, read_then(kept), kept, timing)

    def _page(
        self, search: _Search, cursor: Cursor, limit: int, rows: Rows | None = None
    ) -> list[Hydrated]:
        """Hydrate from a place in the ranking until the page is full; rank more if it ends.

        `rows` are those of the whole ranking, where it was read already.
        """
        kept, condition = search.kept, search.asked.condition
        shown: list[Hydrated] = []
        at = cursor.at
        while True:
            while at < len(kept.ranking) and len(shown) < limit:
                some = kept.ranking[at : at + limit - len(shown) + _HEADROOM]
                with search.timing.stage("hydrate"):
                    if rows is None:
                        ids = [one.product_id for one in some]
                        with self._tools.readers() as reads:
                            found = read_products(reads, ids, condition)
                    else:
                        found = rows
                    page = hydrate(
                        some, found, currency=self._tools.currency, limit=limit - len(shown)
                    )
                shown += [replace(one, at=at + one.at) for one in page]
                at = shown[-1].at + 1 if shown and len(shown) == limit else at + len(some)
            if len(shown) >= limit or kept.complete:
                return shown
            self._rank_more(search)
            rows = None

    def _rank_more(self, search: _Search) -> None:
        kept = search.kept
        wanted = max(_LEAST_GROWTH, _GROWTH * max(kept.depth, len(kept.ranking)))
        wanted = min(wanted, MOST_CANDIDATES)
        with search.timing.stage("search"):
            pool = self._tools.ranker.rank(search.asked, search.words, wanted)
        add_pool(kept, pool, search.asked.depth(wanted))

    def _answer(
        self,
        search: _Search,
        cursor: Cursor,
        shown: list[Hydrated],
        *,
        limit: int | None = None,
    ) -> SearchResponse:
        asked, kept = search.asked, search.kept
        limit = limit or asked.query.limit
        end = shown[-1].at + 1 if shown else len(kept.ranking)
        more = len(shown) == limit and (end < len(kept.ranking) or not kept.complete)
        following = Cursor(search.search_id, end, cursor.shown + len(shown))
        if shown:
            self._record(search, cursor, shown)
        return SearchResponse(
            search_id=search.search_id,
            query=query_out(asked, search.reading, limit),
            results=[
                self._result(search, one, cursor.shown + position)
                for position, one in enumerate(shown, start=1)
            ],
            next_cursor=str(following) if more else None,
            timing_ms=search.timing.out(),
            model=asked.serving.model,
        )

    def _result(self, search: _Search, found: Hydrated, position: int) -> SearchResult:
        asked, one = search.asked, search.kept.ranking[found.at]
        token = self._tools.signer.sign(
            Shown(
                key_id=search.key_id,
                decision=search.search_id,
                kind="search",
                item=found.product.id,
                position=position,
                model=asked.serving.model.digest[:16],
                issued_at=int(time.time()),
            )
        )
        fused = asked.question.by == "hybrid"
        return SearchResult(
            product=found.product,
            score=round(one.score, 6),
            image=found.image,
            token=token,
            reasons=reasons(one),
            parts=parts(one, fused=fused) if asked.query.explain else [],
        )

    def _record(self, search: _Search, cursor: Cursor, shown: list[Hydrated]) -> None:
        """Write down what this page shows: nothing is drawn by chance, so each slot is certain."""
        by = search.asked.question.by
        self._tools.recorder.record(
            impressions.Answer(
                id=search.search_id,
                kind=impressions.SEARCH,
                person_id=None,
                context={"by": by, "first": cursor.shown + 1},
                model=search.asked.serving.model.digest,
                ranker=None,
                products=[search.kept.ranking[one.at].product_id for one in shown],
                sources=[by] * len(shown),
                propensities=[1.0] * len(shown),
            )
        )

    def _facets(self, search: _Search, pool: Pool) -> list[Facet]:
        fields = search.asked.query.facets
        if not fields:
            return []
        with search.timing.stage("facets"), self._tools.sessions() as session:
            ids = [one.product_id for one in pool.items]
            counted = read_counted(session, ids, search.asked.condition)
            return count_facets(counted, fields, exact=pool.exact)

    def _keep(self, search: _Search, next_cursor: str | None) -> str | None:
        """Remember the search; without Redis there is no next page, and nothing else is lost."""
        try:
            self._tools.memory.keep(search.search_id, search.kept)
        except Unavailable as error:
            _log.warning("search.not_remembered", reason=str(error))
            return None
        return next_cursor
