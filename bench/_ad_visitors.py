"""Visitors who see ads over real sockets and click: some do so twice, some hear no answer."""

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
# How often a visitor sends what it sent once more, and hangs up before it hears the answer.
AGAIN, HANGS_UP = 0.3, 0.1
_ATTEMPTS = 5


@dataclass(frozen=True)
class Visit:
    """One page: where it is asked for ads, and from where it is seen."""

    category: str
    geo: str


@dataclass
class Tally:
    """What happened, by all visitors together."""

    counts: Counter[str] = field(default_factory=Counter)
    clicked: set[tuple[str, int]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str) -> None:
        with self.lock:
            self.counts[what] += 1


class Visitor:
    """One person with one kept connection."""

    def __init__(self, number: int, name: str, url: str, key: str, tally: Tally) -> None:
        self._name = name
        self._address = urlsplit(url).netloc
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._tally = tally
        self._dice = random.Random(number)
        self._connection: http.client.HTTPConnection | None = None

    def visit(self, visit: Visit, campaign: str) -> None:
        """Ask for an ad; see it and click on it if it is of this campaign."""
        query = {"client_id": self._name, "category": visit.category, "geo": visit.geo}
        status, body = self._ask("POST", "/v1/ads/match", json.dumps(query).encode())
        if status != 200:
            self._tally.add(f"match answered {status}")
            return
        found = json.loads(body)
        ours = [one for one in found["ads"] if one["campaign"] == campaign]
        self._tally.add("shown" if ours else "shown others" if found["ads"] else "nothing shown")
        for ad in ours:
            self._tell(urlsplit(ad["impression_url"]).path, 200)
            with self._tally.lock:
                self._tally.clicked.add((found["decision_id"], ad["position"]))
            self._tell(urlsplit(ad["click_url"]).path, 302)

    def _tell(self, path: str, expected: int) -> None:
        """Send an event until it was heard; sometimes twice, sometimes without hearing so."""
        if self._dice.random() < HANGS_UP:
            self._hang_up(path)
        for _ in range(_ATTEMPTS):
            status, _ = self._ask("GET", path)
            if status == expected:
                break
            self._tally.add(f"event answered {status}")
        else:
            self._tally.add("given up")
        if self._dice.random() < AGAIN:
            self._tally.add("sent again")
            self._ask("GET", path)

    def _hang_up(self, path: str) -> None:
        self._tally.add("hung up")
        connection = http.client.HTTPConnection(self._address, timeout=60)
        connection.request("GET", path, headers={"User-Agent": AGENT})
        connection.close()

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        self._tally.add("requests")
        headers = {"User-Agent": AGENT, **(self._headers if body else {})}
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._address, timeout=60)
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            # A kept connection may have been closed meanwhile.
            self._connection = None
            return 0, b""


def run(visitors: list[Visitor], visits: list[Visit], campaign: str) -> None:
    """Let all visitors at once take visits until there are none left."""
    left: Iterator[Visit] = iter(visits)
    lock = threading.Lock()

    def go(visitor: Visitor) -> None:
        while True:
            with lock:
                visit = next(left, None)
            if visit is None:
                return
            visitor.visit(visit, campaign)

    with ThreadPoolExecutor(len(visitors)) as threads:
        for done in [threads.submit(go, one) for one in visitors]:
            done.result()
