"""Dense queries at 100,000 vectors on a real Milvus: the bare call, and each layer above it."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from _bare import tap, watching
from _milvus import WHEEL, await_index, milvus
from _questions import LIMIT
from _standing import Shop, open_shop
from _synthetic import QUERIES, SEED, Vectors, public_id
from _turns import HUNDREDTHS, Turns, ask_all, percentile
from numpy.typing import NDArray
from pymilvus import MilvusClient
from rich.progress import Progress
from sqlalchemy import select

from vitrine.catalog.models import Product, ProductImage
from vitrine.demo.products import product
from vitrine.embedding.models import Embedding
from vitrine.embedding.vectors import normalise, unpack
from vitrine.media.decode import decode
from vitrine.retrieval import filters
from vitrine.retrieval.candidates import candidates
from vitrine.search.service import SearchRequest, SearchService
from vitrine.wire import SearchQuery

CALLERS = (1, 16)
EFS = (64, 128, 256, 512)
# What `capabilities.search_params` says for so many results.
OURS = 256
FILTERS: dict[str, dict[str, Any]] = {
    "no filter": {},
    "category and price": {"category": "home/kitchen", "price": {"lt": 60}},
}
LAYERS = ("bare pymilvus", "VectorIndex.search", "candidates", "service by product",
          "service by photo")  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One question: a vector, and what the service is asked for instead."""

    vector: Vectors
    photo: bytes
    product_id: str


@dataclass
class Layer:
    """What one layer took; `less` is it without Milvus, decoding and encoding."""

    ask: Callable[[Asked], float]
    whole: dict[int, Turns]
    less: Turns


def ask_milvus(options: argparse.Namespace, bar: Progress) -> dict[str, Any]:
    """Measure one shop on a real Milvus; one picture a product."""
    size, home = options.products[0], options.directory / f"milvus-{options.products[0]}"
    with (
        milvus(options.directory / "milvus") as uri,
        open_shop(home, size, bar, milvus_uri=uri, two_pictures=0.0) as shop,
    ):
        await_index(uri, shop.collection, shop.pictures, bar)
        asked = _questions(shop, options.each * options.turns)
        print(
            f"\n{shop.pictures:,} vectors of {len(asked[0].vector)} numbers, Milvus "
            f"{shop.platform.index.capabilities.version} ({WHEEL}), HNSW; {options.turns} turns of "
            f"{options.each} questions, {LIMIT} results"
        )
        bare = tap(shop.platform)
        found = {}
        for name, filter_ in FILTERS.items():
            layers = _layers(shop, bare, filter_)
            _measure(layers, asked, options, bar)
            _show(name, layers)
            found[name] = {layer: _out(one) for layer, one in layers.items()}
        found["recall"] = _recall(shop, bare, asked)
        return found


def _questions(shop: Shop, count: int) -> list[Asked]:
    """Photos of shoppers, their vectors a little moved so that no two are the same."""
    side = shop.encoder.spec.preprocessing.short_side
    encoded = [
        shop.encoder.encode([decode(one, shop.platform.limits, short_side=side)]).embedding[0]
        for one in shop.drawn.queries
    ]
    dice, found = np.random.default_rng(SEED), []
    for at in range(count):
        moved = encoded[at % QUERIES] + 0.02 * dice.standard_normal(len(encoded[0]))
        one = product(SEED, int(dice.integers(0, shop.products)))
        photo = shop.drawn.queries[at % QUERIES]
        found.append(Asked(normalise(moved.astype(np.float32)), photo, public_id(one)))
    return found


def _layers(shop: Shop, bare: MilvusClient, filter_: dict[str, Any]) -> dict[str, Layer]:
    """What is asked, from the bare call to the whole service; each returns what was not ours."""
    index, tree = shop.platform.index, filters.parse(filter_)
    expression, _ = filters.to_milvus(tree)
    service: SearchService = shop.platform.search

    def ask_bare(asked: Asked) -> float:
        _ask_bare(bare, shop, expression, OURS, asked)
        return 0.0

    def ask_index(asked: Asked) -> float:
        index.search(shop.collection, asked.vector, expression=expression, limit=LIMIT)
        return 0.0

    def ask_candidates(asked: Asked) -> float:
        candidates(index, shop.collection, asked.vector[np.newaxis], tree, LIMIT)
        return 0.0

    def ask_service(photos: tuple[bytes, ...], **query: Any) -> float:
        request = SearchRequest(
            photos=photos, query=SearchQuery(**query, limit=LIMIT, filter=filter_ or None)
        )
        stages = service.search(request, key_id=shop.key_id).timing_ms
        return stages.decode + stages.encode

    asks: tuple[Callable[[Asked], float], ...] = (
        ask_bare,
        ask_index,
        ask_candidates,
        lambda asked: ask_service((), product_id=asked.product_id),
        lambda asked: ask_service((asked.photo,)),
    )
    return {
        name: Layer(ask, {one: Turns() for one in CALLERS}, Turns())
        for name, ask in zip(LAYERS, asks, strict=True)
    }


