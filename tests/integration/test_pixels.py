"""What the model sees of a picture is the same in the api, in a worker and in an evaluation."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from tests.integration.conftest import listing
from vitrine import work
from vitrine.assembly import Platform
from vitrine.embedding.encoders import Encoders
from vitrine.embedding.preprocess import preprocess
from vitrine.embedding.runtimes import Encoded, Encoder
from vitrine.embedding.specs import ModelSpec
from vitrine.errors import OutOfMemory
from vitrine.ingest import embed as ingest
from vitrine.ingest.drain import HANDLERS, drain
from vitrine.learning.evaluation.pictures import embed
from vitrine.media.decode import decode as media_decode
from vitrine.search.service import SearchRequest


class Watched:
    """The real encoder, and the pixels that it was given."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.seen: list[np.ndarray] = []

    @property
    def spec(self) -> ModelSpec:
        return self.encoder.spec

    @property
    def digest(self) -> str:
        return self.encoder.digest

    def encode(self, images: Sequence[Image.Image]) -> Encoded:
        self.seen += list(preprocess(images, self.spec.preprocessing))
        return self.encoder.encode(images)


class WatchedEncoders(Encoders):
    def get(self, digest: str) -> Watched:
        found = super().get(digest)
        if not isinstance(found, Watched):
            found = Watched(found)
            self._loaded[digest] = found
        return found


@pytest.fixture
def watched(platform: Platform) -> tuple[Platform, Watched]:
    built = replace(platform, encoders=WatchedEncoders(platform.models))
    model = built.models.find(built.settings.model)
    return built, built.encoders.get(model.digest)  # type: ignore[misc]


def photo(name: str, size: tuple[int, int], seed: int = 1) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), np.uint8)
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned
    options = {"exif": exif} if name == "JPEG" else {}
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(out, name, **options)
    return out.getvalue()


def work_off(platform: Platform) -> None:
    while sum(drain(platform.ingest, kind) for kind in HANDLERS):
        pass


@pytest.mark.parametrize(
    ("name", "size"), [("JPEG", (1600, 1200)), ("JPEG", (400, 500)), ("PNG", (700, 300))]
)
def test_the_same_pixels_everywhere(
    watched: tuple[Platform, Watched], tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    platform, encoder = watched
    data = photo(name, size)
    platform.catalog.put("acme", "mug-1", listing(), [data])
    work_off(platform)
    platform.search.search(SearchRequest(photos=(data,)), key_id="test")
    (tmp_path / "photo").write_bytes(data)
    embed([tmp_path / "photo"], encoder, platform.limits)
    worker, api, evaluation = encoder.seen
    assert worker.std() > 0.1
    assert np.array_equal(worker, api)
    assert np.array_equal(worker, evaluation)


def test_a_picture_without_memory_waits_alone_and_is_given_up(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    starved = photo("JPEG", (500, 400), seed=2)

    def decode(data: bytes, *args: Any, **options: Any) -> Image.Image:
        if data == starved:
            raise OutOfMemory("There is not enough memory to decode this picture now; try again.")
        return media_decode(data, *args, **options)

    monkeypatch.setattr(ingest, "decode", decode)
    others = [photo("JPEG", (500, 400), seed) for seed in range(3, 12)]
    job = platform.catalog.put("acme", "mug-1", listing(), [starved, *others]).job
    drain(platform.ingest, work.EMBED)
    drain(platform.ingest, work.SYNC)
    seen = platform.catalog.job(job.id)
    assert (seen.state, seen.counts.searchable, seen.counts.failed) == ("running", 9, 0)
    for _ in range(platform.ingest.bounds.max_attempts):
        with platform.sessions.begin() as session:
            session.execute(text("update work set due_at = clock_timestamp()"))
        drain(platform.ingest, work.EMBED)
    drain(platform.ingest, work.SYNC)
    drain(platform.ingest, work.TEXT)
    seen = platform.catalog.job(job.id)
    assert (seen.state, seen.counts.failed) == ("done", 1)
    assert ingest.STARVED in str(seen.errors)
