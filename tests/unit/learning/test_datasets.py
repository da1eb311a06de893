"""Reading `images.csv`: what it gives, and what it says when it cannot."""

from pathlib import Path

import pytest

from vitrine.errors import Invalid, NotFound
from vitrine.learning.datasets import Example, read_examples, splits

HEADER = "path,label,coarse_label,split"


def write(folder: Path, *lines: str, header: str = HEADER, bom: bool = False) -> Path:
    (folder / "images").mkdir(exist_ok=True)
    for name in "abc":
        (folder / "images" / f"{name}.jpg").write_bytes(b"not looked at")
    text = "\n".join([header, *lines]) + "\n"
    (folder / "images.csv").write_text(text, encoding="utf-8-sig" if bom else "utf-8")
    return folder


def test_a_split_comes_in_the_order_of_the_file(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        "images/b.jpg,Pear,Fruit,train",
        "images/c.jpg,,Street,val",
        "images/a.jpg,Äpple,Fruit,train",
    )
    assert read_examples(folder, "train") == [
        Example(folder / "images/b.jpg", "Pear", "Fruit"),
        Example(folder / "images/a.jpg", "Äpple", "Fruit"),
    ]
    assert read_examples(folder, "val")[0].label == ""
    assert splits(folder) == {"train": 2, "val": 1}


def test_more_columns_and_a_byte_order_mark_and_no_coarse_label_are_fine(tmp_path: Path) -> None:
    folder = write(
        tmp_path, 'train,"red, ripe",images/a.jpg,Pear', header="split,title,path,label", bom=True
    )
    assert read_examples(folder, "train") == [Example(folder / "images/a.jpg", "Pear", "")]


def test_an_unknown_split_names_those_there_are(tmp_path: Path) -> None:
    folder = write(tmp_path, "images/a.jpg,A,,train", "images/b.jpg,A,,val")
    with pytest.raises(NotFound, match=r"'test'.*train \(1 pictures\), val \(1 pictures\)"):
        read_examples(folder, "test")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no directory"):
        read_examples(tmp_path / "nowhere", "train")
    with pytest.raises(NotFound, match=r"no images\.csv"):
        read_examples(tmp_path, "train")
    with pytest.raises(Invalid, match="no column label, split"):
        read_examples(write(tmp_path, "images/a.jpg", header="path"), "train")
    with pytest.raises(NotFound, match="names no picture"):
        read_examples(write(tmp_path), "train")
    with pytest.raises(NotFound, match=r"1 of 2 pictures .*gone\.jpg"):
        read_examples(write(tmp_path, "images/a.jpg,A,,x", "images/gone.jpg,A,,x"), "x")


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"more than once, the first is .*a\.jpg"):
        read_examples(write(tmp_path, "images/a.jpg,A,,x", "images/a.jpg,B,,x"), "x")
    with pytest.raises(Invalid, match=r"Line 2 .* no path"):
        read_examples(write(tmp_path, ",A,,x"), "x")
    (tmp_path / "images.csv").write_bytes(HEADER.encode() + b"\n\xff\xfe,A,,x\n")
    with pytest.raises(Invalid, match="UTF-8"):
        read_examples(tmp_path, "x")
