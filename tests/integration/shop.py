"""A small shop to search in: eighteen products, three kinds in three colours by two brands."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DatabaseFrom
from tests.integration.conftest import in_use, listing, worked_off
from tests.pictures import jpeg
from vitrine.assembly import Platform
from vitrine.embedded.services import ServiceUrls
from vitrine.search.service import SearchRequest
from vitrine.settings import Settings
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


def opened(platform: Platform, count: int = COUNT) -> Platform:
    """Fill the shop and let all of it be found."""
    for number in range(count):
        colour, kind = COLOURS[number % 3], number // 6
        platform.catalog.put(
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
    worked_off(platform)
    return platform


@contextmanager
def shop_of_a_module(request: pytest.FixtureRequest, count: int = COUNT) -> Iterator[Platform]:
    """Open a filled shop that serves all tests of a module."""
    services: ServiceUrls = request.getfixturevalue("services")
    database_from: DatabaseFrom = request.getfixturevalue("database_from")
    paths: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    models_dir: Path = request.getfixturevalue("models_dir")
    with database_from(request.getfixturevalue("template_database")) as database_url:
        settings = Settings(
            data_dir=paths.mktemp("shop"),
            database_url=database_url,
            redis_url=services.redis_url,
            milvus_uri=services.milvus_uri,
            models_dir=models_dir,
            secret_key="a secret key that only the tests use",
        )
        with in_use(settings) as platform:
            yield opened(platform, count)


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
