"""Do the books add up? Everything that is kept twice is compared with what it is made of."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import text

from vitrine.db import Reads

_MOST_SENTENCES = 1000


class _Rule(NamedTuple):
    """A query for what is wrong, and the sentence for each row of it."""

    wrong: str
    sentence: str


_RULES = (
    _Rule(
        """
        select slug, spent_micros as kept, coalesce(sum(amount_micros), 0) as booked
        from campaigns join budgets on budgets.campaign_id = campaigns.id
        left join ledger on ledger.campaign_id = campaigns.id
        group by campaigns.id, budgets.campaign_id
        having spent_micros <> coalesce(sum(amount_micros), 0)
        """,
        "Campaign {slug} has spent {kept} micros by its budget and {booked} by the ledger.",
    ),
    _Rule(
        """
        select slug, budgets.day, day_spent_micros as kept,
            coalesce(sum(amount_micros), 0) as booked
        from campaigns join budgets on budgets.campaign_id = campaigns.id
        left join ledger on ledger.campaign_id = campaigns.id and ledger.day = budgets.day
        group by campaigns.id, budgets.campaign_id
        having day_spent_micros <> coalesce(sum(amount_micros), 0)
        """,
        "Campaign {slug} has spent {kept} micros on {day} by its budget and {booked} by the "
        "ledger.",
    ),
    _Rule(
        """
        select slug, spent_micros, total_micros
        from campaigns join budgets on budgets.campaign_id = campaigns.id
        where spent_micros > total_micros
        """,
        "Campaign {slug} has spent {spent_micros} micros of a budget of {total_micros}.",
    ),
    _Rule(
        """
        select slug from campaigns left join budgets on budgets.campaign_id = campaigns.id
        where (total_micros, daily_micros) is distinct from
            (total_budget_micros, daily_budget_micros)
        """,
        "Campaign {slug} has other bounds than its row in `budgets`.",
    ),
    _Rule(
        """
        select ledger.id, slug, ledger.day, budgets.day as last
        from ledger join campaigns on campaigns.id = ledger.campaign_id
        join budgets on budgets.campaign_id = campaigns.id
        where budgets.day is null or ledger.day > budgets.day
        """,
        "Entry {id} of campaign {slug} is of {day}, after the budget's last day, {last}.",
    ),
    _Rule(
        """
        select charges.id, charges.amount_micros as charged, -sum(refunds.amount_micros) as returned
        from ledger as charges join ledger as refunds on refunds.refunds = charges.id
        group by charges.id
        having charges.kind <> 'charge' or charges.amount_micros < -sum(refunds.amount_micros)
            or bool_or((refunds.campaign_id, refunds.day) <> (charges.campaign_id, charges.day))
        """,
        "Of entry {id}, {charged} micros, {returned} were given back, or in another campaign or on "
        "another day.",
    ),
    # Events are kept for some time and charges for ever: one without its slot says nothing.
    _Rule(
        """
        with charged as (
            select decision, position, event, sum(amount_micros) as booked from ledger
            where kind = 'charge' group by decision, position, event
        )
        select coalesce(charged.decision, ad_events.decision) as decision,
            coalesce(charged.position, ad_events.position) as position,
            coalesce(event, ad_events.kind) as event,
            coalesce(billed_micros, 0) as kept, coalesce(booked, 0) as booked
        from charged full join ad_events on (charged.decision, charged.position, charged.event)
            = (ad_events.decision, ad_events.position, ad_events.kind)
        where coalesce(billed_micros, 0) <> coalesce(booked, 0)
          and (ad_events.decision is not null or exists (
            select from ad_slots where (ad_slots.decision, ad_slots.position)
                = (charged.decision, charged.position)
          ))
        """,
        "The {event} of slot {position} of decision {decision} was billed {kept} micros by its "
        "events and {booked} by the ledger.",
    ),
    _Rule(
        """
        select decision, position, kind from ad_events where billed_micros <> 0 and (
            billed_micros < 0 or invalid is not null
            or (unbilled is not null and kind <> 'conversion')
        )
        """,
        "The {kind} of slot {position} of decision {decision} was billed and must not be.",
    ),
)


def verify_books(reads: Reads) -> list[str]:
    """Say what does not add up, a sentence each; empty if the books are sound.

    `reads` has to see one state throughout, as a transaction of REPEATABLE READ does: else what is
    booked meanwhile would look wrong.
    """
    return list(_wrong(reads))


def _wrong(reads: Reads) -> Iterator[str]:
    for rule in _RULES:
        for row in reads.execute(text(f"{rule.wrong} limit {_MOST_SENTENCES}")):
            yield rule.sentence.format(**row._mapping)
