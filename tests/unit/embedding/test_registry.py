import json
import os
import time
from pathlib import Path

import pytest
from tests.unit.embedding.conftest import RESNET

from vitrine.embedding.names import UNTRAINED, slug
from vitrine.embedding.registry import InstalledModel, ModelStore
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.embedding.specs import model_digest
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
    assert {UNTRAINED, RESNET} <= set(store.names())


def test_an_empty_store(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "none")
    assert store.installed() == []
    assert store.names() == [UNTRAINED]
    with pytest.raises(NotFound, match=f"vitrine models build '{UNTRAINED}'"):
        store.find(UNTRAINED)
    with pytest.raises(NotFound, match="vitrine models use"):
        store.find_digest("ab" * 32)
    assert not (tmp_path / "none").exists()


def test_a_second_build_is_no_work(store: ModelStore, resnet: InstalledModel) -> None:
    said: list[str] = []
    assert store.build(RESNET, progress=said.append) == resnet
    assert said == []


def test_building_anew(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
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
    store = ModelStore(tmp_path)
    (tmp_path / ".building-old").mkdir()
    (tmp_path / ".building-new").mkdir()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "spec.json").write_text("{")
    an_age_ago = time.time() - 10_000
    os.utime(tmp_path / ".building-old", (an_age_ago, an_age_ago))
    store._sweep()
    assert not (tmp_path / ".building-old").exists()
    assert (tmp_path / ".building-new").exists()
    assert store.installed() == []
