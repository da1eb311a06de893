"""A platform whose parts are real, in this process: the worker's steps run when a test says so."""

from collections.abc import Callable, Iterator

import pytest

from vitrine.assembly import Platform, assemble
from vitrine.catalog.service import Catalog
from vitrine.ingest.drain import HANDLERS, drain
from vitrine.ingest.switch import use_model
from vitrine.settings import Settings
from vitrine.wire import ProductIn


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    """An empty shop with the built-in model in use."""
    built = assemble(settings)
    model = built.models.find(settings.model)
    use_model(built.ingest, model, ring=lambda kinds: None, wait=lambda: None)
    yield built
    built.engine.dispose()
    built.redis.close()


@pytest.fixture
def catalog(platform: Platform) -> Catalog:
    return platform.catalog


@pytest.fixture
def work_off(platform: Platform) -> Callable[[], int]:
    """Do all that is owed now, as a worker would; returns how many rows were tried."""

    def run() -> int:
        total = 0
        while done := sum(drain(platform.ingest, kind) for kind in HANDLERS):
            total += done
        return total

    return run


def listing(**changes: object) -> ProductIn:
    """A valid listing with some fields changed."""
    fields: dict[str, object] = {
        "title": "Blue mug",
        "brand": "Tern",
        "category": "home/kitchen/mugs",
        "price": "12.50",
        "attributes": {"color": "blue"},
    }
    return ProductIn.model_validate({**fields, **changes})
