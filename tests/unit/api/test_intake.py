"""What the bodies of all requests take at once, and where they are kept: in memory alone."""

import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from vitrine.api import dispatch, observe, problems
from vitrine.api.auth import NO_KEY, Authenticator
from vitrine.api.bodies import Upload, UploadBody
from vitrine.api.intake import LARGE, reading, rooms
from vitrine.api.operations import Call, NoQuery, Operation, Reply, Routes
from vitrine.api.services import Services, build_services
from vitrine.assembly import assemble
from vitrine.errors import Unavailable
from vitrine.media.budget import ByteBudget
from vitrine.settings import MIB, Settings
from vitrine.wire import ProductPatch

routes = Routes("Test")


@routes.serve(
    Operation(
        method="PUT",
        path="/put",
        summary="",
        roles=NO_KEY,
        query=NoQuery,
        body=UploadBody(
            part="product",
            part_model=ProductPatch,
            part_required=False,
            files="images",
            most_files=lambda settings: settings.max_images_per_product,
            json=ProductPatch,
            example=None,
            json_example=None,
        ),
        replies=(Reply(description=""),),
    )
)
def put(services: Services, call: Call[NoQuery, Upload[ProductPatch]]) -> Response:
    if not call.body.files:
        raise RuntimeError("a handler that breaks")
    return Response(f"{sum(map(len, call.body.files))} {LARGE.taken}")


@pytest.fixture
def roomy(lonely_settings: Settings) -> Settings:
    return lonely_settings.model_copy(
        update={"max_image_bytes": 20 * MIB, "max_request_bytes": 128 * MIB}
    )


@pytest.fixture
def door(roomy: Settings) -> FlaskClient:
    platform = assemble(roomy)
    app = Flask("door")
    app.request_class = dispatch.StrictRequest
    services = build_services(platform)
    templates = dispatch.install(app, routes, services, Authenticator(platform.sessions))
    problems.install(app)
    observe.install(app, services.metrics, templates)
    return app.test_client()


def send(door: FlaskClient, size: int) -> tuple[int, str, str | None]:
    # By hand, because the test client would write a large form to a temporary file.
    head = 'Content-Disposition: form-data; name="product"\r\n\r\n{"title": "Mug"}'
    picture = 'Content-Disposition: form-data; name="images"; filename="a.jpg"\r\n\r\n'
    start = f"--x\r\n{head}\r\n--x\r\n{picture}".encode()
    data = start + b"x" * size + b"\r\n--x--\r\n"
    answer = door.put("/put", data=data, content_type="multipart/form-data; boundary=x")
    return answer.status_code, answer.text, answer.headers.get("Retry-After")


def test_no_part_touches_the_disk(
    door: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    with pytest.raises(FileNotFoundError), tempfile.TemporaryFile():
        pass
    assert send(door, 2 * MIB)[:2] == (200, f"{2 * MIB} 0")


def test_large_bodies_share_one_bound(roomy: Settings) -> None:
    budget, seen = ByteBudget(), []

    def request() -> None:
        with reading(50 * MIB, roomy, large=budget):
            seen.append(budget.taken)
            time.sleep(0.02)

    with ThreadPoolExecutor(8) as threads:
        for future in [threads.submit(request) for _ in range(8)]:
            future.result()
    assert len(seen) == 8
    assert max(seen) == 100 * MIB
    assert budget.taken == 0


def test_all_bodies_together_stay_under_the_bound(roomy: Settings) -> None:
    small, large = rooms(roomy)
    assert small * roomy.api_threads + large == 256 * MIB
    assert rooms(roomy.model_copy(update={"max_request_bytes": 500 * MIB}))[1] == 500 * MIB


def test_a_large_body_waits_and_is_then_refused(roomy: Settings) -> None:
    budget = ByteBudget()
    with reading(100 * MIB, roomy, large=budget):
        with (
            pytest.raises(Unavailable, match="send this one again"),
            reading(100 * MIB, roomy, large=budget, wait_seconds=0.01),
        ):
            raise AssertionError
        with reading(10 * MIB, roomy, large=budget, wait_seconds=0.01):
            assert budget.taken == 100 * MIB
    assert budget.taken == 0


def test_a_request_holds_its_room_until_it_is_answered(door: FlaskClient) -> None:
    status, text, _ = send(door, 18 * MIB)
    length, taken = map(int, text.split())
    assert (status, length) == (200, 18 * MIB)
    assert 2 * length < taken < 2 * length + 1000
    assert LARGE.taken == 0
    # 17 MiB of JSON are too many, 5 MiB are no JSON, and 5 MiB meet the handler that breaks.
    for data, refused in (
        (b" " * 17 * MIB, 413),
        (b" " * 5 * MIB, 400),
        (b'{"title": "Mug"}', 500),
    ):
        body = data.ljust(5 * MIB)
        answer = door.put("/put", data=body, content_type="application/json")
        assert answer.status_code == refused
        assert LARGE.taken == 0


def test_no_room_is_503_with_retry_after(door: FlaskClient, roomy: Settings) -> None:
    done = threading.Event()

    def slow_uploads() -> None:
        with reading(rooms(roomy)[1], roomy):
            done.wait(30)

    holder = threading.Thread(target=slow_uploads)
    holder.start()
    try:
        status, _, retry_after = send(door, 18 * MIB)
        assert (status, retry_after) == (503, "5")
        assert send(door, 2 * MIB)[0] == 200
    finally:
        done.set()
        holder.join()
    assert send(door, 18 * MIB)[0] == 200
