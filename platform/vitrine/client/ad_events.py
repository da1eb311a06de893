"""What came of ads: events, conversions, and the money."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from vitrine.client.paging import Pages
from vitrine.client.request import Message, Request, call, given
from vitrine.wire.ad_events import AdEventsTaken, ConversionsTaken, LedgerEntryOut, LedgerPage

_PAGE = 1000


# What is known already changes nothing, so that all of these may be sent twice.
@call("POST", "/v1/ads/events", AdEventsTaken, repeatable=True)
def send_ad_events(events: Sequence[Mapping[str, Any]]) -> Message:
    """Tell what became of ads, up to 100 events, each with its `token` and its `event`."""
    return Message(json=json.dumps({"events": list(map(dict, events))}))


@call("POST", "/v1/ads/postbacks", AdEventsTaken, repeatable=True)
def send_ad_postbacks(events: Sequence[Mapping[str, Any]]) -> Message:
    """Tell, from a server, what people did with ads: as `send_ad_events`, by an ads key."""
    return Message(json=json.dumps({"events": list(map(dict, events))}))


@call("POST", "/v1/ads/conversions", ConversionsTaken, repeatable=True)
def send_conversions(conversions: Sequence[Mapping[str, Any]]) -> Message:
    """Tell what was sold, up to 500 orders; `docs/ads.md` lists their fields."""
    return Message(json=json.dumps({"conversions": list(map(dict, conversions))}, default=str))


@call("POST", "/v1/ads/refunds", LedgerEntryOut, repeatable=True)
def refund_charge(
    refund_id: str, charge: int, *, amount_micros: int | None = None, note: str | None = None
) -> Message:
    """Give back a charge, by its id in the ledger; without an amount all that is left of it."""
    wanted = {"refund_id": refund_id, "charge": charge}
    return Message(json=json.dumps({**wanted, **given(amount_micros=amount_micros, note=note)}))


@call("GET", "/v1/campaigns/{campaign}/ledger", LedgerPage)
def ledger(campaign: str, *, cursor: str | None = None, limit: int = _PAGE) -> Message:
    """Read some entries of a campaign's ledger, oldest first."""
    return Message(path={"campaign": campaign}, params=given(cursor=cursor, limit=limit))


def iter_ledger(campaign: str, *, page_size: int = _PAGE) -> Pages[LedgerPage, LedgerEntryOut]:
    """Read all entries of a campaign's ledger, oldest first."""

    def page(cursor: str | None) -> Request[LedgerPage]:
        return ledger(campaign, cursor=cursor, limit=page_size)

    return Pages(
        first=page(None),
        items=lambda found: found.entries,
        after=lambda found: page(found.next_cursor) if found.next_cursor else None,
    )
