"""What the documents tell a user to type exists."""

import re
from pathlib import Path

import pytest

from vitrine.demo.products import catalogue

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_query_photos_that_are_named_are_written_by_the_demo(document: Path) -> None:
    named = re.findall(r"demo/queries/([\w-]+)\.jpg", document.read_text())
    drawn = {product.sku for product in catalogue(seed=1, count=100)}
    assert set(named) <= drawn


def test_the_first_screen_names_one() -> None:
    assert "demo/queries/" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_scripts_that_are_named_are_there(document: Path) -> None:
    for script in re.findall(r"\bbench/\w+\.py", document.read_text()):
        assert (ROOT / script).exists(), script


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_blank_is_left_to_fill(document: Path) -> None:
    assert not re.search(r"FIGURE|TABLE\b|TODO|TBD|XXX", document.read_text())
