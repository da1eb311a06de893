"""Which models are built here, and building one.

    <root>/<slug>/model.xml, model.bin     for OpenVINO
    <root>/<slug>/weights.safetensors      for torch
    <root>/<slug>/spec.json                specification and digest

A folder appears whole, by a rename. A model that is built again with another result keeps its old
folder beside the new one, because stored vectors may still be its.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vitrine.embedding.names import BUILT_IN, parse, slug
from vitrine.embedding.specs import ModelSpec
from vitrine.errors import NotFound

MANIFEST = "spec.json"
_BUILDING = ".building-"
_ABANDONED_SECONDS = 3600.0

Progress = Callable[[str], object]
"""Told one short sentence for each step of a build."""


def _silent(step: str) -> None:
    return None


@dataclass(frozen=True)
class InstalledModel:
    """A model whose files are in `path`."""

    name: str
    digest: str
    dim: int
    path: Path
    spec: ModelSpec

    @property
    def bytes(self) -> int:
        """What its files take on the disk."""
        return sum(file.stat().st_size for file in self.path.iterdir() if file.is_file())


class ModelStore:
    """The folder of built models; read anew at every call, so that a new one is seen."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> list[str]:
        """Names that are built in or built here."""
        return list(dict.fromkeys([*BUILT_IN, *(model.name for model in self.installed())]))

    def installed(self) -> list[InstalledModel]:
        """Every built model; of several builds of one name the current one comes first."""
        if not self.root.is_dir():
            return []
        folders = sorted(folder for folder in self.root.iterdir() if folder.is_dir())
        found = [_read(folder) for folder in folders if not folder.name.startswith(".")]
        models = [model for model in found if model is not None]
        return sorted(models, key=lambda model: (model.name, model.path.name != slug(model.name)))

    def find(self, name: str) -> InstalledModel:
        """Find a model by its name. Raises NotFound naming how to build it."""
        recipe = parse(name)
        model = _read(self.root / slug(recipe.name))
        if model is None:
            raise NotFound(
                f"The model {recipe.name} is not built here yet: "
                f"`vitrine models build '{recipe.name}'`."
            )
        return model

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
        self, name: str, *, force: bool = False, progress: Progress = _silent
    ) -> InstalledModel:
        """Export a model unless it is there.

        Raises NotFound for an unknown name, Misconfigured without torch, Unavailable when its
        weights cannot be fetched.
        """
        recipe = parse(name)
        present = _read(self.root / slug(recipe.name))
        if present is not None and not force:
            return present
        from vitrine.embedding.export import export

        self.root.mkdir(parents=True, exist_ok=True)
        self._sweep()
        folder = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=self.root))
        try:
            export(recipe, folder, progress)
            folder.chmod(0o755)
            return self._install(folder, recipe.name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _install(self, folder: Path, name: str) -> InstalledModel:
        made, target = _read(folder), self.root / slug(name)
        assert made is not None
        if target.exists():
            target.rename(self._aside(target, made.digest))
        # Somebody who built the same meanwhile was first: theirs is as good.
        with suppress(OSError):
            folder.rename(target)
        return self.find(name)

    def _aside(self, target: Path, digest: str) -> Path:
        """Where the folder goes that is replaced: kept if its vectors cannot be made any more."""
        before = _read(target)
        kept = self.root / f"{target.name}@{before.digest[:12] if before else 'broken'}"
        if before is None or before.digest == digest or kept.exists():
            return Path(tempfile.mkdtemp(prefix=_BUILDING, dir=self.root)) / "replaced"
        return kept

    def _sweep(self) -> None:
        """Remove what builds that were killed left behind."""
        for folder in self.root.glob(f"{_BUILDING}*"):
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)


def write_manifest(folder: Path, spec: ModelSpec, digest: str) -> None:
    """Write the file that makes a folder a model; the last step of a build."""
    manifest = {"digest": digest, "spec": spec.to_json()}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n")


def _read(folder: Path) -> InstalledModel | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        spec = ModelSpec.from_json(manifest["spec"])
        return InstalledModel(spec.name, str(manifest["digest"]), spec.dim, folder, spec)
    except (OSError, ValueError, KeyError, TypeError):
        return None
