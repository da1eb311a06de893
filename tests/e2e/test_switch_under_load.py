"""A shop changes its model, and back, while shoppers search and sellers list and delete."""

import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.e2e.conftest import Running, started
from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.embedding.registry import InstalledModel, ModelStore
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.media.decode import Limits, decode
from vitrine.wire import SearchResponse

NAMES = [f"timm:resnet10t?pretrained=false&seed={seed}&size=96" for seed in (3, 4)]
STANDING = 12
SHOPPERS = 3
CHURN = 5000
QUERY = json.dumps({"limit": STANDING})
LIMITS = Limits(20_000_000, 50_000_000)


@dataclass
class Shop:
    """What the threads know and find wrong. `gone` holds what was deleted for certain."""

    running: Running
    cosines: dict[str, np.ndarray]
    stop: threading.Event = field(default_factory=threading.Event)
    wrong: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    listed: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def ask(self, http: httpx.Client, number: int, product: str) -> None:
        """Search by a product's own picture; the answer has to be of one model throughout."""
        gone = set(self.gone)
        # Not by the client of ours, which asks again when it is told to.
        response = http.post(
            "/v1/search",
            files={
                "image": ("photo.jpg", jpeg(number)),
                "query": (None, QUERY, "application/json"),
            },
        )
        if response.status_code != 200:
            self.wrong.append(f"{response.status_code} {response.text}")
            return
        answer = SearchResponse.model_validate(response.json())
        self.answers.append(answer.model.digest)
        best = answer.results[0]
        if best.product.id != product or best.score < 0.99:
            self.wrong.append(f"{product}: found {best.product.id} {best.score}")
        shown = {result.product.id for result in answer.results}
        if shown & gone:
            self.wrong.append(f"deleted and shown: {shown & gone}")
        if number < STANDING:
            self._compare(answer, number)

    def _compare(self, answer: SearchResponse, number: int) -> None:
        """Hold the scores against the cosines that the model named by the answer gives."""
        expected = self.cosines[answer.model.digest][number]
        for result in answer.results:
            _, kind, other = result.product.id.replace(":", "-").split("-")
            if kind == "standing" and abs(result.score - expected[int(other)]) > 0.01:
                self.wrong.append(
                    f"{answer.model.name}: {number} and {other} have {expected[int(other)]:.3f}, "
                    f"not {result.score:.3f}"
                )


@pytest.fixture(scope="module")
def models(models_dir: Path) -> list[InstalledModel]:
    store = ModelStore(models_dir)
    return [store.build(name) for name in NAMES]


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory, models_dir: Path, models: list[InstalledModel]
) -> Iterator[Running]:
    data_dir = tmp_path_factory.mktemp("switch") / "data"
    with started(data_dir, models_dir, VITRINE_MODEL=NAMES[0]) as running:
        yield running


def cosines(model: InstalledModel) -> np.ndarray:
    encoder = OpenVinoEncoder(model)
    side = encoder.spec.preprocessing.short_side
    pictures = [decode(jpeg(number), LIMITS, short_side=side) for number in range(STANDING)]
    vectors = encoder.encode(pictures).embedding
    return vectors @ vectors.T


def shopper(shop: Shop, seed: int) -> None:
    """Search for what stands all the time, one picture after the other."""
    random = np.random.default_rng(seed)
    key = shop.running.keys["storefront"]
    with httpx.Client(
        base_url=shop.running.url, headers={"Authorization": f"Bearer {key}"}, timeout=30
    ) as http:
        while not shop.stop.is_set():
            number = int(random.integers(STANDING))
            try:
                shop.ask(http, number, f"demo:standing-{number}")
            except Exception as error:  # noqa: BLE001 - any is a failed search
                shop.wrong.append(f"search: {error!r}")


def seller(shop: Shop) -> None:
    """List one product after the other, and delete every second one."""
    with shop.running.client("seller") as client:
        for number in itertools.count(CHURN):
            if shop.stop.is_set():
                return
            try:
                product = f"demo:passing-{number}"
                accepted = client.put_product(product, listing(), [jpeg(number)])
                job = client.wait(accepted.job.id, timeout=60)
                assert (job.state, job.counts.searchable) == ("done", 1), job
                if number % 2:
                    client.wait(client.delete_product(product).job.id, timeout=60)
                    shop.gone.add(product)
                else:
                    shop.listed[product] = number
            except Exception as error:  # noqa: BLE001 - any is a failed listing
                shop.wrong.append(f"listing: {error!r}")


def search_all(shop: Shop, digest: str) -> None:
    """Find everything that stands or was listed meanwhile, by one model and no other."""
    before = len(shop.answers)
    everything = {f"demo:standing-{number}": number for number in range(STANDING)} | shop.listed
    with shop.running.client("storefront") as client:
        for product, number in everything.items():
            answer = client.search(jpeg(number), limit=1)
            assert answer.model.digest == digest
            assert answer.results[0].product.id == product
            assert answer.results[0].score > 0.99
    assert len(shop.answers) > before or shop.stop.is_set()


def test_switch_and_rollback_under_load(platform: Running, models: list[InstalledModel]) -> None:
    shop = Shop(platform, {model.digest: cosines(model) for model in models})
    first, second = (shop.cosines[model.digest] for model in models)
    assert np.abs(first - second).max() > 0.05, "the two models can be told apart by their scores"
    with platform.client("seller") as client:
        jobs = [
            client.put_product(f"demo:standing-{number}", listing(), [jpeg(number)]).job.id
            for number in range(STANDING)
        ]
        for job in jobs:
            client.wait(job, timeout=60)
    threads = [threading.Thread(target=shopper, args=(shop, seed)) for seed in range(SHOPPERS)] + [
        threading.Thread(target=seller, args=(shop,))
    ]
    for thread in threads:
        thread.start()
    try:
        for arguments, model in (
            (["use", NAMES[1]], models[1]),
            (["use", "--rollback"], models[0]),
        ):
            listed = len(shop.listed)
            while len(shop.listed) < listed + 2 and not shop.wrong:
                shop.stop.wait(0.2)
            done = platform.vitrine("models", *arguments)
            assert done.returncode == 0, done.stderr
            search_all(shop, model.digest)
    finally:
        shop.stop.set()
        for thread in threads:
            thread.join(90)
    assert shop.wrong == []
    search_all(shop, models[0].digest)
    assert set(shop.answers) == {model.digest for model in models}
    order = [digest for digest, _ in itertools.groupby(shop.answers)]
    assert order[0] == order[-1] == models[0].digest
    assert shop.gone, "something was deleted meanwhile"
    print(f"{len(shop.answers)} searches, {len(shop.listed) + len(shop.gone)} listings")
