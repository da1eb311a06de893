"""What several commands say in the same words."""

from vitrine.index.capabilities import Capabilities

TRAINED_MODEL = "timm:resnet50.a1_in1k"
HOW_TO_TRAINED = (
    f"With trained weights at hand: `vitrine models build {TRAINED_MODEL}`, then `vitrine models "
    f"use {TRAINED_MODEL}`."
)


def milvus(capabilities: Capabilities) -> str:
    """Name the server: `Milvus 2.6.4`, `Milvus Lite 3.2.2`."""
    return f"Milvus {'Lite ' if capabilities.lite else ''}{capabilities.version}"
