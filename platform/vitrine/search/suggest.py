"""Suggestions while a shopper types: words, categories, brands and products of this shop.

Categories, brands and products are those of which a search can show something: some product with a
searchable picture. Words are those of every product, also of one whose pictures are still on their
way or failed: they are not counted again when a picture changes.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, cast, exists, func, select

from vitrine import deadline
from vitrine.catalog.models import SEARCHABLE, Product, ProductImage, ProductText
from vitrine.db import Sessions
from vitrine.index.text_words import bare, words
from vitrine.retrieval.lexicon import Lexicon
from vitrine.retrieval.vocabulary import Vocabulary
from vitrine.wire.suggest import Suggestion, Suggestions

_MOST_NAMES = 5000
_MOST_WORDS = 8
_COMPLETIONS = 8
_NAMES_SECONDS = 1.0
# Reading names takes at most this part of the time, so those of a large shop are read more seldom.
_SHARE = 0.05
# Whether a search can show the product.
_SHOWN = exists().where(ProductImage.product_id == Product.id, ProductImage.state == SEARCHABLE)


@dataclass(frozen=True, slots=True)
class _Name:
    """A category or a brand, with the words that it begins by."""

    text: str
    path: str | None
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Names:
    """Categories and brands, those of the most products first."""

    categories: list[_Name] = field(default_factory=list)
    brands: list[_Name] = field(default_factory=list)


class Suggester:
    """Completes what is typed; safe to share between threads."""

    def __init__(self, sessions: Sessions, vocabulary: Vocabulary) -> None:
        self._sessions = sessions
        self._vocabulary = vocabulary
        self._reading = threading.Lock()
        self._names: _Names | None = None
        self._due = 0.0

    def suggest(self, query: str, limit: int) -> Suggestions:
        """Say what may be meant: at most `limit`, shared between the kinds."""
        typed = list(words(query))[:_MOST_WORDS]
        if not typed:
            return Suggestions(query=query, suggestions=[])
        lexicon = self._vocabulary.now()
        completed = _completed(typed[-1], lexicon)
        before = [_meant(word, lexicon) for word in typed[:-1]]
        names = self._current()
        kinds = [
            [_query([*before, word], typed) for word in completed],
            [_named("category", one, typed) for one in _matching(names.categories, typed)],
            [_named("brand", one, typed) for one in _matching(names.brands, typed)],
            self._products(before, completed, typed, limit),
        ]
        return Suggestions(query=query, suggestions=_shared(kinds, limit))

    def _current(self) -> _Names:
        """The names of a moment ago: they change with listings and with the state of pictures."""
        names = self._names
        if names is not None and time.monotonic() < self._due:
            return names
        # The first ones are waited for; later one thread reads and the others go on with the old.
        if not self._reading.acquire(blocking=names is None):
            assert names is not None
            return names
        try:
            began = time.monotonic()
            if self._names is None or began >= self._due:
                self._names = self._read_names()
                ended = time.monotonic()
                self._due = ended + max(_NAMES_SECONDS, (ended - began) / _SHARE)
            return self._names
        finally:
            self._reading.release()

    def _read_names(self) -> _Names:
        with self._sessions() as session:
            paths: Counter[str] = Counter()
            for path, count in session.execute(_counted(Product.category)):
                parts = path.split("/")
                for depth in range(1, len(parts) + 1):
                    paths["/".join(parts[:depth])] += count
            brands = [brand for brand, _ in session.execute(_counted(Product.brand)) if brand]
        categories = [path for path, _ in paths.most_common(_MOST_NAMES)]
        return _Names(
            [_name(path.rpartition("/")[2].replace("-", " "), path) for path in categories],
            [_name(brand, None) for brand in brands],
        )

    def _products(
        self, before: Sequence[str], completed: Sequence[str], typed: Sequence[str], limit: int
    ) -> list[Suggestion]:
        if not completed:
            return []
        has: list[ColumnElement[bool]] = [_terms("&&", completed)]
        # A word of one letter is in no vocabulary, so it cannot be asked for.
        known = [word for word in before if len(word) > 1]
        if known:
            has.append(_terms("@>", known))
        statement = (
            select(Product.seller_id, Product.sku, Product.title)
            .join(ProductText, ProductText.product_id == Product.id)
            .where(*has, _SHOWN)
            .limit(limit)
        )
        with self._sessions() as session:
            return [
                Suggestion(
                    kind="product",
                    text=row.title,
                    product=f"{row.seller_id}:{row.sku}",
                    highlight=_highlight(row.title, typed),
                )
                for row in session.execute(statement)
            ]


def _terms(operator: str, wanted: Sequence[str]) -> ColumnElement[bool]:
    """Compare the words of a product with these, by the index on them."""
    return ProductText.terms.bool_op(operator)(cast(list(wanted), ARRAY(Text)))


def _completed(word: str, lexicon: Lexicon) -> list[str]:
    found = [one.word for one in lexicon.completions(word, _COMPLETIONS, called=True)]
    if found:
        return found
    corrected = lexicon.corrected(word)
    return [] if corrected is None else [corrected]


def _meant(word: str, lexicon: Lexicon) -> str:
    deadline.bounded(1.0)
    return word if lexicon.knows(word) else lexicon.corrected(word) or word


def _counted(column: Any) -> Any:
    count = func.count()
    counted = select(column, count).where(_SHOWN).group_by(column)
    return counted.order_by(count.desc(), column).limit(_MOST_NAMES)


def _name(text: str, path: str | None) -> _Name:
    return _Name(text, path, tuple(bare(word) for word in words(text)))


def _matching(names: Iterable[_Name], typed: Sequence[str]) -> list[_Name]:
    """Names of which some word begins with each of those typed."""
    wanted = [bare(word) for word in typed]
    return [
        name
        for name in names
        if all(any(part.startswith(word) for part in name.parts) for word in wanted)
    ]


def _query(parts: Sequence[str], typed: Sequence[str]) -> Suggestion:
    text = " ".join(parts)
    return Suggestion(kind="query", text=text, highlight=_highlight(text, typed))


def _named(kind: Any, name: _Name, typed: Sequence[str]) -> Suggestion:
    return Suggestion(
        kind=kind, text=name.text, category=name.path, highlight=_highlight(name.text, typed)
    )


def _highlight(text: str, typed: Sequence[str]) -> list[tuple[int, int]]:
    """Where words of the text begin as was typed."""
    small = text.lower()
    if len(small) != len(text):
        return []  # some capitals have longer small forms, and places would shift
    ranges: set[tuple[int, int]] = set()
    for word in typed:
        at = small.find(word)
        while at >= 0 and at > 0 and small[at - 1].isalnum():
            at = small.find(word, at + 1)
        if at >= 0:
            ranges.add((at, at + len(word)))
    return sorted(ranges)


def _shared(kinds: Sequence[Sequence[Suggestion]], limit: int) -> list[Suggestion]:
    """Take from each kind in turn until there are enough; shown kind by kind."""
    taken = [0] * len(kinds)
    while sum(taken) < limit and any(map(lambda n, kind: n < len(kind), taken, kinds)):
        for at, kind in enumerate(kinds):
            if taken[at] < len(kind) and sum(taken) < limit:
                taken[at] += 1
    return [one for count, kind in zip(taken, kinds, strict=True) for one in kind[:count]]
