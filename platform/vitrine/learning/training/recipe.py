"""A training recipe: a TOML file that says all that a run depends on."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vitrine.embedding.names import is_own
from vitrine.errors import Invalid, NotFound

Share = Annotated[float, Field(gt=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(_Part):
    """A timm backbone that gives a feature map, GeM pooling, a projection to `dim`.

    With 2 `levels` the stage before the last is projected too: it sees colours and textures.

    What serves squeezes a picture into a square and keeps the middle part `crop` of its sides.
    `start` names a model of the same shape whose weights it begins with; random ones otherwise, and
    in the parts of the backbone that it shall `forget`. With `discriminants`, their shrinkage, the
    projection is not what gradients made of it but linear discriminants, found at the end.
    """

    backbone: str = "resnet18"
    dim: int = Field(256, ge=8, le=2048)
    # Beyond 6 a power of the least activation is no float32 any more.
    gem_p: float = Field(3.0, ge=1, le=6)
    levels: int = Field(1, ge=1, le=2)
    input_side: int = Field(128, ge=32, le=1024)
    crop: float = Field(1.0, gt=0.5, le=1)
    start: str = ""
    forget: tuple[str, ...] = ()
    discriminants: float = Field(0.0, ge=0, le=1)


class Dataset(_Part):
    """Pictures to learn from. `share` is how often they are drawn, relative to the others.

    Without labels two views of one picture are told from all other pictures of the batch
    (`self_supervised`; NT-Xent, Chen et al. 2020).
    """

    folder: str
    splits: tuple[str, ...] = Field(("train",), min_length=1)
    share: Share = 1.0
    self_supervised: bool = False


class HeldOut(_Part):
    """A split that is searched as the run goes on; never learnt from."""

    folder: str
    catalog: str
    queries: str

    @property
    def title(self) -> str:
        return f"{self.folder} {self.catalog}→{self.queries}"


class Stage(_Part):
    """A stretch of the run at one picture size; sizes grow, since small pictures are cheap."""

    side: int = Field(ge=32, le=1024, multiple_of=8)
    epochs: float = Field(gt=0)
    batch: int = Field(128, ge=8)


class Optimiser(_Part):
    """AdamW with a warm-up and a cosine to zero over the whole run."""

    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    warmup: Probability = 0.05
    ema_decay: float = Field(0.998, ge=0, lt=1)
    clip_norm: float = Field(5.0, gt=0)


class Losses(_Part):
    """Normalised softmax always; the others are added by their weight when it is not zero."""

    temperature: float = Field(0.05, gt=0)
    label_smoothing: Probability = 0.0
    supervised_contrastive: float = Field(0.0, ge=0)
    multi_similarity: float = Field(0.0, ge=0)
    self_supervised: float = Field(0.5, ge=0)
    self_supervised_temperature: float = Field(0.2, gt=0)


class Augmentation(_Part):
    """How far a picture is changed; probabilities and half-widths."""

    least_area: float = Field(0.25, gt=0, le=1)
    zoom_out: float = Field(1.3, ge=1)
    aspect: float = Field(1.33, ge=1)
    rotation_degrees: float = Field(20.0, ge=0, le=180)
    perspective: float = Field(0.15, ge=0, lt=1)
    flip: Probability = 0.5
    background: Probability = 0.5
    brightness: float = Field(0.35, ge=0, lt=1)
    contrast: float = Field(0.35, ge=0, lt=1)
    saturation: float = Field(0.4, ge=0)
    hue: float = Field(0.06, ge=0, le=0.5)
    tint: float = Field(0.0, ge=0, lt=1)
    grey: Probability = 0.05
    blur: Probability = 0.25
    jpeg: Probability = 0.25
    noise: Probability = 0.25
    erase: Probability = 0.25
    cutmix: Probability = 0.0


class Recipe(_Part):
    """All of a run. `data` is where the folders of `datasets` and `held_out` are."""

    name: str
    data: Path = Path()
    seed: int = Field(0, ge=0)
    # Labels drawn evenly at 1, as often as they have pictures at 0.
    balance: Probability = 0.5
    pictures_per_label: int = Field(2, ge=1)
    evaluate_every: float = Field(2.0, gt=0, description="epochs")
    network: Network = Network()
    optimiser: Optimiser = Optimiser()
    losses: Losses = Losses()
    augmentation: Augmentation = Augmentation()
    stages: tuple[Stage, ...] = Field(min_length=1)
    datasets: tuple[Dataset, ...] = Field(min_length=1)
    held_out: tuple[HeldOut, ...] = ()
    # By folder; for the model card.
    licences: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        if not is_own(self.name):
            raise ValueError(f"name {self.name!r}: use small letters, digits and . _ -")
        learnt = {(one.folder, split) for one in self.datasets for split in one.splits}
        for held in self.held_out:
            if (held.folder, held.queries) in learnt:
                raise ValueError(
                    f"{held.title} asks with pictures that are learnt from: its queries must be a "
                    "split that no dataset names"
                )
        if self.network.forget and not self.network.start:
            raise ValueError("network.forget: there is nothing to forget without a `start`")
        if all(one.self_supervised for one in self.datasets):
            raise ValueError("at least one dataset needs labels")
        return self


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; `data` is taken relative to its file. Raises NotFound, Invalid."""
    try:
        text = path.read_text()
    except OSError as error:
        raise NotFound(f"The recipe {path} cannot be read: {error.strerror}.") from error
    try:
        values = tomllib.loads(text)
        recipe = Recipe.model_validate(values)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not valid TOML: {error}.") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(step) for step in fault['loc']) or 'recipe'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise Invalid(f"The recipe {path} does not hold together. {faults}.") from error
    return recipe.model_copy(update={"data": (path.parent / recipe.data).resolve()})
