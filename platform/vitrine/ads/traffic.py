"""What counts for nothing although it came: too many clicks, those of the advertiser, crawlers.

It is marked and kept, so that an advertiser can see what they did not pay for. These are the
filters that any ad system has to have; they find no botnet.
"""

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
# Those that say so; not phones of Cubot, nor libraries, with which shops send events themselves.
_CRAWLER = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|headless|preview|facebookexternalhit|mediapartners|lighthouse"
    r"|pingdom|uptime|monitoring|archiver",
    re.IGNORECASE,
)

# KEYS: who clicked. Counts a click for each, the same one once, and says whether it is too many.
# Of those who never stop no more is kept than tells that it is too many.
_SCRIPT = """
local now, click, most = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local too_many = 0
for _, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - 60000))
  redis.call('ZADD', key, string.format('%.0f', now), click)
  if redis.call('ZCARD', key) > most then
    too_many = 1
  end
  redis.call('ZREMRANGEBYRANK', key, 0, -most - 2)
  redis.call('PEXPIRE', key, 60000)
end
return too_many
"""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends an event: the address, as limits count it, and what the browser calls itself."""

    address: str
    agent: str


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

    def mark(self, slot: Slot, kind: str, sender: Sender) -> str | None:
        """Say why an event counts for nothing, or None. A click is counted by asking."""
        if kind == CLICK and self._clicks_too_often(slot, sender):
            return RATE
        if kind == CLICK and slot.of_member:
            return SELF_CLICK
        return BOT if is_crawler(sender.agent) else None

    def _clicks_too_often(self, slot: Slot, sender: Sender) -> bool:
        who = [f"address:{self._signer.fingerprint(f'ads.{sender.address}')[:16].hex()}"]
        if slot.person_id is not None:
            who.append(f"person:{slot.person_id}")
        click = member_of(slot.decision, slot.position)
        try:
            return self._shared(who, click)
        except Unavailable:
            return self._alone(who, click)

    def _shared(self, who: Sequence[str], click: str) -> bool:
        keys = [f"vitrine:ads:clicks:{one}" for one in who]
        now = int(self._clock().timestamp() * 1000)

        def ask(redis: Redis) -> bool:
            script = self._script = self._script or redis.register_script(_SCRIPT)
            return bool(script(keys=keys, args=[now, click, self._most]))

        return self._redis.call(ask)

    def _alone(self, who: Sequence[str], click: str) -> bool:
        """Count in this process, while Redis is away."""
        now, too_many = self._clock(), False
        with self._lock:
            for one in who:
                before = self._own.pop(one, {})
                clicks = {each: at for each, at in before.items() if at > now - _MINUTE}
                clicks[click] = now
                too_many = too_many or len(clicks) > self._most
                newest = sorted(clicks.items(), key=lambda each: each[1])[-self._most - 1 :]
                self._own[one] = dict(newest)
            while len(self._own) > _REMEMBER:
                self._own.popitem(last=False)
        return too_many


def is_crawler(agent: str) -> bool:
    """Whether a browser says that it is none, or says nothing."""
    return not agent.strip() or _CRAWLER.search(agent) is not None
