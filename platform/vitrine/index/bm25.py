"""BM25 by our own hand, for a server whose own cannot rank (Robertson and Zaragoza 2009).

Milvus Lite takes the statistics of each of its segments for those of the whole collection: a
product that was just changed is alone in its segment, where every word is common, and so comes
last. Here a document's side of the formula is its sparse vector, and the rarity of the words is
the question's, from the vocabulary in PostgreSQL; their inner product is BM25.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Sequence

K1 = 1.2
B = 0.75
# Stands for the mean of the shop, which would change every vector when it changes. Titles count
# three times, so a listing without a description has about this many words.
TYPICAL_WORDS = 60.0
_IDS = 2**32 - 1  # the greatest id is reserved

Sparse = dict[int, float]
Rarity = Callable[[str], float]
"""The inverse document frequency of a word, as the index writes it."""


def equally_rare(word: str) -> float:
    """Take every word for as rare as any other."""
    return 1.0


def document_vector(words: Sequence[str]) -> Sparse:
    """Weigh the words of a document, in [0, K1 + 1]."""
    length = K1 * (1 - B + B * len(words) / TYPICAL_WORDS)
    vector: Sparse = {}
    for word, times in Counter(words).items():
        id_ = word_id(word)
        vector[id_] = vector.get(id_, 0.0) + times * (K1 + 1) / (times + length)
    return vector


def query_vector(words: Sequence[str], rarity: Rarity) -> Sparse:
    """Weigh the words of a question by how rare they are; one that is there twice counts twice."""
    vector: Sparse = {}
    for word in words:
        id_ = word_id(word)
        vector[id_] = vector.get(id_, 0.0) + rarity(word)
    return vector


def word_id(word: str) -> int:
    """The dimension of a word: the same everywhere and always."""
    return zlib.crc32(word.encode()) % _IDS
