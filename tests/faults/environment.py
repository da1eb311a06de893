"""Settings as the environment of a process that shall have the same."""

from vitrine.settings import Settings


def variables(settings: Settings) -> dict[str, str]:
    """Every setting as its VITRINE_… variable."""
    return {
        f"VITRINE_{name.upper()}": str(value)
        for name, value in settings.model_dump().items()
        if value not in ("", None)
    }
