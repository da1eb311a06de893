"""The platform itself, and the pictures that it serves."""

from vitrine.client.request import Message, call, given
from vitrine.wire import Readiness


@call("GET", "/readyz", Readiness, attempts=1, answers=[503])
def ready() -> Message:
    """Ask each dependency's state; answers also while the platform is not ready."""
    return Message()


@call("GET", "/media/{cid}", bytes)
def media(url: str, *, width: int | None = None) -> Message:
    """Fetch a picture by the `url` that a product or a result names."""
    if not url.startswith("/") or url.startswith("//"):
        raise ValueError(f"{url!r} is not a path of this server")  # the key goes nowhere else
    return Message(url=url, params=given(w=width))
