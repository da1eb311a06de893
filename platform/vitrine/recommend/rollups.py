"""What goes together and what is wanted now, counted anew from the events of the last weeks.

Everything is counted by people: whoever adds one product a thousand times counts once. A login
joins what a visitor did before to the user.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine import logs
from vitrine.db import Sessions
from vitrine.recommend.significance import log_likelihood_ratios
from vitrine.recommend.weights import EventWeights

# Whoever holds it counts; any number that nothing else uses.
_LOCK = 7_283_011
# Baskets of the last days, the latest first; a basket is what one person took in one day.
MOST_BASKET_LINES = 500_000
# Of a larger basket the last products count: a reseller's order says little, and costs its square.
MOST_IN_BASKET = 30
MOST_PAIRS = 500_000
MOST_COMPANIONS = 50
LEAST_TOGETHER = 2
MOST_EVENTS = 2_000_000
MOST_ANSWERS = 100_000
# After so many half-lives little is left.
_HALF_LIVES = 6
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class RollupBounds:
    """`significance`: least log-likelihood ratio of a pair; days and half-lives of what counts."""

    pair_days: int = 90
    significance: float = 10.83
    half_life_days: float = 7.0


@dataclass(frozen=True, slots=True)
class RolledUp:
    """What was counted."""

    pairs: int
    trends: int


# Whose event it is: a user's, or that of the user whom the visitor turned out to be.
_PERSON = "coalesce(events.user_id, logins.user_id, events.anonymous_id)"
_OF_PEOPLE = "events left join logins on logins.anonymous_id = events.anonymous_id"

# Two temporary tables, so that pairs and totals are of the same lines.
_BASKETS = text(
    f"""
    create temporary table basket_lines on commit drop as
    select person, day, product_id from (
        select person, day, product_id,
            row_number() over (partition by person, day order by last_at desc, product_id) as place
        from (
            select {_PERSON} as person, date_trunc('day', events.at) as day, events.product_id,
                max(events.at) as last_at
            from {_OF_PEOPLE}
            where events.name in ('purchase', 'add_to_cart') and events.product_id is not null
              and events.at > now() - make_interval(days => :days)
            group by 1, 2, 3
            order by last_at desc
            limit :lines
        ) as taken
        where person is not null
    ) as placed
    where place <= :basket
    """  # noqa: S608 - made of constants
)
_PAIRS = text(
    """
    with each as (
        select product_id, count(distinct person) as people from basket_lines group by product_id
    ), pairs as (
        select one.product_id as first, other.product_id as second,
            count(distinct one.person) as together
        from basket_lines as one
        join basket_lines as other
          on other.person = one.person and other.day = one.day
         and other.product_id > one.product_id
        group by 1, 2
        having count(distinct one.person) >= :least
        order by together desc, 1, 2
        limit :most
    )
    select pairs.first, pairs.second, together, a.people as of_first, b.people as of_second,
        (select count(distinct person) from basket_lines) as everybody
    from pairs
    join each as a on a.product_id = pairs.first
    join each as b on b.product_id = pairs.second
    """
)
# Products that were deleted meanwhile are left out by the join.
_KEEP_PAIRS = text(
    """
    insert into pairs (product_id, other_id, together, strength)
    select one, other, together, strength
    from unnest(
        cast(:ones as bigint[]), cast(:others as bigint[]), cast(:together as int[]),
        cast(:strengths as real[])
    ) as counted(one, other, together, strength)
    where exists (select from products where id = one)
      and exists (select from products where id = other)
    """
)
# Each person counts once for a product: by the event of theirs that says most now.
_TRENDS = text(
    f"""
    insert into trends (product_id, score, people, shown, clicked)
    with wanted as (
        select product_id, sum(most) as score, count(*) as people from (
            select recent.product_id, person, max(
                weights.weight * power(2.0, -recent.age_days / cast(:half_life as float8))
            ) as most
            from (
                select events.product_id, events.name, {_PERSON} as person,
                    greatest(extract(epoch from now() - events.at), 0) / 86400.0 as age_days
                from {_OF_PEOPLE}
                where events.at > now() - make_interval(secs => :seconds)
                  and events.name = any(cast(:names as text[])) and events.product_id is not null
                order by events.at desc
                limit :events
            ) as recent
            join unnest(cast(:names as text[]), cast(:weights as float8[])) as weights(name, weight)
              on weights.name = recent.name
            where person is not null
            group by recent.product_id, person
        ) as of_people
        group by product_id
    ), answers as (
        select id, products,
            power(2.0, -greatest(extract(epoch from now() - at), 0) / 86400.0
                / cast(:half_life as float8)) as left_over
        from decisions
        where kind = 'recommendation' and at > now() - make_interval(secs => :seconds)
        order by at desc
        limit :answers
    ), slots as (
        select product.id as product_id, answers.id, product.place, answers.left_over
        from answers, unnest(answers.products) with ordinality as product(id, place)
    ), tried as (
        select slots.product_id, sum(left_over) as shown,
            coalesce(sum(left_over) filter (where clicks.decision is not null), 0) as clicked
        from slots
        left join (
            select distinct decision, position from feedback
            where name in
                ('select_item', 'view_item', 'add_to_cart', 'add_to_wishlist', 'purchase')
        ) as clicks on clicks.decision = slots.id and clicks.position = slots.place
        group by slots.product_id
    )
    select products.id, coalesce(wanted.score, 0), coalesce(wanted.people, 0),
        coalesce(tried.shown, 0), coalesce(tried.clicked, 0)
    from products
    left join wanted on wanted.product_id = products.id
    left join tried on tried.product_id = products.id
    where wanted.score > 0 or tried.shown > 0
    """  # noqa: S608 - made of constants
)


def roll_up(sessions: Sessions, weights: EventWeights, bounds: RollupBounds) -> RolledUp | None:
    """Count pairs and trends anew; None where another process is at it."""
    with sessions.begin() as session:
        if not session.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
            return None
        counted = RolledUp(_count_pairs(session, bounds), _count_trends(session, weights, bounds))
    _log.info("recommendation.rolled_up", pairs=counted.pairs, trends=counted.trends)
    return counted


def _count_pairs(session: Session, bounds: RollupBounds) -> int:
    session.execute(
        _BASKETS, {"days": bounds.pair_days, "lines": MOST_BASKET_LINES, "basket": MOST_IN_BASKET}
    )
    rows = session.execute(_PAIRS, {"least": LEAST_TOGETHER, "most": MOST_PAIRS}).all()
    session.execute(text("drop table basket_lines"))
    session.execute(text("delete from pairs"))
    if not rows:
        return 0
    counts = np.array([tuple(row) for row in rows], np.int64)
    first, second, both, of_first, of_second, everybody = counts.T
    strengths = log_likelihood_ratios(both, of_first, of_second, int(everybody[0]))
    ones, others = np.concatenate([first, second]), np.concatenate([second, first])
    kept = strongest(ones, np.tile(strengths, 2), least=bounds.significance, most=MOST_COMPANIONS)
    values = {
        "ones": ones[kept].tolist(),
        "others": others[kept].tolist(),
        "together": np.tile(both, 2)[kept].tolist(),
        "strengths": np.tile(strengths, 2)[kept].tolist(),
    }
    session.execute(_KEEP_PAIRS, values)
    return len(kept)


def strongest(
    products: NDArray[np.int64], strengths: NDArray[np.float64], *, least: float, most: int
) -> NDArray[np.intp]:
    """Choose of n pairs, for each product, the `most` strongest that reach `least`: indices."""
    enough = np.flatnonzero(strengths >= least)
    order = enough[np.lexsort((-strengths[enough], products[enough]))]
    of = products[order]
    begins = np.flatnonzero(np.r_[True, of[1:] != of[:-1]]) if len(of) else np.zeros(0, np.intp)
    ranks = np.arange(len(of)) - np.repeat(begins, np.diff(np.r_[begins, len(of)]))
    return order[ranks < most]


def _count_trends(session: Session, weights: EventWeights, bounds: RollupBounds) -> int:
    wanted = _wanted(weights)
    session.execute(text("delete from trends"))
    counted = session.execute(
        _TRENDS,
        {
            "names": [name for name, _ in wanted],
            "weights": [weight for _, weight in wanted],
            "half_life": bounds.half_life_days,
            "seconds": bounds.half_life_days * _HALF_LIVES * 86_400.0,
            "events": MOST_EVENTS,
            "answers": MOST_ANSWERS,
        },
    )
    return int(counted.rowcount)  # type: ignore[attr-defined]


def _wanted(weights: EventWeights) -> Sequence[tuple[str, float]]:
    """The events that say that something is wanted; a rating may say the opposite."""
    return [
        (name, weight)
        for name, weight in weights.by_name.items()
        if weight > 0 and name != "rate_item"
    ]
