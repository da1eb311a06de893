"""API keys: made, checked, listed and revoked. Only a hash is stored."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from vitrine.catalog.models import ApiKey, Seller
from vitrine.errors import Invalid, NotFound
from vitrine.wire import is_seller

Role = Literal["storefront", "seller", "ads", "admin"]
ANY_ORIGIN = "*"
_ORIGIN = re.compile(r"https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")
ROLES: tuple[Role, ...] = ("storefront", "seller", "ads", "admin")


def create_key(
    session: Session,
    role: Role,
    *,
    seller: str | None = None,
    label: str = "",
    origins: Sequence[str] = (),
) -> tuple[ApiKey, str]:
    """Make a key and return its row with the plain text, which can never be read again.

    A seller that does not exist yet is made with it. Raises Invalid for a role and seller that do
    not go together, and for origins as `set_origins` does.
    """
    if role not in ROLES:
        raise Invalid(f"There is no role {role!r}; use one of {', '.join(ROLES)}.")
    if (role == "seller") != (seller is not None):
        raise Invalid("A seller key, and only that, names its seller: --role seller --seller NAME.")
    if seller is not None:
        ensure_seller(session, seller)
    # 256 random bits need no slow hash: there is nothing to guess.
    plaintext = f"vt_{role}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        id=secrets.token_hex(6),
        hash=_hash(plaintext),
        role=role,
        seller_id=seller,
        label=label,
        origins=_checked(origins, role),
    )
    session.add(key)
    session.flush()
    return key, plaintext


def authenticate(session: Session, plaintext: str) -> ApiKey | None:
    """Find the key that is in force for this text."""
    return session.scalar(
        select(ApiKey).where(ApiKey.hash == _hash(plaintext), ApiKey.revoked_at.is_(None))
    )


def list_keys(session: Session) -> Sequence[ApiKey]:
    """All keys, oldest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)).all()


def set_origins(session: Session, key_id: str, origins: Sequence[str]) -> ApiKey:
    """Say from which pages a storefront key may be used; none: from servers alone.

    Raises NotFound, and Invalid for a key of another role and for what is no origin.
    """
    key = _find(session, key_id)
    key.origins = _checked(origins, key.role)
    session.flush()
    return key


def origins_in_force(session: Session) -> set[str]:
    """Every origin that a key in force names."""
    return set(
        session.scalars(
            select(func.unnest(ApiKey.origins)).where(ApiKey.revoked_at.is_(None)).distinct()
        )
    )


def revoke_key(session: Session, key_id: str) -> ApiKey:
    """Take a key out of force. Raises NotFound."""
    key = _find(session, key_id)
    if key.revoked_at is None:
        key.revoked_at = func.now()
    session.flush()
    return key


def ensure_seller(session: Session, seller: str) -> None:
    """Make the seller unless it is there."""
    if not is_seller(seller):
        raise Invalid(
            f"{seller[:80]!r} is no seller name: use 1 to 63 lower-case letters, digits and "
            "hyphens, beginning with a letter or digit."
        )
    session.execute(
        insert(Seller).values(id=seller, name=seller).on_conflict_do_nothing(index_elements=["id"])
    )


def _find(session: Session, key_id: str) -> ApiKey:
    key = session.get(ApiKey, key_id)
    if key is None:
        raise NotFound(f"There is no key {key_id!r}; `vitrine keys list` shows them.")
    return key


def _checked(origins: Sequence[str], role: str) -> list[str]:
    if origins and role != "storefront":
        raise Invalid(f"Only a storefront key may be used from pages; this is a {role} key.")
    for origin in origins:
        if origin != ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
            raise Invalid(
                f"{origin[:200]!r} is no origin: give scheme and host in lower case, such as "
                "https://shop.example or http://localhost:3000, without a path; or * for all."
            )
    return list(dict.fromkeys(origins))


def _hash(plaintext: str) -> str:
    return hashlib.sha256(plaintext.encode()).hexdigest()
