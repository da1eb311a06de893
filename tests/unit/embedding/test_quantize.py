"""int8 made of a real model by NNCF, and run."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from vitrine.embedding.fidelity import Calibration, Task
from vitrine.embedding.names import slug
from vitrine.embedding.registry import InstalledModel, ModelStore, write_manifest
from vitrine.embedding.runtimes.openvino import OpenVinoEncoder, load_openvino
from vitrine.embedding.scenes import scene
from vitrine.embedding.specs import model_digest

NAME = "timm:resnet10t?pretrained=false&seed=8&size=64"


def calibration() -> Calibration:
    drawn = [scene(np.random.default_rng(number), 80) for number in range(24)]
    pictures = [lambda side, one=one: one for one in drawn]
    labels = [str(number) for number in range(8)]
    task = Task("drawn", pictures[16:], labels, pictures[16:], labels)
    return Calibration("drawn", pictures[:16], task)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> InstalledModel:
    return ModelStore(tmp_path_factory.mktemp("int8")).build(NAME)


@pytest.fixture(scope="module")
def both(plain: InstalledModel) -> InstalledModel:
    """The same folder with an int8 form added, while fp32 was in use."""
    in_use = OpenVinoEncoder(plain)
    model = ModelStore(plain.path.parent).build(NAME, calibrate=calibration)
    in_use.encode([Image.new("RGB", (70, 70))])
    return model


def test_a_form_is_added_to_the_model(plain: InstalledModel, both: InstalledModel) -> None:
    assert (both.path, both.digest, both.precisions) == (
        plain.path,
        plain.digest,
        ("fp32", "int8"),
    )
    assert both.int8 is not None
    assert both.int8["calibrated_on"] == "drawn"
    assert both.int8["cosine_mean"] > 0.99
    assert both.int8["r@1"]["fp32"] == 1
    sizes = [both.ir(form).with_suffix(".bin").stat().st_size for form in both.precisions]
    assert sizes[1] < 0.27 * sizes[0], "no float copies of the weights are kept"
    said: list[str] = []
    store = ModelStore(both.path.parent)
    assert store.build(NAME, calibrate=calibration, progress=said.append) == both
    assert said == []


def test_vectors_of_both_forms(both: InstalledModel, pictures: list[Image.Image]) -> None:
    one, other = (OpenVinoEncoder(both, precision=form) for form in ("fp32", "int8"))
    for count in (1, len(pictures)):
        a, b = one.encode(pictures[:count]), other.encode(pictures[:count])
        # Quantised, the two sides of the division by the length would differ by percents.
        assert np.linalg.norm(b.embedding, axis=1) == pytest.approx(1, abs=1e-4)
        assert (a.embedding * b.embedding).sum(1).min() > 0.98
        assert a.map.shape == b.map.shape
        assert (a.embedding != b.embedding).any()
        pooled = b.map.mean((2, 3))
        cosines = (pooled * b.embedding).sum(1) / np.linalg.norm(pooled, axis=1)
        assert cosines.min() > 0.999


def test_weights_take_seven_bits(both: InstalledModel) -> None:
    """Products of two bytes are added in 16 bits where there is no VNNI, and would overflow."""
    model = load_openvino().Core().read_model(both.ir("int8"))
    weights = [
        op.get_data()
        for op in model.get_ops()
        if op.get_type_name() == "Constant" and op.get_element_type().to_string() == "i8"
    ]
    assert len(weights) > 8
    assert max(int(np.abs(one.astype(np.int16)).max()) for one in weights) <= 64


def test_what_ships_gets_its_float_form_on_demand(both: InstalledModel, tmp_path: Path) -> None:
    shipped = tmp_path / "shipped" / slug(NAME)
    shipped.mkdir(parents=True)
    weights = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in load_file(both.path / "weights.safetensors").items()
    }
    save_file(weights, shipped / "weights.safetensors")
    for file in ("model-int8.xml", "model-int8.bin"):
        (shipped / file).write_bytes((both.path / file).read_bytes())
    digest = model_digest(both.spec, shipped / "weights.safetensors")
    write_manifest(shipped, both.spec, digest, both.int8)
    store = ModelStore(tmp_path / "models", shipped=tmp_path / "shipped")
    assert store.find(NAME).precisions == ("int8",)
    made = store.build(NAME)
    assert (made.digest, made.precisions, made.int8) == (digest, ("fp32", "int8"), both.int8)
    assert made.path == tmp_path / "models" / slug(NAME)
    picture = [Image.effect_mandelbrot((80, 80), (-2, -1, 1, 1), 50)]
    vectors = [
        OpenVinoEncoder(model, precision="fp32").encode(picture).embedding for model in (made, both)
    ]
    assert (vectors[0] * vectors[1]).sum() > 0.9999, "the same weights but for the rounding"


def test_nncf_reports_nothing() -> None:
    """It sends events to its maker's analytics unless the package for that is missing."""
    script = (
        "import sys\n"
        "from vitrine.embedding.quantize import require_nncf\n"
        "nncf = require_nncf()\n"
        "from nncf.telemetry import telemetry\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
        "assert type(telemetry).__name__ == 'MagicMock', telemetry\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
