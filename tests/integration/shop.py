"""A small shop to search in: eighteen products, three kinds in three colours by two brands."""

from typing import Any

from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.assembly import Platform
from vitrine.catalog.service import Catalog
from vitrine.search.service import SearchRequest
from vitrine.wire import SearchQuery, SearchResponse

COLOURS = ("red", "blue", "green")
KINDS = ("home/kitchen/mugs", "home/kitchen/bowls", "shoes/boots")
WORDS = ("mug", "bowl", "boot")
COUNT = 18
NAMES = (
    *("alba", "birch", "cedar", "dune", "ember", "fjord", "grove", "hazel", "isle"),
    *("juniper", "kelp", "lumen", "maple", "nectar", "opal", "pebble", "quartz", "river"),
)


def sku(number: int) -> str:
    return f"p{number:02d}"


def fill(catalog: Catalog, count: int = COUNT) -> None:
    for number in range(count):
        colour, kind = COLOURS[number % 3], number // 6
        catalog.put(
            "acme",
            sku(number),
            listing(
                title=f"{colour.title()} {WORDS[kind]} {NAMES[number].title()}",
                brand=("Tern", "Gull")[number % 2],
                category=KINDS[kind],
                price=f"{10 + number}.00",
                attributes={"color": colour},
            ),
            [jpeg(number)],
        )


class Shopper:
    """Asks the shop; a photo is named by the number of the product that it is of."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._searching = platform.search

    def __call__(
        self, photo: int | bytes | None = None, *, key_id: str = "test", **query: Any
    ) -> SearchResponse:
        photos: tuple[bytes, ...] = ()
        if photo is not None:
            photos = (photo if isinstance(photo, bytes) else jpeg(photo),)
        request = SearchRequest(photos=photos, query=SearchQuery(**query))
        return self._searching.search(request, key_id=key_id)


def ids(response: SearchResponse) -> list[str]:
    """The skus found, best first."""
    return [result.product.id.partition(":")[2] for result in response.results]


def colours(response: SearchResponse) -> list[Any]:
    return [result.product.attributes["color"] for result in response.results]
