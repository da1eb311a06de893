"""Events: what shoppers did."""

from vitrine.api.auth import STOREFRONTS
from vitrine.api.bodies import JsonBody
from vitrine.api.operations import Call, NoQuery, Operation, Reply, Routes
from vitrine.api.services import Services
from vitrine.wire.events import EventBatch, EventsTaken

routes = Routes("Events")

_EXAMPLE = {
    "client_id": "GA1.1.731846.1795500000",
    "events": [
        {
            "name": "view_item",
            "event_id": "5f0c1c1e-8f4b-4b7e-9a43-5f2f3f1f9c11",
            "params": {"items": [{"item_id": "acme:mug-1", "price": "12.50"}]},
        },
        {
            "name": "add_to_cart",
            "event_id": "0b6d8e0a-7a52-4f0e-8a5c-2a9d8d0c7e02",
            "params": {"items": [{"item_id": "acme:mug-1", "quantity": 2}]},
        },
    ],
}


@routes.serve(
    Operation(
        method="POST",
        path="/v1/events",
        summary="Tell what shoppers did",
        roles=STOREFRONTS,
        query=NoQuery,
        body=JsonBody(EventBatch, example=_EXAMPLE),
        replies=(Reply(status=202, model=EventsTaken, description="What became of each."),),
    )
)
def send_events(services: Services, call: Call[NoQuery, EventBatch]) -> EventsTaken:
    """In the shape of GA4's e-commerce events, in any order, late or twice.

    The same event again counts once, so a batch may be sent again. A bad event costs none of the
    others. A key that stands in pages speaks for anonymous visitors alone.
    """
    return services.intake.take(call.body, published=call.caller.published)
