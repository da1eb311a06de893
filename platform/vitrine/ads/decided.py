"""An auction, written down before it is answered: what its events, and questions about it, need."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from vitrine.ads.features import to_bytes
from vitrine.db import Readers

# In one statement, which is one transaction. It need not wait for the disk: a decision that a crash
# of the database takes along was never billed, and none of its events can be.
_RECORD = text(
    """
    with quietly as (select set_config('synchronous_commit', 'off', true)),
    decision as (
        insert into ad_decisions (
            id, at, key_id, placement, person_id, seed, model, click_model, context, trace
        )
        select :id, :at, :key_id, :placement, :person_id, :seed, :model, :click_model,
            cast(:context as jsonb), cast(:trace as jsonb)
        from quietly
    )
    insert into ad_slots (
        decision, position, at, campaign_id, creative_id, person_id, placement, event, bid_micros,
        price_micros, expected_micros, probability, relevance, loss, features
    )
    select :id, slot.position, :at, slot.campaign_id, slot.creative_id, :person_id, :placement,
        slot.event, slot.bid_micros, slot.price_micros, slot.expected_micros, slot.probability,
        slot.relevance, slot.loss, slot.features
    from unnest(
        cast(:positions as smallint[]), cast(:campaigns as bigint[]), cast(:creatives as bigint[]),
        cast(:events as text[]), cast(:bids as bigint[]), cast(:prices as bigint[]),
        cast(:expected as bigint[]), cast(:probabilities as real[]), cast(:relevances as real[]),
        cast(:losses as real[]), cast(:features as bytea[])
    ) as slot(
        position, campaign_id, creative_id, event, bid_micros, price_micros, expected_micros,
        probability, relevance, loss, features
    )
    """
)


@dataclass(frozen=True, slots=True)
class DecidedSlot:
    """One ad that is shown; `features` [f] are what the click model saw."""

    position: int
    campaign_id: int
    creative_id: int
    event: str
    bid_micros: int
    price_micros: int
    expected_micros: int
    probability: float
    relevance: float
    loss: float | None
    features: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Decided:
    """One auction: what it was about, and all that can be told of it afterwards."""

    id: str
    at: datetime
    key_id: str
    placement: str
    person_id: int | None
    seed: int
    model: str
    click_model: int
    context: dict[str, Any]
    trace: dict[str, Any]


def record(readers: Readers, decided: Decided, slots: Sequence[DecidedSlot]) -> None:
    """Write a decision and its slots; committed when this returns.

    Whoever was erased meanwhile is nobody: it is written without them.
    """
    try:
        _write(readers, decided, slots)
    except IntegrityError:
        if decided.person_id is None:
            raise
        _write(readers, replace(decided, person_id=None), slots)


def _write(readers: Readers, decided: Decided, slots: Sequence[DecidedSlot]) -> None:
    with readers() as connection:
        connection.execute(
            _RECORD,
            {
                "id": decided.id,
                "at": decided.at,
                "key_id": decided.key_id,
                "placement": decided.placement,
                "person_id": decided.person_id,
                "seed": decided.seed,
                "model": decided.model,
                "click_model": decided.click_model,
                "context": to_json(decided.context).decode(),
                "trace": to_json(decided.trace).decode(),
                "positions": [one.position for one in slots],
                "campaigns": [one.campaign_id for one in slots],
                "creatives": [one.creative_id for one in slots],
                "events": [one.event for one in slots],
                "bids": [one.bid_micros for one in slots],
                "prices": [one.price_micros for one in slots],
                "expected": [one.expected_micros for one in slots],
                "probabilities": [one.probability for one in slots],
                "relevances": [one.relevance for one in slots],
                "losses": [one.loss for one in slots],
                "features": [to_bytes(one.features) for one in slots],
            },
        )
