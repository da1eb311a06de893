"""Events: what shoppers did."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from vitrine.client.request import Message, call, given
from vitrine.wire.events import EventsTaken


# An event that is there already changes nothing, so a batch may be sent twice.
@call("POST", "/v1/events", EventsTaken, repeatable=True)
def send_events(
    events: Sequence[Mapping[str, Any]],
    *,
    client_id: str | None = None,
    user_id: str | None = None,
    timestamp_micros: int | None = None,
) -> Message:
    """Tell what shoppers did, up to 500 events; what holds for all of them is said once."""
    shopper = given(client_id=client_id, user_id=user_id, timestamp_micros=timestamp_micros)
    return Message(json=json.dumps({**shopper, "events": list(map(dict, events))}))
