"""What every step of ingestion is handed."""

from dataclasses import dataclass
from typing import Any

from vitrine.db import Sessions
from vitrine.embedding.encoders import Encoders
from vitrine.index.client import VectorIndex
from vitrine.index.text import TextIndex
from vitrine.ingest.holdings import PICTURES, Beside, Holding
from vitrine.media.decode import Limits
from vitrine.media.store import BlobStore


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is taken at once, how long a lease lasts and when work is given up."""

    embed_batch: int = 16
    sync_batch: int = 128
    lease_seconds: float = 60.0
    max_attempts: int = 5


@dataclass(frozen=True, slots=True)
class Parts:
    """The concrete objects that ingestion works with.

    `beside` is what layers above keep beside the pictures of products.
    """

    sessions: Sessions
    blobs: BlobStore
    index: VectorIndex
    texts: TextIndex
    encoders: Encoders
    limits: Limits
    bounds: Bounds
    beside: tuple[Beside[Any], ...] = ()

    @property
    def holdings(self) -> tuple[Holding[Any], ...]:
        """All that every generation has a collection for."""
        return (PICTURES, *self.beside)
