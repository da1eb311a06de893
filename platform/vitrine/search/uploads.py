"""Query photos that are kept for a short time, so that their parts can be searched for too.

What is kept is drawn anew from the pixels: small, upright, and without a trace of the file that was
sent. It is in Redis alone, which writes it to no disk.
"""

import json
import secrets
import struct
import time
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from vitrine.errors import NotFound
from vitrine.media.decode import Limits
from vitrine.media.render import encode, shrink

KIND = "upload"
LONGEST_SIDE = 1024
_ID_BYTES = 16
_HEAD = struct.Struct(">H")


class Keeper(Protocol):
    """Short-lived bytes that can be forgotten early: Redis in earnest."""

    def put(self, kind: str, id: str, value: bytes, seconds: int) -> None: ...

    def get(self, kind: str, id: str) -> bytes | None: ...

    def delete(self, kind: str, id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class UploadedPhoto:
    """A photo as it is kept; `expires_at` in seconds since the epoch."""

    id: str
    image: Image.Image
    expires_at: float


class Uploads:
    """Keeps photos for `seconds`; a key sees only its own."""

    def __init__(self, keeper: Keeper, limits: Limits, *, seconds: int) -> None:
        self._keeper = keeper
        self._limits = limits
        self.seconds = seconds

    def keep(self, image: bytes, *, key_id: str) -> UploadedPhoto:
        """Keep a photo, at most 1024 pixels long, as a JPEG without metadata.

        Raises ImageRejected, and Unavailable without Redis.
        """
        small = shrink(image, self._limits, longest=LONGEST_SIDE)
        upload_id = secrets.token_urlsafe(_ID_BYTES)
        head = json.dumps({"key_id": key_id}).encode()
        expires_at = time.time() + self.seconds
        value = _HEAD.pack(len(head)) + head + encode(small)
        self._keeper.put(KIND, upload_id, value, self.seconds)
        return UploadedPhoto(upload_id, small, expires_at)

    def get(self, upload_id: str, *, key_id: str | None) -> bytes:
        """Read the JPEG. Raises NotFound for one that is over, unknown or of another key.

        Without a key, whosever it is: for who shows nothing of it.
        """
        value = self._keeper.get(KIND, upload_id)
        if value is not None:
            (length,) = _HEAD.unpack_from(value)
            start = _HEAD.size + length
            if key_id in (None, json.loads(value[_HEAD.size : start])["key_id"]):
                return value[start:]
        minutes = max(1, self.seconds // 60)
        raise NotFound(
            f"There is no such upload any more: photos are kept for {minutes} minutes. Send the "
            "photo again with `POST /v1/uploads`."
        )

    def delete(self, upload_id: str, *, key_id: str) -> None:
        """Forget a photo now. Raises NotFound as `get` does."""
        self.get(upload_id, key_id=key_id)
        self._keeper.delete(KIND, upload_id)
