import json
import os
import time
from pathlib import Path

import pytest
from tests.unit.embedding.conftest import RESNET

from vitrine.embedding.build import _sweep
from vitrine.embedding.encoders import Encoders
from vitrine.embedding.names import slug
from vitrine.embedding.registry import InstalledModel, ModelStore, write_manifest
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.embedding.specs import ModelSpec, Preprocessing, model_digest
from vitrine.errors import Misconfigured, NotFound


def test_files_and_digest(resnet: InstalledModel) -> None:
    assert {file.name for file in resnet.path.iterdir()} == {
        "model.xml",
        "model.bin",
        "weights.safetensors",
        "spec.json",
    }
    assert resnet.digest == model_digest(resnet.spec, resnet.path / "weights.safetensors")
    assert resnet.bytes > 80_000_000
    assert resnet.path.stat().st_mode & 0o777 == 0o755


def test_find(store: ModelStore, resnet: InstalledModel) -> None:
    assert store.find(RESNET) == resnet
    assert store.find("timm:resnet18?size=64&pretrained=0") == resnet
    assert store.find_digest(resnet.digest) == resnet
    assert resnet in store.installed()
    assert RESNET in store.names()


def test_an_empty_store(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "none", shipped=tmp_path / "nothing")
    assert store.installed() == []
    assert store.names() == []
    with pytest.raises(NotFound, match="vitrine models build 'timm:resnet50'"):
        store.find("timm:resnet50")
    with pytest.raises(NotFound, match="timm:resnet50"):
        store.find("resnet50")
    with pytest.raises(NotFound, match="vitrine models use"):
        store.find_digest("ab" * 32)
    assert not (tmp_path / "none").exists()


def test_a_second_build_is_no_work(store: ModelStore, resnet: InstalledModel) -> None:
    said: list[str] = []
    assert store.build(RESNET, progress=said.append) == resnet
    assert said == []


def test_building_anew(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, shipped=tmp_path / "nothing")
    name = "timm:resnet18?pretrained=false&seed=5&size=32"
    first = store.build(name)
    # What another version of torch might have made of the same name.
    manifest = json.loads((first.path / "spec.json").read_text())
    (first.path / "spec.json").write_text(json.dumps(manifest | {"digest": "e" * 64}))
    second = store.build(name, force=True)
    assert second == first
    assert store.find(name).digest == second.digest
    assert store.find_digest("e" * 64).path.name == f"{slug(name)}@{'e' * 12}"
    # Made again with the same result, a damaged folder is replaced.
    (second.path / "model.bin").write_bytes(b"")
    with pytest.raises(Misconfigured, match="--force"):
        OpenVinoEncoder(second)
    OpenVinoEncoder(store.build(name, force=True))
    assert len(store.installed()) == 2


def test_leftovers(tmp_path: Path) -> None:
    store = ModelStore(tmp_path, shipped=tmp_path / "nothing")
    (tmp_path / ".building-old").mkdir()
    (tmp_path / ".building-new").mkdir()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "spec.json").write_text("{")
    an_age_ago = time.time() - 10_000
    os.utime(tmp_path / ".building-old", (an_age_ago, an_age_ago))
    _sweep(tmp_path)
    assert not (tmp_path / ".building-old").exists()
    assert (tmp_path / ".building-new").exists()
    assert store.installed() == []


def _put(folder: Path, name: str, digest: str, *forms: str, served: bool = True) -> Path:
    """A model's folder as far as the registry reads it."""
    how = Preprocessing((3, 64, 64), (0, 0, 0), (1, 1, 1), "bicubic", 1.0, "squash")
    spec = ModelSpec(name, "resnet18", False, 0, True, 256, (256, 2, 2), how)
    folder.mkdir(parents=True)
    write_manifest(folder, spec, digest, {"served": served} if "model-int8" in forms else None)
    for form in forms:
        (folder / f"{form}.xml").write_text("")
    return folder


def test_a_model_that_ships(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models", shipped=tmp_path / "shipped")
    shipped = _put(tmp_path / "shipped/ours", "ours", "a" * 64, "model-int8")
    found = store.find("ours")
    assert (found.path, found.precisions, found.ir()) == (
        shipped,
        ("int8",),
        shipped / "model-int8.xml",
    )
    assert store.find_digest("a" * 64) == found
    assert "ours" in store.names()
    with pytest.raises(NotFound, match=r"models build .ours.*VITRINE_PRECISION=int8"):
        found.ir("fp32")
    # The same model with both forms, made here, is the better one.
    made = _put(tmp_path / "models/ours", "ours", "a" * 64, "model", "model-int8")
    assert [model.path for model in store.installed()] == [made]
    assert store.find("ours").ir("fp32") == made / "model.xml"


def test_what_ships_wins_over_an_older_one_of_its_name(tmp_path: Path) -> None:
    """After an upgrade of the package the model before is there for the vectors it made."""
    store = ModelStore(tmp_path / "models", shipped=tmp_path / "shipped")
    _put(tmp_path / "shipped/ours", "ours", "a" * 64, "model-int8")
    before = _put(tmp_path / "models/ours", "ours", "b" * 64, "model", "model-int8")
    assert store.find("ours").digest == "a" * 64
    assert store.find_digest("b" * 64).path == before
    assert [model.digest[0] for model in store.installed()] == ["a", "b"]


def test_int8_that_loses_too_much_is_not_served(tmp_path: Path) -> None:
    _put(tmp_path / "one", "one", "a" * 64, "model", "model-int8", served=False)
    model = ModelStore(tmp_path).find("one")
    assert model.ir() == model.ir("fp32") == tmp_path / "one/model.xml"
    assert model.ir("int8") == tmp_path / "one/model-int8.xml"


def test_a_form_that_is_asked_for_everywhere(store: ModelStore, resnet: InstalledModel) -> None:
    assert resnet.precisions == ("fp32",)
    assert Encoders(store, precision="fp32").get(resnet.digest).digest == resnet.digest
    with pytest.raises(NotFound, match="int8"):
        Encoders(store, precision="int8").get(resnet.digest)


def test_a_shipped_model_that_is_used_outlives_an_upgrade(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped/ours"
    _put(shipped, "ours", "a" * 64, "model-int8")
    store = ModelStore(tmp_path / "models", shipped=tmp_path / "shipped")
    kept = store.keep(store.find("ours"))
    assert kept.path.parent == tmp_path / "models"
    assert store.keep(kept) == kept
    for file in shipped.iterdir():
        file.unlink()
    shipped.rmdir()
    _put(shipped, "ours", "b" * 64, "model-int8")
    assert store.find("ours").digest == "b" * 64
    assert store.find_digest("a" * 64).path == kept.path
    store.keep(store.find("ours"))
    assert store.find_digest("a" * 64).ir("int8").is_file()
