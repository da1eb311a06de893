"""Build a model: export it, make the forms that it lacks, and put its folder in its place."""

import errno
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vitrine.embedding.names import Recipe, parse, slug
from vitrine.embedding.registry import IR, MANIFEST, InstalledModel, Progress, read
from vitrine.errors import NotFound

if TYPE_CHECKING:
    from vitrine.embedding.fidelity import Calibration
    from vitrine.embedding.registry import ModelStore

_FORM_FILES = {str(Path(xml).with_suffix(kind)) for xml in IR.values() for kind in (".xml", ".bin")}
_BUILDING = ".building-"
_ABANDONED_SECONDS = 3600.0


def build(
    store: "ModelStore",
    name: str,
    *,
    force: bool = False,
    calibrate: "Callable[[], Calibration] | None" = None,
    progress: Progress,
) -> InstalledModel:
    """Make the forms of a model that are not here: fp32, and int8 if there is a calibration.

    `force` makes them again. A model of ours has no recipe: its forms are made of its weights.
    Raises NotFound for an unknown name, Misconfigured without torch, Unavailable when weights
    cannot be fetched.
    """
    recipe = parse(name)
    present = _present(store, recipe)
    wanted = {"fp32", "int8"} if calibrate else {"fp32"}
    if present is not None and not force and wanted <= set(present.precisions):
        return present
    store.root.mkdir(parents=True, exist_ok=True)
    _sweep(store.root)
    with scratch(store.root) as folder:
        if present is None or (force and not recipe.own):
            from vitrine.embedding.export import export

            export(recipe, folder, progress)
        else:
            _bring(present, folder, forms=not force)
        made = _make_forms(folder, calibrate, progress)
        if present and (present.path.parent, present.digest) == (store.root, made.digest):
            _put_beside(folder, present.path)
        else:
            _put_in_place(store.root, folder)
    return store.find(name)


def add(store: "ModelStore", write: Callable[[Path], object]) -> InstalledModel:
    """Let `write` fill a folder, the manifest last, and give it the place of its name."""
    store.root.mkdir(parents=True, exist_ok=True)
    _sweep(store.root)
    with scratch(store.root) as folder:
        write(folder)
        made = read(folder)
        assert made is not None
        before = read(store.root / slug(made.name))
        same = before is not None and before.digest == made.digest
        if before is not None and same and set(made.precisions) <= set(before.precisions):
            return _refresh(folder, before)
        return _put_in_place(store.root, folder)


def _put_in_place(root: Path, folder: Path) -> InstalledModel:
    """Give a finished folder, made in `root`, the place of its name.

    A folder that is there is kept beside it if its vectors could not be made any more.
    """
    made = read(folder)
    assert made is not None
    _let_read(folder)
    target = root / slug(made.name)
    if target.exists():
        target.rename(_aside(root, target, made.digest))
    try:
        folder.rename(target)
    except OSError as error:
        # Somebody who built the same meanwhile was first: theirs is as good.
        if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
            raise
    placed = read(target)
    assert placed is not None
    return placed


def _refresh(folder: Path, model: InstalledModel) -> InstalledModel:
    """Take over what is said about a model that is there already, and leave its forms to serve."""
    _let_read(folder)
    for file in folder.iterdir():
        if file.name not in _FORM_FILES and file.name != MANIFEST:
            file.replace(model.path / file.name)
    return model


def _let_read(folder: Path) -> None:
    """Another user's api and workers may be who serves it."""
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)


def _present(store: "ModelStore", recipe: Recipe) -> InstalledModel | None:
    try:
        return store.find(recipe.name)
    except NotFound:
        if recipe.own:
            raise
        return None


def _bring(model: InstalledModel, folder: Path, *, forms: bool) -> None:
    """Put the files of a model into a folder, its forms too if they are to stay."""
    for file in model.path.iterdir():
        if file.is_file() and (forms or file.name not in _FORM_FILES):
            shutil.copyfile(file, folder / file.name)


def _make_forms(
    folder: Path, calibrate: "Callable[[], Calibration] | None", progress: Progress
) -> InstalledModel:
    model = read(folder)
    assert model is not None
    if "fp32" not in model.precisions:
        from vitrine.embedding.export import restore

        restore(model, progress)
    if calibrate is not None and "int8" not in model.precisions:
        from vitrine.embedding.quantize import make_int8

        make_int8(model, calibrate(), progress)
    return model


def _put_beside(folder: Path, target: Path) -> None:
    """Add what was made to a folder that may be in use, which finds forms whole or not at all.

    So the weights of a form come before its graph, and the manifest last.
    """
    _let_read(folder)
    made = {file.name for file in folder.iterdir()}
    for name in _FORM_FILES - made:
        (target / name).unlink(missing_ok=True)
    ranks = {MANIFEST: 2, **dict.fromkeys(IR.values(), 1)}
    for name in sorted(made, key=lambda name: ranks.get(name, 0)):
        (folder / name).replace(target / name)


def _aside(root: Path, target: Path, digest: str) -> Path:
    """Where the folder goes that is replaced: kept if its vectors cannot be made any more."""
    before = read(target)
    kept = root / f"{target.name}@{before.digest[:12] if before else 'broken'}"
    if before is None or before.digest == digest or kept.exists():
        return Path(tempfile.mkdtemp(prefix=_BUILDING, dir=root)) / "replaced"
    return kept


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what builds that were killed left behind."""
    for folder in root.glob(f"{_BUILDING}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
