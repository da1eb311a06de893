"""What shoppers type: suggestions meanwhile, and what was searched for in vain."""

from datetime import date

from vitrine.client.paging import Pages
from vitrine.client.request import Message, Request, call, given
from vitrine.wire.suggest import EmptySearchOut, EmptySearchPage, Suggestions

_EMPTY = "/v1/searches/empty"


@call("GET", "/v1/suggest", Suggestions)
def suggest(text: str, *, limit: int | None = None) -> Message:
    """Complete what a shopper has typed so far."""
    return Message(params=given(q=text, limit=limit))


@call("GET", _EMPTY, EmptySearchPage)
def empty_searches(
    *, since: date | None = None, limit: int = 100, cursor: str | None = None
) -> Message:
    """Read which searches found nothing, most frequent first; the last 30 days if not told."""
    return Message(params=given(since=_day(since), limit=limit, cursor=cursor))


@call("GET", _EMPTY, bytes)
def empty_searches_csv(*, since: date | None = None, limit: int = 10_000) -> Message:
    """The same for a spreadsheet: CSV in UTF-8, with a line of headings."""
    return Message(params=given(since=_day(since), limit=limit, format="csv"))


def iter_empty_searches(
    *, since: date | None = None, page_size: int = 1000
) -> Pages[EmptySearchPage, EmptySearchOut]:
    """Read all searches that found nothing, page by page."""

    def page(first_day: date | None, cursor: str | None) -> Request[EmptySearchPage]:
        return empty_searches(since=first_day, limit=page_size, cursor=cursor)

    return Pages(
        first=page(since, None),
        items=lambda found: found.searches,
        # Midnight may have passed: the pages have to be of the same days.
        after=lambda found: page(found.since, found.next_cursor) if found.next_cursor else None,
    )


def _day(since: date | None) -> str | None:
    return None if since is None else since.isoformat()
