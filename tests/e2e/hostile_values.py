"""What requests say: sound products and questions, and odd values put into them."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Things:
    """What there is on the platform to ask about."""

    products: tuple[str, ...]
    uploads: tuple[str, ...]


def product(rng: Random) -> dict[str, Any]:
    """A product that may be listed."""
    return {
        "title": rng.choice(("Blue mug", "灰色杯子 mug", "x" * 300, "mug' OR 1=1 --")),
        "category": rng.choice(("home/mugs", "a", "a/b/c/d/e/f")),
        "price": rng.choice(("1.00", 0, 9999999999.99, "0.1")),
        "brand": rng.choice(("Potter", "é" * 128)),
        "attributes": {"color": rng.choice(("red", ["a", "b"], 5, True, 1.5))},
    }


def question(rng: Random, things: Things) -> dict[str, Any]:
    """A search that may be sound: some of all that can be asked, mostly with sound values."""
    known = things.products * 5
    one = lambda: rng.choice((*known, "nobody:nothing"))  # noqa: E731
    box = lambda: {  # noqa: E731
        "x": rng.choice((0, 0.1, 0.9)),
        "y": rng.choice((0, 0.5)),
        "width": rng.choice((1e-9, 0.1, 0.5, 1)),
        "height": rng.choice((0.1, 0.5, 1)),
    }
    words = (
        "blue",
        "mug",
        "blu mgu",
        "杯子",
        "\u200b",
        "a" * 300,
        "%' \"",
        "🙂" * 20,
        "-",
        "AND NOT",
    )
    ways: dict[str, Callable[[], Any]] = {
        "text": lambda: rng.choice(words),
        "product_id": one,
        "upload_id": lambda: rng.choice((*things.uploads * 5, "x" * 22)),
    }
    extras: dict[str, Callable[[], Any]] = {
        "crop": box,
        "boxes": lambda: [box() for _ in range(rng.randint(1, 6))],
        "filter": lambda: rng.choice(_FILTERS),
        "limit": lambda: rng.choice((1, 2, 20, 100)),
        "sort": lambda: rng.choice(("relevance", "price_asc", "price_desc", "newest")),
        "more_like": lambda: [one() for _ in range(rng.choice((0, 1, 3, 20)))],
        "less_like": lambda: [one() for _ in range(rng.choice((0, 1, 3)))],
        "rocchio": lambda: {"query": rng.choice((0, 1)), "more": rng.choice((0, 10)), "less": 1},
        "fusion": lambda: {"method": rng.choice(("rrf", "weights")), "text": rng.choice((0, 10))},
        "diversity": lambda: rng.choice((0, 0.3, 1)),
        "min_score": lambda: rng.choice((-1, 0, 0.5, 1)),
        "exclude": lambda: [one() for _ in range(rng.choice((1, 200)))],
        "facets": lambda: rng.sample(_FACETS, rng.randint(1, len(_FACETS))),
        "category": lambda: rng.choice(("boost", "filter", "off")),
        "explain": lambda: rng.choice((True, False)),
    }
    asked = {name: ways[name]() for name in rng.sample(sorted(ways), rng.choice((0, 1, 1, 1, 2)))}
    names = rng.sample(sorted(extras), rng.choice((0, 1, 2, 3, 5)))
    if rng.random() < 0.03:
        asked["cursor"] = rng.choice(("", "x", "eyJhIjoxfQ", "A" * 200))
    return asked | {name: extras[name]() for name in names}


_FACETS = ["category", "brand", "price", "in_stock", "attributes", "attributes.color"]
_FILTERS: tuple[Any, ...] = (
    {"in_stock": True},
    {"category": "home"},
    {"price": {"gte": 0, "lt": 1e9}},
    {"price": {"gte": "0.01", "gt": 5, "lte": 4}},
    {"brand": ["Potter", "' or ''='", "\\", '"']},
    {"attributes.color": "red", "not": {"brand": "x"}},
    {"any": [{"brand": "a"}, {"not": {"attributes.color": 5}}]},
    {"any": []},
    {"not": {"not": {"not": {"not": {"in_stock": False}}}}},
    {"attributes.x": {"gt": -1e308}},
    {"attributes.x": 10**400},
    {"seller": "mutated", "category": ["a", "home/mugs"]},
    {"nonsense": 1},
    {},
    [],
)


_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, [], {}, "", 0, -1, 1.5, 2**31, 2**63, 2**64, 10**30, 1e308, -0.0, 1e-320),
    *("\x00", "a\x00b", "\ud800", "\udfff\ud800", "￿", "\u202e", "x" * 100_000, "NaN", "../../etc"),
    *([[]], {"a": {"b": {}}}, ["x"] * 1000, [None] * 3, [{}], {"": ""}, {"\ud800": 1}, {"\x00": 1}),
)


def spoilt(rng: Random, sound: Any) -> Any:
    """Put an odd value somewhere inside."""
    if isinstance(sound, dict) and sound and rng.random() < 0.85:
        name = rng.choice(sorted(sound))
        return {**sound, name: spoilt(rng, sound[name])}
    if isinstance(sound, list) and sound and rng.random() < 0.7:
        at = rng.randrange(len(sound))
        return [*sound[:at], spoilt(rng, sound[at]), *sound[at + 1 :]]
    if isinstance(sound, dict) and rng.random() < 0.3:
        return {
            **sound,
            rng.choice(("extra", "", "$ref", "\x00", "\ud800")): rng.choice(_ODD_VALUES),
        }
    return rng.choice(_ODD_VALUES)
