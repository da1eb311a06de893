"""How good are the parts of a search? Each section measures one, on sets of labelled pictures.

The model that ships makes the vectors, which are searched exactly and judged by the functions that
answer searches. The sets stay outside of the checkout:

    python bench/search_quality.py --datasets ../shared/datasets
    python bench/search_quality.py --only catalogue
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL.Image import Image

from vitrine.cli.progress import counting
from vitrine.demo.photos import photo
from vitrine.demo.products import catalogue
from vitrine.demo.queries import query_photo
from vitrine.embedding.registry import ModelStore
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.errors import ImageRejected
from vitrine.learning.datasets import Example, read_examples
from vitrine.learning.evaluation.bootstrap import estimate
from vitrine.learning.evaluation.pictures import embed
from vitrine.learning.evaluation.ranking import NONE, rank
from vitrine.media.decode import Limits, decode
from vitrine.search.calibration import DEFAULT, Calibration
from vitrine.search.category import NEIGHBOURS, Neighbour, familiarity, nearest, predict, votes
from vitrine.search.fitting import (
    Observed,
    calibration_error,
    first_guesses,
    fit,
    rejected,
    reliability,
)
from vitrine.search.observing import PHOTOS
from vitrine.search.shopper_photos import as_shopper
from vitrine.settings import load_settings

DATASETS = Path(__file__).resolve().parents[2] / "shared" / "datasets"
LIMITS = Limits(max_bytes=20 * 1024 * 1024, max_pixels=50_000_000)
CACHE = Path(tempfile.gettempdir()) / "vitrine-search-quality"
DRAWN, PRODUCTS = "drawn", 250
FALSE_REJECTIONS = 0.01
RESAMPLES = 1000
SEED = 28


@dataclass(frozen=True)
class Labelled:
    """Pictures with their vectors float32 [n, d] and category paths."""

    examples: Sequence[Example]
    vectors: np.ndarray
    categories: Sequence[str]

    def __len__(self) -> int:
        return len(self.vectors)

    def part(self, rows: Sequence[int]) -> "Labelled":
        return Labelled(
            [self.examples[row] for row in rows],
            self.vectors[rows],
            [self.categories[row] for row in rows],
        )


class Bench:
    """The sets, described once each by the model that is measured."""

    def __init__(self, datasets: Path, name: str, store: ModelStore) -> None:
        self._datasets = datasets
        self._model = store.find(name)
        self.encoder = OpenVinoEncoder(self._model, hint="throughput")

    def has(self, *folders: str) -> bool:
        return all((self._datasets / folder / "images.csv").is_file() for folder in folders)

    def labelled(self, folder: str, split: str) -> Labelled:
        root = CACHE if folder == DRAWN else self._datasets
        examples = read_examples(root / folder, split)
        kept = CACHE / f"{self._model.digest[:16]}-{folder}-{split}.npy"
        if kept.is_file() and len(vectors := np.load(kept)) == len(examples):
            return Labelled(examples, vectors, _categories(examples))
        found = embed([one.path for one in examples], self.encoder, LIMITS).of(examples)
        if len(found.examples) == len(examples):
            CACHE.mkdir(exist_ok=True)
            np.save(kept, found.vectors)
        return Labelled(found.examples, found.vectors, _categories(found.examples))

    def as_shoppers(self, labelled: Labelled, rows: Sequence[int]) -> np.ndarray:
        """Vectors of the pictures as shoppers would take them, as `vitrine calibrate` does it."""
        dice = random.Random(SEED)
        short_side = self.encoder.spec.preprocessing.short_side * 3 // 2
        photos = [_read(labelled.examples[row].path, short_side) for row in rows]
        made = [
            as_shopper(photo, photos[(at + len(photos) // 2) % len(photos)], dice)
            for at, photo in enumerate(photos)
        ]
        return self.encoder.encode(made).embedding


def draw(products: int) -> None:
    """Draw the shop of `vitrine demo`: a catalogue photo and a shopper's photo of each product."""
    folder = CACHE / DRAWN
    listing = folder / "images.csv"
    if listing.is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["path,label,split"]
    with counting() as bar:
        for product in bar.track(catalogue(SEED, products), description="draw"):
            for split, data in (
                ("train", photo(SEED, product, 0)),
                ("val", query_photo(SEED, product)),
            ):
                name = f"{product.sku}-{split}.jpg"
                (folder / name).write_bytes(data)
                lines.append(f"{name},{product.category},{split}")
    listing.write_text("\n".join(lines) + "\n")


def _read(path: Path, short_side: int) -> Image:
    try:
        return decode(path.read_bytes(), LIMITS, short_side=short_side)
    except ImageRejected as error:
        raise SystemExit(f"{path}: {error}") from error