def _measure(
    layers: dict[str, Layer], asked: Sequence[Asked], options: argparse.Namespace, bar: Progress
) -> None:
    task = bar.add_task("asking", total=(options.turns + 1) * len(layers))
    for turn in range(options.turns + 1):
        some = asked[max(turn - 1, 0) * options.each :][: options.each]
        for layer in layers.values():
            _turn(layer, some, warm=turn == 0)
            bar.advance(task)
    bar.remove_task(task)


def _turn(layer: Layer, some: Sequence[Asked], *, warm: bool) -> None:
    for callers, turns in layer.whole.items():
        less: list[float] = []

        def ask(one: Asked, less: list[float] = less) -> None:
            with watching() as watch:
                began = time.perf_counter()
                others = layer.ask(one)
                spent = (time.perf_counter() - began) * 1000
            less.append(spent - watch.milliseconds - others)

        taken = ask_all(ask, some, callers)
        if not warm:
            turns.add(*taken)
            if callers == 1:
                layer.less.add(less)


def _show(name: str, layers: dict[str, Layer]) -> None:
    bare = layers[LAYERS[0]].whole[1].percentile(50)
    print(
        f"\n{name:22}{'1 caller':^28}{'16 callers':^28}{'over bare':>11}  less Milvus, encoding\n"
        f"{'ms':22}{'p50':>7}{'p95':>7}{'p99':>7}{'/s':>7}{'p50':>7}{'p95':>7}{'p99':>7}{'/s':>7}"
        f"{'p50':>11}{'p50':>9}{'p95':>7}"
    )
    for layer, one in layers.items():
        line = f"{layer:22}"
        for turns in one.whole.values():
            line += "".join(f"{turns.percentile(part):7.1f}" for part in HUNDREDTHS)
            line += f"{turns.rate:7.0f}"
        line += f"{one.whole[1].percentile(50) - bare:11.1f}"
        if layer != LAYERS[0]:
            line += f"{one.less.percentile(50):9.1f}{one.less.percentile(95):7.1f}"
        print(line, flush=True)


def _out(layer: Layer) -> dict[str, Any]:
    whole = {str(callers): turns.out() for callers, turns in layer.whole.items()}
    return {"whole": whole, "ours": layer.less.out()}


def _recall(shop: Shop, bare: MilvusClient, asked: Sequence[Asked]) -> dict[str, Any]:
    """How many of the exactly nearest 20 the graph finds, by how far it is searched (ef)."""
    with shop.platform.sessions() as session:
        rows = session.execute(
            select(ProductImage.id, Embedding.vector, Product.category, Product.price)
            .join(Embedding, Embedding.cid == ProductImage.cid)
            .join(Product, Product.id == ProductImage.product_id)
        ).all()
    ids = np.array([row.id for row in rows])
    vectors = np.stack([unpack(row.vector) for row in rows])
    found: dict[str, Any] = {}
    for name, filter_ in FILTERS.items():
        allowed = np.array([_fits(row.category, row.price, filter_) for row in rows])
        exact = [_nearest(ids, np.where(allowed, vectors @ one.vector, -2.0)) for one in asked]
        print(f"\nrecall@{LIMIT} of HNSW, {name} ({allowed.mean():.0%} of the rows)")
        found[name] = {}
        for ef in EFS:
            ask = partial(_ask_bare, bare, shop, filters.to_milvus(filters.parse(filter_))[0], ef)
            taken, _ = ask_all(ask, asked, 1)
            answers = [{int(hit["id"]) for hit in ask(one)[0]} for one in asked]
            hits = sum(len(a & b) for a, b in zip(answers, exact, strict=True))
            recall = hits / (LIMIT * len(asked))
            found[name][str(ef)] = {"recall": round(recall, 3), "p50": percentile(taken, 50)}
            own = "  (ours)" if ef == OURS else ""
            print(f"ef {ef:4}: {recall:.3f}, p50 {percentile(taken, 50):.1f} ms{own}", flush=True)
    return found


def _nearest(ids: NDArray[np.int64], scores: Vectors) -> set[int]:
    return set(ids[np.argpartition(-scores, LIMIT)[:LIMIT]].tolist())


def _ask_bare(bare: MilvusClient, shop: Shop, expression: str, ef: int, asked: Asked) -> Any:
    """Ask pymilvus itself, as `VectorIndex.search` does."""
    return bare.search(
        shop.collection,
        data=[asked.vector],
        anns_field="embedding",
        filter=expression,
        limit=LIMIT,
        output_fields=["product_id"],
        search_params={"metric_type": "COSINE", "params": {"ef": ef}},
        **shop.platform.index.capabilities.consistency,
    )


def _fits(category: str, price: Any, filter_: dict[str, Any]) -> bool:
    """The filter in plain words, so that it is not ours that judges ours."""
    if not filter_:
        return True
    wanted = filter_["category"]
    inside = category == wanted or category.startswith(f"{wanted}/")
    return inside and price < filter_["price"]["lt"]
