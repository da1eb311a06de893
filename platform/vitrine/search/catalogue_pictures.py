"""What explanations need of catalogue pictures: feature maps, made on demand, and small copies."""

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrine.embedding.encoders import Encoders
from vitrine.embedding.preprocess import seen_part
from vitrine.embedding.runtimes import Encoder
from vitrine.errors import Unavailable
from vitrine.media.decode import Limits, decode
from vitrine.media.render import shrink
from vitrine.media.store import BlobStore
from vitrine.search.heat import Box
from vitrine.search.heat_picture import LONGEST_SIDE
from vitrine.search.looking import encoder_in_use
from vitrine.search.memory import Keeper

_KIND = "map"
# The part that was seen, the shape of the map, then the map in float16.
_HEAD = struct.Struct("<4d3H")


@dataclass(frozen=True, slots=True)
class Mapped:
    """A feature map [c, h, w], and the part of its picture that the model saw."""

    map: NDArray[Any]
    seen: Box


class CataloguePictures:
    """Reads pictures of the catalogue; a map is kept for `seconds`, for the next who asks."""

    def __init__(
        self, blobs: BlobStore, encoders: Encoders, limits: Limits, keeper: Keeper, *, seconds: int
    ) -> None:
        self._blobs = blobs
        self._encoders = encoders
        self._limits = limits
        self._keeper = keeper
        self._seconds = seconds

    def encoder(self, model: str) -> Encoder:
        """Get the encoder of a model. Raises Unavailable where it is not."""
        return encoder_in_use(self._encoders, model)

    def mapped(self, cid: str, model: str) -> Mapped:
        """The feature map of a picture. Raises NotFound where the picture is not kept."""
        name = f"{cid}:{model[:16]}"
        packed = self._keeper.get(_KIND, name)
        if packed is None:
            packed = self._look(cid, model)
            with suppress(Unavailable):  # it is here, kept or not
                self._keeper.put(_KIND, name, packed, self._seconds)
        x, y, width, height, *shape = _HEAD.unpack_from(packed)
        features = np.frombuffer(packed, "<f2", -1, _HEAD.size).reshape(shape)
        return Mapped(features, (x, y, width, height))

    def shown(self, cid: str) -> Image.Image:
        """A small copy of a picture. Raises NotFound where it is not kept."""
        return shrink(self._blobs.get(cid), self._limits, longest=LONGEST_SIDE)

    def _look(self, cid: str, model: str) -> bytes:
        encoder = self.encoder(model)
        how = encoder.spec.preprocessing
        picture = decode(self._blobs.get(cid), self._limits, short_side=how.short_side)
        features = encoder.encode([picture]).map[0]
        head = _HEAD.pack(*seen_part(picture.size, how), *features.shape)
        return head + bytes(features.astype("<f2").data)
