"""Who calls: keys from the Authorization header, and what each role may do."""

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from vitrine.catalog.keys import authenticate
from vitrine.db import Sessions
from vitrine.errors import Forbidden, Unauthenticated

STOREFRONT, SELLER, ADS, ADMIN = "storefront", "seller", "ads", "admin"
EVERY_ROLE = frozenset({STOREFRONT, SELLER, ADS, ADMIN})
SELLERS = frozenset({SELLER, ADMIN})
STOREFRONTS = frozenset({STOREFRONT, ADMIN})
ADVERTISING = frozenset({ADS, ADMIN})
NO_KEY: frozenset[str] = frozenset()

# How long a key that was revoked may still be answered.
REMEMBER_SECONDS = 3.0
_REMEMBER_KEYS = 1024
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key it is."""

    key_id: str
    role: str
    seller: str | None = None
    origins: frozenset[str] = frozenset()

    @property
    def published(self) -> bool:
        """Whether the key stands in pages, where everybody can read and use it."""
        return bool(self.origins)

    def require_seller(self, seller: str) -> None:
        """Raise Forbidden unless the caller may change what belongs to `seller`."""
        if self.role == SELLER and self.seller != seller:
            raise Forbidden(
                f"This key belongs to the seller {self.seller} and may not change products of "
                f"{seller}; use ids that begin with `{self.seller}:`."
            )


ANYONE = Caller(key_id="", role="")


class Patience(Protocol):
    """What an address may ask that sends wrong keys; both raise TooManyRequests."""

    def meet_stranger(self) -> None: ...

    def count_wrong_key(self) -> None: ...


class Authenticator:
    """Finds the caller of a request; remembers keys for `REMEMBER_SECONDS`."""

    def __init__(self, sessions: Sessions, patience: Patience | None = None) -> None:
        self._sessions = sessions
        self._patience = patience
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._lock = threading.Lock()

    def caller(self, header: str | None) -> Caller:
        """Read `Authorization: Bearer <key>`; raises Unauthenticated."""
        scheme, _, plaintext = (header or "").strip().partition(" ")
        plaintext = plaintext.strip()
        if not header:
            raise Unauthenticated("Send a key: `Authorization: Bearer <key>`.")
        if scheme.lower() != "bearer" or not 0 < len(plaintext) <= _LONGEST_KEY:
            raise Unauthenticated("The Authorization header must be `Bearer <key>`.")
        digest = hashlib.sha256(plaintext.encode()).digest()
        return self._remembered(digest) or self._look_up(digest, plaintext)

    def _remembered(self, digest: bytes) -> Caller | None:
        with self._lock:
            found = self._known.get(digest)
        return found[1] if found and found[0] > time.monotonic() else None

    def _look_up(self, digest: bytes, plaintext: str) -> Caller:
        if self._patience is not None and digest not in self._known:
            self._patience.meet_stranger()
        # The clock starts before the look-up: a key revoked meanwhile lives no longer for it.
        until = time.monotonic() + REMEMBER_SECONDS
        with self._sessions() as session:
            key = authenticate(session, plaintext)
        if key is None:
            if self._patience is not None:
                self._patience.count_wrong_key()
            raise Unauthenticated(
                "This key is unknown or was revoked; `vitrine keys create` makes one."
            )
        caller = Caller(
            key_id=key.id, role=key.role, seller=key.seller_id, origins=frozenset(key.origins)
        )
        with self._lock:
            self._known[digest] = (until, caller)
            self._known.move_to_end(digest)
            while len(self._known) > _REMEMBER_KEYS:
                self._known.popitem(last=False)
        return caller


def admit(caller: Caller, roles: frozenset[str]) -> None:
    """Raise Forbidden unless the caller has one of `roles`."""
    if caller.role not in roles:
        wanted = " or ".join(sorted(roles - {ADMIN}) or [ADMIN])
        raise Forbidden(f"This is a {caller.role} key; this call needs one of the role {wanted}.")
