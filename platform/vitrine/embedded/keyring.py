"""The keys that `vitrine up` hands to its owner, in `<data dir>/keys.json`."""

from pathlib import Path
from typing import Any

from vitrine.catalog.keys import Role, authenticate, create_key
from vitrine.db import Sessions
from vitrine.embedded.datadir import read_json, write_private_json

DEMO_SELLER = "demo"
LABEL = "vitrine up"


def ensure_keys(sessions: Sessions, path: Path) -> dict[str, Any]:
    """Return `{"storefront": …, "seller": {"demo": …}, "ads": …, "admin": …}`.

    Keys in the file that are still in force are kept; the others are made anew.
    """
    kept = read_json(path)
    sellers = kept.get("seller")
    kept_sellers: dict[str, Any] = sellers if isinstance(sellers, dict) else {}
    with sessions.begin() as session:

        def keep_or_make(text: Any, role: Role, seller: str | None = None) -> str:
            if isinstance(text, str):
                key = authenticate(session, text)
                if key is not None and (key.role, key.seller_id) == (role, seller):
                    return text
            return create_key(session, role, seller=seller, label=LABEL)[1]

        keys = {
            **kept,
            "storefront": keep_or_make(kept.get("storefront"), "storefront"),
            "seller": {
                **kept_sellers,
                DEMO_SELLER: keep_or_make(kept_sellers.get(DEMO_SELLER), "seller", DEMO_SELLER),
            },
            "ads": keep_or_make(kept.get("ads"), "ads"),
            "admin": keep_or_make(kept.get("admin"), "admin"),
        }
        # Before the commit: a key that is in force and written nowhere is of no use to anybody.
        write_private_json(path, keys)
    return keys
