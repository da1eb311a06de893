"""Every family loads, exports and answers; what cannot be built says why."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitrine.embedding.encoders import Encoders
from vitrine.embedding.export import _compare
from vitrine.embedding.registry import InstalledModel, ModelStore
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder
from vitrine.embedding.runtimes.torch import TorchEncoder
from vitrine.embedding.scenes import scene
from vitrine.embedding.vectors import normalise
from vitrine.errors import Misconfigured, NotFound


@pytest.mark.parametrize(
    ("timm_name", "size", "dim", "channels_side"),
    [
        ("resnet18", 64, 512, (512, 2)),
        ("resnet50", 64, 2048, (2048, 2)),
        ("inception_v3", 96, 2048, (2048, 1)),
        ("densenet121", 64, 1024, (1024, 2)),
        ("vit_tiny_patch16_224", 64, 192, (192, 4)),
    ],
)
def test_families(
    store: ModelStore,
    pictures: list[Image.Image],
    timm_name: str,
    size: int,
    dim: int,
    channels_side: tuple[int, int],
) -> None:
    model = store.build(f"timm:{timm_name}?pretrained=false&seed=0&size={size}")
    channels, side = channels_side
    assert model.dim == dim
    assert model.spec.map_shape == (channels, side, side)
    assert not model.spec.trained
    one, other = (
        runtime(model).encode(pictures[:1]) for runtime in (OpenVinoEncoder, TorchEncoder)
    )
    assert one.map.shape == (1, channels, side, side)
    assert one.embedding[0] @ other.embedding[0] > 0.9999
    if not timm_name.startswith("vit"):
        pooled = normalise(one.map.mean((2, 3)))
        assert pooled[0] @ one.embedding[0] > 0.9999


def test_scenes_follow_their_seed() -> None:
    one, same, other = (scene(np.random.default_rng(seed), 64) for seed in (1, 1, 2))
    assert one.tobytes() == same.tobytes() != other.tobytes()
    assert one.size == (64, 64)


def test_a_conversion_that_differs_is_refused(resnet: InstalledModel) -> None:
    module = TorchEncoder(resnet, device="cpu")._module
    _compare(module, resnet)
    import torch

    with torch.no_grad():
        module.backbone.layer4[0].conv1.weight.mul_(-1)
        module.backbone.conv1.weight.normal_()
    with pytest.raises(Misconfigured, match="does not reproduce"):
        _compare(module, resnet)


def test_unknown_architecture(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="resnet18"):
        ModelStore(tmp_path).build("timm:resnet_18?pretrained=false")
    assert list(tmp_path.iterdir()) == []


def _python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_without_torch(tmp_path: Path) -> None:
    done = _python(
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path; from vitrine.embedding.registry import ModelStore\n"
        f"ModelStore(Path({str(tmp_path)!r})).build('timm:resnet18')"
    )
    assert "Misconfigured: " in done.stderr
    assert 'pip install "vitrine[torch]"' in done.stderr


def test_without_a_hub(tmp_path: Path) -> None:
    done = _python(
        "from pathlib import Path; from vitrine.embedding.registry import ModelStore\n"
        f"ModelStore(Path({str(tmp_path)!r})).build('timm:resnet18.a1_in1k')",
        HF_HUB_OFFLINE="1",
        HF_HOME=str(tmp_path / "hub"),
        TORCH_HOME=str(tmp_path / "hub"),
    )
    assert "Unavailable: The pretrained weights of resnet18.a1_in1k cannot be had" in done.stderr
    assert "pretrained=false" in done.stderr


def test_answering_needs_no_torch(resnet: InstalledModel) -> None:
    done = _python(
        "import sys; from pathlib import Path; from PIL import Image\n"
        "from vitrine.embedding.encoders import Encoders\n"
        "from vitrine.embedding.registry import ModelStore\n"
        f"encoders = Encoders(ModelStore(Path({str(resnet.path.parent)!r})))\n"
        f"encoders.get({resnet.digest!r}).encode([Image.new('RGB', (80, 80))])\n"
        "assert not {'torch', 'timm', 'torchvision'} & set(sys.modules)"
    )
    assert done.returncode == 0, done.stderr


def test_nobody_is_told(resnet: InstalledModel, tmp_path: Path) -> None:
    done = _python(
        "import sys; from pathlib import Path; from PIL import Image\n"
        "from vitrine.embedding.registry import ModelStore\n"
        f"model = ModelStore(Path({str(resnet.path.parent)!r})).find({resnet.name!r})\n"
        "from vitrine.embedding.runtimes.openvino import OpenVinoEncoder\n"
        "OpenVinoEncoder(model).encode([Image.new('RGB', (80, 80))])\n"
        "assert 'openvino_telemetry.main' not in sys.modules",
        HOME=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    # Where the reporting package keeps the client id that it invents for this machine.
    assert not (tmp_path / "intel").exists()


def test_encoders_keep_two(store: ModelStore) -> None:
    names = [f"timm:resnet18?pretrained=false&seed={seed}&size=32" for seed in range(3)]
    digests = [store.build(name).digest for name in names]
    assert len(set(digests)) == 3
    encoders = Encoders(store)
    first = encoders.get(digests[0])
    assert encoders.get(digests[0]) is first
    encoders.get(digests[1])
    assert encoders.get(digests[0]) is first
    encoders.get(digests[2])
    assert encoders.get(digests[0]) is first
    assert len(encoders._loaded) == 2
    with pytest.raises(NotFound, match="vitrine models build"):
        encoders.get("0" * 64)
