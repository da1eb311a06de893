"""The counters in Redis, which every process shares."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from redis import Redis
from redis.commands.core import Script

from vitrine.ads import counter_scripts
from vitrine.ads.asks import Ask, Reservation, Standing, member_of
from vitrine.redis_calls import RedisCalls

_PREFIX = "vitrine:ads:"
_LEAST_LIFE_SECONDS = 60


class SharedCounters:
    """Asks Redis by script; every method raises Unavailable while it is away."""

    def __init__(self, redis: RedisCalls, *, seconds: int) -> None:
        self._redis = redis
        # What nobody asks about goes after its last reservation has ended.
        self._life = max(2 * seconds, _LEAST_LIFE_SECONDS) * 1000
        self._scripts: dict[str, Script] = {}

    def reserve(self, asks: Sequence[Ask], now: datetime, ends: datetime) -> list[str]:
        """Answer each ask as `Counters.reserve` says; "?" where the campaign is not known."""
        answers = self._run(
            counter_scripts.RESERVE,
            _keys(asks),
            [_milliseconds(now), _milliseconds(ends), self._life, _asked(asks)],
        )
        return [answer.decode() for answer in answers]

    def release(self, asks: Sequence[Ask], now: datetime) -> None:
        """Take back what was reserved."""
        self._run(counter_scripts.RELEASE, _keys(asks), [_milliseconds(now), _asked(asks)])

    def end(self, campaign_id: int, member: str, standing: Standing | None) -> None:
        """End a reservation, and take over a newer standing."""
        told = "" if standing is None else json.dumps(_standing(standing))
        self._run(counter_scripts.END, _books(campaign_id), [member, told])

    def restore(self, standing: Standing, reservations: Sequence[Reservation]) -> None:
        """Write down a campaign that is not known, unless somebody was quicker."""
        told = [
            {"member": one.member, "amount": one.amount_micros, "ends": _milliseconds(one.ends)}
            for one in reservations
        ]
        self._run(
            counter_scripts.RESTORE,
            _books(standing.campaign_id),
            [json.dumps(_standing(standing)), json.dumps(told), self._life],
        )

    def forget(self, campaigns: Collection[int]) -> None:
        """Forget campaigns, so that the next ask reads them from PostgreSQL."""
        keys = [key for campaign in campaigns for key in _books(campaign)]
        self._redis.call(lambda redis: redis.delete(*keys))

    def _run(self, text: str, keys: list[str], args: list[Any]) -> Any:
        def ask(redis: Redis) -> Any:
            # It is named by its digest; its text is sent only where Redis does not know it yet.
            script = self._scripts.get(text)
            if script is None:
                script = self._scripts[text] = redis.register_script(text)
            return script(keys=keys, args=args)

        return self._redis.call(ask)


def _books(campaign: int) -> list[str]:
    return [f"{_PREFIX}budget:{campaign}", f"{_PREFIX}open:{campaign}"]


def _keys(asks: Sequence[Ask]) -> list[str]:
    keys: list[str] = []
    for ask in asks:
        keys += _books(ask.standing.campaign_id)
        keys += [f"{_PREFIX}cap:{cap.key}" for cap in ask.caps]
    return keys


def _asked(asks: Sequence[Ask]) -> str:
    return json.dumps(
        [
            {
                "member": member_of(ask.decision, ask.position),
                "standing": _standing(ask.standing),
                "today": ask.today.isoformat(),
                "price": ask.price_micros,
                "expected": ask.expected_micros,
                "caps": [
                    {"name": cap.name, "most": cap.most, "base": cap.base,
                     "life": cap.seconds * 1000}
                    for cap in ask.caps
                ],
            }
            for ask in asks
        ]
    )  # fmt: skip


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "version": standing.version,
        "total": standing.total_micros,
        "daily": -1 if standing.daily_micros is None else standing.daily_micros,
        "spent": standing.spent_micros,
        "day": "" if standing.day is None else standing.day.isoformat(),
        "day_spent": standing.day_spent_micros,
    }


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
