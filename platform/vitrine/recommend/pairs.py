"""What goes together: pairs of products that people take in one basket, counted anew."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine.recommend.significance import log_likelihood_ratios

# Baskets of the last days, the latest first; a basket is what one person took in one day.
MOST_BASKET_LINES = 500_000
# Of a larger basket the last products count: a reseller's order says little, and costs its square.
MOST_IN_BASKET = 30
MOST_PAIRS = 500_000
MOST_COMPANIONS = 50
LEAST_TOGETHER = 2

# Two temporary tables, so that pairs and totals are of the same lines.
_BASKETS = text(
    """
    create temporary table basket_lines on commit drop as
    select person, day, product_id from (
        select person, day, product_id,
            row_number() over (partition by person, day order by last_at desc, product_id) as place
        from (
            select coalesce(events.user_id, logins.user_id, events.anonymous_id) as person,
                date_trunc('day', events.at) as day, events.product_id, max(events.at) as last_at
            from events left join logins on logins.anonymous_id = events.anonymous_id
            where events.name in ('purchase', 'add_to_cart') and events.product_id is not null
              and events.at > now() - make_interval(days => :days)
            group by 1, 2, 3
            order by last_at desc
            limit :lines
        ) as taken
        where person is not null
    ) as placed
    where place <= :basket
    """
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
_COUNTED = """
    unnest(
        cast(:ones as bigint[]), cast(:others as bigint[]), cast(:together as int[]),
        cast(:strengths as real[])
    ) as counted(one, other, together, strength)
"""
_REMOVE = text(
    f"""
    delete from pairs where not exists (
        select from {_COUNTED} where one = pairs.product_id and other = pairs.other_id
    )
    """  # noqa: S608 - made of constants
)
# Products that were deleted meanwhile are left out. A new pair holds up who changes its products
# until the transaction ends, one that is there does not.
_KEEP = text(
    f"""
    insert into pairs (product_id, other_id, together, strength)
    select one, other, together, strength from {_COUNTED}
    where exists (select from products where id = one)
      and exists (select from products where id = other)
    on conflict (product_id, other_id) do update
    set together = excluded.together, strength = excluded.strength
    where (pairs.together, pairs.strength) is distinct from (excluded.together, excluded.strength)
    """  # noqa: S608 - made of constants
)


@dataclass(frozen=True, slots=True)
class Pairs:
    """n pairs, each in both directions: products [n], the others [n], people and strengths [n]."""

    ones: NDArray[np.int64]
    others: NDArray[np.int64]
    together: NDArray[np.int64]
    strengths: NDArray[np.float64]


def count_pairs(session: Session, *, days: int, significance: float) -> Pairs:
    """Count by people what was taken together in the last `days`; writes nothing that stays."""
    session.execute(_BASKETS, {"days": days, "lines": MOST_BASKET_LINES, "basket": MOST_IN_BASKET})
    rows = session.execute(_PAIRS, {"least": LEAST_TOGETHER, "most": MOST_PAIRS}).all()
    counts = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 6)
    first, second, both, of_first, of_second, everybody = counts.T
    people = int(everybody[0]) if len(everybody) else 0
    strengths = np.tile(log_likelihood_ratios(both, of_first, of_second, people), 2)
    ones, others = np.concatenate([first, second]), np.concatenate([second, first])
    kept = strongest(ones, strengths, least=significance, most=MOST_COMPANIONS)
    return Pairs(ones[kept], others[kept], np.tile(both, 2)[kept], strengths[kept])


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


def write_pairs(session: Session, pairs: Pairs) -> None:
    """Let the table say these and no others; what is there already is not written again."""
    values = {
        "ones": pairs.ones.tolist(),
        "others": pairs.others.tolist(),
        "together": pairs.together.tolist(),
        "strengths": pairs.strengths.tolist(),
    }
    session.execute(_REMOVE, values)
    session.execute(_KEEP, values)
