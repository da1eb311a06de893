"""Settings as the environment of a process that shall have the same."""

import json
from typing import Any

from vitrine.settings import Settings


def variables(settings: Settings) -> dict[str, str]:
    """Every setting as its VITRINE_… variable."""
    return {
        f"VITRINE_{name.upper()}": _written(value)
        for name, value in settings.model_dump().items()
        if value not in ("", None, [])
    }


def _written(value: Any) -> str:
    match value:
        case list():
            return ",".join(value)
        case dict():
            return json.dumps(value)
        case _:
            return str(value)
