"""Pages of one ranking: no product twice, none left out, also while the catalogue changes.

A ranking is only ever added to, and a cursor is a place in it. What is gone when its page is asked
for is left out; what came since is added behind what was ranked before.
"""

import re
from dataclasses import dataclass

from vitrine.errors import Invalid

_CURSOR = re.compile(r"([A-Za-z0-9_-]{22})\.([0-9]{1,6})\.([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: its search, the index in the ranking, and how many were shown before."""

    search_id: str
    at: int = 0
    shown: int = 0

    def __str__(self) -> str:
        return f"{self.search_id}.{self.at}.{self.shown}"

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Read a cursor. Raises Invalid for what is none."""
        found = _CURSOR.fullmatch(text)
        # Of what is ranked before a place, at most everything was shown.
        if found is None or int(found[3]) > int(found[2]):
            detail = "was not made by this api; start again without one"
            raise Invalid(f"`/cursor` {detail}.", errors=[{"pointer": "/cursor", "detail": detail}])
        return cls(found[1], int(found[2]), int(found[3]))
