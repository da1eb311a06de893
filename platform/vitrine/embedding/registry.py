"""Which models are here, shipped in the package or built.

    <root>/<slug>/model.xml, .bin          for OpenVINO, float32
    <root>/<slug>/model-int8.xml, .bin     for OpenVINO, int8
    <root>/<slug>/weights.safetensors      for torch
    <root>/<slug>/spec.json                specification, digest, and what int8 was measured to cost

float32 and int8 are two forms of one model: they share its digest, and their vectors may meet. A
folder appears whole, by a rename. A model that is built again with another result keeps its old
folder beside the new one, because stored vectors may still be its.

What the package ships is found too and never written to; forms that it lacks are made beside, in
the folder of built models.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vitrine.embedding.names import parse, slug
from vitrine.embedding.specs import ModelSpec
from vitrine.errors import NotFound

if TYPE_CHECKING:
    from vitrine.embedding.fidelity import Calibration

Precision = Literal["fp32", "int8"]

SHIPPED = Path(__file__).parent / "weights"
"""Models that come with the package; read-only."""

MANIFEST = "spec.json"
IR: dict[Precision, str] = {"fp32": "model.xml", "int8": "model-int8.xml"}

Progress = Callable[[str], object]
"""Told one short sentence for each step of a build."""


def _silent(step: str) -> None:
    return None


@dataclass(frozen=True)
class InstalledModel:
    """A model whose files are in `path`; `int8` says what that form was measured to cost."""

    name: str
    digest: str
    dim: int
    path: Path
    spec: ModelSpec
    int8: dict[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """The forms that OpenVINO can run here."""
        return tuple(form for form, file in IR.items() if (self.path / file).is_file())

    def form(self, precision: Precision | None = None) -> Precision:
        """Choose a form; None takes int8 unless its build found that it loses too much.

        Raises NotFound naming the fix for a form that is not here.
        """
        served = bool((self.int8 or {}).get("served"))
        wanted = precision or ("int8" if served and "int8" in self.precisions else "fp32")
        if wanted not in self.precisions:
            raise NotFound(
                f"The model {self.name} is not here as {wanted}: `vitrine models build "
                f"'{self.name}'` makes that form (it needs `pip install \"vitrine[torch]\"`)"
                + (f", or set VITRINE_PRECISION={self.precisions[0]}." if self.precisions else ".")
            )
        return wanted

    def ir(self, precision: Precision | None = None) -> Path:
        """Find the OpenVINO IR of the form that `form` chooses."""
        return self.path / IR[self.form(precision)]

    @property
    def bytes(self) -> int:
        """What its files take on the disk."""
        return sum(file.stat().st_size for file in self.path.iterdir() if file.is_file())


class ModelStore:
    """The shipped and the built models; read anew at every call, so that a new one is seen."""

    def __init__(self, root: Path, *, shipped: Path = SHIPPED) -> None:
        self.root = root
        self._shipped = shipped

    def names(self) -> list[str]:
        """Names of models that ship or were made here."""
        return list(dict.fromkeys(model.name for model in self.installed()))

    def ships(self, name: str) -> bool:
        """Whether the package brings a model of this name, which then means no other."""
        return read(self._shipped / slug(name)) is not None

    def installed(self) -> list[InstalledModel]:
        """Every model; of several of one name the current one comes first."""
        best: dict[tuple[str, str], InstalledModel] = {}
        for model in [*_folders(self._shipped), *_folders(self.root)]:
            known = best.get((model.name, model.digest))
            if known is None or len(model.precisions) >= len(known.precisions):
                best[model.name, model.digest] = model
        return sorted(best.values(), key=lambda model: (model.name, not self._is_current(model)))

    def find(self, name: str) -> InstalledModel:
        """Find a model by its name. Raises NotFound naming how to get it."""
        recipe = parse(name)
        for model in self.installed():
            if model.name == recipe.name and self._is_current(model):
                return model
        if recipe.own:
            raise NotFound(
                f"There is no model named {name!r} here: use {', '.join(self.names())}, train one "
                "(`vitrine train`), or write timm:NAME for a timm model, e.g. timm:resnet50."
            )
        raise NotFound(
            f"The model {recipe.name} is not built here yet: "
            f"`vitrine models build '{recipe.name}'`."
        )

    def _is_current(self, model: InstalledModel) -> bool:
        """Whether its name means this build of it. What ships wins over what is built here."""
        shipped = read(self._shipped / slug(model.name))
        if shipped is not None:
            return model.digest == shipped.digest
        return model.path.name == slug(model.name)

    def find_digest(self, digest: str) -> InstalledModel:
        """Find the model that made a vector. Raises NotFound naming how to get it."""
        for model in self.installed():
            if model.digest == digest:
                return model
        raise NotFound(
            f"The model with digest {digest[:12]} is not in {self.root}. Copy its folder from the "
            "machine that built it, or build one with `vitrine models build NAME` and switch to it "
            "with `vitrine models use NAME`."
        )

    def build(
        self,
        name: str,
        *,
        force: bool = False,
        calibrate: "Callable[[], Calibration] | None" = None,
        progress: Progress = _silent,
    ) -> InstalledModel:
        """Make the forms of a model that are not here; see `vitrine.embedding.build`."""
        from vitrine.embedding.build import build

        return build(self, name, force=force, calibrate=calibrate, progress=progress)

    def keep(self, model: InstalledModel) -> InstalledModel:
        """Copy a shipped model here, so that an upgrade of the package does not take it away."""
        if any(one.digest == model.digest for one in _folders(self.root)):
            return model
        return self.add(lambda folder: _copy(model.path, folder))

    def add(self, write: Callable[[Path], object]) -> InstalledModel:
        """Put a model here: `write` fills a folder, `write_manifest` last; it appears whole."""
        from vitrine.embedding.build import add

        return add(self, write)


def write_manifest(
    folder: Path, spec: ModelSpec, digest: str, int8: dict[str, Any] | None = None
) -> None:
    """Write the file that makes a folder a model; the last step of a build."""
    manifest: dict[str, Any] = {"digest": digest, "spec": spec.to_json()}
    if int8 is not None:
        manifest["int8"] = int8
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def _copy(source: Path, folder: Path) -> None:
    for file in source.iterdir():
        if file.is_file():
            shutil.copyfile(file, folder / file.name)


def _folders(root: Path) -> list[InstalledModel]:
    if not root.is_dir():
        return []
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir())
    found = [read(folder) for folder in folders if not folder.name.startswith(".")]
    return [model for model in found if model is not None]


def read(folder: Path) -> InstalledModel | None:
    """Read a model's folder; None for what is none, or not finished."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        spec = ModelSpec.from_json(manifest["spec"])
        digest, int8 = str(manifest["digest"]), manifest.get("int8")
        return InstalledModel(spec.name, digest, spec.dim, folder, spec, int8)
    except (OSError, ValueError, KeyError, TypeError):
        return None
