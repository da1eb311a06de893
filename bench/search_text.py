"""How well do words find, and words with a photo? Asked of 1,047 listings of a real shop.

The Flipkart set (outside of the checkout) is listed as its seller would list it, on servers of the
benchmark's own. Then every listing is asked for: by its words (whole, mistyped, begun, only brand
and category), by a part of its photo, and by both. The questions are made, not collected: the
words are the seller's own, and the photo is the very one that is listed, cut and lit differently.
Figures have 95 % intervals (bootstrap over the questions). Keep the filled shop to ask again:

    python bench/search_text.py --datasets ../shared/datasets --keep /tmp/flipkart --json found.json
"""

import argparse
import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from _flipkart import Item, read_items, words
from _shop import open_shop
from _shoppers import (
    another_colour,
    begun,
    dice_for,
    part_of,
    some_words,
    two_begun,
    with_typo,
)
from PIL import Image
from rich.progress import Progress
from sqlalchemy import select

from vitrine.assembly import Platform
from vitrine.catalog.models import Product
from vitrine.cli.progress import counting
from vitrine.index.generations import active_generation
from vitrine.learning.evaluation.bootstrap import Estimate, estimate
from vitrine.media.decode import decode
from vitrine.retrieval.stored import read_pictures
from vitrine.search.service import SearchRequest
from vitrine.wire import SearchQuery, SearchResult

DATASETS = Path(__file__).resolve().parents[2] / "shared" / "datasets"
DEEPEST = 50
FIRST = 10
FUSIONS = [
    {"method": method, "image": image, "text": text}
    for method in ("rrf", "weights")
    for image, text in ((2.0, 1.0), (1.0, 2.0))
]
PARTS = ("words", "both", "colours")
TITLES = {
    "words": "Words → product:",
    "both": "A part of the photo, words of the title, and both:",
    "differences": "Question by question:",
    "colours": f"A photo with a colour, the first {FIRST} results:",
}

Lines = list[list[str]]


@dataclass
class Asked:
    """Where each question found what it was after: ranks from 1, infinite for not at all."""

    ranks: list[float] = field(default_factory=list)

    def add(self, found: Sequence[str], right: Iterable[str]) -> None:
        wanted = set(right)
        hits = [rank for rank, sku in enumerate(found, start=1) if sku in wanted]
        self.ranks.append(hits[0] if hits else np.inf)

    @property
    def reciprocal(self) -> np.ndarray:
        return 1 / np.array(self.ranks, float)

    def within(self, rank: int) -> np.ndarray:
        return (np.array(self.ranks) <= rank).astype(float)

    def figures(self) -> dict[str, Estimate]:
        return {
            "MRR": estimate(self.reciprocal),
            "R@1": estimate(self.within(1)),
            "R@10": estimate(self.within(FIRST)),
        }


class Shop:
    """Asks the search service in this process."""

    def __init__(self, platform: Platform, items: list[Item], seed: int) -> None:
        self.platform, self.items, self.seed = platform, items, seed
        self._search = platform.search

    def ask(
        self, *, photo: bytes | None = None, limit: int = DEEPEST, **query: Any
    ) -> list[SearchResult]:
        photos = () if photo is None else (photo,)
        request = SearchRequest(
            photos=photos, query=SearchQuery.model_validate({"limit": limit, **query})
        )
        return self._search.search(request, key_id="bench").results

    def find(self, **query: Any) -> list[str]:
        """The skus that a question finds, best first."""
        return [result.product.sku for result in self.ask(**query)]

    def photo_questions(self, count: int) -> list[tuple[Item, bytes, str]]:
        """A part of each photo with words of its title; not where several share a photo."""
        photos = {item.sku: item.listing.photo.read_bytes() for item in self.items}
        shared = Counter(photos.values())
        made = []
        for item in self.items:
            text = some_words(item, dice_for(self.seed, item, "words"), count)
            if text is not None and shared[photos[item.sku]] == 1:
                made.append((item, self.part(item), text))
        return made

    def part(self, item: Item) -> bytes:
        with Image.open(item.listing.photo) as photo:
            return part_of(photo, dice_for(self.seed, item, "photo"))


