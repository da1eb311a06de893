"""Reports of a campaign: what was shown, what came of it, what it cost, and how sure that is."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from vitrine.wire.base import Sent

ReportBy = Literal["campaign", "creative", "placement", "hour", "day"]
AttributionModel = Literal["last_touch", "position_based"]


class Estimate(Sent):
    """A ratio and its 95 % interval; null where nothing can be said."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class MicrosEstimate(Sent):
    """The same of money, in whole micros."""

    value: int | None = None
    low: int | None = None
    high: int | None = None


class ReportRow(Sent):
    """The figures of one group; only valid events count, each at the time when it happened."""

    key: str = Field(
        description="Of what: an id, a placement, a day, or when an hour began, by the campaign's "
        "clock.",
        examples=["spring-mugs"],
    )
    served: int = Field(description="Slots that were filled.")
    impressions: int
    viewable: int
    viewability: Estimate = Field(description="Viewable of the impressions.")
    clicks: int
    ctr: Estimate = Field(description="Clicks of the impressions.")
    conversions: float = Field(description="By parts, as the attribution says.")
    view_conversions: float = Field(description="Those of them that came without a click.")
    cvr: Estimate = Field(description="Conversions after a click, of the clicks.")
    value_micros: int = Field(description="What the conversions were worth, by the same parts.")
    charged_micros: int
    refunded_micros: int
    spend_micros: int = Field(description="Charges less refunds, each at the time it was booked.")
    ecpm_micros: MicrosEstimate = Field(description="Spend for a thousand impressions.")
    cpc_micros: MicrosEstimate = Field(description="Spend for a click.")
    cost_per_conversion_micros: MicrosEstimate
    roas: Estimate = Field(description="Value for what was spent.")
    reach: int = Field(description="Different people who had an impression, as far as known.")
    frequency: float | None = Field(description="Impressions for each of them.")
    invalid_events: int
    invalid_by_reason: dict[str, int]
    unbilled_events: int = Field(description="Valid events that the budget did not cover, and so.")
    unbilled_by_reason: dict[str, int]


class CampaignReport(Sent):
    """A campaign's figures by group, those of all groups together, and where to go on.

    Reach does not add up: who saw two creatives is one person.
    """

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    campaign: str
    by: ReportBy
    attribution: AttributionModel
    time_zone: str
    currency: str
    from_: datetime | None = Field(None, alias="from", description="Null: from the beginning.")
    to: datetime | None = Field(None, description="Before that moment; null: to the end.")
    served_since: datetime | None = Field(
        None,
        description="`served` counts what was shown from then on: slots of before are not kept. "
        "Null: all that is asked for is kept.",
    )
    events_since: datetime | None = Field(
        None, description="The same of events and conversions; charges and refunds stay for ever."
    )
    rows: list[ReportRow]
    totals: ReportRow
    next_cursor: str | None = None
