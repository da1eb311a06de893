"""What the words of the catalogue tell about a word: is it one, which one was meant, how rare."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from rapidfuzz import process
from rapidfuzz.distance import OSA

from vitrine.index.text_words import bare, fold, is_han

_SHORTEST_CORRECTED = 3
_TWO_TYPOS_FROM = 8
_SHORTEST_PART = 3
_CORRECTIONS_KEPT = 4096
# A single letter or a Han character is in no vocabulary, and says little.
_LETTER_RARITY = 1.0


@dataclass(frozen=True, slots=True)
class Known:
    """A word as the shop writes it: how many products are called by it, how many mention it."""

    word: str
    products: int
    mentions: int

    @property
    def weight(self) -> tuple[int, int]:
        return self.products, self.mentions


class Lexicon:
    """The words of the catalogue at one moment; never changes."""

    def __init__(self, terms: Iterable[Known] = (), products: int = 0) -> None:
        self._products = products
        self._by_bare: dict[str, Known] = {}
        self._mentions: dict[str, int] = {}
        for one in terms:
            key, folded = bare(one.word), fold(one.word)
            if key not in self._by_bare or self._by_bare[key].weight < one.weight:
                self._by_bare[key] = one
            self._mentions[folded] = self._mentions.get(folded, 0) + one.mentions
        self._sorted = sorted(self._by_bare)
        self._by_length: dict[int, list[str]] = {}
        for word in self._sorted:
            if not is_han(word) and not _has_digit(word):
                self._by_length.setdefault(len(word), []).append(word)
        # Of the words and not of `self`: a lexicon that nobody uses any more is freed at once.
        self._nearest = lru_cache(_CORRECTIONS_KEPT)(
            partial(_nearest, self._by_length, self._by_bare)
        )

    def __len__(self) -> int:
        return len(self._by_bare)

    def knows(self, word: str) -> bool:
        """Whether some product has this word, in whatever number and with whatever accents."""
        return fold(word) in self._mentions

    def rarity(self, folded: str) -> float:
        """The inverse document frequency of a word as the index has it; above 0."""
        if len(folded) < 2:
            return _LETTER_RARITY
        having = min(self._mentions.get(folded, 0), self._products)
        return math.log1p((self._products - having + 0.5) / (having + 0.5))

    def corrected(self, word: str) -> str | None:
        """The known word nearest to an unknown one: the fewest typos, then the most products.

        One typo (a letter more, less, other or two swapped: OSA distance), two from eight letters
        on. Numbers and model names are left alone, as is what is not spelled with letters.
        Looking takes up to 0.1 s of CPU among 200,000 words; the last few thousand answers are
        kept.
        """
        typed = bare(word)
        if len(typed) < _SHORTEST_CORRECTED or _has_digit(typed) or is_han(typed):
            return None
        return self._nearest(typed)

    def completions(self, beginning: str, limit: int, *, called: bool = False) -> list[Known]:
        """The known words that begin so, those of the most products first.

        `called`: only words that products are called by, not those that only descriptions have.
        """
        typed = bare(beginning)
        if not typed:
            return []
        start = bisect_left(self._sorted, typed)
        end = bisect_left(self._sorted, typed + "\U0010ffff")
        found = (self._by_bare[word] for word in self._sorted[start:end])
        some = [one for one in found if one.products > 0 or not called]
        return sorted(some, key=lambda one: (*_heaviest_first(one), one.word))[:limit]

    def split(self, word: str) -> tuple[str, str] | None:
        """Two known words that were written as one, or a letter and a known word (tshirt)."""
        typed = bare(word)
        if is_han(typed) or _has_digit(typed):
            return None
        best: tuple[int, str, str] | None = None
        for at in range(1, len(typed) - _SHORTEST_PART + 1):
            left, right = typed[:at], typed[at:]
            counts = [self._mentions.get(fold(right), 0)]
            if at >= _SHORTEST_PART:
                counts.append(self._mentions.get(fold(left), 0))
            elif at > 1:
                continue
            if min(counts) > 0 and (best is None or min(counts) > best[0]):
                best = (min(counts), left, right)
        return None if best is None else best[1:]


def _nearest(
    by_length: Mapping[int, Sequence[str]], by_bare: Mapping[str, Known], typed: str
) -> str | None:
    most = 2 if len(typed) >= _TWO_TYPOS_FROM else 1
    near: list[tuple[str, float]] = []
    for length in range(len(typed) - most, len(typed) + most + 1):
        found = process.extract(
            typed,
            by_length.get(length, ()),
            scorer=OSA.distance,
            processor=None,
            score_cutoff=most,
            limit=None,
        )
        near += [(choice, distance) for choice, distance, _ in found]
    if not near:
        return None
    best = min(near, key=lambda one: (one[1], *_heaviest_first(by_bare[one[0]]), one[0]))
    return by_bare[best[0]].word


def _heaviest_first(known: Known) -> Sequence[int]:
    return -known.products, -known.mentions


def _has_digit(word: str) -> bool:
    return any(letter.isdigit() for letter in word)
