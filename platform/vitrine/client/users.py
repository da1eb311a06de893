"""What is kept of one person: handed over, and erased."""

from vitrine.client.paging import Pages
from vitrine.client.request import Message, Request, call, given
from vitrine.wire.users import UserErased, UserExport

_PAGE = 200


@call("GET", "/v1/users/{user}/export", UserExport)
def export_user(user: str, *, cursor: str | None = None, limit: int = _PAGE) -> Message:
    """Read one page of all that is kept of a person."""
    return Message(path={"user": user}, params=given(cursor=cursor, limit=limit))


def iter_export(user: str, *, page_size: int = _PAGE) -> Pages[UserExport, UserExport]:
    """Read all that is kept of a person, page by page."""

    def page(cursor: str | None) -> Request[UserExport]:
        return export_user(user, cursor=cursor, limit=page_size)

    return Pages(
        first=page(None),
        items=lambda found: [found],
        after=lambda found: page(found.next_cursor) if found.next_cursor else None,
    )


# Sent again after it was done it would be 404.
@call("DELETE", "/v1/users/{user}", UserErased, repeatable=False)
def erase_user(user: str) -> Message:
    """Erase a person, and say what was erased."""
    return Message(path={"user": user})
