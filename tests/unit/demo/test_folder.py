from pathlib import Path

import pytest
from PIL import Image

from vitrine.demo.folder import UNSORTED, scan
from vitrine.errors import Invalid


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "red").save(path)


def test_sub_folders_are_categories_and_file_names_are_titles(tmp_path: Path) -> None:
    picture(tmp_path / "Möbel & Co" / "Chairs" / "red_oak-chair.jpg")
    picture(tmp_path / "loose.PNG")
    listings, skipped = scan(tmp_path, "acme")
    assert not skipped
    by_title = {one.product.title: one for one in listings}
    chair = by_title["Red oak chair"]
    assert chair.product.category == "mobel-co/chairs"
    assert chair.id.startswith("acme:red-oak-chair-")
    assert chair.photos == (tmp_path / "Möbel & Co" / "Chairs" / "red_oak-chair.jpg",)
    assert by_title["Loose"].product.category == UNSORTED
    assert 5 <= chair.product.price < 100


def test_the_same_folder_gives_the_same_products(tmp_path: Path) -> None:
    for name in ("a/x.jpg", "b/x.jpg"):
        picture(tmp_path / name)
    first, _ = scan(tmp_path, "acme")
    assert scan(tmp_path, "acme")[0] == first
    assert len({one.id for one in first}) == 2


def test_what_is_no_picture_is_named_and_left_out(tmp_path: Path) -> None:
    picture(tmp_path / "good.jpg")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / ".hidden.jpg").write_bytes(b"")
    listings, skipped = scan(tmp_path, "acme")
    assert [one.product.title for one in listings] == ["Good"]
    assert {str(one.path) for one in skipped} == {"notes.txt", "broken.jpg", "empty.png"}
    assert all(one.reason for one in skipped)


def test_names_without_a_latin_letter_still_make_products(tmp_path: Path) -> None:
    picture(tmp_path / "靴" / "赤い靴.jpg")
    listings, _ = scan(tmp_path, "acme")
    assert listings[0].product.title == "赤い靴"
    assert listings[0].product.category == UNSORTED
    assert listings[0].id.startswith("acme:picture-")


def test_a_deep_tree_keeps_six_levels(tmp_path: Path) -> None:
    picture(tmp_path / "a/b/c/d/e/f/g/h.jpg")
    listings, _ = scan(tmp_path, "acme")
    assert listings[0].product.category == "a/b/c/d/e/f"


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(Invalid, match="no picture"):
        scan(tmp_path, "acme")