def _categories(examples: Sequence[Example]) -> list[str]:
    """`coarse/fine`; a coarse label that is the same everywhere says nothing and is left out."""
    kinds = len({one.coarse_label for one in examples})
    return [
        "/".join(
            name.lower() for name in ([one.coarse_label] if kinds > 1 else []) + [one.label] if name
        )
        for one in examples
    ]


def observe(
    vectors: np.ndarray,
    categories: Sequence[str],
    shop: Labelled,
    own: Sequence[int] | None = None,
) -> list[Observed]:
    """Search the catalogue exactly; every picture of it is a product. `own` must not be found."""
    zeros = (np.zeros(len(vectors), np.int64), np.zeros(len(shop), np.int64))
    rows = None if own is None else np.array(own, np.int64)
    found = rank(vectors, shop.vectors, zeros, depth=NEIGHBOURS, own=rows)
    return [
        Observed(
            category,
            [
                Neighbour(int(row), shop.categories[row], float(score))
                for row, score in zip(near, scores, strict=True)
                if row != NONE
            ],
        )
        for category, near, scores in zip(categories, found.found, found.scores, strict=True)
    ]


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """How often something from outside scores higher than something from inside (ties: half)."""
    ordered = np.sort(inside)
    below = np.searchsorted(ordered, outside, "left") + np.searchsorted(ordered, outside, "right")
    return float(below.mean() / (2 * len(inside)))


