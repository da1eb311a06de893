"""Which pictures int8 is made and judged by."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.integration.conftest import listing
from tests.pictures import jpeg
from vitrine.assembly import Platform
from vitrine.cli import calibration as chosen
from vitrine.cli.calibration import calibration, labelled_task
from vitrine.embedding.fidelity import Picture
from vitrine.errors import Invalid
from vitrine.ingest.sampling import sample_pictures

PICTURES = 66


@pytest.fixture
def shop(platform: Platform, work_off: Callable[[], int]) -> Platform:
    for product in range(PICTURES // 11):
        files = [jpeg(11 * product + one, size=(96, 80)) for one in range(11)]
        platform.catalog.put("acme", f"mug-{product}", listing(), files)
    work_off()
    return platform


def seen(pictures: list[Picture]) -> set[bytes]:
    return {np.asarray(picture(64)).tobytes() for picture in pictures}


def test_the_shops_own_pictures_calibrate_and_others_of_them_judge(shop: Platform) -> None:
    made = calibration(shop, None, None, pytest.fail)
    assert made.name == "the shop's own pictures"
    calibrating, judging = seen(list(made.pictures)), seen(list(made.task.catalog))
    assert len(calibrating) == len(judging) == PICTURES // 2
    assert not calibrating & judging
    assert len(made.task.queries) >= 400


def test_a_sample_is_bounded_and_leaves_out_what_is_lost(shop: Platform) -> None:
    assert len(sample_pictures(shop.ingest, 10)) == 10
    cids = sorted(shop.blobs.ids())
    shop.blobs.delete(cids[3])
    assert len(sample_pictures(shop.ingest, 10)) == 9


def test_a_shop_of_few_pictures_has_some_drawn(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chosen, "_DRAWN", 4)
    platform.catalog.put("acme", "mug", listing(), [jpeg(1)])
    said: list[str] = []
    made = calibration(platform, None, None, said.append)
    assert made.name == "drawn pictures"
    assert "drawing 4 pictures" in said[0]
    assert len(made.pictures) == len(made.task.catalog) == 2


def test_pictures_of_a_directory(platform: Platform, tmp_path: Path) -> None:
    for number in range(70):
        place = tmp_path / f"kind-{number % 3}"
        place.mkdir(exist_ok=True)
        (place / f"{number}.JPG").write_bytes(jpeg(number, size=(80, 64)))
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("no picture")
    made = calibration(platform, tmp_path, None, pytest.fail)
    assert len(made.pictures) == len(made.task.catalog) == 35
    task = made.task
    assert len(calibration(platform, tmp_path, task, pytest.fail).pictures) == 70
    with pytest.raises(Invalid, match="at least 64"):
        calibration(platform, tmp_path / "kind-0", None, pytest.fail)


def test_a_labelled_search(platform: Platform, tmp_path: Path) -> None:
    rows = ["path,label,coarse_label,split", "a.jpg,A,,train", "b.jpg,B,,train", "c.jpg,,,val"]
    (tmp_path / "images.csv").write_text("\n".join(rows))
    for name in "abc":
        (tmp_path / f"{name}.jpg").write_bytes(jpeg(ord(name)))
    task = labelled_task(tmp_path, "train", "train", platform.limits)
    assert task.leave_one_out
    assert (task.catalog_labels, task.query_labels) == (["A", "B"], ["A", "B"])
    with pytest.raises(Invalid, match="has no label"):
        labelled_task(tmp_path, "train", "val", platform.limits)
