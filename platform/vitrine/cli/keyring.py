"""The keys that `vitrine up` left for its owner."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vitrine.errors import Misconfigured
from vitrine.settings import KEYS_FILE, Settings


@dataclass(frozen=True)
class Keyring:
    """`keys.json`; asking for a key that it lacks raises Misconfigured, which names the fix."""

    path: Path
    keys: dict[str, Any] = field(repr=False)

    @property
    def storefront(self) -> str:
        return self._key("storefront", self.keys.get("storefront"))

    @property
    def ads(self) -> str:
        return self._key("ads", self.keys.get("ads"))

    @property
    def admin(self) -> str:
        return self._key("admin", self.keys.get("admin"))

    def seller(self, name: str) -> str:
        sellers = self.keys.get("seller")
        key = sellers.get(name) if isinstance(sellers, dict) else None
        if not isinstance(key, str) or not key:
            raise Misconfigured(
                f"{self.path} holds no key of the seller {name!r}. Use --seller demo, whose key "
                f"`vitrine up` makes, or make one with `vitrine keys create --role seller --seller "
                f"{name}` and write it into that file beside the other seller's."
            )
        return key

    def _key(self, role: str, key: Any) -> str:
        if not isinstance(key, str) or not key:
            raise Misconfigured(
                f"{self.path} holds no {role} key. Start `vitrine up` once more: it makes what is "
                f"missing. With another server: `vitrine keys create --role {role}`."
            )
        return key


def read_keys(settings: Settings) -> Keyring:
    """Read the keys of the platform in the data directory; raises Misconfigured if none."""
    path = settings.data_dir / KEYS_FILE
    try:
        keys = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise Misconfigured(
            f"There is no {path}. Start `vitrine up` first: it makes the keys and keeps them "
            "there. Is it running with another data directory? Then set VITRINE_DATA_DIR here too."
        ) from error
    except (OSError, ValueError) as error:
        raise Misconfigured(
            f"{path} cannot be read ({error}). If it is damaged, remove it and start `vitrine "
            "up`: it makes new keys. If it is another user's, run this command as that user."
        ) from error
    if not isinstance(keys, dict):
        raise Misconfigured(f"{path} is not a key file: remove it and start `vitrine up`.")
    return Keyring(path, keys)
