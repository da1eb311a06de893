"""The photos of one request: read once, and decoded once for all the parts that are asked for."""

from collections.abc import Sequence

from PIL import Image

from vitrine.media.crop import Box
from vitrine.media.decode import Limits, decode, decode_parts


class Photos:
    """Photos of one thing. `parts` go with one photo: all of them are decoded at once."""

    def __init__(self, data: Sequence[bytes], limits: Limits, parts: Sequence[Box] = ()) -> None:
        self._data = data
        self._limits = limits
        self._parts = tuple(dict.fromkeys(parts))
        self._short_side = 0
        self._cut: dict[Box, Image.Image] = {}

    def __len__(self) -> int:
        return len(self._data)

    def decoded(self, short_side: int, part: Box | None) -> list[Image.Image]:
        """Decode every photo, or its part, as `media.decode.decode` does; raises what it raises."""
        if part is None or part not in self._parts:
            return [
                decode(photo, self._limits, short_side=short_side, part=part)
                for photo in self._data
            ]
        if self._short_side != short_side:
            # Again only where the shop has switched to another model in between.
            (photo,) = self._data
            cut = decode_parts(photo, self._limits, self._parts, short_side=short_side)
            self._cut = dict(zip(self._parts, cut, strict=True))
            self._short_side = short_side
        return [self._cut[part]]
