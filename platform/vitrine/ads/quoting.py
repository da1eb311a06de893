"""Read the token of an ad: which slot it is of, and whether that may still be counted."""

from dataclasses import dataclass
from datetime import datetime

from vitrine.decisions.tokens import Shown, TokenSigner
from vitrine.errors import Invalid

AD = "ad"
UNSIGNED, EXPIRED, UNKNOWN = "unsigned", "expired", "unknown"


@dataclass(frozen=True, slots=True)
class Quoted:
    """A token that this shop signed for an ad; `expired`: nothing of it is counted any more."""

    shown: Shown
    expired: bool

    @property
    def slot(self) -> tuple[str, int]:
        """The decision and the position."""
        return self.shown.decision, self.shown.position


def read_token(
    signer: TokenSigner, token: str, now: datetime, *, seconds: int | None = None
) -> Quoted:
    """Read a token of an ad; raises Invalid for one that this shop did not sign for an ad.

    Without `seconds` it never expires.
    """
    # A signature is compared as bytes, and no character of one is beyond ASCII.
    if not token.isascii():
        raise Invalid("This token was not signed by this shop; quote it exactly as it came.")
    shown = signer.read(token)
    if shown.kind != AD:
        raise Invalid("This token is of no ad; quote the one that came with the ad.")
    age = now.timestamp() - shown.issued_at
    return Quoted(shown, expired=seconds is not None and age > seconds)
