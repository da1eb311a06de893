"""The vocabulary of PostgreSQL as a copy in this process, read again when it has changed."""

import threading
import time

from sqlalchemy import func, select

from vitrine.catalog.models import ProductText, Term, VocabularyState
from vitrine.db import Sessions
from vitrine.retrieval.lexicon import Known, Lexicon

MOST_TERMS = 200_000
"""So many words take about 100 MB and two seconds to read; the most frequent ones are kept."""

_CHECK_SECONDS = 1.0
# Reading takes at most this part of the time, so a large vocabulary is read more seldom.
_SHARE = 0.05


class Vocabulary:
    """Safe to share between threads; reads nothing until it is asked."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        most_terms: int = MOST_TERMS,
        check_seconds: float = _CHECK_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._most_terms = most_terms
        self._check_seconds = check_seconds
        self._lock = threading.Lock()
        self._lexicon: Lexicon | None = None
        self._version: int | None = None
        self._due = 0.0

    def now(self) -> Lexicon:
        """The words of the catalogue, a moment old."""
        lexicon = self._lexicon
        if lexicon is not None and time.monotonic() < self._due:
            return lexicon
        # The first one is waited for; later one thread reads and the others go on with the old.
        if not self._lock.acquire(blocking=lexicon is None):
            assert lexicon is not None
            return lexicon
        try:
            if self._lexicon is None or time.monotonic() >= self._due:
                self._lexicon = self._refreshed(self._lexicon)
            return self._lexicon
        finally:
            self._lock.release()

    def rarity(self, folded: str) -> float:
        """The inverse document frequency of a word as the index has it."""
        return self.now().rarity(folded)

    def _refreshed(self, before: Lexicon | None) -> Lexicon:
        began = time.monotonic()
        with self._sessions() as session:
            version = session.scalar(select(VocabularyState.version)) or 0
            if before is not None and version == self._version:
                self._due = began + self._check_seconds
                return before
            rows = session.execute(
                select(Term.term, Term.products, Term.mentions)
                .order_by(Term.mentions.desc(), Term.term)
                .limit(self._most_terms)
            )
            known = [Known(*row) for row in rows]
            products = session.scalar(select(func.count()).select_from(ProductText)) or 0
        lexicon = Lexicon(known, products)
        self._version = version
        spent = time.monotonic() - began
        self._due = time.monotonic() + max(self._check_seconds, spent / _SHARE)
        return lexicon
