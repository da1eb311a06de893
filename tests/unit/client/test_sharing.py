"""One client, many threads or tasks."""

import asyncio
import threading
from typing import Any

from tests.unit.client.conftest import PRODUCT, Shop

from vitrine.client import AsyncVitrineClient, VitrineClient


def test_threads_may_share_a_client(shop: Shop, url: str) -> None:
    shop.on("GET", "/v1/products/<id>", lambda id: {**PRODUCT, "sku": id})
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(10):
            wanted = f"{number}-{turn}"
            if client.get_product(wanted).sku != wanted:
                wrong.append(wanted)

    with VitrineClient(url, "k") as client:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
    assert len(shop.seen) == 80


def test_tasks_may_share_a_client(shop: Shop, url: str) -> None:
    waiting, together = [], threading.Event()

    def get(id: str) -> Any:
        waiting.append(id)
        if len(waiting) == 8:
            together.set()
        return {**PRODUCT, "sku": id if together.wait(20) else "alone"}

    shop.on("GET", "/v1/products/<id>", get)

    async def read() -> list[str]:
        async with AsyncVitrineClient(url, "k") as client:
            found = await asyncio.gather(*(client.get_product(f"p{n}") for n in range(8)))
            return [product.sku for product in found]

    assert asyncio.run(read()) == [f"p{n}" for n in range(8)]
