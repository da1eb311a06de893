"""What the door lets in: shape, size and count, never a look inside a picture."""

import json
from io import BytesIO
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from vitrine.api import dispatch, observe, problems
from vitrine.api.auth import NO_KEY, Authenticator
from vitrine.api.bodies import JsonBody, Upload, UploadBody
from vitrine.api.operations import Call, NoQuery, Operation, Reply, Routes
from vitrine.api.products import ListQuery
from vitrine.api.search import SimilarQuery
from vitrine.api.services import Services, build_services
from vitrine.assembly import Platform
from vitrine.wire import ProductIn, ProductPatch

routes = Routes("Test")
MUG = {"title": "Mug", "category": "home/mugs", "price": "12.50"}


@routes.serve(
    Operation(
        method="PUT",
        path="/put",
        summary="",
        roles=NO_KEY,
        query=NoQuery,
        body=UploadBody(
            part="product",
            part_model=ProductIn,
            part_required=True,
            files="images",
            most_files=lambda settings: settings.max_images_per_product,
            json=ProductIn,
            example=None,
            json_example=None,
        ),
        replies=(Reply(description=""),),
    )
)
def put(services: Services, call: Call[NoQuery, Upload[ProductIn]]) -> Response:
    files = call.body.files
    return Response(
        json.dumps([call.body.model.title, files and [len(data) for data in files]]),
        content_type="application/json",
    )


@routes.serve(
    Operation(
        method="PATCH",
        path="/patch",
        summary="",
        roles=NO_KEY,
        query=NoQuery,
        body=JsonBody(ProductPatch, example=None),
        replies=(Reply(description=""),),
    )
)
def patch(services: Services, call: Call[NoQuery, ProductPatch]) -> Response:
    return Response(json.dumps(sorted(call.body.changes())), content_type="application/json")


@pytest.fixture
def door(lonely: Platform) -> FlaskClient:
    app = Flask("door")
    app.request_class = dispatch.StrictRequest
    app.config["MAX_CONTENT_LENGTH"] = lonely.settings.max_request_bytes
    services = build_services(lonely)
    templates = dispatch.install(app, routes, services, Authenticator(lonely.sessions))
    problems.install(app)
    observe.install(app, services.metrics, templates)
    return app.test_client()


def form(
    door: FlaskClient, *images: bytes, product: Any = MUG, name: str = "images", **more: Any
) -> TestResponse:
    data: dict[str, Any] = {
        name: [(BytesIO(data), f"{at}.jpg") for at, data in enumerate(images)],
        **more,
    }
    if product is not None:
        data["product"] = json.dumps(product) if isinstance(product, dict) else product
    return door.put("/put", data=data, content_type="multipart/form-data")


def refused(response: TestResponse, status: int, pointer: str | None = None) -> str:
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    body = response.get_json()
    if pointer is not None:
        assert [error["pointer"] for error in body["errors"]] == [pointer]
    detail: str = body["detail"]
    return detail


def test_a_form_with_pictures(door: FlaskClient) -> None:
    assert form(door, b"abc", b"\x00" * 100_000).get_json() == ["Mug", [3, 100_000]]


def test_the_json_part_may_be_a_file(door: FlaskClient) -> None:
    part = (BytesIO(json.dumps(MUG).encode()), "product.json", "application/json")
    assert form(door, b"abc", product=part).get_json() == ["Mug", [3]]


def test_no_picture_is_not_an_empty_list_of_pictures(door: FlaskClient) -> None:
    assert form(door).get_json() == ["Mug", None]
    assert door.put("/put", json=MUG).get_json() == ["Mug", None]


def test_what_is_inside_a_picture_is_not_looked_at(door: FlaskClient) -> None:
    assert form(door, b"not a picture at all").status_code == 200


def test_an_empty_picture(door: FlaskClient) -> None:
    assert "is empty" in refused(form(door, b"abc", b""), 422, "/images/1")


def test_a_picture_that_is_too_large(door: FlaskClient) -> None:
    assert "100000 bytes" in refused(form(door, b"abc", b"x" * 100_001), 413, "/images/1")


def test_too_many_pictures(door: FlaskClient) -> None:
    assert "send at most 3" in refused(form(door, *[b"x"] * 4), 422, "/images")
    refused(form(door, *[b"x"] * 70), 413)


def test_a_request_that_is_too_large(door: FlaskClient) -> None:
    refused(form(door, *[b"x" * 100_000] * 3, product={**MUG, "description": "x" * 9999}), 413)


def test_a_request_that_does_not_say_how_large_it_is(door: FlaskClient) -> None:
    body = BytesIO(json.dumps(MUG).encode() + b" " * 400_000)
    response = door.put(
        "/put",
        input_stream=body,
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    )
    refused(response, 413)


