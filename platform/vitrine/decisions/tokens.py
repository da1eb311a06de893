"""The token: one signed string that says what was shown, where and by which model.

HMAC-SHA256 (RFC 2104) over a compact JSON array; base64url (RFC 4648, section 5). It carries no
user id. The key id lets a deployment change its secret while old tokens are still quoted.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass

from vitrine.errors import Invalid, Misconfigured

VERSION = "v1"
SIGNATURE_BYTES = 16
MIN_SECRET_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing shown. `issued_at` is in whole seconds since the epoch.

    `loss` is how much less similar an ad is than the result in whose place it stands.
    """

    key_id: str
    decision: str
    kind: str
    item: str
    position: int
    model: str
    issued_at: int
    loss: float | None = None


def new_decision_id() -> str:
    """Make an id for one answer (a search, a recommendation, an auction): 128 random bits."""
    return secrets.token_urlsafe(16)


class TokenSigner:
    """Signs and reads tokens with one secret."""

    def __init__(self, secret: str) -> None:
        if len(secret) < MIN_SECRET_CHARACTERS:
            raise Misconfigured(
                "VITRINE_SECRET_KEY must have at least 32 characters; make one with "
                "`openssl rand -hex 32` (`vitrine up` makes its own)."
            )
        self._secret = secret.encode()

    def __repr__(self) -> str:
        return "TokenSigner(…)"

    def sign(self, shown: Shown) -> str:
        """Write and sign a token."""
        fields: list[str | int | float] = [
            shown.key_id,
            shown.decision,
            shown.kind,
            shown.item,
            shown.position,
            shown.model,
            shown.issued_at,
        ]
        if shown.loss is not None:
            fields.append(shown.loss)
        payload = _encode(json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode())
        return f"{VERSION}.{payload}.{_encode(self._signature(payload))}"

    def read(self, token: str, *, max_age_seconds: int | None = None) -> Shown:
        """Check a token and read it. Raises Invalid for one that is forged, broken or too old."""
        version, _, rest = token.partition(".")
        payload, _, signature = rest.partition(".")
        expected = _encode(self._signature(payload)).encode()
        if version != VERSION or not hmac.compare_digest(signature.encode(), expected):
            raise Invalid("This token was not signed by this shop; quote it exactly as it came.")
        try:
            shown = Shown(*json.loads(_decode(payload)))
        except (ValueError, TypeError, binascii.Error) as error:
            raise Invalid("This token cannot be read; quote it exactly as it came.") from error
        if max_age_seconds is not None and time.time() - shown.issued_at > max_age_seconds:
            raise Invalid("This token is too old to be counted.")
        return shown

    def fingerprint(self, said: str) -> bytes:
        """Name something so that nobody without the secret can tell it, or guess and compare.

        32 bytes, the same for the same secret.
        """
        return hmac.new(self._secret, f"fingerprint.{said}".encode(), hashlib.sha256).digest()

    def _signature(self, payload: str) -> bytes:
        message = f"{VERSION}.{payload}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).digest()[:SIGNATURE_BYTES]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
