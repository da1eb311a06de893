"""A seller lists, a storefront finds: over HTTP, on the running platform."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import Running
from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.client import ApiError, AsyncVitrineClient
from vitrine.wire import SearchResult


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


def test_search_by_words_and_by_both(running: Running, tmp_path: Path) -> None:
    names = {"demo:teapot-1": "Crimson teapot", "demo:teapot-2": "Turquoise teapot"}
    with running.client("seller") as seller:
        for number, (product, title) in enumerate(names.items(), start=250):
            accepted = seller.put_product(product, listing(title=title), [jpeg(number)])
            assert seller.wait(accepted.job.id, timeout=60).state == "done"

    async def ask() -> None:
        async with AsyncVitrineClient(running.url, running.keys["storefront"]) as shop:
            words, both, paged = await asyncio.gather(
                shop.search(text="turqoise teapot", limit=1, facets=["brand"], explain=True),
                shop.search(jpeg(250), text="turquoise", limit=2),
                all_of(shop.iter_search(text="teapot", limit=1)),
            )
            assert found_ids(words) == ["demo:teapot-2"]
            assert [one.meant for one in words.query.corrections] == ["turquoise"]
            assert words.facets[0].products >= 1
            assert words.results[0].parts
            assert both.query.by == "hybrid"
            assert set(found_ids(both)) == set(names)
            assert sorted(hit.product.id for hit in paged) == sorted(names)
            kept = await shop.upload(jpeg(250))
            again = await shop.search(upload_id=kept.upload_id, limit=1)
            assert found_ids(again) == ["demo:teapot-1"]
            await shop.delete_upload(kept.upload_id)
            with pytest.raises(ApiError, match="no such upload"):
                await shop.search(upload_id=kept.upload_id)

    asyncio.run(ask())
    (tmp_path / "photo.jpg").write_bytes(jpeg(250))
    heat = tmp_path / "why.png"
    asked = ["--text", "turqoise teapot", "--facets", "price", "--heat", str(heat)]
    table = running.vitrine("search", str(tmp_path / "photo.jpg"), *asked)
    assert table.returncode == 0, table.stderr
    assert 'Searched for "turquoise" instead of "turqoise".' in table.stdout
    assert "Turquoise teapot" in table.stdout
    assert heat.read_bytes().startswith(b"\x89PNG")
    completed = running.vitrine("suggest", "turqoise tea")
    assert "turquoise teapot" in completed.stdout, completed.stderr


async def all_of(hits: AsyncIterator[SearchResult]) -> list[SearchResult]:
    return [hit async for hit in hits]


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
