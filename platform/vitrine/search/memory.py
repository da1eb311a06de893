"""What a search leaves behind for a short time: enough for its next page and its explanation.

No photo is among it, only what the model made of one: the vectors and the feature map.
"""

import json
import struct
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vitrine.errors import NotFound
from vitrine.retrieval.grouping import Ranked

__all__ = ["Keeper", "Ranked", "Remembered", "SearchMemory"]

KIND = "search"
_HEAD = struct.Struct(">I")


class Keeper(Protocol):
    """Short-lived bytes: Redis in earnest."""

    def put(self, kind: str, id: str, value: bytes, seconds: int) -> None: ...

    def get(self, kind: str, id: str) -> bytes | None: ...


@dataclass(slots=True)
class Remembered:
    """One search.

    `vectors` are float32 [n, d], as asked of the index; `map` is the feature map of the photo, or
    of its crop, float16 [c, h, w], if there was one. `ranking` begins with what was shown and goes
    on with what was found beside it; it is only ever added to. `depth` is how deep the searches
    looked for it, which may be more than it holds. `complete`: there is no more.
    """

    key_id: str
    model: str
    collection: str
    question: dict[str, Any]
    vectors: NDArray[np.float32]
    map: NDArray[np.float16] | None = None
    ranking: list[Ranked] = field(default_factory=list)
    depth: int = 0
    complete: bool = False
    upload_id: str | None = None
    crop: tuple[float, float, float, float] | None = None

    def pack(self) -> bytes:
        """Write it: a JSON head, then the arrays."""
        shape = None if self.map is None else list(self.map.shape)
        head = {
            "key_id": self.key_id,
            "model": self.model,
            "collection": self.collection,
            "question": self.question,
            "vectors": list(self.vectors.shape),
            "map": shape,
            # Not `astuple`, which copies in depth: of hundreds that takes longer than the search.
            "ranking": [
                (one.product_id, one.image_id, one.cosine, one.bm25, one.parts)
                for one in self.ranking
            ],
            "depth": self.depth,
            "complete": self.complete,
            "upload_id": self.upload_id,
            "crop": self.crop,
        }
        text = json.dumps(head, separators=(",", ":")).encode()
        arrays = np.ascontiguousarray(self.vectors, np.float32).tobytes()
        if self.map is not None:
            arrays += np.ascontiguousarray(self.map, np.float16).tobytes()
        return _HEAD.pack(len(text)) + text + arrays

    @classmethod
    def unpack(cls, data: bytes) -> "Remembered":
        (length,) = _HEAD.unpack_from(data)
        start = _HEAD.size + length
        head = json.loads(data[_HEAD.size : start])
        count = int(np.prod(head["vectors"]))
        vectors = np.frombuffer(data, np.float32, count, start).reshape(head["vectors"])
        features = None
        if head["map"] is not None:
            flat = np.frombuffer(data, np.float16, -1, start + vectors.nbytes)
            features = flat.reshape(head["map"])
        return cls(
            key_id=head["key_id"],
            model=head["model"],
            collection=head["collection"],
            question=head["question"],
            vectors=vectors,
            map=features,
            ranking=[Ranked(*one) for one in head["ranking"]],
            depth=head["depth"],
            complete=head["complete"],
            upload_id=head["upload_id"],
            crop=None if head["crop"] is None else tuple(head["crop"]),
        )


class SearchMemory:
    """Keeps searches for `seconds`; a key recalls only its own."""

    def __init__(self, keeper: Keeper, *, seconds: int) -> None:
        self._keeper = keeper
        self.seconds = seconds

    def keep(self, search_id: str, search: Remembered) -> None:
        """Remember a search, or more of it. Raises Unavailable without Redis."""
        self._keeper.put(KIND, search_id, search.pack(), self.seconds)

    def recall(self, search_id: str, *, key_id: str | None) -> Remembered:
        """Read a search. Raises NotFound for one that is forgotten or of another key.

        Without a key, whosever it is: for who shows nothing of it.
        """
        data = self._keeper.get(KIND, search_id)
        found = None if data is None else Remembered.unpack(data)
        if found is None or key_id not in (None, found.key_id):
            minutes = max(1, self.seconds // 60)
            raise NotFound(
                f"There is no such search any more: searches are remembered for {minutes} minutes. "
                "Search again."
            )
        return found
