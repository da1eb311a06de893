"""A platform whose parts are real, in this process: the worker's steps run when a test says so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from vitrine.assembly import Platform, assemble
from vitrine.catalog.service import Catalog
from vitrine.ingest.drain import drain
from vitrine.ingest.switch import use_model
from vitrine.settings import Settings
from vitrine.wire import ProductIn


@contextmanager
def in_use(settings: Settings) -> Iterator[Platform]:
    """A platform with the built-in model in use, as long as it is needed."""
    built = assemble(settings)
    model = built.models.find(settings.model)
    use_model(built.ingest, model, ring=lambda kinds: None, wait=lambda: None)
    yield built
    built.engine.dispose()
    built.redis.close()


def worked_off(platform: Platform) -> int:
    """Do all that is owed now, as a worker would; returns how many rows were tried."""
    total = 0
    handlers = platform.handlers
    while done := sum(drain(platform.ingest, kind, handlers=handlers) for kind in handlers):
        total += done
    return total


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    """An empty shop with the built-in model in use."""
    with in_use(settings) as built:
        yield built


@pytest.fixture
def catalog(platform: Platform) -> Catalog:
    return platform.catalog


@pytest.fixture
def work_off(platform: Platform) -> Callable[[], int]:
    """Do all that is owed now, as a worker would; returns how many rows were tried."""
    return lambda: worked_off(platform)


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
