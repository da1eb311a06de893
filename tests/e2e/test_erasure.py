"""After the erasure nothing holds the user's name: no table, no cache, no log, no file.

The data files of PostgreSQL are left out: they hold deleted rows until they are vacuumed.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import redis
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from tests.e2e.conftest import Running
from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.client import VitrineClient
from vitrine.db import make_engine
from vitrine.settings import read_running

PRODUCTS = ("demo:forget-1", "demo:forget-2")


@pytest.fixture
def engine(running: Running) -> Iterator[Engine]:
    """A connection as the api has it."""
    engine = make_engine(read_running(running.data_dir)["database_url"])
    yield engine
    engine.dispose()


@pytest.fixture
def shop(running: Running) -> Iterator[VitrineClient]:
    """A shop with two products, asked by an admin."""
    with running.client("admin") as admin:
        for seed, product in enumerate(PRODUCTS):
            admin.wait(admin.put_product(product, listing(), [jpeg(seed)]).job.id)
        yield admin
        for product in PRODUCTS:
            admin.wait(admin.delete_product(product).job.id)


def test_nothing_holds_the_name_of_who_was_erased(
    running: Running, shop: VitrineClient, engine: Engine
) -> None:
    mark = uuid4().hex
    user, browser = f"user-{mark}", f"browser-{mark}"
    behave(running, shop, user, browser)
    fail_with(engine, user)
    wait_for_profiles(engine)
    assert tables_with(engine, mark) == ["people"]

    exported = running.vitrine("users", "export", user)
    assert (exported.returncode, mark in exported.stdout) == (0, True), exported.stderr
    erased = running.vitrine("users", "erase", user, "--yes")
    assert (erased.returncode, "Erased 6 events" in erased.stdout) == (0, True), erased.stdout

    assert tables_with(engine, mark) == []
    assert keys_with(running, mark) == []
    assert files_with(running, mark) == []
    again = shop.send_events([view(user, "1")])
    assert (again.accepted, again.duplicates) == (0, 1)
    with httpx.Client(base_url=running.url, headers=key(running)) as http:
        assert http.get(f"/v1/users/{browser}/export").status_code == 404


def key(running: Running) -> dict[str, str]:
    return {"Authorization": f"Bearer {running.keys['admin']}"}


def view(user: str, number: str, **more: Any) -> dict[str, Any]:
    items = [{"item_id": PRODUCTS[0], **more.pop("item", {})}]
    params = {"items": items, "search_term": "a gift"}
    return {"name": "view_item", "event_id": f"{user}.{number}", "user_id": user,
            "params": params, **more}  # fmt: skip


def behave(running: Running, shop: VitrineClient, user: str, browser: str) -> None:
    """Do all that a shopper can do, well and badly."""
    alone = {**view(user, "0", client_id=browser), "user_id": None}
    shop.send_events([alone])
    shop.send_events([view(user, "1"), view(user, "2", client_id=browser)])
    with httpx.Client(base_url=running.url, headers=key(running)) as http:
        paths = http.get("/openapi.json").json()["paths"]
        of_user = [path for path in paths if path.startswith("/v1/users/{user}/")]
        assert len(of_user) >= 2
        for name in (user, browser):
            for path in of_user:
                answer = http.get(path.replace("{user}", name))
                assert answer.status_code == 200, (path, answer.text)
        shown = http.get(f"/v1/users/{user}/recommendations").json()["results"]
        for at, one in enumerate(shown[:2]):
            item = {"item_id": one["product"]["id"], "token": one["token"]}
            shop.send_events([view(user, f"t{at}", item=item, client_id=browser)])
        assert len(shown) >= 2
        for bad in ({"item": {"price": user}}, {"timestamp_micros": 1}, {"name": user}):
            assert shop.send_events([view(user, "bad", **bad)]).accepted == 0
        assert shop.send_events([view(user, "x", item={"item_id": "demo:gone"})]).warnings
        for path in (f"/v1/users/{user}", f"/v1/users/{user}/nothing", f"/{user}"):
            assert http.get(path, params={"q": user}).status_code in {404, 405}
        assert http.get("/v1/search", params={"user": user}).status_code in {404, 405}


def fail_with(engine: Engine, user: str) -> None:
    """Let a statement that names the user fail; what is raised is what would be logged."""
    with pytest.raises(IntegrityError, match="duplicate key") as caught, engine.begin() as writes:
        writes.execute(text("insert into people (kind, name) values ('user', :name)"),
                       {"name": user})  # fmt: skip
    assert user not in str(caught.value)
    assert user not in repr(caught.value)


def wait_for_profiles(engine: Engine) -> None:
    """Wait until the worker has made the profiles."""
    until = time.monotonic() + 60
    owed = text("select count(*) from work where kind = 'profile'")
    while time.monotonic() < until:
        with engine.connect() as connection:
            if connection.execute(owed).scalar_one() == 0:
                return
        time.sleep(0.1)
    pytest.fail("the worker made no profile")


def tables_with(engine: Engine, mark: str) -> list[str]:
    """Which tables have it in any column, as text or as bytes."""
    tables = text(
        "select quote_ident(relname) from pg_class join pg_namespace on pg_namespace.oid ="
        " relnamespace where nspname = 'public' and relkind in ('r', 'm') order by relname"
    )
    patterns = {"text": f"%{mark}%", "bytes": f"%{mark.encode().hex()}%"}
    with engine.connect() as connection:
        names = list(connection.execute(tables).scalars())
        assert {"people", "profiles", "work"} < set(names)
        return [
            name
            for name in names
            if connection.execute(
                text(
                    f"select exists (select from {name} as one where one::text like :text"
                    " or one::text like :bytes)"
                ),
                patterns,
            ).scalar_one()
        ]


def keys_with(running: Running, mark: str) -> list[str]:
    """Which keys of Redis have it in their name or value, messages that wait included."""
    readers = {
        b"string": lambda client, name: client.get(name),
        b"list": lambda client, name: client.lrange(name, 0, -1),
        b"set": lambda client, name: client.smembers(name),
        b"zset": lambda client, name: client.zrange(name, 0, -1),
        b"hash": lambda client, name: client.hgetall(name),
    }
    found = []
    with redis.Redis.from_url(read_running(running.data_dir)["redis_url"]) as client:
        names = list(client.scan_iter(count=1000))
        assert names
        for name in names:
            kind = client.type(name)
            if kind == b"none":
                continue  # over by now
            if mark.encode() in name or mark in str(readers[kind](client, name)):
                found.append(name.decode())
    return found


def files_with(running: Running, mark: str) -> list[Path]:
    """Which files have it: blobs, logs, the vector index, and whatever else there is."""
    folder = running.data_dir
    files = [
        file
        for file in (*folder.rglob("*"), folder.parent / "up.log")
        if file.is_file() and file.relative_to(folder.parent).parts[1:2] != ("postgres",)
    ]
    names = {file.name for file in files}
    assert {"up.log", "api.log", "worker.log", "postgres.log"} <= names, names
    return [file for file in files if mark.encode() in file.read_bytes()]