def test_a_body_may_be_as_large_as_the_bound(door: FlaskClient) -> None:
    body = json.dumps(MUG).encode().ljust(300_000)
    sent: dict[str, Any] = {"path": "/put", "method": "PUT", "content_type": "application/json"}
    assert door.open(**sent, data=body).status_code == 200
    refused(door.open(**sent, data=body + b" "), 413)


def test_a_misspelt_part_is_named(door: FlaskClient) -> None:
    assert "product, images" in refused(form(door, b"abc", name="image"), 422, "/image")


def test_pictures_must_be_files(door: FlaskClient) -> None:
    refused(form(door, images="abc"), 422, "/images")


def test_the_product_part_is_needed_once(door: FlaskClient) -> None:
    refused(form(door, b"abc", product=None), 422, "/product")
    refused(form(door, b"abc", product=[json.dumps(MUG)] * 2), 422, "/product")


def test_fields_of_the_part_are_named(door: FlaskClient) -> None:
    detail = refused(form(door, b"abc", product={**MUG, "price": -1}), 422, "/price")
    assert "The part `product`" in detail
    refused(form(door, b"abc", product="{"), 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b"--x\r\nnonsense",
        b'--x\r\nContent-Disposition: form-data; name="product"\r\n\r\n{"title": ',
    ],
)
def test_a_form_that_cannot_be_read(door: FlaskClient, body: bytes) -> None:
    response = door.put("/put", data=body, content_type="multipart/form-data; boundary=x")
    assert refused(response, response.status_code)
    assert response.status_code in {400, 422}


def test_a_picture_that_breaks_off_is_not_taken_for_a_whole_one(door: FlaskClient) -> None:
    head = (
        b'--x\r\nContent-Disposition: form-data; name="product"\r\n\r\n' + json.dumps(MUG).encode()
    )
    picture = b'\r\n--x\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\nabc'
    whole = head + picture + b"\r\n--x--\r\n"
    for body, status in ((whole, 200), (head + picture, 400), (whole[:-6], 400)):
        response = door.put(
            "/put",
            input_stream=BytesIO(body),
            content_type="multipart/form-data; boundary=x",
            headers={"Content-Length": str(len(whole))},
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert response.status_code == status


def test_a_form_without_a_boundary(door: FlaskClient) -> None:
    response = door.put("/put", data=b"abc", content_type="multipart/form-data")
    assert "boundary" in refused(response, 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{",
        b"\xef\xbb\xbf{}",
        b'{"title": NaN}',
        b'{"price": Infinity}',
        b'{"title": "a", "title": "b"}',
        b'{"attributes": {"a": 1, "a": 2}}',
        b"[" * 100_000,
        b'{"price": ' + b"9" * 5000 + b"}",
        '{"title": "a"}'.encode("utf-16"),
    ],
)
def test_json_that_readers_disagree_about(door: FlaskClient, body: bytes) -> None:
    for method, path in (("PATCH", "/patch"), ("PUT", "/put")):
        response = door.open(path, method=method, data=body, content_type="application/json")
        assert response.get_json()["type"] == "/problems/malformed", response.text
        refused(response, 400)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_other_content_types(door: FlaskClient, content_type: str | None) -> None:
    for method, path in (("PATCH", "/patch"), ("PUT", "/put")):
        answer = door.open(path, method=method, data=b"{}", content_type=content_type)
        assert "application/json" in refused(answer, 415)


def test_json_with_a_charset(door: FlaskClient) -> None:
    answer = door.patch(
        "/patch", data=b'{"title": "x"}', content_type="application/json; charset=utf-8"
    )
    assert answer.get_json() == ["title"]


def test_an_unknown_query_parameter_is_named(door: FlaskClient) -> None:
    detail = refused(door.patch("/patch?dry_run=1", json={"title": "x"}), 422, "/dry_run")
    assert "known are ." not in detail
    assert "leave it out" in detail


@pytest.mark.parametrize(
    ("model", "query", "pointer"),
    [
        (ListQuery, "limit=0", "/limit"),
        (ListQuery, "limit=101", "/limit"),
        (ListQuery, "limit=x", "/limit"),
        (ListQuery, "limit=5&limit=6", "/limit"),
        (ListQuery, "seller=A", "/seller"),
        (ListQuery, "cursor=" + "1" * 101, "/cursor"),
        (SimilarQuery, "seller=a", "/seller"),
    ],
)
def test_query_strings(app: Flask, model: Any, query: str, pointer: str) -> None:
    from flask import request

    from vitrine.api.queries import read_query
    from vitrine.errors import Invalid

    with app.test_request_context(f"/?{query}"), pytest.raises(Invalid) as caught:
        read_query(model, request.args)
    assert [error["pointer"] for error in caught.value.errors] == [pointer]
