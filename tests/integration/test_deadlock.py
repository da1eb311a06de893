"""Sellers and workers change the same listings: none of them may end the other's transaction."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import insert, select, text

from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.assembly import Platform
from vitrine.catalog.models import Seller
from vitrine.catalog.service import Catalog
from vitrine.db import again_after_deadlock


def test_what_postgresql_ends_for_another_runs_again(platform: Platform) -> None:
    with platform.sessions.begin() as session:
        session.execute(insert(Seller), [{"id": id_, "name": id_} for id_ in ("one", "two")])
    both_hold_one = threading.Barrier(2)
    attempts: list[str] = []

    @again_after_deadlock
    def lock(first: str, second: str) -> None:
        attempts.append(first)
        with platform.sessions.begin() as session:
            for id_ in (first, second):
                session.scalars(select(Seller).where(Seller.id == id_).with_for_update()).one()
                if id_ == first and len(attempts) <= 2:
                    both_hold_one.wait(10)

    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(lock, "one", "two"), pool.submit(lock, "two", "one")]
        assert [one.result(30) for one in found] == [None, None]
    assert len(attempts) > 2, "one of them was ended"


def test_workers_and_sellers_lock_in_one_order(
    platform: Platform, catalog: Catalog, work_off: Callable[[], int]
) -> None:
    """A product's pictures turn round while a worker embeds them, and nobody meets a deadlock."""
    before = _deadlocks(platform)
    stop = threading.Event()
    failed: list[BaseException] = []

    def sell(sku: str, seeds: range) -> None:
        for round_ in range(5):
            files = [jpeg(1000 * round_ + seed, size=(64, 48)) for seed in seeds]
            for order in (files, files[::-1], files[1:]):
                try:
                    catalog.put("acme", sku, listing(price=f"{round_ + 1}.00"), order)
                except BaseException as error:
                    failed.append(error)
                    raise

    def embed() -> None:
        while not stop.is_set():
            work_off()

    sellers = [
        threading.Thread(target=sell, args=(f"p{number}", range(number, number + 4)))
        for number in range(3)
    ]
    worker = threading.Thread(target=embed)
    for thread in (worker, *sellers):
        thread.start()
    for thread in sellers:
        thread.join()
    stop.set()
    worker.join()
    assert not failed
    assert _deadlocks(platform) == before


def _deadlocks(platform: Platform) -> int:
    with platform.sessions() as session:
        session.execute(text("select pg_stat_force_next_flush()"))
        found = text("select deadlocks from pg_stat_database where datname = current_database()")
        return int(session.execute(found).scalar_one())
