"""Requests that no honest client sends, each drawn from its seed and number."""

import base64
import json
from dataclasses import dataclass
from random import Random

from tests.e2e.hostile_pictures import hostile_picture, sound_pictures
from tests.e2e.hostile_values import Things, product, question, spoilt

SELLER = "mutated"
PRODUCTS = 8
BOUNDARY = "a-boundary-that-no-picture-holds"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass
class Hostile:
    """One request as it goes over the wire, but for host and key."""

    kind: str
    method: str
    path: str
    body: bytes
    headers: list[tuple[str, str]]
    length: int | None = None
    """What Content-Length says; None: the truth."""
    chunks: bytes | None = None
    """The body in Transfer-Encoding: chunked, right or wrong, instead of a Content-Length."""

    @property
    def framed_badly(self) -> bool:
        """Whether HTTP itself is broken: whoever reads it may close without an answer."""
        return self.chunks is not None or self.length is not None

    def raw(self, host: str, key: str) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", "Connection: close"]
        lines.append(f"Authorization: Bearer {key}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.chunks is not None:
            lines.append("Transfer-Encoding: chunked")
        else:
            lines.append(
                f"Content-Length: {len(self.body) if self.length is None else self.length}"
            )
        head = "\r\n".join(lines).encode("latin-1", "replace")
        return head + b"\r\n\r\n" + (self.body if self.chunks is None else self.chunks)


def hostile_request(seed: int, number: int, things: Things) -> Hostile:
    """The request of this number, always the same one for the same things."""
    rng = Random(f"{seed}:{number}")
    kinds = (_photo, _photo, _photo, _listing, _question, _question, _json, _form, _framing)
    return rng.choice(kinds)(rng, things)


# Sound requests, to be broken


def part(name: str, content: bytes, *, filename: str | None = None, kind: str = "") -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'Content-Disposition: form-data; name="{name}"{file}\r\n'
    head += f"Content-Type: {kind}\r\n" if kind else ""
    return f"--{BOUNDARY}\r\n{head}\r\n".encode("utf-8", "surrogateescape") + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _send(kind: str, rng: Random, body: bytes, content_type: str, target: str = "") -> Hostile:
    target = target or rng.choice(("/v1/search", "/v1/uploads"))
    method = "PUT" if target.startswith("/v1/products") else "POST"
    return Hostile(kind, method, target, body, [("Content-Type", content_type)])


def _product_path(rng: Random) -> str:
    return f"/v1/products/{SELLER}:p{rng.randrange(PRODUCTS)}"


# Kinds of hostility


def _photo(rng: Random, things: Things) -> Hostile:
    """A hostile picture as a query, in one of the forms."""
    picture = hostile_picture(rng)
    if rng.random() < 0.4:
        encoded = base64.b64encode(picture).decode()
        several = rng.random() < 0.1
        body = {"image_base64": [encoded] * rng.choice((1, 2, 5)) if several else encoded}
        return _send("photo in JSON", rng, json.dumps(body).encode(), "application/json")
    parts = [part("image", picture, filename="a.jpg", kind=rng.choice(("image/jpeg", "text/html")))]
    if rng.random() < 0.2:
        parts.append(part("image", rng.choice(sound_pictures()), filename="b"))
    target = rng.choice(("/v1/search", "/v1/uploads"))
    if target == "/v1/search" and rng.random() < 0.3:
        asked = {"crop": {"x": 0.5, "y": 0.5, "width": rng.choice((0.5, 0.001)), "height": 0.5}}
        parts.append(part("query", json.dumps(asked).encode(), kind="application/json"))
    return _send("photo", rng, form(*parts), FORM, target)


def _listing(rng: Random, things: Things) -> Hostile:
    """A product with hostile pictures: the door takes it, the worker has to cope."""
    parts = [part("product", json.dumps(product(rng)).encode(), kind="application/json")]
    for number in range(rng.choice((1, 1, 2, 13))):
        picture = hostile_picture(rng) if number < 3 else b"\xff\xd8\xff"
        parts.append(part("images", picture, filename=f"{number}.jpg"))
    rng.shuffle(parts)
    return _send("listing", rng, form(*parts), FORM, _product_path(rng))


def _question(rng: Random, things: Things) -> Hostile:
    asked = question(rng, things)
    if rng.random() < 0.3:
        asked = spoilt(rng, asked)
    text = json.dumps(asked).encode()
    if rng.random() < 0.3:
        picture = part("image", rng.choice(sound_pictures()), filename="a")
        return _send("question", rng, form(part("query", text), picture), FORM, "/v1/search")
    return _send("question", rng, text, "application/json", "/v1/search")


def _json(rng: Random, things: Things) -> Hostile:
    """JSON that is none, or says what no reader expects."""
    target = rng.choice(("/v1/search", "/v1/uploads", _product_path(rng)))
    sound = product(rng) if "products" in target else question(rng, things)
    raw = json.dumps(spoilt(rng, sound)).encode()
    deep = rng.choice((50, 900, 100_000))
    body = rng.choice(
        (
            raw,
            raw,
            raw,
            raw[: rng.randrange(len(raw) + 1)],
            b"[" * deep + b"]" * deep,
            b'{"filter":' * deep + b"1" + b"}" * deep,
            b'{"limit": ' + rng.choice((b"NaN", b"Infinity", b"1e999", b"1" * 5000, b"01")) + b"}",
            b'{"text": "a", "text": "b"}',
            b'{"text": "\xff\xfe"}',
            b'{"text": "' + b"\\ud800" * rng.choice((1, 100)) + b'"}',
            b"\xef\xbb\xbf" + raw,
            raw.decode().encode("utf-16"),
            b'{"image_base64": "'
            + rng.choice((b"====", b"data:image/png;base64,AA==", b"A"))
            + b'"}',
            b'{"image_base64": "' + base64.b64encode(rng.randbytes(60_000)) + b'\\n"}',
            rng.randbytes(200),
            b"",
            b" " * 100_000,
        )
    )
    kinds = ("application/json", "application/json", "application/json; charset=utf-16")
    odd = ("text/plain", "application/x-www-form-urlencoded", "APPLICATION/JSON", "", "x" * 4000)
    return _send("json", rng, body, rng.choice(kinds if rng.random() < 0.8 else odd), target)


def _form(rng: Random, things: Things) -> Hostile:
    """A multipart form that is broken in its frame."""
    target = rng.choice(("/v1/search", "/v1/uploads", _product_path(rng)))
    name, files = ("product", "images") if "products" in target else ("query", "image")
    said = part(name, json.dumps(product(rng) if name == "product" else {"limit": 3}).encode())
    picture = part(files, rng.choice(sound_pictures()), filename="a.jpg", kind="image/jpeg")
    sound = form(said, picture)
    odd_names = ("\udcff\udcfe", "../../x", 'a"; name="b', "x" * 5000, "", "a\x00b", "%00", "é")
    body = rng.choice(
        (
            sound[: rng.randrange(len(sound))],
            sound.replace(b"\r\n", b"\n"),
            sound.replace(BOUNDARY.encode(), b"another", rng.choice((1, 2, 99))),
            form(said, said, picture),
            form(said, picture, picture, picture, picture, picture, picture),
            form(*[part(f"p{number}", b"x") for number in range(100)]),
            form(said, part(files, b"", filename="empty.jpg")),
            form(said, part(files, b"no file name")),
            form(said, part(rng.choice(odd_names), b"x", filename=rng.choice(odd_names))),
            form(part(name, b"x" * 600_000), picture),
            form(part(name, rng.randbytes(50)), picture),
            form(part(name, b"{}", kind="application/json; charset=utf-7"), picture),
            form(part(name, b"{}", filename="product.json"), picture),
            form(picture.replace(b"image/jpeg", b"multipart/mixed; boundary=b"), said),
            form(picture.replace(b"Content-Type", b"Content-Transfer-Encoding: base64\r\nX")),
            b"--" + BOUNDARY.encode() + b"\r\n" + b"x" * rng.choice((10, 300_000)),
            b"",
            rng.randbytes(500),
        )
    )
    kinds = ("multipart/form-data", "multipart/form-data; boundary=", f"{FORM}; boundary=b")
    odd = (*kinds, f'multipart/form-data; boundary="{"b" * 4000}"', "multipart/mixed; boundary=b")
    return _send("form", rng, body, FORM if rng.random() < 0.8 else rng.choice(odd), target)


def _framing(rng: Random, things: Things) -> Hostile:
    """A sound request whose length is a lie, or that comes in odd chunks."""
    sound = rng.choice((_photo, _question, _listing))(rng, things)
    sound.kind = "framing"
    size = len(sound.body)
    if rng.random() < 0.5:
        sound.length = rng.choice((0, 1, size // 2, max(size - 1, 0), size + 1, size + 10_000))
        return sound
    step = rng.choice((1, 1000, 70_000)) if size < 5000 else 70_000
    pieces = [sound.body[at : at + step] for at in range(0, size, step)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    broken = (
        chunks,
        chunks,
        chunks[: rng.randrange(len(chunks))],
        b"zz\r\n" + chunks,
        b"-5\r\n" + chunks,
        b"ffffffffffffffff\r\n" + chunks,
        chunks.replace(b"\r\n", b"\n"),
        chunks[:-2] + b"X-Trailer: " + b"x" * 9000 + b"\r\n\r\n",
    )
    sound.chunks = rng.choice(broken)
    return sound
