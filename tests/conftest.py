"""What every test may ask for: the real servers, and a fresh platform on them.

One embedded stack serves the whole session; a test that asks for `settings` gets a database, a
Redis and a Milvus of its own making on it, empty. Tests that stop or kill a server start a stack
of their own (`vitrine.embedded.services.EmbeddedServices`).
"""

import os

# Tests start children from a process that talks to Milvus. Between fork and exec gRPC would wake
# its threads in the child, which write to its log and now and then abort it: `VectorIndex.close`.
# It reads this once, at its import; the programs that the tests start are not to inherit it.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
import pymilvus  # noqa: F401

del os.environ["GRPC_ENABLE_FORK_SUPPORT"]

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import redis
import structlog
from psycopg2.errors import InsufficientPrivilege
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from vitrine import embedding
from vitrine.embedded.services import EmbeddedServices, ServiceUrls
from vitrine.index.client import VectorIndex
from vitrine.migrations import upgrade
from vitrine.settings import Settings

TEMPLATE = "vitrine_template"
_END_SESSIONS = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = :name and usename = current_user"
)
DatabaseFrom = Callable[[str], AbstractContextManager[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vitrine")
    group.addoption(
        "--fuzz-examples",
        type=int,
        default=6,
        metavar="N",
        help="generated requests for every call of the api, and phase of schemathesis",
    )
    group.addoption(
        "--mutations", type=int, default=600, metavar="N", help="hostile requests to send"
    )
    group.addoption(
        "--fuzz-seed", type=int, default=1, metavar="N", help="other requests than in CI"
    )


def pytest_configure() -> None:
    """A developer's own settings are not a test's."""
    for name in [name for name in os.environ if name.startswith("VITRINE_")]:
        del os.environ[name]
    # As it comes, structlog draws every local of a traceback, which takes minutes for some of ours.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServices]:
    """The servers of this session, running. Do not stop them: others use them too."""
    services = EmbeddedServices(tmp_path_factory.mktemp("stack"), durable=False)
    services.start()
    yield services
    services.stop()


@pytest.fixture(scope="session")
def services(stack: EmbeddedServices) -> ServiceUrls:
    """Where the servers of this session listen."""
    return stack.urls


@pytest.fixture(scope="session")
def maintenance(services: ServiceUrls) -> Iterator[Engine]:
    """A connection that may create and drop databases."""
    engine = create_engine(services.database_url, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def template_database(services: ServiceUrls, maintenance: Engine) -> str:
    """A migrated database that is only ever copied."""
    with maintenance.connect() as connection:
        connection.execute(text(f"create database {TEMPLATE}"))
    upgrade(_on(services.database_url, TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="session")
def database_from(services: ServiceUrls, maintenance: Engine) -> DatabaseFrom:
    """Copy a template under a name of its own, for as long as it is needed."""

    @contextmanager
    def database_from(template: str) -> Iterator[str]:
        name = f"test_{uuid4().hex}"
        with maintenance.connect() as connection:
            connection.execute(text(f"create database {name} template {template}"))
        yield _on(services.database_url, name)
        with maintenance.connect() as connection:
            _drop(connection, name)

    return database_from


@pytest.fixture
def empty_database_url(database_from: DatabaseFrom) -> Iterator[str]:
    """A new database without a table."""
    with database_from("template1") as url:
        yield url


@pytest.fixture
def database_url(database_from: DatabaseFrom, template_database: str) -> Iterator[str]:
    """A new database, migrated."""
    with database_from(template_database) as url:
        yield url


@pytest.fixture
def redis_url(services: ServiceUrls) -> str:
    """The session's Redis, emptied."""
    with redis.Redis.from_url(services.redis_url) as client:
        client.flushall()
    return services.redis_url


@pytest.fixture
def milvus_uri(services: ServiceUrls) -> str:
    """The session's Milvus Lite, with no collection in it."""
    index = VectorIndex(services.milvus_uri)
    for collection in index.collections():
        index.drop(collection)
    return services.milvus_uri


@pytest.fixture(scope="session")
def models_dir(pytestconfig: pytest.Config) -> Path:
    """One place for exported models: each is exported once, until the code that exports changes."""
    source = Path(embedding.__file__ or "").parent
    digest = hashlib.sha256()
    for file in sorted(source.rglob("*.py")):
        digest.update(file.read_bytes())
    assert pytestconfig.cache is not None
    directory: Path = pytestconfig.cache.mkdir("models") / digest.hexdigest()[:16]
    directory.mkdir(exist_ok=True)
    return directory


@pytest.fixture
def settings(
    tmp_path: Path, database_url: str, redis_url: str, milvus_uri: str, models_dir: Path
) -> Settings:
    """The settings of an empty platform on the real servers."""
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        redis_url=redis_url,
        milvus_uri=milvus_uri,
        models_dir=models_dir,
        blob_url=f"file://{tmp_path / 'blobs'}",
        secret_key="a secret key that only the tests use",
    )


def _drop(connection: Connection, name: str) -> None:
    try:
        connection.execute(text(f"drop database {name} with (force)"))
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        # Autovacuum is in it, whose process belongs to the server, and PostgreSQL ends nobody's
        # session then. Those that a test left open are ended here; autovacuum goes when asked.
        connection.execute(text(_END_SESSIONS), {"name": name})
        connection.execute(text(f"drop database {name}"))


def _on(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)
