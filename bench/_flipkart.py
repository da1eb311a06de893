"""The Flipkart set as its seller would list it: read from the columns that the shop's pages had."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from _shop import Listing

from vitrine.wire import ProductIn

# fmt: off
COLOURS = (
    "beige", "black", "blue", "bronze", "brown", "copper", "cream", "gold", "golden", "green",
    "grey", "maroon", "multicolor", "navy", "orange", "pink", "purple", "red", "silver",
    "turquoise", "violet", "white", "yellow",
)
MATERIALS = (
    "aluminium", "bamboo", "brass", "canvas", "ceramic", "clay", "cotton", "denim", "fabric",
    "fibre", "fur", "glass", "jute", "leather", "linen", "marble", "metal", "nylon", "paper",
    "plastic", "polyester", "porcelain", "resin", "rubber", "satin", "silicon", "silk", "steel",
    "velvet", "vinyl", "wood", "wooden", "wool",
)
# fmt: on
_SPELLED = {"gray": "grey", "multicolour": "multicolor", "multi": "multicolor"}
_MAX_SEGMENTS = 6


@dataclass(frozen=True)
class Item:
    """A row of the set, as listed; `leaf` is the name of its category as the shop writes it."""

    listing: Listing
    title: str
    brand: str
    leaf: str
    colours: frozenset[str]

    @property
    def sku(self) -> str:
        return self.listing.sku

    @property
    def kind(self) -> tuple[str, str]:
        """Who made it and what it is: several products may share both."""
        return self.brand.lower(), self.listing.product.category


def read_items(folder: Path) -> list[Item]:
    """Read the whole set, in its order."""
    with (folder / "images.csv").open(newline="") as file:
        return [_item(folder, row) for row in csv.DictReader(file)]


def _item(folder: Path, row: dict[str, str]) -> Item:
    title, brand, description = row["title"].strip(), row["brand"].strip(), row["description"]
    kinds = category_names(row["category"], title, brand)
    colours = said_after("Colou?r", description, COLOURS)
    materials = said_after("(?:Material|Fabric)", description, MATERIALS)
    attributes: dict[str, list[str]] = {}
    if colours:
        attributes["color"] = colours
    if materials:
        attributes["material"] = materials
    product = ProductIn.model_validate(
        {
            "title": title,
            "brand": brand,
            "category": "/".join(slug(name) for name in kinds),
            "price": price(row["discounted_price"] or row["retail_price"]),
            "description": description,
            "attributes": attributes,
        }
    )
    listing = Listing(row["label"], product, folder / row["path"])
    in_title = {_SPELLED.get(word, word) for word in words(title)} & set(COLOURS)
    return Item(listing, title, brand, kinds[-1], frozenset(colours) | in_title)


def category_names(path: str, title: str, brand: str) -> list[str]:
    """The shop's path without what is no category: its ends repeat the brand and the title.

    "Watches > Wrist Watches > Maxima Wrist Watches" → ["Watches", "Wrist Watches"].
    """
    names: list[str] = []
    for name in (part.strip() for part in path.split(" > ")):
        is_title = name.endswith("...") or title.startswith(name) or name.startswith(title)
        is_brand = bool(brand) and name.lower().startswith(brand.lower())
        if not names or not (is_title or is_brand or _repeats(name, names[-1], title)):
            names.append(name)
    return names[:_MAX_SEGMENTS]


def _repeats(name: str, above: str, title: str) -> bool:
    """Whether a category is the one above it, with how the title begins in front of it."""
    front = name.removesuffix(above).strip()
    return name == above or (name.endswith(f" {above}") and title.startswith(front))


def said_after(label: str, description: str, known: tuple[str, ...]) -> list[str]:
    """Known words that stand right behind a label, as in "Color Red, Blue Dimensions …"."""
    found: dict[str, None] = {}
    for match in re.finditer(rf"\b{label}s?\b[: ]+([\w ,/&-]{{1,40}})", description):
        for word in (_SPELLED.get(word, word) for word in words(match[1])):
            if word not in known:
                break
            found[word] = None
    return list(found)


def words(text: str) -> list[str]:
    """Letters and digits in lower case, without what stands between them."""
    return re.findall(r"[^\W_]+", text.lower())


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("'", "")).strip("-")


def price(text: str) -> str:
    return f"{float(text or 0):.2f}"
