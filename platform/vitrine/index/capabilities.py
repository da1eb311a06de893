"""What differs between Milvus Lite, old Milvus and Milvus 2.6; nothing else asks for a version."""

import re
from dataclasses import dataclass
from typing import Any

STRONG = "Strong"
BOUNDED = "Bounded"

MAX_RESULTS = 16_384
"""Most rows one query or search may return, in every Milvus."""

# How many rows HNSW looks at. At 100,000 rows this many cost a tenth more time than 64, and find a
# quarter more of the right ones where it is hard (bench/search.py milvus).
_SMALLEST_EF = 256
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server behind a connection can do and needs."""

    version: str
    lite: bool

    @property
    def vector_index(self) -> dict[str, Any]:
        """Index on `embedding`.

        Milvus Lite computes a mask over all rows in Python before every search, so a graph saves
        it nothing; and its HNSW stops after `ef` rows whether or not they passed the filter, so a
        narrow filter finds few rows or none. Exact search has neither problem.
        """
        if self.lite:
            return {"index_type": "FLAT", "metric_type": "COSINE", "params": {}}
        return {
            "index_type": "HNSW",
            "metric_type": "COSINE",
            "params": {"M": 16, "efConstruction": 200},
        }

    @property
    def full_text(self) -> bool:
        """Whether words can be searched for: the BM25 of Milvus came with 2.5."""
        return self.lite or self._number >= (2, 5)

    @property
    def weighs_words(self) -> bool:
        """Whether the server's own BM25 ranks rightly; see `bm25` for why that of Lite does not."""
        return not self.lite

    @property
    def serialise_writers(self) -> bool:
        """Whether two writers of one collection, in whatever process, must take turns."""
        return self.lite

    @property
    def flush_after_bulk(self) -> bool:
        """Whether rows are slow to search until flushed.

        Milvus seals its segments on its own, and refuses to be flushed more than once in ten
        seconds.
        """
        return self.lite

    @property
    def consistency(self) -> dict[str, str]:
        """How fresh a search is: it never waits; writes are read back strongly (`present`)."""
        return {} if self.lite else {"consistency_level": BOUNDED}

    @property
    def strong(self) -> dict[str, str]:
        """A read that sees every write acknowledged before it."""
        return {} if self.lite else {"consistency_level": STRONG}

    @property
    def _number(self) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", self.version)[:2])

    def search_params(self, limit: int) -> dict[str, Any]:
        """Parameters of one search; `ef` may not be smaller than the limit, nor above 32,768."""
        params = {} if self.lite else {"ef": max(_SMALLEST_EF, 2 * limit)}
        return {"metric_type": "COSINE", "params": params}


def adapt(expression: str, capabilities: Capabilities) -> str:
    """Write an expression the way this server reads it.

    Milvus turns each Han character of an expression into an escape of four hex digits before it
    parses it, and so cuts off those beyond U+FFFF (𠮷). It leaves an expression alone that holds
    an escape of its own for one. Milvus Lite does neither, and knows no such escape. Characters
    like these stand in string literals only, so they can be replaced in the text.
    """
    if capabilities.lite:
        return expression
    return _BEYOND_BMP.sub(lambda found: f"\\U{ord(found.group()):08x}", expression)


def detect(version: str) -> Capabilities:
    """Read a server's version: `milvus_lite-3.2.2`, `v2.6.4-gpu`.

    `v2.3.5-lite`, a full Milvus that was once packed into a wheel, is no Milvus Lite.
    """
    lite = version.lower().startswith("milvus_lite")
    number = re.search(r"\d+(\.\d+)*", version)
    return Capabilities(version=number.group() if number else version, lite=lite)