def interval(figure: Callable[..., float], *groups: np.ndarray) -> str:
    """A figure of some groups of queries, with 95 % of what resampled queries give."""
    dice = np.random.default_rng(SEED)
    some = [
        figure(*(group[dice.integers(0, len(group), len(group))] for group in groups))
        for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(some, [2.5, 97.5])
    return f"{figure(*groups):.3f} ({low:.3f} – {high:.3f})"


def share(hits: np.ndarray) -> str:
    found = estimate(hits.astype(float))
    return f"{found.value:.3f} ({found.low:.3f} – {found.high:.3f})"


# --- Category and out of catalogue ---------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A catalogue, photos of what it sells and photos of what it does not, all searched in it."""

    name: str
    shoppers: Sequence[Observed]
    plain: Sequence[Observed]
    inside: Sequence[Observed]
    outside: Sequence[Observed]


def ask(bench: Bench, name: str, shop: Labelled, inside: Labelled, outside: Labelled) -> Asked:
    """Calibrate by as many pictures of the catalogue as `vitrine calibrate` fits on."""
    rows = random.Random(SEED).sample(range(len(shop)), min(PHOTOS // 2, len(shop)))
    own = shop.part(rows)
    return Asked(
        name,
        observe(bench.as_shoppers(shop, rows), own.categories, shop, rows),
        observe(own.vectors, own.categories, shop, rows),
        observe(inside.vectors, inside.categories, shop),
        observe(outside.vectors, outside.categories, shop),
    )


def catalogue_section(bench: Bench) -> list[str]:
    """Category prediction, its calibration, and photos of what is not sold."""
    if not bench.has("grocery", "clothing", "caltech101"):
        return ["skipped: the sets grocery, clothing and caltech101 are not all there"]
    grocery, clothing = bench.labelled("grocery", "val"), bench.labelled("clothing", "val")
    draw(PRODUCTS)
    splits = {
        "drawn shop, its shoppers": (
            bench.labelled(DRAWN, "train"),
            bench.labelled(DRAWN, "val"),
            grocery,
        ),
        "grocery train → val": (bench.labelled("grocery", "train"), grocery, clothing),
        "clothing train → val": (bench.labelled("clothing", "train"), clothing, grocery),
        "clothing val, halves": (*_halves(clothing), grocery),
        "caltech101 val, halves": (*_halves(bench.labelled("caltech101", "val")), clothing),
    }
    shops = [ask(bench, name, *pictures) for name, pictures in splits.items()]
    return [
        *categories_table(shops),
        "",
        *reliability_table(shops[1]),
        "",
        *scores_table(shops),
        "",
        *rejections_table(shops),
    ]


def _halves(pictures: Labelled) -> tuple[Labelled, Labelled]:
    rows = random.Random(SEED).sample(range(len(pictures)), len(pictures))
    return pictures.part(rows[: len(rows) // 2]), pictures.part(rows[len(rows) // 2 :])


def categories_table(shops: Sequence[Asked]) -> list[str]:
    lines = [
        "| | queries | accuracy, whole path | accuracy, first level | ECE of the votes | "
        "ECE, calibrated | a category is given | and is right |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for shop in shops:
        calibration = fit(shop.shoppers, shop.plain, false_rejections=FALSE_REJECTIONS)
        raw = Calibration(temperature=calibration.temperature)
        (said, right), (voted, _) = (first_guesses(shop.inside, one) for one in (calibration, raw))
        given = [predict(one.neighbours, calibration).category for one in shop.inside]
        held = [
            (one.category + "/").startswith(name + "/")
            for one, name in zip(shop.inside, given, strict=True)
            if name is not None
        ]
        lines.append(
            f"| {shop.name} | {len(shop.inside)} | {share(right)} "
            f"| {share(first_levels(shop.inside, calibration))} "
            f"| {_error(voted, right)} "
            f"| {_error(said, right)} "
            f"| {share(np.array([name is not None for name in given]))} | {share(np.array(held))} |"
        )
    return lines


def _error(said: np.ndarray, right: np.ndarray) -> str:
    pairs = np.column_stack([said, right])
    return interval(lambda some: calibration_error(some[:, 0], some[:, 1].astype(bool)), pairs)


def first_levels(observed: Sequence[Observed], calibration: Calibration) -> np.ndarray:
    """Whether the likeliest category of the first level is right."""
    hits = []
    for one in observed:
        shares = votes(nearest(one.neighbours), calibration.temperature)[1]
        best = max((name for name in shares if "/" not in name), key=lambda name: shares[name])
        hits.append(best == one.category.split("/")[0])
    return np.array(hits)


def reliability_table(shop: Asked) -> list[str]:
    calibration = fit(shop.shoppers, shop.plain, false_rejections=FALSE_REJECTIONS)
    lines = [
        f"{shop.name}, guesses by their confidence:",
        "",
        "| share of the guesses | mean confidence | right |",
        "|---|---|---|",
    ]
    for of, said, was in reliability(*first_guesses(shop.inside, calibration)):
        lines.append(f"| {of:.2f} | {said:.2f} | {was:.2f} |")
    return lines


def scores_table(shops: Sequence[Asked]) -> list[str]:
    """AUROC of simple scores; the one that is used comes first."""
    lines = ["| AUROC | " + " | ".join(shop.name for shop in shops) + " |"]
    lines.append("|---|" + "---|" * len(shops))
    for name, score in SCORES.items():
        cells = []
        for shop in shops:
            inside, outside = (
                np.array([score(nearest(one.neighbours)) for one in some])
                for some in (shop.inside, shop.outside)
            )
            cells.append(interval(auroc, inside, outside))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _entropy(near: Sequence[Neighbour]) -> float:
    shares = np.array(list(votes(near, DEFAULT.temperature)[0].values()))
    return float(-(shares * np.log(np.maximum(shares, 1e-12))).sum())


SCORES: dict[str, Callable[[Sequence[Neighbour]], float]] = {
    "soft maximum (energy, 0.1)": lambda near: -familiarity(near),
    "best similarity": lambda near: -near[0].score,
    "mean of the best 5": lambda near: -float(np.mean([one.score for one in near[:5]])),
    "mean of the best 10": lambda near: -float(np.mean([one.score for one in near[:10]])),
    "mean of all 20": lambda near: -float(np.mean([one.score for one in near])),
    "the 10th": lambda near: -near[min(9, len(near) - 1)].score,
    "best less the 10th": lambda near: near[min(9, len(near) - 1)].score - near[0].score,
    "entropy of the votes": _entropy,
}


def rejections_table(shops: Sequence[Asked]) -> list[str]:
    lines = [
        f"| rejected at a wanted {FALSE_REJECTIONS:.0%} | fitted on | of what is sold "
        "| of what is not sold |",
        "|---|---|---|---|",
    ]
    for shop in shops:
        for name, photos in (("shopper-like", shop.shoppers), ("as they are", shop.plain)):
            calibration = fit(photos, shop.plain, false_rejections=FALSE_REJECTIONS)
            sold, other = (rejected(some, calibration) for some in (shop.inside, shop.outside))
            lines.append(f"| {shop.name} | {name} | {share(sold)} | {share(other)} |")
    return lines


SECTIONS: dict[str, Callable[[Bench], list[str]]] = {"catalogue": catalogue_section}


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--datasets", type=Path, default=DATASETS, help="Where the sets are.")
    options.add_argument("--model", help="Model to measure.  [default: VITRINE_MODEL]")
    options.add_argument("--models-dir", type=Path, help="Where built models are kept.")
    options.add_argument("--only", action="append", choices=list(SECTIONS), help="Only this part.")
    chosen = options.parse_args()
    if not chosen.datasets.is_dir():
        print(f"skipped: there are no sets in {chosen.datasets}; --datasets says where they are")
        return
    settings = load_settings()
    store = ModelStore(chosen.models_dir or settings.model_store)
    bench = Bench(chosen.datasets, chosen.model or settings.model, store)
    for name, section in SECTIONS.items():
        if not chosen.only or name in chosen.only:
            print(f"measuring {name} …", file=sys.stderr)
            print("\n".join([f"## {name}", "", *section(bench), ""]))


if __name__ == "__main__":
    main()
