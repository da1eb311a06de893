"""A shop of its own for a benchmark: the three servers, a platform on them in this process, filled.

With a directory it is kept, and opened again without filling if the same listings were put into it.
"""

import json
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from vitrine import logs
from vitrine.assembly import Platform, assemble
from vitrine.embedded.services import EmbeddedServices
from vitrine.errors import NotFound
from vitrine.ingest.drain import drain
from vitrine.ingest.switch import use_model
from vitrine.migrations import upgrade
from vitrine.settings import Settings, load_settings
from vitrine.wire import ProductIn

SELLER = "bench"


@dataclass(frozen=True)
class Listing:
    """A product and the file of its photo."""

    sku: str
    product: ProductIn
    photo: Path


@contextmanager
def open_shop(
    listings: Sequence[Listing],
    *,
    name: str,
    bar: Progress,
    directory: Path | None = None,
    models_dir: Path | None = None,
    model: str | None = None,
) -> Iterator[Platform]:
    """Yield a platform whose shop holds the listings, all searchable.

    `name` says what they are: a kept shop of another name or another model is refused.
    """
    with ExitStack() as stack:
        home = directory or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(parents=True, exist_ok=True)
        mine = load_settings()
        chosen = model or mine.model
        marker = home / "shop.json"
        said = {"name": name, "model": chosen, "products": len(listings)}
        kept = json.loads(marker.read_text()) if marker.is_file() else None
        if kept not in (None, said):
            raise SystemExit(f"{home} holds {kept}, not {said}: name another directory.")
        # Nothing here has to outlive a power cut.
        urls = stack.enter_context(EmbeddedServices(home / "servers", durable=False)).urls
        settings = Settings(
            data_dir=home / "data",
            database_url=urls.database_url,
            redis_url=urls.redis_url,
            milvus_uri=urls.milvus_uri,
            models_dir=models_dir or mine.model_store,
            model=chosen,
            blob_url=f"file://{home / 'blobs'}",
            secret_key=secrets.token_urlsafe(32),
            log_level="WARNING",
        )
        logs.configure(settings, process="bench")
        upgrade(settings.database_url)
        platform = assemble(settings)
        stack.callback(platform.engine.dispose)
        stack.callback(platform.redis.close)
        if kept is None:
            fill(platform, listings, bar)
            marker.write_text(json.dumps(said))
        yield platform


def fill(platform: Platform, listings: Sequence[Listing], bar: Progress) -> None:
    """List everything as its seller would, and do the work that this owes."""
    name = platform.settings.model
    try:
        model = platform.models.find(name)
    except NotFound:
        model = platform.models.build(name)
    use_model(platform.ingest, model, ring=lambda kinds: None, wait=lambda: None)
    catalog, task = platform.catalog, bar.add_task("listing", total=len(listings))
    for one in listings:
        catalog.put(SELLER, one.sku, one.product, [one.photo.read_bytes()])
        bar.advance(task)
    bar.remove_task(task)
    task = bar.add_task("indexing", total=None)
    work_off(platform, lambda done: bar.advance(task, done))
    bar.remove_task(task)


def work_off(platform: Platform, progress: Callable[[int], object] = lambda done: None) -> None:
    """Do all that is owed now, as the workers would."""
    handlers = platform.handlers
    while done := sum(
        drain(platform.ingest, kind, handlers=handlers, seconds=5.0) for kind in handlers
    ):
        progress(done)
