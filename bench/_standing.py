"""A big shop on servers of the benchmark's own: filled once, kept, opened again; and its api."""

import gc
import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import _synthetic
import httpx
from rich.progress import Progress

from vitrine.assembly import Platform, assemble
from vitrine.catalog.keys import authenticate
from vitrine.embedded.child import Child, Command
from vitrine.embedded.datadir import DataDir
from vitrine.embedded.keyring import ensure_keys
from vitrine.embedded.lock import DataDirLock
from vitrine.embedded.ports import free_port
from vitrine.embedded.programs import as_environment, running_settings, vitrine_command
from vitrine.embedded.services import EmbeddedServices, ServiceUrls
from vitrine.embedding.runtimes import Encoder
from vitrine.index.generations import active_generation
from vitrine.ingest.switch import rebuild, use_model
from vitrine.migrations import upgrade
from vitrine.settings import KEYS_FILE, Settings, load_settings

READY_SECONDS = 90.0
# Filling writes as much at once as one message to Milvus may hold.
SYNC_BATCH = 2000


@dataclass(frozen=True)
class Shop:
    """A filled shop: its platform in this process, what is real in it, and its storefront key."""

    platform: Platform
    encoder: Encoder
    collection: str
    drawn: _synthetic.Drawn
    products: int
    pictures: int
    key: str
    key_id: str
    services: EmbeddedServices
    processes: dict[str, int | None]

    def api_key(self, role: str) -> str:
        """The key of the role, as `vitrine up` hands it out."""
        keys = json.loads((self.platform.settings.data_dir / KEYS_FILE).read_text())
        return str(keys[role])


@contextmanager
def open_shop(
    home: Path,
    count: int,
    bar: Progress,
    *,
    milvus_uri: str | None = None,
    two_pictures: float = 0.5,
) -> Iterator[Shop]:
    """Yield a shop of `count` products; on another Milvus than the embedded one if it is named.

    Each has a second picture with the chance `two_pictures`.
    """
    with ExitStack() as stack:
        home.mkdir(parents=True, exist_ok=True)
        stack.enter_context(DataDirLock(home))
        # Nothing here has to outlive a power cut.
        services = stack.enter_context(EmbeddedServices(home / "servers", durable=False))
        settings = _settings(home, services, milvus_uri)
        upgrade(settings.database_url)
        platform = assemble(settings)
        stack.callback(platform.engine.dispose)
        stack.callback(platform.redis.close)
        model = platform.models.keep(platform.models.find(settings.model))
        use_model(platform.ingest, model, ring=lambda kinds: None, wait=lambda: None)
        encoder = platform.encoders.get(model.digest)
        drawn = _synthetic.draw(platform, encoder, home.parent / "drawn", bar)
        stock = _synthetic.Stock(platform, model.digest, drawn, two_pictures)
        pictures = _filled(stock, home / "filled.json", count, bar)
        with platform.sessions() as session:
            collection = active_generation(session).images_collection
        key = ensure_keys(platform.sessions, settings.data_dir / KEYS_FILE)["storefront"]
        with platform.sessions() as session:
            found = authenticate(session, key)
        assert found is not None
        processes = {one.title: one.pid for one in services.all}
        # As the api does: else the collector goes through all that is loaded amid the questions.
        gc.collect()
        gc.freeze()
        yield Shop(
            platform,
            encoder,
            collection,
            drawn,
            count,
            pictures,
            key,
            found.id,
            services,
            processes,
        )


def _settings(home: Path, services: EmbeddedServices, milvus_uri: str | None) -> Settings:
    data = DataDir.prepare(home / "data")
    return Settings(
        data_dir=data.path,
        database_url=services.urls.database_url,
        redis_url=services.urls.redis_url,
        milvus_uri=milvus_uri or services.urls.milvus_uri,
        models_dir=load_settings().model_store,
        blob_url=f"file://{data.path / 'blobs'}",
        secret_key=data.secret("secret_key"),
        port=free_port(),
        rate_limit_per_minute=0,
        sync_batch=SYNC_BATCH,
        # A bulk write to Milvus Lite takes its time.
        dependency_timeout_seconds=60,
    )


def _filled(stock: _synthetic.Stock, marker: Path, count: int, bar: Progress) -> int:
    """Fill the shop unless it is; return how many pictures it has."""
    said = {"products": count, "model": stock.model}
    kept = json.loads(marker.read_text()) if marker.is_file() else None
    if kept is None:
        began = time.monotonic()
        pictures = _synthetic.fill(stock, count, bar)
        task = bar.add_task("indexes", total=None)
        rebuild(
            stock.platform.ingest,
            progress=lambda stage, done, total: bar.update(
                task, description=stage, completed=done, total=total
            ),
        )
        bar.remove_task(task)
        kept = {**said, "pictures": pictures}
        marker.write_text(json.dumps(kept))
        print(f"{count:,} products filled in {time.monotonic() - began:.0f} s", file=sys.stderr)
    if {name: kept[name] for name in said} != said:
        raise SystemExit(f"{marker.parent} holds {kept}, not {said}: remove it.")
    return int(kept["pictures"])


def environment(shop: Shop, **more: int) -> dict[str, str]:
    """What a `vitrine` command needs to know to work on the shop."""
    settings = shop.platform.settings
    servers = ServiceUrls(settings.database_url, settings.redis_url, settings.milvus_uri)
    running = running_settings(settings, servers, settings.secret_key)
    # Timeouts as an operator has them, not as filling took.
    mine = {"rate_limit_per_minute": 0, "log_level": "WARNING", "dependency_timeout_seconds": 5}
    return as_environment(settings, {**running, **mine, **more})


@contextmanager
def serving(shop: Shop, **more: int) -> Iterator[str]:
    """Run `vitrine api` on the shop as `vitrine up` does, with more settings; yield its address."""
    settings, known = shop.platform.settings, environment(shop, **more)
    home = DataDir.prepare(settings.data_dir)
    child = Child(Command(name="api", argv=vitrine_command("api"), env=known), home)
    child.start()
    try:
        child.wait_until(lambda: _ready(settings.api_url), READY_SECONDS)
        shop.processes["api"] = child.pid
        yield settings.api_url
    finally:
        child.stop()


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
