"""Are the heat maps faithful: do the places that they name carry the similarity, more than others?

Deletion (Petsiuk et al. 2018): the hottest places of the query photo are painted over with its mean
colour, step by step, and the photo is encoded again; how far does its cosine to the photo that it
found fall? Insertion: the hottest places are painted onto a photo of nothing but that colour; how
far does it rise? Both against places in random order, and in the order of the heat turned round.
The figure is the mean over the steps, which is the area under the curve; each with its 95 %
interval over the photos.

    python bench/explain.py --datasets ../shared/datasets

asks the Grocery Store's `val` of its `train`, and the demo's shopper photos of its shop photos.
"""

import argparse
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vitrine.demo.photos import photo
from vitrine.demo.products import catalogue
from vitrine.demo.queries import query_photo
from vitrine.embedding.preprocess import seen_part
from vitrine.embedding.registry import ModelStore
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.learning.datasets import read_examples
from vitrine.learning.evaluation.bootstrap import estimate
from vitrine.media.decode import Limits, decode
from vitrine.search.heat import decompose
from vitrine.settings import load_settings

DATASETS = Path(__file__).resolve().parents[2] / "shared" / "datasets"
LIMITS = Limits(max_bytes=20 * 1024 * 1024, max_pixels=50_000_000)
# Parts of the places that are painted over.
STEPS = (1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 3 / 4)
RANDOM_ORDERS = 4

Pixels = np.ndarray


@dataclass(frozen=True)
class Found:
    """A query photo and the catalogue photo nearest to it: vector, map."""

    photo: Image.Image
    map: np.ndarray
    nearest: np.ndarray
    nearest_map: np.ndarray


def ask(
    encoder: OpenVinoEncoder, queries: Sequence[Image.Image], shop: Sequence[Image.Image]
) -> list[Found]:
    """Find the nearest of the shop's photos for each query photo."""
    asked, stored = encoder.encode(queries), encoder.encode(shop)
    best = (asked.embedding @ stored.embedding.T).argmax(1)
    return [
        Found(one, asked.map[at], stored.embedding[near], stored.map[near])
        for at, (one, near) in enumerate(zip(queries, best, strict=True))
    ]


class Painter:
    """Paints places of a photo over with its mean colour, or all but these."""

    def __init__(self, image: Image.Image, encoder: OpenVinoEncoder) -> None:
        self.pixels = np.asarray(image)
        self.mean = self.pixels.reshape(-1, 3).mean(0).round().astype(np.uint8)
        x, y, width, height = seen_part(image.size, encoder.spec.preprocessing)
        _, rows, columns = encoder.spec.map_shape
        self.columns = columns
        self.down = self._edges(rows, y, height, image.height)
        self.across = self._edges(columns, x, width, image.width)

    def without(self, places: Sequence[int]) -> Image.Image:
        return self._painted(self.pixels, np.broadcast_to(self.mean, self.pixels.shape), places)

    def only(self, places: Sequence[int]) -> Image.Image:
        return self._painted(np.broadcast_to(self.mean, self.pixels.shape), self.pixels, places)

    def _painted(self, ground: Pixels, paint: Pixels, places: Sequence[int]) -> Image.Image:
        made = ground.copy()
        for place in places:
            row, column = divmod(int(place), self.columns)
            there = (
                slice(self.down[row], self.down[row + 1]),
                slice(self.across[column], self.across[column + 1]),
            )
            made[there] = paint[there]
        return Image.fromarray(made)

    @staticmethod
    def _edges(places: int, start: float, length: float, pixels: int) -> list[int]:
        inner = [round((start + length * at / places) * pixels) for at in range(1, places)]
        return [0, *(min(max(edge, 0), pixels) for edge in inner), pixels]


