"""A seller lists, a storefront finds: over HTTP, on the running platform."""

import base64
import json
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import Running
from tests.integration.conftest import listing
from tests.pictures import jpeg


def found_ids(response) -> list[str]:
    return [result.product.id for result in response.results]


def test_list_watch_find_change_and_delete(running: Running) -> None:
    with running.client("seller") as seller, running.client("storefront") as shop:
        accepted = seller.put_product("demo:one", listing(price="20.00"), [jpeg(201), jpeg(202)])
        job = seller.wait(accepted.job.id, timeout=60)
        assert (job.state, job.counts.searchable) == ("done", 2)

        answer = shop.search(jpeg(201))
        assert found_ids(answer)[0] == "demo:one"
        assert answer.results[0].score > 0.99
        assert answer.timing_ms.total > 0
        assert answer.model.name == "vitrine-r18"
        assert answer.model.trained

        cheap = {"price": {"lt": 10}}
        assert "demo:one" not in found_ids(shop.search(jpeg(201), filter=cheap))
        patched = seller.patch_product("demo:one", price="9.00")
        seller.wait(patched.job.id, timeout=30)
        assert found_ids(shop.search(jpeg(201), filter=cheap))[0] == "demo:one"

        seller.wait(seller.delete_product("demo:one").job.id, timeout=30)
        assert "demo:one" not in found_ids(shop.search(jpeg(201)))
        gone = httpx.get(running.url + accepted.product.images[0].url)
        assert gone.status_code == 404


def test_one_corrupt_picture_of_five(running: Running) -> None:
    with running.client("seller") as seller:
        files = [jpeg(210), jpeg(211), b"this is no picture", jpeg(212), jpeg(213)]
        accepted = seller.put_product("demo:five", listing(), files)
        job = seller.wait(accepted.job.id, timeout=60)
        assert (job.state, job.counts.searchable, job.counts.failed) == ("done", 4, 1)
        assert job.errors[0].image == accepted.product.images[2].id
        seller.wait(seller.delete_product("demo:five").job.id, timeout=30)


def test_search_by_base64_and_by_product_and_similar(running: Running) -> None:
    with running.client("seller") as seller, running.client("storefront") as shop:
        for number in (220, 221):
            accepted = seller.put_product(f"demo:n{number}", listing(), [jpeg(number)])
            seller.wait(accepted.job.id, timeout=60)
        key = running.keys["storefront"]
        answer = httpx.post(
            f"{running.url}/v1/search",
            headers={"Authorization": f"Bearer {key}"},
            json={"image_base64": base64.b64encode(jpeg(220)).decode(), "limit": 1},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["results"][0]["product"]["id"] == "demo:n220"
        assert "demo:n221" in found_ids(shop.search(product_id="demo:n220", limit=100))
        assert "demo:n220" not in found_ids(shop.similar("demo:n220", limit=100))


def test_search_from_the_command_line(running: Running, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(jpeg(230))
    with running.client("seller") as seller:
        product = listing(title="Lighthouse lamp")
        seller.wait(seller.put_product("demo:lamp", product, [jpeg(230)]).job.id, timeout=60)
    table = running.vitrine("search", str(photo), "--limit", "3")
    assert table.returncode == 0, table.stderr
    assert "Lighthouse lamp" in table.stdout
    assert "Model: vitrine-r18." in table.stdout
    as_json = running.vitrine("search", str(photo), "--json", "--limit", "1")
    assert json.loads(as_json.stdout)["results"][0]["product"]["id"] == "demo:lamp"


@pytest.mark.parametrize("role", ["storefront", "ads"])
def test_only_sellers_list(running: Running, role: str) -> None:
    answer = httpx.put(
        f"{running.url}/v1/products/demo:mine",
        headers={"Authorization": f"Bearer {running.keys[role]}"},
        files={
            "product": (None, listing().model_dump_json(), "application/json"),
            "images": ("a.jpg", jpeg(1), "image/jpeg"),
        },
    )
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_index_can_be_rebuilt_while_searches_go_on(running: Running) -> None:
    with running.client("seller") as seller, running.client("storefront") as shop:
        accepted = seller.put_product("demo:built", listing(), [jpeg(240)])
        seller.wait(accepted.job.id, timeout=60)
        rebuilt = running.vitrine("index", "rebuild")
        assert rebuilt.returncode == 0, rebuilt.stderr
        assert found_ids(shop.search(jpeg(240)))[0] == "demo:built"
        checked = running.vitrine("index", "verify", "--check", "--json")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert json.loads(checked.stdout)["compared"] >= 1


def test_commands_keep_logs_out_of_what_they_print(running: Running) -> None:
    rebuilt = running.vitrine("index", "rebuild")
    (line,) = rebuilt.stdout.splitlines()
    assert "answers from now on" in line