def by_words(shop: Shop, bar: Progress, most: int) -> dict[str, Asked]:
    """Ask for each listing by its words."""
    makes: dict[str, Callable[[Item], tuple[str | None, set[str]]]] = {
        "title": lambda item: (item.title, {item.sku}),
        "title with a typo": lambda item: (
            with_typo(item.title, dice_for(shop.seed, item, "typo")),
            {item.sku},
        ),
        "title, last word begun": lambda item: (
            begun(item.title, dice_for(shop.seed, item, "begun")),
            {item.sku},
        ),
        "two words, second begun": lambda item: _beginning(shop, item),
        "two words of the title": lambda item: (
            some_words(item, dice_for(shop.seed, item, "words")),
            {item.sku},
        ),
        "brand and category": lambda item: _same_kind(shop, item),
    }
    found = {}
    for name, make in makes.items():
        asked = Asked()
        for item in bar.track(shop.items[:most], description=name):
            text, right = make(item)
            if text is not None:
                asked.add(shop.find(text=text), right)
        found[name] = asked
    return found


def _beginning(shop: Shop, item: Item) -> tuple[str | None, set[str]]:
    text = two_begun(item.title, dice_for(shop.seed, item, "two"))
    if text is None:
        return None, set()
    start = " ".join(words(text))
    return text, {one.sku for one in shop.items if " ".join(words(one.title)).startswith(start)}


def _same_kind(shop: Shop, item: Item) -> tuple[str | None, set[str]]:
    if not item.brand:
        return None, set()
    return f"{item.brand} {item.leaf}", {one.sku for one in shop.items if one.kind == item.kind}


def by_photo_and_words(
    shop: Shop, bar: Progress, most: int, *, words_each: int = 2, sweep: bool = False
) -> dict[str, Asked]:
    """Ask the same by a part of the photo, by words of the title, and by both."""
    ways: dict[str, dict[str, Any]] = {
        "photo": {},
        "photo, category off": {"category": "off"},
        "words": {},
        "both": {},
        "both, by weights": {"fusion": {"method": "weights"}},
    }
    if sweep:
        ways |= {_fusion_name(one): {"fusion": one} for one in FUSIONS}
        ways["both, category off"] = {"category": "off"}
    found = {name: Asked() for name in ways}
    for item, photo, text in bar.track(
        shop.photo_questions(words_each)[:most], description="photos"
    ):
        for name, query in ways.items():
            asked = {} if name.startswith("photo") else {"text": text}
            shown = {} if name == "words" else {"photo": photo}
            found[name].add(shop.find(**asked, **shown, **query), {item.sku})
    return found


def _fusion_name(fusion: dict[str, Any]) -> str:
    return f"both, {fusion['method']} {fusion['image']:g}:{fusion['text']:g}"


def steered(shop: Shop, bar: Progress, most: int) -> dict[str, dict[str, Estimate]]:
    """Ask by a photo, and by it with a colour that others of its category have."""
    near = Cosines(shop)
    figures: dict[str, dict[str, list[float]]] = {"photo": {}, "photo and colour": {}}
    asked = 0
    for item in bar.track(shop.items, description="colours"):
        dice = dice_for(shop.seed, item, "colour")
        colour = another_colour(item, shop.items, dice)
        if colour is None or asked == most:
            continue
        asked += 1
        photo = shop.part(item)
        for name, query in (("photo", {}), ("photo and colour", {"text": colour})):
            found = shop.find(photo=photo, limit=FIRST, **query)
            for figure, value in near.figures(item, colour, photo, found).items():
                figures[name].setdefault(figure, []).append(value)
    names = list(figures["photo"])
    gained = {
        name: np.subtract(figures["photo and colour"][name], figures["photo"][name])
        for name in names
    }
    return {
        way: {name: estimate(np.array(values)) for name, values in of.items()}
        for way, of in {**figures, "difference": gained}.items()
    }