def curves(encoder: OpenVinoEncoder, found: Found, orders: Sequence[np.ndarray]) -> np.ndarray:
    """Mean fall by deletion and mean rise by insertion [orders, 2], in units of the cosine."""
    painter = Painter(found.photo, encoder)
    places = found.map[0].size
    counts = [max(1, round(part * places)) for part in STEPS]
    deleted = [painter.without(order[:count]) for order in orders for count in counts]
    inserted = [painter.only(order[:count]) for order in orders for count in counts]
    ends = [found.photo, painter.without(range(places))]
    cosines = encoder.encode([*deleted, *inserted, *ends]).embedding @ found.nearest
    whole, nothing = cosines[-2:]
    shape = (len(orders), len(counts))
    fall = whole - cosines[: len(deleted)].reshape(shape)
    rise = cosines[len(deleted) : -2].reshape(shape) - nothing
    return np.stack([fall.mean(1), rise.mean(1)], axis=1)


def measure(encoder: OpenVinoEncoder, pairs: Sequence[Found]) -> dict[str, np.ndarray]:
    """Of each photo, fall and rise [photos, 2]: by heat, at random, and by heat turned round."""
    random = np.random.default_rng(7)
    rows = []
    for found in pairs:
        hottest = np.argsort(-decompose(found.map, found.nearest_map).query_heat.ravel())
        shuffled = [random.permutation(len(hottest)) for _ in range(RANDOM_ORDERS)]
        both = curves(encoder, found, [hottest, hottest[::-1], *shuffled])
        rows.append([both[0], both[2:].mean(0), both[1]])
    by_order = np.array(rows).transpose(1, 0, 2)
    return dict(zip(("heat", "random", "coldest first"), by_order, strict=True))


def report(title: str, found: dict[str, np.ndarray]) -> None:
    print(f"\n{title}: {len(found['heat'])} photos")
    print(f"{'':16}{'deletion: fall of the cosine':>32}{'insertion: rise':>28}")
    for name, both in found.items():
        cells = [estimate(column) for column in both.T]
        words = [f"{one.value:.3f} ({one.low:.3f} – {one.high:.3f})" for one in cells]
        print(f"{name:16}{words[0]:>32}{words[1]:>28}")
    more = [estimate(column) for column in (found["heat"] - found["random"]).T]
    words = [f"{one.value:+.3f} ({one.low:+.3f} – {one.high:+.3f})" for one in more]
    print(f"{'heat − random':16}{words[0]:>32}{words[1]:>28}")
    ratios = found["heat"].mean(0) / found["random"].mean(0)
    print(f"{'heat / random':16}{ratios[0]:>32.2f}{ratios[1]:>28.2f}")


def groceries(folder: Path, side: int, most: int) -> tuple[list[Image.Image], list[Image.Image]]:
    """Query photos and shop photos of the Grocery Store."""
    random = np.random.default_rng(0)

    def some(split: str, count: int) -> Iterator[Image.Image]:
        examples = read_examples(folder, split)
        for at in random.permutation(len(examples))[:count]:
            yield decode(examples[at].path.read_bytes(), LIMITS, short_side=side)

    return list(some("val", most)), list(some("train", 8 * most))


def drawn(most: int) -> tuple[list[Image.Image], list[Image.Image]]:
    """The same products of the demo, photographed by shoppers and for the shop."""
    products = catalogue(1, most)
    shots = [query_photo(1, one) for one in products], [photo(1, one, 0) for one in products]
    queries, shop = ([Image.open(io.BytesIO(one)).convert("RGB") for one in row] for row in shots)
    return queries, shop


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--datasets", type=Path, default=DATASETS, help="Where the sets are.")
    options.add_argument("--model", help="Model to measure.  [default: VITRINE_MODEL]")
    options.add_argument("--photos", type=int, default=60, help="Query photos of the groceries.")
    options.add_argument("--drawn", type=int, default=24, help="Query photos of the demo.")
    chosen = options.parse_args()
    settings = load_settings()
    model = ModelStore(settings.model_store).find(chosen.model or settings.model)
    encoder = OpenVinoEncoder(model, hint="throughput")
    folder = chosen.datasets / "grocery"
    if (folder / "images.csv").is_file():
        queries, shop = groceries(folder, model.spec.preprocessing.short_side, chosen.photos)
        report("groceries, val → train", measure(encoder, ask(encoder, queries, shop)))
    else:
        print(f"groceries: left out, there is no {folder}; --datasets says where the sets are")
    report("the demo", measure(encoder, ask(encoder, *drawn(chosen.drawn))))


if __name__ == "__main__":
    main()
