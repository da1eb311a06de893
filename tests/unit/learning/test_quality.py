"""bench/quality.py on drawn pictures: the colour baseline, the tables, and what int8 costs."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from rich.progress import Progress
from tests.pictures import picture

SCRIPT = Path(__file__).parents[3] / "bench" / "quality.py"


@pytest.fixture(scope="module")
def quality() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_quality", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its own module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def datasets(tmp_path: Path) -> Path:
    folder = tmp_path / "grocery"
    folder.mkdir()
    lines = ["path,label,coarse_label,split"]
    for seed in range(6):
        for turn, split in enumerate(("train", "val")):
            name = f"{split}-{seed}.png"
            picture(seed).crop((20 * turn, 0, 320, 240)).save(folder / name)
            lines.append(f"{name},product-{seed},,{split}")
    (folder / "images.csv").write_text("\n".join(lines))
    return tmp_path


def test_a_histogram_counts_hue_saturation_and_value(quality: ModuleType) -> None:
    half = Image.new("RGB", (96, 96), (255, 0, 0))
    half.paste((0, 0, 0), (0, 0, 96, 48))
    found = quality.histogram(half)
    assert found.shape == (512,)
    assert found.sum() == pytest.approx(1)
    # Red of full saturation and value, and black, which has none.
    assert {int(at): float(found[at]) for at in np.flatnonzero(found)} == {15: 0.5, 0: 0.5}


def test_colour_alone_finds_other_cut_outs_and_stands_in_the_table(
    quality: ModuleType, datasets: Path
) -> None:
    row = quality.Row("grocery", "train", "val")
    with Progress(disable=True) as bar:
        found = quality.measure([row], datasets, quality.by_colour, bar, "colour")
    assert found[row].label["r@1"].value > 0.8
    lines = quality.table({"colour": found}, "r@1")
    assert len({len(line) for line in lines}) == 1
    assert "grocery train → val" in lines[2]
    assert f"{found[row].label['r@1'].value:.3f} (" in lines[2]


def test_the_loss_of_a_form_is_taken_query_by_query(quality: ModuleType, datasets: Path) -> None:
    row = quality.Row("grocery", "train", "val")
    with Progress(disable=True) as bar:
        found = quality.measure([row], datasets, quality.by_colour, bar, "colour")
    same = quality.loss(found[row], found[row])
    # What is the same for every query has no spread, however few queries there are.
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert quality.losses({"m fp32": found}, "m") == []
    shown = quality.losses({"m fp32": found, "m int8": found}, "m")
    assert "+0.00 (+0.00 – +0.00)" in shown[-1]
