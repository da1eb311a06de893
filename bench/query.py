"""How long does a search by photo take, and how many fit into a second, against what must be?

Start the platform with `make up`, fill it with `vitrine demo`, then:

    .venv/bin/python bench/query.py

For 1, 4 and 16 callers at once it asks the api over HTTP and then does in this process only what no
answer can do without: decode the photo, encode it, ask Milvus for as many pictures. That is the
floor. Both use the same photos, model, collection and machine, in turns, so that their ratio holds
still where milliseconds do not.

The ceiling of throughput is the cores over the CPU time of one such floor. CPU time is that of this
process and, for the search, also that of the Milvus process if it runs here (Milvus Lite), read
from /proc before and after. It is taken with as many callers as there are cores, so that the cores
are as busy as they are in earnest. The callers of the api run on the same cores, so they are as
thin as can be: one kept connection each, the body made before, the answer not parsed.
"""

import argparse
import http.client
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from vitrine.assembly import Platform, assemble
from vitrine.embedding.cores import usable_cores
from vitrine.index.generations import active_generation
from vitrine.media.decode import decode
from vitrine.settings import KEYS_FILE, Settings, load_settings
from vitrine.wire import SearchResponse

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
CONCURRENCY = (1, 4, 16)
WARM_UP = 8
# The threads of OpenVINO go on spinning for a moment after their work. Without a pause those of
# one process would slow down the other's turn.
PAUSE_SECONDS = 0.3
BOUNDARY = "vitrine-bench"
TICKS = os.sysconf("SC_CLK_TCK")

Ask = Callable[[bytes], None]


@dataclass
class Turn:
    """What came of asking some photos: milliseconds of each, and the seconds they took together."""

    milliseconds: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: "Turn") -> None:
        self.milliseconds += other.milliseconds
        self.seconds += other.seconds

    @property
    def rate(self) -> float:
        return len(self.milliseconds) / self.seconds

    def percentile(self, hundredths: int) -> float:
        return statistics.quantiles(self.milliseconds, n=100, method="inclusive")[hundredths - 1]


class Api:
    """Asks the api over HTTP, one connection a thread."""

    def __init__(self, settings: Settings, limit: int) -> None:
        self._address = urlsplit(settings.api_url)
        key = json.loads((settings.data_dir / KEYS_FILE).read_text())["storefront"]
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        self._limit = limit
        self._mine = threading.local()

    def __call__(self, photo: bytes) -> bytes:
        connection = getattr(self._mine, "connection", None)
        if connection is None:
            kind = http.client.HTTPSConnection if self._address.scheme == "https" else None
            connection = (kind or http.client.HTTPConnection)(self._address.netloc, timeout=60)
            self._mine.connection = connection
        connection.request("POST", "/v1/search", self._body(photo), self._headers)
        answer = connection.getresponse()
        text: bytes = answer.read()
        if answer.status != 200:
            raise SystemExit(f"The api answered {answer.status}: {text[:300].decode()}")
        return text

    def _body(self, photo: bytes) -> bytes:
        part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
        query = json.dumps({"limit": self._limit})
        return (
            f'{part}query"\r\nContent-Type: application/json\r\n\r\n{query}\r\n'
            f'{part}image"; filename="photo"\r\nContent-Type: image/jpeg\r\n\r\n'
        ).encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()  # fmt: skip


class Floor:
    """Decodes, encodes and asks Milvus, and nothing else."""

    def __init__(self, platform: Platform, limit: int) -> None:
        with platform.sessions() as session:
            generation = active_generation(session)
        self.encoder = platform.encoders.get(generation.model)
        self._collection = generation.images_collection
        self._platform, self._limit = platform, limit

    def __call__(self, photo: bytes) -> None:
        short_side = self.encoder.spec.preprocessing.short_side
        picture = decode(photo, self._platform.limits, short_side=short_side)
        vector = self.encoder.encode([picture]).embedding
        self._platform.index.search(self._collection, vector, limit=self._limit)


def ask_all(ask: Ask, photos: list[bytes], callers: int) -> Turn:
    """Ask every photo, by so many callers of whom each asks anew as soon as it is answered."""

    def timed(photo: bytes) -> float:
        began = time.perf_counter()
        ask(photo)
        return (time.perf_counter() - began) * 1000

    time.sleep(PAUSE_SECONDS)
    with ThreadPoolExecutor(callers) as threads:
        list(threads.map(ask, photos[:callers]))
        began = time.perf_counter()
        milliseconds = list(threads.map(timed, photos))
        return Turn(milliseconds, time.perf_counter() - began)


