"""What counts for nothing although it came: too many clicks, those of the advertiser, crawlers.

It is marked and kept, so that an advertiser can see what they did not pay for. These are the
filters that any ad system has to have; they find no botnet.
"""

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis import Redis
from redis.commands.core import Script

from vitrine.ads.asks import member_of
from vitrine.ads.models import CLICK
from vitrine.ads.slots import Slot
from vitrine.decisions.tokens import TokenSigner
from vitrine.errors import Unavailable
from vitrine.redis_calls import RedisCalls

RATE, SELF_CLICK, BOT = "rate", "self_click", "bot"
_MINUTE = timedelta(minutes=1)
_REMEMBER = 10_000
# Many people click from behind the address of an office, a mobile network or a proxy.
ADDRESS_FACTOR = 20
# Those that say so; not phones of Cubot, nor libraries, with which shops send events themselves.
_CRAWLER = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|headless|preview|facebookexternalhit|mediapartners|lighthouse"
    r"|pingdom|uptime|monitoring|archiver",
    re.IGNORECASE,
)

# KEYS: of each click who it is of; ARGV[2]: each click, and the most of each of these. Counts every
# click for each, the same one once, and says which are too many. Of those who never stop no more is
# kept than tells that it is too many.
_SCRIPT = """
local now, answers, place = tonumber(ARGV[1]), {}, 1
for i, click in ipairs(cjson.decode(ARGV[2])) do
  answers[i] = 0
  for _, most in ipairs(click.most) do
    local key = KEYS[place]
    place = place + 1
    redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - 60000))
    redis.call('ZADD', key, string.format('%.0f', now), click.member)
    if redis.call('ZCARD', key) > most then
      answers[i] = 1
    end
    redis.call('ZREMRANGEBYRANK', key, 0, -most - 2)
    redis.call('PEXPIRE', key, 60000)
  end
end
return answers
"""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends an event: the address, as limits count it, and what the browser calls itself."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class _Click:
    """A click, and who it counts for: for each the most in a minute."""

    member: str
    most: dict[str, int]


class Traffic:
    """Marks events; safe to share between threads. Of an address only a keyed digest is known."""

    def __init__(
        self,
        redis: RedisCalls,
        signer: TokenSigner,
        *,
        clicks_per_minute: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._redis = redis
        self._signer = signer
        self._most = clicks_per_minute
        self._clock = clock
        self._script: Script | None = None
        self._own: OrderedDict[str, dict[str, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def mark(self, events: Sequence[tuple[Slot, str]], sender: Sender | None) -> list[str | None]:
        """Say why each event counts for nothing, or None. A click is counted by asking.

        Without a sender the shop's server tells of it: its address and its name say nothing.
        """
        clicked = [at for at, (slot, kind) in enumerate(events) if kind == CLICK]
        counted = self._too_often([self._click(events[at][0], sender) for at in clicked])
        too_often = {at for at, often in zip(clicked, counted, strict=True) if often}
        crawls = sender is not None and is_crawler(sender.agent)
        marks: list[str | None] = []
        for at, (slot, kind) in enumerate(events):
            if at in too_often:
                marks.append(RATE)
            elif kind == CLICK and slot.of_member:
                marks.append(SELF_CLICK)
            else:
                marks.append(BOT if crawls else None)
        return marks

    def _click(self, slot: Slot, sender: Sender | None) -> _Click:
        most = {}
        if sender is not None:
            digest = self._signer.fingerprint(f"ads.{sender.address}")[:16].hex()
            most[f"address:{digest}"] = ADDRESS_FACTOR * self._most
        if slot.person_id is not None:
            most[f"person:{slot.person_id}"] = self._most
        return _Click(member_of(slot.decision, slot.position), most)

    def _too_often(self, clicks: Sequence[_Click]) -> list[bool]:
        """Count clicks, and say of each whether it is too many."""
        if not any(click.most for click in clicks):
            return [False] * len(clicks)
        try:
            return self._shared(clicks)
        except Unavailable:
            return self._alone(clicks)

    def _shared(self, clicks: Sequence[_Click]) -> list[bool]:
        keys = [f"vitrine:ads:clicks:{who}" for click in clicks for who in click.most]
        now = int(self._clock().timestamp() * 1000)
        told = json.dumps(
            [{"member": click.member, "most": list(click.most.values())} for click in clicks]
        )

        def ask(redis: Redis) -> list[bool]:
            script = self._script = self._script or redis.register_script(_SCRIPT)
            return [bool(often) for often in script(keys=keys, args=[now, told])]

        return self._redis.call(ask)

    def _alone(self, clicks: Sequence[_Click]) -> list[bool]:
        """Count in this process, while Redis is away."""
        with self._lock:
            now = self._clock()
            # Each counts for all whom it is of.
            too_many = [
                [self._count(who, click.member, most, now) for who, most in click.most.items()]
                for click in clicks
            ]
            while len(self._own) > _REMEMBER:
                self._own.popitem(last=False)
        return list(map(any, too_many))

    def _count(self, who: str, member: str, most: int, now: datetime) -> bool:
        before = self._own.pop(who, {})
        clicks = {each: at for each, at in before.items() if at > now - _MINUTE}
        clicks[member] = now
        newest = sorted(clicks.items(), key=lambda each: each[1])[-most - 1 :]
        self._own[who] = dict(newest)
        return len(clicks) > most


def is_crawler(agent: str) -> bool:
    """Whether a browser says that it is none, or says nothing."""
    return not agent.strip() or _CRAWLER.search(agent) is not None
