"""Photos inside JSON."""

import binascii

from vitrine.api.bodies import check_picture_size
from vitrine.errors import Invalid
from vitrine.settings import MIB, Settings


def base64_room(settings: Settings) -> int:
    """The bytes of a JSON body that holds one photo of the largest size."""
    return settings.max_image_bytes * 4 // 3 + MIB


def read_base64(encoded: str, pointer: str, settings: Settings) -> bytes:
    """Decode a photo; raises Invalid for what is not base64 or empty, TooLarge for too much."""
    try:
        data = binascii.a2b_base64(encoded.encode("ascii"), strict_mode=True)
    except ValueError:
        detail = "is not base64 (RFC 4648, section 4): no line breaks, no `data:` in front"
        raise Invalid(
            f"`{pointer}` {detail}.", errors=[{"pointer": pointer, "detail": detail}]
        ) from None
    if not data:
        raise Invalid("The photo is empty.", errors=[{"pointer": pointer, "detail": "is empty"}])
    check_picture_size(len(data), pointer, settings)
    return data
