"""Answers that are asked for again and have not changed are not sent again."""

from flask import Response, request

CACHE_CONTROL = "private, no-cache"


def conditional(response: Response) -> Response:
    """Give an answer an ETag of its bytes; 304 without a body if the caller has these already.

    `no-cache`: it may be kept, by the caller alone, and is asked about each time it is used.
    """
    if response.status_code == 200:
        response.add_etag()
        response.headers.setdefault("Cache-Control", CACHE_CONTROL)
        response.make_conditional(request)
    return response
