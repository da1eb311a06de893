import csv
import json
from pathlib import Path

import pytest

from vitrine.demo import studio
from vitrine.demo.sheet import contact_sheet
from vitrine.demo.studio import ABOUT, Order, shoot


def times(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*.jpg")}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shop")
    shoot(out, Order(seed=1, count=2, queries=1, seller="acme"))
    return out


def test_the_folder_is_an_evaluation_directory_with_its_truth(shop: Path) -> None:
    images = rows(shop / "images.csv")
    assert {row["split"] for row in images} == {"catalog", "query"}
    assert all((shop / row["path"]).is_file() for row in images)
    assert len({row["label"] for row in images}) == 2
    (query,) = rows(shop / "queries.csv")
    (same,) = [row for row in images if row["split"] == "query"]
    assert query["path"] == same["path"] and query["product"] == same["label"]
    assert query["category"] == same["coarse_label"] and query["product"].startswith("acme:")


def test_a_second_run_draws_only_what_is_missing(shop: Path) -> None:
    before = times(shop)
    gone = shop / "queries" / next(iter((shop / "queries").iterdir())).name
    gone.unlink()
    drawn: list[int] = []
    listings = shoot(shop, Order(1, 3, 1, "acme"), lambda: drawn.append(1))
    after = times(shop)
    assert len(drawn) == len(listings) == 3
    assert {name for name in before if before[name] != after[name]} == {str(gone.relative_to(shop))}
    assert len(after) > len(before)


def test_another_edition_is_drawn_anew_and_other_files_are_left(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = shop / "catalog" / "my-own.jpg"
    mine.write_bytes(b"mine")
    before = times(shop / "catalog")
    monkeypatch.setattr(studio, "EDITION", studio.EDITION + 1)
    shoot(shop, Order(1, 1, 0, "acme"))
    after = times(shop / "catalog")
    assert mine.read_bytes() == b"mine"
    assert all(before[name] != after[name] for name in after if name != "my-own.jpg")
    assert json.loads((shop / ABOUT).read_text())["edition"] == studio.EDITION


def test_a_contact_sheet_can_be_written(shop: Path) -> None:
    listings = shoot(shop, Order(1, 1, 1, "acme"))
    contact_sheet(listings, shop / "sheet.png")
    assert (shop / "sheet.png").stat().st_size > 10_000
