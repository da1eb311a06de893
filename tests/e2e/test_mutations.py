"""Does the api keep its temper with whatever it is sent, in bounded memory?

Mutated pictures and bodies over real sockets, several at once. Every request is made of the seed
and its number: `--fuzz-seed 7 --mutations 5000` sends others, and more of them.
"""

import http.client
import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import BaseModel

from tests.e2e.conftest import Running
from tests.e2e.hostile_requests import PRODUCTS, SELLER, Hostile, Things, hostile_request
from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.api import problem_types
from vitrine.api.intake import rooms
from vitrine.media.decode import Limits
from vitrine.settings import Settings
from vitrine.wire import Accepted, Problem, SearchResponse, UploadOut

MIB = 1024 * 1024
AT_ONCE = 6
BUSY: list[int] = []
ANSWER_SECONDS = 60
SLUGS = {kind.slug for kind in problem_types.kinds()}
MODELS: dict[int, type[BaseModel]] = {200: SearchResponse, 201: UploadOut, 202: Accepted}


@dataclass(frozen=True)
class Answer:
    """What came back; status 0: the connection was closed without a word."""

    status: int
    content_type: str
    body: bytes


@pytest.fixture
def things(running: Running) -> Iterator[Things]:
    with running.client("admin") as admin:
        ids = [f"{SELLER}:p{number}" for number in range(PRODUCTS)]
        jobs = [
            admin.put_product(each, listing(title=f"Blue mug {each}"), [jpeg(950 + number)]).job.id
            for number, each in enumerate(ids)
        ]
        for job in jobs:
            admin.wait(job, timeout=60)
        uploads = [_upload(running, seed) for seed in range(4)]
        yield Things(tuple(ids), tuple(uploads))
        for product in [p.id for p in admin.iter_products(seller=SELLER)]:
            admin.wait(admin.delete_product(product).job.id, timeout=120)


def test_hostile_requests_are_refused_and_nothing_else_happens(
    running: Running, things: Things, pytestconfig: pytest.Config
) -> None:
    seed, count = pytestconfig.getoption("fuzz_seed"), pytestconfig.getoption("mutations")
    pids = running.processes("api")
    before = peak_bytes(pids, forget=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda number: _try(running, things, seed, number), range(count)))
    grown = peak_bytes(pids) - before
    kept = sum(_status_bytes(pid, "VmRSS") for pid in pids) - before

    wrong = [line for _, _, line in found if line]
    answers = Counter((kind, status) for kind, status, _ in found)
    print(f"seed {seed}, {count} requests, {len(BUSY)} busy")
    print(f"memory: peak +{grown / MIB:.0f} MiB, afterwards +{kept / MIB:.0f} MiB")
    print(dict(answers))
    assert not wrong, "\n".join(wrong[:20])
    assert running.processes("api") == pids, "no process died"
    assert grown < bound_bytes(), "what decoding and the bodies may take, all at once"
    with running.client("admin") as admin:
        product = listing(title="Red lamp")
        accepted = admin.put_product(f"{SELLER}:afterwards", product, [jpeg(990)])
        assert admin.wait(accepted.job.id, timeout=120).counts.searchable == 1
        assert admin.search(jpeg(990)).results[0].product.id == f"{SELLER}:afterwards"


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        (b"zz\r\n{}\r\n0\r\n\r\n", 400),
        (b"-5\r\n{}\r\n0\r\n\r\n", 400),
        (b"ffffffffffffffff\r\n{}", 400),
        (b"2\r\n{}\r\n0\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 400),
        (b"2\r\n{}\r\n0\r\n\r\n", 422),
    ],
)
def test_chunks_that_cannot_be_read_were_500_once(
    running: Running, chunks: bytes, status: int
) -> None:
    kind = ("Content-Type", "application/json")
    request = Hostile("chunks", "POST", "/v1/search", b"", [kind], chunks=chunks)
    answer = send(running, request)
    assert (answer.status, complaint(request, answer)) == (status, "")


def test_similar_to_an_id_that_is_none_was_500_once(running: Running) -> None:
    request = Hostile("id", "GET", "/v1/products/%C2%84/similar", b"", [])
    answer = send(running, request)
    assert (answer.status, complaint(request, answer)) == (422, "")


def bound_bytes() -> int:
    """What one api process may take for pictures and bodies, small and large, at one moment."""
    settings = Settings()
    _, half = rooms(settings)
    limits = Limits(settings.max_image_bytes, settings.max_image_pixels)
    return limits.most_bytes + 2 * half


def peak_bytes(pids: list[int], *, forget: bool = False) -> int:
    """The most memory that these processes had resident since it was last forgotten."""
    if forget:
        for pid in pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
    return sum(_status_bytes(pid, "VmHWM") for pid in pids)


def _status_bytes(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) * 1024


def _try(running: Running, things: Things, seed: int, number: int) -> tuple[str, int, str]:
    """Send one; return its kind, the status, and what is wrong with the answer, if anything."""
    request = hostile_request(seed, number, things)
    try:
        answer = send(running, request)
        if answer.status == 503:
            # A machine that is busy with other things; what a request itself brings about comes
            # back, and is counted.
            BUSY.append(number)
            time.sleep(2)
            answer = send(running, request)
    except OSError as error:
        return request.kind, 0, f"{number} ({request.kind}): {error!r}"
    wrong = complaint(request, answer)
    place = f"hostile_request({seed}, {number}) ({request.kind} {request.method} {request.path})"
    shown = answer.body[:300].decode(errors="replace")
    return request.kind, answer.status, f"{place}: {wrong}: {shown}" if wrong else ""


def send(running: Running, request: Hostile) -> Answer:
    address = urlsplit(running.url)
    assert address.hostname
    with socket.create_connection((address.hostname, address.port or 80), ANSWER_SECONDS) as link:
        try:
            link.sendall(request.raw(address.netloc, running.keys["admin"]))
            link.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it answers before it has heard everything
        response = http.client.HTTPResponse(link, method=request.method)
        try:
            response.begin()
            return Answer(
                response.status, response.headers.get("Content-Type", ""), response.read()
            )
        except (http.client.HTTPException, ConnectionResetError):
            return Answer(0, "", b"")


def complaint(request: Hostile, answer: Answer) -> str:
    """Say what is wrong with an answer: it has to be a documented problem or a success."""
    if answer.status == 0:
        return "" if request.framed_badly else "no answer"
    if answer.status >= 500:
        return f"status {answer.status}"
    try:
        _check(answer)
    except (AssertionError, ValueError) as error:
        return f"status {answer.status} {answer.content_type}: {error}"
    return ""


def _check(answer: Answer) -> None:
    document = json.loads(answer.body)
    if answer.status in MODELS:
        MODELS[answer.status].model_validate(document)
        assert answer.content_type == "application/json"
        return
    problem = Problem.model_validate(document)
    assert answer.content_type == "application/problem+json"
    assert problem.status == answer.status
    assert problem.slug in SLUGS
    assert problem.detail
    assert problem.instance


def _upload(running: Running, seed: int) -> str:
    answer = httpx.post(
        f"{running.url}/v1/uploads",
        headers={"Authorization": f"Bearer {running.keys['admin']}"},
        files={"image": ("photo.jpg", jpeg(seed), "image/jpeg")},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["upload_id"])
