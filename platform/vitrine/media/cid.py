"""Content ids: a picture is named by what it is.

CIDv1 (https://github.com/multiformats/cid) with the codec `raw` and sha2-256, in lower-case base32:
what `ipfs add --cid-version 1 --raw-leaves` prints for a file of one block.
"""

import base64
import hashlib

_VERSION_1, _RAW, _SHA2_256, _DIGEST_BYTES = 0x01, 0x55, 0x12, 0x20
_HEADER = bytes((_VERSION_1, _RAW, _SHA2_256, _DIGEST_BYTES))
_LENGTH = 59


def content_id(data: bytes) -> str:
    """Name these bytes, e.g. `bafkrei…`."""
    return _spell(hashlib.sha256(data).digest())


def is_content_id(text: str) -> bool:
    """Say whether `text` is a content id as `content_id` writes it, and so safe in a path."""
    if len(text) != _LENGTH or not text.startswith("b") or not text.isascii():
        return False
    body = text[1:].upper()
    try:
        decoded = base64.b32decode(body + "=" * (-len(body) % 8))
    except ValueError:
        return False
    # Base32 has spare bits at the end: only the one spelling that we write is a name.
    return decoded.startswith(_HEADER) and _spell(decoded[len(_HEADER) :]) == text


def _spell(digest: bytes) -> str:
    return "b" + base64.b32encode(_HEADER + digest).decode("ascii").rstrip("=").lower()
