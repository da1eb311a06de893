"""A worker that kills itself, with SIGKILL, at a named boundary between two steps.

Run as `python -m tests.faults.dying_worker BOUNDARY KIND…` with VITRINE_… variables set. It works
on the kinds in turn, as the real worker does, and dies when it first reaches the boundary.
"""

import importlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from vitrine.assembly import assemble
from vitrine.ingest.drain import drain
from vitrine.settings import load_settings


class Boundary(NamedTuple):
    """A function, and whether the worker dies before it or after it."""

    kind: str
    target: str
    after: bool


BOUNDARIES = {
    "embed: leased": Boundary("embed", "vitrine.ingest.embed:_missing", after=False),
    "embed: file read": Boundary("embed", "vitrine.ingest.embed:_encode", after=False),
    "embed: vectors made": Boundary("embed", "vitrine.ingest.embed:_keep_vectors", after=False),
    "embed: written": Boundary("embed", "vitrine.work:finish", after=True),
    "embed: committed": Boundary("embed", "vitrine.ingest.drain:_attempt", after=True),
    "sync: leased": Boundary("sync", "vitrine.ingest.index_work:sync_live", after=False),
    "sync: upserted": Boundary("sync", "vitrine.index.client:VectorIndex.upsert", after=True),
    "sync: read back": Boundary("sync", "vitrine.index.client:VectorIndex.present", after=True),
    "sync: marked": Boundary("sync", "vitrine.work:finish", after=True),
    "sync: committed": Boundary("sync", "vitrine.ingest.drain:_attempt", after=True),
    "text: written": Boundary("text", "vitrine.index.text:TextIndex.upsert", after=True),
    "purge: leased": Boundary("purge", "vitrine.ingest.purge:select", after=False),
    "purge: file deleted": Boundary("purge", "vitrine.media.store:BlobStore.delete", after=True),
    "purge: committed": Boundary("purge", "vitrine.ingest.drain:_attempt", after=True),
}


def arm(boundary: Boundary) -> None:
    """Put the death in its place."""
    module, _, path = boundary.target.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    setattr(owner, name, _deadly(getattr(owner, name), after=boundary.after))


def _deadly(step: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> None:
        if after:
            step(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return run


def main(name: str, kinds: list[str]) -> None:
    boundary = BOUNDARIES[name]
    parts = assemble(load_settings()).ingest
    for kind in kinds:
        if kind == boundary.kind:
            arm(boundary)
        drain(parts, kind)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
