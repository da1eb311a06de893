"""The embedded servers: real ones, in a directory of their own."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import create_engine, make_url, text

from vitrine.embedded.datadir import write_private_json
from vitrine.embedded.leftovers import stop_leftovers
from vitrine.embedded.processes import started_at
from vitrine.embedded.services import EmbeddedServices
from vitrine.errors import Misconfigured

SCRIPT = """
import sys, time
from pathlib import Path
from vitrine.embedded.services import EmbeddedServices
services = EmbeddedServices(Path(sys.argv[1]), durable=False)
services.start()
print(services.postgres.pid, services.redis.pid, services.milvus.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedServices]:
    services = EmbeddedServices(tmp_path / "data", durable=False)
    yield services
    services.stop()


def test_each_server_answers(stack: EmbeddedServices) -> None:
    with create_engine(stack.urls.database_url).connect() as connection:
        assert str(connection.scalar(text("show server_version"))).startswith("18.")
        assert not connection.scalar(
            text("select rolsuper from pg_roles where rolname = current_user")
        )
    with redis.Redis.from_url(stack.urls.redis_url) as client:
        assert client.ping()
    assert stack.milvus.answers()


def test_a_password_is_required(stack: EmbeddedServices) -> None:
    url = make_url(stack.urls.database_url)
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(
            host=url.host, port=url.port, user=url.username, password="wrong", dbname=url.database
        )
    with (
        redis.Redis(port=stack.redis.port, retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}  # the second: the same, as IPv6


def test_servers_listen_on_loopback_only(stack: EmbeddedServices) -> None:
    ports = {service.port for service in stack.all}
    listening = _listening()
    assert ports <= set(listening)
    for port in ports:
        assert listening[port] <= LOOPBACK, f"port {port} is open to others"


def test_secrets_are_private_and_no_password_is_on_a_command_line(stack: EmbeddedServices) -> None:
    home = stack.home
    for name in ("secrets.json", "ports.json", "redis/redis.conf"):
        assert stat.S_IMODE((home.path / name).stat().st_mode) == 0o600
    for service in stack.all:
        command_line = Path(f"/proc/{service.pid}/cmdline").read_text()
        for secret in ("postgres", "database", "redis"):
            assert home.secret(secret) not in command_line


def test_data_is_there_after_a_restart_and_a_taken_port_is_left_alone(
    own: EmbeddedServices,
) -> None:
    own.postgres.start()
    first = own.postgres.port
    _execute(own.postgres.url, "create table kept as select 7 as seven")
    own.postgres.stop()
    with socket.create_server(("127.0.0.1", first)):
        own.postgres.start()
    assert own.postgres.port != first
    assert _execute(own.postgres.url, "select seven from kept") == 7


def test_a_killed_server_comes_back_with_its_data(own: EmbeddedServices) -> None:
    own.postgres.start()
    _execute(own.postgres.url, "create table kept as select 7 as seven")
    own.postgres.kill()
    own.postgres.start()
    assert _execute(own.postgres.url, "select seven from kept") == 7


def test_a_stale_lock_of_postgres_is_no_obstacle(own: EmbeddedServices) -> None:
    own.postgres.start()
    own.postgres.stop()
    stale = own.home.path / "postgres" / "postmaster.pid"
    # This very process has the noted id: PostgreSQL alone would believe that it still runs.
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n1\n{own.postgres.port}\n\n127.0.0.1\n\n")
    owner = stale.parent.stat()
    os.chown(stale, owner.st_uid, owner.st_gid)
    own.postgres.start()
    assert _execute(own.postgres.url, "select 1") == 1


def test_an_interrupted_initialisation_is_made_again(own: EmbeddedServices) -> None:
    half = own.home.path / "postgres.new"
    (half / "base").mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    own.postgres.start()
    assert _execute(own.postgres.url, "select 1") == 1
    assert not half.exists()


def test_a_foreign_directory_is_named_and_not_touched(own: EmbeddedServices) -> None:
    foreign = own.home.path / "postgres"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    with pytest.raises(Misconfigured, match="Move it away"):
        own.postgres.start()
    assert (foreign / "thesis.txt").read_text() == "mine"


def test_a_lost_password_is_named(own: EmbeddedServices) -> None:
    own.postgres.start()
    own.postgres.stop()
    write_private_json(own.home.path / "secrets.json", {"postgres": "another"})
    with pytest.raises(Misconfigured, match=r"secrets\.json"):
        own.postgres.start()


def test_a_deep_data_directory_works(tmp_path: Path) -> None:
    """Too deep for a socket file, whose path may have 107 bytes."""
    deep = tmp_path / ("d" * 60) / ("with space" * 8)
    services = EmbeddedServices(deep, durable=False)
    try:
        services.postgres.start()
        services.redis.start()
        assert services.redis.answers()
    finally:
        services.stop()


def test_an_unwritable_data_directory_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(Misconfigured, match="VITRINE_DATA_DIR"):
        EmbeddedServices(blocked / "data")


def test_nothing_is_left_when_the_owner_is_killed(tmp_path: Path) -> None:
    owner = _start_in_another_process(tmp_path)
    pids = _pids_of(owner)
    owner.kill()
    owner.wait()
    deadline = time.monotonic() + 20
    while left := [pid for pid in pids if started_at(pid)]:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def test_what_outlives_its_owner_is_stopped_at_the_next_start(tmp_path: Path) -> None:
    owner = _start_in_another_process(tmp_path)
    pids = _pids_of(owner)
    # A stopped process does not act on the kernel's notice: stands for one that hangs.
    for pid in pids[1:]:
        os.kill(pid, signal.SIGSTOP)
    owner.kill()
    owner.wait()
    services = EmbeddedServices(tmp_path, durable=False)
    assert {"redis", "milvus"} <= set(stop_leftovers(services.home, grace_seconds=1))
    assert not [pid for pid in pids if started_at(pid)]
    with services:
        assert services.redis.answers()


def _start_in_another_process(data_dir: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(data_dir)], stdout=subprocess.PIPE, text=True
    )


def _pids_of(owner: "subprocess.Popen[str]") -> list[int]:
    assert owner.stdout is not None
    pids = [int(pid) for pid in owner.stdout.readline().split()]
    assert len(pids) == 3
    assert all(started_at(pid) for pid in pids)
    return pids


def _execute(url: str, statement: str) -> object:
    engine = create_engine(url)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        found = result.scalar() if result.returns_rows else None
    engine.dispose()
    return found


def _listening() -> dict[int, set[str]]:
    """Listening TCP ports and the addresses they are bound to, in the kernel's notation."""
    found: dict[int, set[str]] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if state == "0A":
                address, _, port = local.rpartition(":")
                found.setdefault(int(port, 16), set()).add(address)
    return found