class Cosines:
    """What the first results look like: their colours, their categories, their cosines."""

    def __init__(self, shop: Shop) -> None:
        self._platform = shop.platform
        self._items = {item.sku: item for item in shop.items}
        with shop.platform.sessions() as session:
            model = active_generation(session).model
            ids = {row.id: row.sku for row in session.execute(select(Product.id, Product.sku))}
            stored = read_pictures(session, list(ids), model)
        self._vectors = {ids[one]: pictures.vectors[0] for one, pictures in stored.items()}
        self._encoder = shop.platform.encoders.get(model)

    def figures(self, item: Item, colour: str, photo: bytes, found: list[str]) -> dict[str, float]:
        side = self._encoder.spec.preprocessing.short_side
        picture = decode(photo, self._platform.limits, short_side=side)
        vector = self._encoder.encode([picture]).embedding[0]
        shown = [self._items[sku] for sku in found]
        category = item.listing.product.category
        return {
            "say the colour": float(np.mean([colour in one.colours for one in shown])),
            "same category": float(
                np.mean([one.listing.product.category == category for one in shown])
            ),
            "cosine": float(np.mean([self._vectors[one.sku] @ vector for one in shown])),
        }


def differences(found: dict[str, Asked]) -> dict[str, dict[str, Estimate]]:
    """What one way finds better than another, question by question."""
    pairs = (
        ("both", "photo"),
        ("both", "words"),
        ("both, by weights", "both"),
        ("photo", "photo, category off"),
    )
    return {
        f"{name} − {other}": {
            "MRR": estimate(found[name].reciprocal - found[other].reciprocal),
            "R@1": estimate(found[name].within(1) - found[other].within(1)),
        }
        for name, other in pairs
    }


def table(rows: dict[str, dict[str, Estimate]], *, signed: bool = False) -> list[str]:
    """Markdown: a line a row, a column a figure."""
    form = "+.3f" if signed else ".3f"
    first = next(iter(rows.values()))
    lines: Lines = [["", "questions", *first]]
    for name, of in rows.items():
        cells = [
            f"{one.value:{form}} ({one.low:{form}} – {one.high:{form}})" for one in of.values()
        ]
        lines.append([name, str(next(iter(of.values())).queries), *cells])
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    padded = [
        f"| {' | '.join(c.ljust(w) for c, w in zip(line, widths, strict=True))} |" for line in lines
    ]
    return [padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]]


def arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--datasets", type=Path, default=DATASETS, help="Where the sets are.")
    options.add_argument("--keep", type=Path, help="Keep the filled shop here, or open it again.")
    options.add_argument("--models-dir", type=Path, help="Where built models are kept.")
    options.add_argument("--model", help="Model to search with.  [default: VITRINE_MODEL]")
    options.add_argument("--most", type=int, default=10_000, help="Most questions of each kind.")
    options.add_argument("--seed", type=int, default=1, help="Other questions.")
    options.add_argument("--only", action="append", choices=PARTS, help="Only this part.")
    options.add_argument("--title-words", type=int, default=2, help="So many beside a photo.")
    options.add_argument("--sweep", action="store_true", help="Also ask with other fusions.")
    options.add_argument("--json", type=Path, help="Also write the figures to this file.")
    return options.parse_args()


def measure(
    shop: Shop, bar: Progress, chosen: argparse.Namespace
) -> dict[str, dict[str, dict[str, Estimate]]]:
    """Measure the parts that are asked for."""
    found = {}
    wanted = chosen.only or PARTS
    if "words" in wanted:
        asked = by_words(shop, bar, chosen.most)
        found["words"] = {name: one.figures() for name, one in asked.items()}
    if "both" in wanted:
        asked = by_photo_and_words(
            shop, bar, chosen.most, words_each=chosen.title_words, sweep=chosen.sweep
        )
        found["both"] = {name: one.figures() for name, one in asked.items()}
        found["differences"] = differences(asked)
    if "colours" in wanted:
        found["colours"] = steered(shop, bar, chosen.most)
    return found


def main() -> None:
    chosen = arguments()
    folder = chosen.datasets / "flipkart"
    if not (folder / "images.csv").is_file():
        print(f"Skipped: {folder} is not there; --datasets says where the sets are.")
        return
    items = read_items(folder)
    with (
        counting() as bar,
        open_shop(
            [item.listing for item in items],
            name="flipkart",
            bar=bar,
            directory=chosen.keep,
            models_dir=chosen.models_dir,
            model=chosen.model,
        ) as platform,
    ):
        found = measure(Shop(platform, items, chosen.seed), bar, chosen)
    for name, rows in found.items():
        print("\n".join([TITLES[name], "", *table(rows, signed=name == "differences"), ""]))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, default=dataclasses.asdict, indent=1) + "\n")


if __name__ == "__main__":
    main()
