"""Values that many requests need: read once, kept a while, and read again beside the requests."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from vitrine import logs
from vitrine.deadline import bounded
from vitrine.errors import Unavailable, VitrineError

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# What is not there is looked for again so soon: it may just be coming.
_ABSENT_SECONDS = 2.0
# So many times as old as it should be, it is still better than to wait.
_STILL_GOOD = 5.0
# Who has no bound of their own waits so long.
_MOST_SECONDS = 60.0
_log = logs.get(__name__)


class Background:
    """Does small things beside the requests, one after the other, on a thread of its own.

    The thread starts with the first of them, so that this can be carried over a fork.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="beside-requests")
        self._waiting: set[Hashable] = set()
        self._lock = threading.Lock()

    def __call__(self, name: Hashable, do: Callable[[], object]) -> None:
        """Do this soon, unless what is called so is waiting already."""
        with self._lock:
            if name in self._waiting:
                return
            self._waiting.add(name)
        self._threads.submit(self._do, name, do)

    def result(self, do: Callable[[], T]) -> T:
        """Do this there and wait for it; it goes on also where whoever asked may wait no longer.

        Raises what it raises, and Unavailable where the time at hand is over.
        """
        doing = self._threads.submit(do)
        wait([doing], timeout=bounded(_MOST_SECONDS))
        if not doing.done():
            raise Unavailable("What runs is still being read; try again in a few seconds.")
        return doing.result()

    def _do(self, name: Hashable, do: Callable[[], object]) -> None:
        try:
            do()
        except (SQLAlchemyError, VitrineError) as error:
            # Whoever needs it will read it for themselves, and hear of it.
            _log.warning("beside_requests.failed", reason=type(error).__name__)
        except Exception:  # noqa: BLE001 - who waits for nothing would never hear of it
            _log.exception("beside_requests.broke")
        finally:
            with self._lock:
                self._waiting.discard(name)


class Kept(Generic[K, V]):
    """Keeps what `read` finds of keys; safe to share between threads.

    What is older than `seconds` is read again in the background while requests go on with it, what
    is far older is waited for. Of more than `most` the longest unread go.
    """

    def __init__(
        self,
        read: Callable[[Collection[K]], Mapping[K, V]],
        background: Background,
        *,
        seconds: float,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._clock = clock
        self._background = background
        self._seconds = seconds
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[float, V | None]] = OrderedDict()

    def of(self, keys: Iterable[K]) -> dict[K, V]:
        """Find the values of keys; one that has none is left out."""
        found: dict[K, V] = {}
        missing: list[K] = []
        old: list[K] = []
        now = self._clock()
        kept, seconds = self._kept, self._seconds
        with self._lock:
            for key in keys:
                read_at, value = kept.get(key, (-1e9, None))
                age = now - read_at
                if value is None:
                    if age > _ABSENT_SECONDS:
                        missing.append(key)
                    continue
                if age > seconds * _STILL_GOOD:
                    missing.append(key)
                    continue
                found[key] = value
                if age > seconds:
                    old.append(key)
        if missing:
            found |= self._read_now(list(dict.fromkeys(missing)))
        if old:
            self._background((id(self), "read"), lambda: self._read_now(old))
        return found

    def forget(self, keys: Iterable[K]) -> None:
        """Read these again before the next use."""
        with self._lock:
            for key in keys:
                self._kept.pop(key, None)

    def _read_now(self, keys: Collection[K]) -> Mapping[K, V]:
        began = self._clock()
        fresh = self._read(keys)
        with self._lock:
            for key in keys:
                known = self._kept.get(key)
                if known is not None and known[0] > began:
                    continue  # Somebody began later and was sooner.
                self._kept[key] = (began, fresh.get(key))
                self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return fresh
