"""What the words of a question mean: typos corrected, the last word completed, parts put together.

A word that any product has is never changed. What was typed is searched for as well, so a product
that was listed a moment ago is found by a word that nobody knew before. Of a question with many
unknown words the first few are corrected, since each takes a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vitrine import deadline
from vitrine.index.text_words import is_han, words
from vitrine.retrieval.lexicon import Lexicon

_MOST_WORDS = 40
_MOST_CORRECTED = 6
_COMPLETIONS = 4
_SHORTEST_COMPLETED = 2


@dataclass(frozen=True, slots=True)
class Correction:
    """A word that no product has, and what is searched for instead."""

    typed: str
    meant: str


@dataclass(frozen=True, slots=True)
class Understood:
    """`query` is what the index is asked; `completed` are words that the last one may become."""

    query: str
    corrections: tuple[Correction, ...] = ()
    completed: tuple[str, ...] = ()


def understand(text: str, lexicon: Lexicon) -> Understood:
    """Read the words of a question with what the catalogue knows.

    Raises Unavailable when the request has no time left.
    """
    typed = list(words(text))[:_MOST_WORDS]
    asked: list[str] = []
    corrections: list[Correction] = []
    completed: list[str] = []
    tried: set[str] = set()
    unknown = [not lexicon.knows(word) for word in typed]
    joined = _joined(typed, unknown, lexicon)
    for at, word in enumerate(typed):
        asked.append(word)
        # Of Vitamin-E the joined form was typed already, as `words` says.
        if at in joined and joined[at] not in typed:
            asked.append(joined[at])
        if not unknown[at] or at in joined or at - 1 in joined:
            continue
        if at == len(typed) - 1 and not text[-1:].isspace():
            completed = _completed(word, lexicon)
            if completed:
                asked += completed
                continue
        if len(tried) == _MOST_CORRECTED and word not in tried:
            continue
        tried.add(word)
        deadline.bounded(1.0)
        meant = _meant(word, lexicon)
        if meant is not None:
            asked += meant.split()
            corrections.append(Correction(word, meant))
    return Understood(" ".join(asked), tuple(corrections), tuple(completed))


def _completed(word: str, lexicon: Lexicon) -> list[str]:
    """What the last word may become; of Han characters the end that is no word yet."""
    if not is_han(word):
        if len(word) < _SHORTEST_COMPLETED:
            return []
        return [one.word for one in lexicon.completions(word, _COMPLETIONS)]
    for start in range(len(word)):
        end = word[start:]
        if lexicon.knows(end):
            break
        found = lexicon.completions(end, _COMPLETIONS)
        if found:
            return [one.word for one in found]
    return []


def _meant(word: str, lexicon: Lexicon) -> str | None:
    corrected = lexicon.corrected(word)
    if corrected is not None:
        return corrected
    parts = lexicon.split(word)
    return None if parts is None else " ".join(parts)


def _joined(typed: Sequence[str], unknown: Sequence[bool], lexicon: Lexicon) -> dict[int, str]:
    """Known words that were written as two, by the place of the first: head phones, t shirt."""
    found: dict[int, str] = {}
    for at in range(len(typed) - 1):
        apart = unknown[at] or unknown[at + 1]
        whole = typed[at] + typed[at + 1]
        if apart and at - 1 not in found and lexicon.knows(whole):
            found[at] = whole
    return found
