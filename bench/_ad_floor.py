"""The least that finding ads could take: the same vectors, asked of pymilvus and nothing else."""

from _standing import Shop
from pymilvus import MilvusClient

from vitrine.ads.candidates import DEPTH, LEAST_DEPTH, Candidates, Finder
from vitrine.ads.context import AdContext, Vectors
from vitrine.ads.running import Running


class Noting:
    """A finder that notes which vectors it was asked for."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self.probes: Vectors | None = None

    def find(
        self, context: AdContext, running: Running, seed: int, *, deeper: bool = False
    ) -> Candidates:
        self.probes = context.probes
        return self._finder.find(context, running, seed, deeper=deeper)

    def forget(self) -> None:
        self._finder.forget()


class Floor:
    """Asks pymilvus for creatives near vectors, as the index does, and nothing else."""

    def __init__(self, shop: Shop, collection: str, client: MilvusClient) -> None:
        self._index, self._collection, self._client = shop.platform.index, collection, client
        client.load_collection(collection)

    def __call__(self, probes: Vectors) -> None:
        depth, server = max(LEAST_DEPTH, DEPTH // len(probes)), self._index.capabilities
        self._client.search(
            self._collection,
            data=list(probes),
            anns_field="embedding",
            limit=depth,
            output_fields=["campaign_id"],
            search_params=server.search_params(depth),
            **server.consistency,
        )
