"""Conversions: what was sold, told by the shop's server."""

from vitrine.api.auth import ADVERTISING
from vitrine.api.bodies import JsonBody
from vitrine.api.operations import Call, NoQuery, Operation, Reply, Routes
from vitrine.api.services import Services
from vitrine.wire.ad_events import ConversionBatch, ConversionsTaken

routes = Routes("Ads")

_EXAMPLE = {
    "conversions": [
        {"order_id": "order-10231", "value": "49.90", "user_id": "u-1042"},
        {"order_id": "order-10232", "value": "12.50", "client_id": "GA1.1.731846.1795500000"},
    ]
}


@routes.serve(
    Operation(
        method="POST",
        path="/v1/ads/conversions",
        summary="Tell what was sold",
        roles=ADVERTISING,
        query=NoQuery,
        body=JsonBody(ConversionBatch, example=_EXAMPLE),
        replies=(Reply(status=202, model=ConversionsTaken, description="What became of each."),),
    )
)
def send_conversions(services: Services, call: Call[NoQuery, ConversionBatch]) -> ConversionsTaken:
    """By the token of an ad, or by whom: the ads that the person clicked or saw share it.

    An order counts once, so that a batch may be sent again. One that cannot be used says so in its
    `warning` and costs none of the others.
    """
    return services.conversions.take(call.body.conversions)
