"""What a model is: enough to make its vectors again, and to tell two models apart."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Head = Literal["pooled", "projected"]
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Preprocessing:
    """How pixels become numbers, in timm's terms; `input_size` is channels, height, width."""

    input_size: tuple[int, int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    crop_pct: float
    crop_mode: str

    @classmethod
    def from_timm(cls, config: Mapping[str, Any]) -> "Preprocessing":
        """Read the result of `timm.data.resolve_model_data_config`."""
        return cls.from_json(config)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Preprocessing":
        channels, height, width = (int(side) for side in value["input_size"])
        red, green, blue = (float(number) for number in value["mean"])
        red_std, green_std, blue_std = (float(number) for number in value["std"])
        return cls(
            input_size=(channels, height, width),
            mean=(red, green, blue),
            std=(red_std, green_std, blue_std),
            interpolation=str(value["interpolation"]),
            crop_pct=float(value["crop_pct"]),
            crop_mode=str(value["crop_mode"]),
        )

    @property
    def scale_size(self) -> tuple[int, int]:
        """Height and width to scale to before the crop."""
        _, height, width = self.input_size
        return math.floor(height / self.crop_pct), math.floor(width / self.crop_pct)

    @property
    def short_side(self) -> int:
        """Pixels that a decoder must leave on both sides for nothing to be enlarged."""
        return max(self.scale_size)


@dataclass(frozen=True)
class ModelSpec:
    """A model without its weights. `map_shape` is channels, height, width of its feature map.

    `head` says how the backbone's features become an embedding: by its own pooling, or by
    generalised-mean pooling with exponent `gem_p` and a projection to `dim`. With 2 `levels` the
    stage before the last is projected beside it, in its plain mean.
    """

    name: str
    timm_name: str
    pretrained: bool
    seed: int
    trained: bool
    dim: int
    map_shape: tuple[int, int, int]
    preprocessing: Preprocessing
    head: Head = "pooled"
    gem_p: float = 1.0
    levels: int = 1

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "ModelSpec":
        channels, height, width = (int(side) for side in value["map_shape"])
        return cls(
            name=str(value["name"]),
            timm_name=str(value["timm_name"]),
            pretrained=bool(value["pretrained"]),
            seed=int(value["seed"]),
            trained=bool(value["trained"]),
            dim=int(value["dim"]),
            map_shape=(channels, height, width),
            preprocessing=Preprocessing.from_json(value["preprocessing"]),
            head=value["head"],
            gem_p=float(value["gem_p"]),
            levels=int(value.get("levels", 1)),
        )

    def to_json(self) -> dict[str, Any]:
        """The same as plain dicts, lists, strings and numbers."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        if self.levels == 1:
            # Models were made before there was a second: their digests stand.
            del plain["levels"]
        return plain


def model_digest(spec: ModelSpec, weights: Path) -> str:
    """Name the maker of a vector: sha256 over the canonical spec and the file of weights.

    Whatever runs the model, its digest is the same.
    """
    canonical = json.dumps(spec.to_json(), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode())
    digest.update(b"\0")
    with weights.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
