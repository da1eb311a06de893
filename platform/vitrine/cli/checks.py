"""The checks of `vitrine doctor`, each a function from settings to findings."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version

import httpx
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from vitrine import db, work
from vitrine.assembly import Platform, assemble
from vitrine.catalog.keys import authenticate
from vitrine.cli import phrases
from vitrine.embedded.datadir import read_json
from vitrine.embedded.processes import started_at
from vitrine.errors import VitrineError
from vitrine.index.generations import active_generation
from vitrine.migrations import pending_migration
from vitrine.settings import KEYS_FILE, Settings, read_running, unknown_variables

GIB = 1024**3
LITTLE_DISK = 2 * GIB
TOO_LITTLE_DISK = GIB // 4
PACKAGES = ("celery", "openvino", "pymilvus", "sqlalchemy")
OPTIONAL = {"torch": "exports and GPU embedding", "milvus-lite": "`vitrine up`"}


class Grade(Enum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """What was found; `part` tells several findings of one check apart."""

    grade: Grade
    text: str
    part: str = ""


Check = Callable[[Settings], Iterator[Finding]]


def good(text: str, part: str = "") -> Finding:
    return Finding(Grade.GOOD, text, part)


def bad(text: str, part: str = "") -> Finding:
    return Finding(Grade.BAD, text, part)


def warning(text: str, part: str = "") -> Finding:
    return Finding(Grade.WARNING, text, part)


def examine(check: Check, settings: Settings) -> list[Finding]:
    """Run a check; what it raises is its finding."""
    try:
        return list(check(settings))
    except (VitrineError, SQLAlchemyError, RedisError, OSError) as error:
        return [bad(_first_line(error))]


def versions(settings: Settings) -> Iterator[Finding]:
    yield good(sys.version.split()[0], "python")
    for package in ("vitrine", *PACKAGES):
        yield good(version(package), package)
    for package, purpose in OPTIONAL.items():
        try:
            yield good(version(package), package)
        except PackageNotFoundError:
            yield good(f"not installed; only {purpose} needs it", package)


def variables(settings: Settings) -> Iterator[Finding]:
    unknown = unknown_variables()
    if not unknown:
        yield good("every VITRINE_… variable is known")
    for name, sentence in unknown.items():
        yield warning(sentence, name)


def data_directory(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir
    if not path.exists():
        yield warning(f"{path} does not exist yet; `vitrine up` makes it")
        return
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        yield bad(f"{path} cannot be written: {error.strerror}. Set VITRINE_DATA_DIR.")
        return
    free = shutil.disk_usage(path).free
    text = f"{path}, {free / GIB:.1f} GiB free"
    if free < TOO_LITTLE_DISK:
        yield bad(f"{text}: free some space, or move VITRINE_DATA_DIR")
    else:
        yield warning(f"{text}: that is little") if free < LITTLE_DISK else good(text)


def running(settings: Settings) -> Iterator[Finding]:
    pid = read_running(settings.data_dir).get("pid")
    if pid is None:
        yield good("`vitrine up` does not run on this data directory")
    elif started_at(int(pid)) is None:
        yield warning(f"`vitrine up` (process {pid}) was killed; start it again")
    else:
        yield good(f"`vitrine up` runs as process {pid}")


def postgres(settings: Settings) -> Iterator[Finding]:
    platform = assemble(settings)
    reason = db.ping(platform.engine)
    if reason is not None:
        yield bad(f"{reason} (VITRINE_DATABASE_URL; is `vitrine up` running?)")
        return
    yield good(_place(platform))
    pending = pending_migration(platform.engine)
    yield bad(pending, "schema") if pending else good("up to date", "schema")


def redis(settings: Settings) -> Iterator[Finding]:
    try:
        assemble(settings).redis.ping()
    except RedisError as error:
        yield bad(f"{_first_line(error)} (VITRINE_REDIS_URL; is `vitrine up` running?)")
    else:
        yield good("answers")


def milvus(settings: Settings) -> Iterator[Finding]:
    index = assemble(settings).index
    reason = index.ping()
    if reason is not None:
        yield bad(f"{reason} (VITRINE_MILVUS_URI; is `vitrine up` running?)")
    else:
        yield good(f"{phrases.milvus(index.capabilities)} at {settings.milvus_uri}")


def blobs(settings: Settings) -> Iterator[Finding]:
    reason = assemble(settings).blobs.ping()
    yield bad(f"{reason} (VITRINE_BLOB_URL)") if reason else good(settings.blob_url)


def model(settings: Settings) -> Iterator[Finding]:
    platform = assemble(settings)
    with platform.sessions() as session:
        generation = active_generation(session)
    found = platform.encoders.find(generation.model)
    if found.spec.trained:
        yield good(found.name)
    else:
        yield warning(f"{found.name} is untrained. {phrases.HOW_TO_TRAINED}")
    for one in platform.ingest.holdings:
        name = one.collection(generation)
        if not platform.index.exists(name):
            yield bad(f"the collection {name} is gone: run `vitrine index rebuild`", "index")


def api(settings: Settings) -> Iterator[Finding]:
    url = f"{settings.api_url}/readyz"
    try:
        answer = httpx.get(url, timeout=10, trust_env=False)
    except httpx.HTTPError as error:
        yield bad(f"{settings.api_url} does not answer ({error}); start `vitrine up`")
        return
    if answer.status_code == httpx.codes.OK:
        yield good(f"{settings.api_url} is ready")
    else:
        yield bad(f"{url} says {answer.status_code}: {answer.text[:200]}")


def key_file(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir / KEYS_FILE
    if not path.exists():
        yield good("none here; `vitrine keys create` prints a key")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield bad(f"{path} can be read by others: chmod 600 {path}")
    if not os.access(path, os.R_OK):
        yield bad(f"{path} belongs to another user")
        return
    kept = read_json(path)
    named = {**kept.get("seller", {}), **{k: v for k, v in kept.items() if k != "seller"}}
    with assemble(settings).sessions() as session:
        dead = [name for name, text in named.items() if authenticate(session, text) is None]
    if dead:
        yield bad(f"not in force: {', '.join(dead)}; `vitrine up` makes them anew", "in force")
    else:
        yield good(f"{len(named)} keys in {path}")


def owed_work(settings: Settings) -> Iterator[Finding]:
    with assemble(settings).sessions() as session:
        backlog = work.backlog(session)
    pending = sum(count for count, _ in backlog.values())
    dead = sum(count for _, count in backlog.values())
    yield good(f"{pending} pending")
    if dead:
        yield warning(f"{dead} given up; `vitrine index diagnose` shows the kinds", "given up")


CHECKS: dict[str, Check] = {
    "version": versions,
    "variables": variables,
    "data directory": data_directory,
    "vitrine up": running,
    "PostgreSQL": postgres,
    "Redis": redis,
    "Milvus": milvus,
    "pictures": blobs,
    "model": model,
    "api": api,
    "keys": key_file,
    "work": owed_work,
}


def _first_line(error: Exception) -> str:
    return (str(error.__cause__ or error).strip() or type(error).__name__).splitlines()[0]


def _place(platform: Platform) -> str:
    url = platform.engine.url
    return f"{url.host}:{url.port}/{url.database}"
