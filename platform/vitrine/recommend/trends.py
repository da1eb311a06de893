"""What is wanted now, and what is clicked where it is shown, counted anew for every product."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from vitrine.recommend.weights import EventWeights

MOST_EVENTS = 2_000_000
MOST_ANSWERS = 100_000
# After so many half-lives little is left.
_HALF_LIVES = 6

# What is older than this does not count. A limit on the events themselves would have them read one
# by one in the order of time, which takes twice as long.
_SINCE = text(
    """
    select coalesce(
        (
            select at from events where at > now() - make_interval(secs => :seconds)
            order by at desc offset :events limit 1
        ),
        now() - make_interval(secs => :seconds)
    )
    """
)
# Each person counts once for a product: by the event of theirs that says most now. Whose event it
# is: a user's, or that of the user whom the visitor turned out to be.
_COUNT = text(
    """
    create temporary table counted_trends on commit drop as
    with wanted as (
        select product_id, sum(most) as score, count(*) as people from (
            select events.product_id,
                coalesce(events.user_id, logins.user_id, events.anonymous_id) as person,
                max(weights.weight * power(2.0,
                    -greatest(cast(extract(epoch from now() - events.at) as float8), 0) / 86400.0
                        / cast(:half_life as float8)
                )) as most
            from events
            join unnest(cast(:names as text[]), cast(:weights as float8[])) as weights(name, weight)
              on weights.name = events.name
            left join logins on logins.anonymous_id = events.anonymous_id
            where events.at > :since and events.product_id is not null
              and events.name = any(cast(:names as text[]))
            group by 1, 2
        ) as of_people
        where person is not null
        group by product_id
    ), answers as materialized (
        select id, products,
            power(2.0, -greatest(cast(extract(epoch from now() - at) as float8), 0) / 86400.0
                / cast(:half_life as float8)) as left_over
        from decisions
        where kind = 'recommendation' and at > now() - make_interval(secs => :seconds)
        order by at desc
        limit :answers
    ), tried as (
        select product_id, sum(left_over) as shown
        from answers, unnest(products) as slots(product_id)
        group by product_id
    ), clicks as (
        select answers.products[slots.position] as product_id, sum(left_over) as clicked
        from answers
        join (
            select distinct decision, position from feedback
            where name in
                ('select_item', 'view_item', 'add_to_cart', 'add_to_wishlist', 'purchase')
        ) as slots on slots.decision = answers.id
        group by 1
    )
    select products.id as product_id, coalesce(wanted.score, 0) as score,
        coalesce(wanted.people, 0) as people, coalesce(tried.shown, 0) as shown,
        coalesce(clicks.clicked, 0) as clicked
    from products
    left join wanted on wanted.product_id = products.id
    left join tried on tried.product_id = products.id
    left join clicks on clicks.product_id = products.id
    where wanted.score > 0 or tried.shown > 0
    """
)
_REMOVE = text("delete from trends where product_id not in (select product_id from counted_trends)")
# A new row holds up who changes its product until the transaction ends, one that is there does not.
_KEEP = text(
    """
    insert into trends (product_id, score, people, shown, clicked)
    select product_id, score, people, shown, clicked from counted_trends
    where exists (select from products where id = product_id)
    on conflict (product_id) do update
    set score = excluded.score, people = excluded.people, shown = excluded.shown,
        clicked = excluded.clicked
    """
)


def count_trends(session: Session, weights: EventWeights, *, half_life_days: float) -> int:
    """Count by people into a table that lasts as long as the transaction; return its rows."""
    seconds = half_life_days * _HALF_LIVES * 86_400.0
    since = session.execute(_SINCE, {"seconds": seconds, "events": MOST_EVENTS}).scalar_one()
    wanted = _wanted(weights)
    values = {
        "names": [name for name, _ in wanted],
        "weights": [weight for _, weight in wanted],
        "half_life": half_life_days,
        "since": since,
        "seconds": seconds,
        "answers": MOST_ANSWERS,
    }
    session.execute(_COUNT, values)
    return int(session.execute(text("select count(*) from counted_trends")).scalar_one())


def write_trends(session: Session) -> None:
    """Let the table say what was counted, and nothing else."""
    session.execute(_REMOVE)
    session.execute(_KEEP)


def _wanted(weights: EventWeights) -> Sequence[tuple[str, float]]:
    """The events that say that something is wanted; a rating may say the opposite."""
    return [
        (name, weight)
        for name, weight in weights.by_name.items()
        if weight > 0 and name != "rate_item"
    ]
