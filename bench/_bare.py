"""What Milvus itself takes: its part of a question, and the same calls asked of pymilvus."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from pymilvus import MilvusClient

from vitrine.assembly import Platform


@dataclass(frozen=True)
class Call:
    """One search as it was asked of Milvus, and when."""

    collection: str
    arguments: dict[str, Any]
    began: float
    ended: float


@dataclass
class Watch:
    """The calls made while watching."""

    calls: list[Call] = field(default_factory=list)

    @property
    def milliseconds(self) -> float:
        """How long at least one of the calls was under way."""
        spent, until = 0.0, 0.0
        for call in sorted(self.calls, key=lambda one: one.began):
            spent += max(0.0, call.ended - max(call.began, until))
            until = max(until, call.ended)
        return spent * 1000


# Calls made beside the asking thread carry its context.
_watching: ContextVar[Watch | None] = ContextVar("watching", default=None)


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch the calls that this context makes of a client that is tapped."""
    watch = Watch()
    token = _watching.set(watch)
    try:
        yield watch
    finally:
        _watching.reset(token)


def tap(platform: Platform) -> MilvusClient:
    """Have the platform's own client note its searches; return a client that notes nothing."""
    client = platform.index._connection.get().client
    search = client.search

    def noted(collection_name: str, *args: Any, **arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return search(collection_name, *args, **arguments)
        finally:
            watch = _watching.get()
            if watch is not None:
                watch.calls.append(Call(collection_name, arguments, began, time.perf_counter()))

    client.search = noted
    return MilvusClient(uri=platform.index.uri, dedicated=True)


class Bare:
    """Repeats noted calls on pymilvus, side by side where they were."""

    def __init__(self, client: MilvusClient) -> None:
        self._client = client
        self._beside = ThreadPoolExecutor(8)

    def __call__(self, calls: Sequence[Call], limit: int, times: int = 1) -> None:
        """Ask the first call of each collection, `times` over, for no more than `limit` rows.

        That is what the question needs; whatever else was asked is our own doing.
        """
        first: dict[str, Call] = {}
        for call in calls:
            first.setdefault(call.collection, call)
        needed = list(first.values()) * times
        started = [self._beside.submit(self._ask, call, limit) for call in needed[1:]]
        if needed:
            self._ask(needed[0], limit)
        for one in started:
            one.result()

    def _ask(self, call: Call, limit: int) -> None:
        arguments = {**call.arguments, "limit": limit}
        arguments.pop("timeout", None)
        self._client.search(call.collection, **arguments)