def cpu_of_floor(floor: Ask, photos: list[bytes], milvus: list[int]) -> float:
    """CPU milliseconds of one floor: of this process and of Milvus, with every core busy."""
    before = time.process_time() + sum(cpu_seconds(pid) for pid in milvus)
    turn = ask_all(floor, photos, usable_cores())
    after = time.process_time() + sum(cpu_seconds(pid) for pid in milvus)
    return (after - before) * 1000 / (len(turn.milliseconds) + usable_cores())


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads, from /proc/<pid>/stat."""
    behind_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(behind_name[11]) + int(behind_name[12])) / TICKS


def milvus_processes(uri: str) -> list[int]:
    """The processes here that serve Milvus Lite at this address."""
    port = str(urlsplit(uri).port)
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "milvus_lite" in " ".join(command) and port in command:
            found.append(int(folder.name))
    return found


def measure(api: Ask, floor: Ask, photos: list[bytes], turns: int, callers: int) -> list[Turn]:
    """Let the api and the floor take turns."""
    asked, least = Turn(), Turn()
    for _ in range(turns):
        asked.add(ask_all(api, photos, callers))
        least.add(ask_all(floor, photos, callers))
    return [asked, least]


def report(callers: int, asked: Turn, least: Turn, ceiling: float) -> None:
    cells = [f"{callers:7d}"]
    for hundredths in (50, 95, 99):
        mine, bare = asked.percentile(hundredths), least.percentile(hundredths)
        cells.append(f"{mine:7.1f} /{bare:7.1f} ={mine / bare:5.2f}")
    cells.append(f"{asked.rate:9.1f} /{least.rate:6.1f} ={asked.rate / least.rate:5.2f}")
    print("  ".join(cells) + f"{asked.rate / ceiling:12.0%}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Photo queries against floor and ceiling.")
    parser.add_argument("--queries", type=Path, help="folder of photos [what the demo wrote]")
    parser.add_argument("--runs", type=int, default=200, help="counted queries of each kind")
    parser.add_argument("--concurrency", type=int, nargs="+", default=CONCURRENCY)
    parser.add_argument("--limit", type=int, default=20, help="products asked for")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    settings = load_settings()
    folder = options.queries or settings.data_dir / "demo" / "queries"
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        print(f"There is no photo in {folder}; `vitrine demo` writes some.")
        return 2
    turns = 4
    each = max(-(-options.runs // turns), 1)
    photos = [paths[at % len(paths)].read_bytes() for at in range(each)]
    platform = assemble(settings)
    api, floor = Api(settings, options.limit), Floor(platform, options.limit)
    for photo in photos[:WARM_UP]:
        model = SearchResponse.model_validate_json(api(photo)).model
        floor(photo)
    milvus = milvus_processes(settings.milvus_uri)
    cpu = statistics.median(cpu_of_floor(floor, photos, milvus) for _ in range(3))
    ceiling = usable_cores() / cpu * 1000
    spec = floor.encoder.spec
    print(
        f"{model.name} ({spec.timm_name} at {spec.preprocessing.input_size[1]} pixels), "
        f"{turns * each} queries of each kind, {len(paths)} photos, {options.limit} products, "
        f"Milvus {platform.index.capabilities.version}"
        f"{' Lite' if platform.index.capabilities.lite else ''}"
    )
    counted = "with that of Milvus" if milvus else "without that of Milvus, which is not here"
    print(
        f"floor: {cpu:.1f} ms of CPU, {counted}; "
        f"ceiling: {usable_cores()} cores / {cpu:.1f} ms = {ceiling:.1f} queries/s\n"
    )
    titles = [f"{f'p{part} ms, api / floor':^23}" for part in (50, 95, 99)]
    print("callers  " + "  ".join(titles) + "   queries/s, api / floor   of ceiling")
    for callers in options.concurrency:
        report(callers, *measure(api, floor, photos, turns, callers), ceiling)
    return 0


if __name__ == "__main__":
    sys.exit(main())
