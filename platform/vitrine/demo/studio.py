"""Draw the demo into a folder, once: what is there already is not drawn again.

catalog/<sku>/1.jpg …   the shop's photos
queries/<sku>.jpg       shoppers' photos of the first products
images.csv              path,label,coarse_label,split: an evaluation directory
queries.csv             path,product,category,condition: the ground truth of the query photos
"""

import csv
import json
import multiprocessing
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from vitrine.demo.listing import Listing
from vitrine.demo.photos import photo_count, photos
from vitrine.demo.products import DemoProduct, catalogue
from vitrine.demo.queries import condition_of, query_photo
from vitrine.errors import Misconfigured
from vitrine.wire import ProductIn

# Raise it when the drawing changes: folders of another edition are then drawn anew.
EDITION = 1
ABOUT = "about.json"
_OURS = re.compile(r"[a-z-]+-\d+-\d{5,}(\.jpg)?")


@dataclass(frozen=True)
class Order:
    """What to draw: the first `count` products; the first `queries` get a query photo."""

    seed: int
    count: int
    queries: int
    seller: str = "demo"


def shoot(out: Path, order: Order, drawn: Callable[[], None] = lambda: None) -> list[Listing]:
    """Draw what is missing and return every product; calls `drawn` after each of them."""
    _prepare(out)
    products = catalogue(order.seed, order.count)
    missing = []
    for product in products:
        wants_query = product.index < order.queries
        if _complete(out, order.seed, product, wants_query):
            drawn()
        else:
            missing.append((out, order.seed, product, wants_query))
    for _ in _draw_all(missing):
        drawn()
    listings = [_listing(out, order, product) for product in products]
    _write_tables(out, order, products, listings)
    return listings


def _prepare(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        edition = json.loads((out / ABOUT).read_text())["edition"]
    except FileNotFoundError:
        edition = None
    except (ValueError, KeyError, TypeError):
        edition = 0
    except OSError as error:
        raise Misconfigured(
            f"The pictures cannot be kept in {out} ({error}): give --out."
        ) from error
    if edition not in (None, EDITION):
        for folder in (out / "catalog", out / "queries"):
            _forget(folder)
    (out / ABOUT).write_text(json.dumps({"edition": EDITION}))


def _forget(folder: Path) -> None:
    """Remove what an older edition drew, and nothing that somebody else put there."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if _OURS.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _paths(out: Path, seed: int, product: DemoProduct) -> tuple[list[Path], Path]:
    folder = out / "catalog" / product.sku
    count = photo_count(seed, product.index)
    return [folder / f"{k + 1}.jpg" for k in range(count)], out / "queries" / f"{product.sku}.jpg"


def _complete(out: Path, seed: int, product: DemoProduct, wants_query: bool) -> bool:
    taken, query = _paths(out, seed, product)
    return all(path.exists() for path in taken) and (query.exists() or not wants_query)


Task = tuple[Path, int, DemoProduct, bool]


def _draw(task: Task) -> None:
    out, seed, product, wants_query = task
    taken, query = _paths(out, seed, product)
    if not all(path.exists() for path in taken):
        for path, data in zip(taken, photos(seed, product), strict=True):
            _write(path, data)
    if wants_query and not query.exists():
        _write(query, query_photo(seed, product))


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: what exists counts as drawn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)


def _draw_all(tasks: Sequence[Task]) -> Iterator[None]:
    workers = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, 16)
    if len(tasks) < 4 or workers < 2:
        for task in tasks:
            _draw(task)
            yield
        return
    # Spawned, not forked: the caller may have threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_leave_interrupts_to_the_parent)
    try:
        open_ = {pool.submit(_draw, task) for task in tasks}
        while open_:
            done, open_ = wait(open_, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _listing(out: Path, order: Order, product: DemoProduct) -> Listing:
    taken, query = _paths(out, order.seed, product)
    return Listing(
        id=f"{order.seller}:{product.sku}",
        product=ProductIn.model_validate(product.listing()),
        photos=tuple(taken),
        query=query if product.index < order.queries else None,
    )


def _write_tables(
    out: Path, order: Order, products: Sequence[DemoProduct], listings: Sequence[Listing]
) -> None:
    with (out / "images.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "coarse_label", "split"])
        for listing in listings:
            for path in listing.photos:
                rows.writerow(
                    [path.relative_to(out), listing.id, listing.product.category, "catalog"]
                )
            if listing.query:
                path = listing.query.relative_to(out)
                rows.writerow([path, listing.id, listing.product.category, "query"])
    with (out / "queries.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "product", "category", "condition"])
        for product, listing in zip(products, listings, strict=True):
            if listing.query:
                path = listing.query.relative_to(out)
                condition = condition_of(order.seed, product)
                rows.writerow([path, listing.id, listing.product.category, condition])
