"""Bytes that are kept for minutes and may be lost: query photos, what a search remembers.

They live in Redis alone, each with its time to live, and never on a disk.
"""

from vitrine.redis_calls import RedisCalls


class ShortLived:
    """A store of bytes by kind and id. Every method raises Unavailable while Redis is away."""

    def __init__(self, redis: RedisCalls) -> None:
        self._redis = redis

    def put(self, kind: str, id: str, value: bytes, seconds: int) -> None:
        """Keep `value` for `seconds`; what had the same id is replaced.

        Raises Unavailable also while Redis is nearly full, so that this pushes nothing else out.
        """
        if seconds <= 0:
            raise ValueError(f"seconds is {seconds}; it has to be positive.")
        self._redis.refuse_if_full()
        self._redis.call(lambda redis: redis.set(_key(kind, id), value, ex=seconds))

    def get(self, kind: str, id: str) -> bytes | None:
        """Read it; None if it is over, was deleted or had to make room."""
        found = self._redis.call(lambda redis: redis.get(_key(kind, id)))
        return None if found is None else bytes(found)  # type: ignore[arg-type]

    def delete(self, kind: str, id: str) -> None:
        """Forget it; what is not there is no error."""
        self._redis.call(lambda redis: redis.delete(_key(kind, id)))


def _key(kind: str, id: str) -> str:
    return f"vitrine:{kind}:{id}"
