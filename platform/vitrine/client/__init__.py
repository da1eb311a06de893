"""Typed Python clients of the HTTP API: `VitrineClient`, and `AsyncVitrineClient` for async code.

    with VitrineClient("http://127.0.0.1:8080", key) as vitrine:
        accepted = vitrine.put_product("acme:mug-1", ProductIn(...), [Path("mug.jpg")])
        vitrine.wait(accepted.job.id)
        for hit in vitrine.search(Path("photo.jpg"), text="blue").results: ...

    async with AsyncVitrineClient("http://127.0.0.1:8080", key) as vitrine:
        async for hit in vitrine.iter_search(text="blue mug"): ...

What the server refuses becomes ApiError; a server that does not answer becomes Unavailable.
"""

from vitrine.client.asynchronous import AsyncVitrineClient
from vitrine.client.blocking import VitrineClient
from vitrine.client.refusal import ApiError
from vitrine.client.request import Picture
from vitrine.client.searching import BoxLike

__all__ = ["ApiError", "AsyncVitrineClient", "BoxLike", "Picture", "VitrineClient"]
