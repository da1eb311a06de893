"""What the demo has to sell. Product `index` of a seed is the same, however many there are."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vitrine.demo import palette
from vitrine.demo.design import Design, Kind
from vitrine.demo.kinds import KINDS
from vitrine.demo.motifs import MOTIFS

BRANDS = (
    "Fjellheim",
    "Orla & Sons",
    "Kestrel",
    "Maison Verde",
    "Bramble",
    "Tidewater",
    "Nordlys",
    "Casa Lima",
    "Ember Works",
    "Pale Fox",
    "Juniper Lane",
    "Halden",
    "Mirabel",
    "Stonecrop",
    "Atelier Nine",
    "Wren",
)
LINES = (
    "Alba",
    "Birk",
    "Cala",
    "Dune",
    "Elva",
    "Faro",
    "Gorse",
    "Hazel",
    "Isla",
    "Juno",
    "Kelp",
    "Luma",
    "Mira",
    "Nova",
    "Onda",
    "Pico",
    "Quill",
    "Runa",
    "Sola",
    "Tarn",
    "Umber",
    "Vela",
    "Willow",
    "Yarrow",
    "Zora",
)

_COUNTED = {"sunglasses": "pair of ", "shades": "pair of ", "headwear": "piece of "}


@dataclass(frozen=True)
class DemoProduct:
    """A listing as a seller would write it; `design` is for the drawing only."""

    index: int
    sku: str
    title: str
    description: str
    brand: str
    category: str
    price: str
    availability: str
    attributes: dict[str, str]
    design: Design

    def listing(self) -> dict[str, Any]:
        """Return the fields that the API takes."""
        fields = asdict(self)
        for name in ("index", "sku", "design"):
            del fields[name]
        return fields


def product(seed: int, index: int) -> DemoProduct:
    rng = np.random.default_rng([seed, index, 1])
    kind = _kind(seed, index)
    design = _design(kind, rng)
    noun = _pick(rng, kind.nouns)
    line, brand = _pick(rng, LINES), _pick(rng, BRANDS)
    colour, second = design.palette.names
    words = [] if design.pattern == "plain" else [design.pattern]
    title = " ".join([line, *words, design.material, noun, "in", colour])
    attributes = {
        "color": colour,
        "material": design.material,
        "pattern": design.pattern,
        "style": design.style,
    }
    if design.pattern != "plain":
        attributes["second_color"] = second
    if design.motif:
        attributes["motif"] = f"monogram {design.motif}" if len(design.motif) == 1 else design.motif
    return DemoProduct(
        index=index,
        sku=f"{kind.name}-{seed}-{index:05d}",
        title=title[0].upper() + title[1:],
        description=_describe(design, noun, brand),
        brand=brand,
        category=kind.category,
        price=_price(kind, rng),
        availability="out_of_stock" if rng.random() < 0.06 else "in_stock",
        attributes=attributes,
        design=design,
    )


def catalogue(seed: int, count: int) -> list[DemoProduct]:
    return [product(seed, index) for index in range(count)]


def _kind(seed: int, index: int) -> Kind:
    """Deal the kinds like cards: each once before any comes again."""
    block, place = divmod(index, len(KINDS))
    order = np.random.default_rng([seed, block, 2]).permutation(len(KINDS))
    return list(KINDS.values())[int(order[place])]


def _design(kind: Kind, rng: np.random.Generator) -> Design:
    pattern = "plain" if rng.random() < 0.22 else _pick(rng, kind.patterns)
    letters = "ABEFHKLMNRSTVW"
    mark = ""
    if rng.random() < (kind.motifs * 1.6 if pattern == "plain" else kind.motifs * 0.6):
        mark = _pick(rng, tuple(letters)) if rng.random() < 0.15 else _pick(rng, tuple(MOTIFS))
    return Design(
        kind=kind.name,
        style=_pick(rng, kind.styles),
        material=_pick(rng, kind.materials),
        pattern=pattern,
        motif=mark,
        palette=palette.choose(rng),
        scale=float(rng.choice([0.5, 0.7, 1.0, 1.35])),
        seed=int(rng.integers(1 << 31)),
    )


def _describe(design: Design, noun: str, brand: str) -> str:
    colour, second = design.palette.names
    look = (
        f"plain {colour}"
        if design.pattern == "plain"
        else f"{colour} with a {design.pattern} pattern in {second}"
    )
    mark = ""
    if design.motif:
        letter = len(design.motif) == 1
        mark = f" It carries {f'the letter {design.motif}' if letter else _a(design.motif)}."
    counted = _COUNTED.get(noun, "")
    what = _a(f"{counted}{design.style} {noun}")
    what = what[0].upper() + what[1:]
    return f"{what} by {brand}, made of {design.material}: {look}.{mark}"


def _a(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _price(kind: Kind, rng: np.random.Generator) -> str:
    low, high = np.log(kind.prices)
    whole = int(np.exp(rng.uniform(low, high)))
    return f"{whole}.{_pick(rng, ('00', '50', '90', '95', '99'))}"


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]
