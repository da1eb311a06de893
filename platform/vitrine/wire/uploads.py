"""Query photos that are kept for a short time."""

from datetime import datetime

from pydantic import Field

from vitrine.wire.base import Received, Sent
from vitrine.wire.search import ModelOut, Region, UploadId


class UploadOptions(Received):
    """The `options` part beside an `image` file; there are none yet."""


class UploadIn(UploadOptions):
    """The flat JSON form."""

    image_base64: str = Field(description="The photo's bytes in base64 (RFC 4648, section 4).")


class UploadOut(Sent):
    """A photo that can be searched by its id, whole or in part, until it is forgotten."""

    upload_id: UploadId
    expires_at: datetime
    width: int = Field(description="In pixels, as it is kept.")
    height: int
    regions: list[Region] = Field(
        description="Parts that may be searched by themselves; the main object is first."
    )
    model: ModelOut
