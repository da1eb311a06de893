"""Advertisers: who pays for ads."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from vitrine.wire.base import Received, Sent
from vitrine.wire.campaigns import Name, PersonName

MAX_MEMBERS = 100


class AdvertiserIn(Received):
    """Somebody who pays. `members` are users whose clicks on its own ads are not billed."""

    name: Name
    members: Annotated[list[PersonName], Field(max_length=MAX_MEMBERS)] = Field(
        default_factory=list
    )


class AdvertiserOut(Sent):
    """An advertiser as it is kept; `members` in the order of their names."""

    id: str
    name: str
    members: list[str]
    created_at: datetime
    updated_at: datetime


class AdvertiserPage(Sent):
    """Some advertisers, by id, and where to go on."""

    advertisers: list[AdvertiserOut]
    next_cursor: str | None = None
