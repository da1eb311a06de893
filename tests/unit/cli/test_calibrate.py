"""What `vitrine calibrate` prints."""

from dataclasses import replace

from rich.console import Console
from tests.unit.search.test_category import CALIBRATED

from vitrine.cli.calibrate import _table


def printed(familiar_from: float | None) -> str:
    console = Console(width=100)
    with console.capture() as said:
        console.print(_table(replace(CALIBRATED, familiar_from=familiar_from)))
    return said.get()


def test_the_table_says_what_was_measured() -> None:
    said = printed(0.3)
    assert [word in said for word in ("80.0%", "0.050", "0.200", "0.300", "2.0%", "3.0%")] == [
        True
    ] * 6
    assert "none" not in said
    assert "none" in printed(None)
