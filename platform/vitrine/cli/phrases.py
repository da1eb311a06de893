"""What several commands say in the same words."""

from vitrine.index.capabilities import Capabilities
from vitrine.settings import Settings

SHIPPED_MODEL: str = Settings.model_fields["model"].default
MODEL_GONE = (
    "The files of the model in use are gone, so there is no search by photo and no new picture is "
    f"embedded. Copy its folder back into the models directory, or run `vitrine models use "
    f"{SHIPPED_MODEL}`."
)
HOW_TO_TRAINED = f"`vitrine models use {SHIPPED_MODEL}` takes the trained one that ships."


def milvus(capabilities: Capabilities) -> str:
    """Name the server: `Milvus 2.6.4`, `Milvus Lite 3.2.2`."""
    return f"Milvus {'Lite ' if capabilities.lite else ''}{capabilities.version}"
