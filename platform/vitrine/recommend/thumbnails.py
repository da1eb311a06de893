"""Small square copies of catalogue pictures, to be drawn into other pictures."""

from PIL import Image, ImageOps

from vitrine.errors import ImageRejected, NotFound
from vitrine.media.decode import Limits, decode
from vitrine.media.store import BlobStore

SIDE = 96


class Thumbnails:
    """Makes them from the pictures that are kept."""

    def __init__(self, blobs: BlobStore, limits: Limits) -> None:
        self._blobs = blobs
        self._limits = limits

    def get(self, cid: str) -> Image.Image | None:
        """A picture cut to a square; None if it is not there any more or cannot be shown."""
        try:
            picture = decode(self._blobs.get(cid), self._limits, short_side=SIDE)
        except (NotFound, ImageRejected):
            return None
        return ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.LANCZOS)
