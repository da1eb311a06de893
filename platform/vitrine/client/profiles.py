"""Profiles: what the shop makes of what a person did."""

from vitrine.client.request import Message, call
from vitrine.wire.profiles import ProfileOut

_PROFILE = "/v1/users/{user}/profile"


@call("GET", _PROFILE, ProfileOut)
def profile(user: str) -> Message:
    """Read what the shop makes of what a user or visitor did."""
    return Message(path={"user": user})


@call("GET", f"{_PROFILE}/picture", bytes)
def profile_picture(user: str) -> Message:
    """Fetch the interests as a PNG."""
    return Message(path={"user": user})
