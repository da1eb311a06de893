"""Uploads: query photos that the api keeps for a short time."""

from vitrine.client.request import Message, Picture, call
from vitrine.wire import UploadOut


# Sent twice it is kept twice, and both are forgotten by themselves.
@call("POST", "/v1/uploads", UploadOut, repeatable=True)
def upload(image: Picture) -> Message:
    """Send a photo once, to search by its `upload_id`, whole or in part, for some minutes."""
    return Message(pictures=[image], pictures_part="image")


@call("DELETE", "/v1/uploads/{id}", type(None))
def delete_upload(upload_id: str) -> Message:
    """Let the api forget a photo now."""
    return Message(path={"id": upload_id})
