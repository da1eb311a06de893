"""`vitrine evaluate-recs` on the shop's own events and on a file of the same."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from tests.integration.conftest import listing
from vitrine.assembly import Platform
from vitrine.cli import evaluate_recs, main
from vitrine.wire.events import EventBatch

PEOPLE, COLOURS = 12, {"red": (200, 30, 30), "blue": (30, 30, 200)}
METHODS = {"recommendations", "popularity", "co-occurrence", "visual similarity", "random"}


def test_every_method_is_measured_on_the_same_events(
    platform: Platform,
    work_off: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(evaluate_recs, "load_settings", lambda: platform.settings)
    run = CliRunner().invoke
    nothing = run(main, ["evaluate-recs"])
    assert nothing.exit_code == 1
    assert "no events" in nothing.output
    for colour, rgb in COLOURS.items():
        for number in range(4):
            red, green, blue = (part + 9 * number for part in rgb)
            photo = io.BytesIO()
            Image.new("RGB", (160, 160), (red, green, blue)).save(photo, "PNG")
            wanted = listing(category=f"home/{colour}", title=f"{colour} {number}")
            platform.catalog.put("acme", f"{colour}-{number}", wanted, [photo.getvalue()])
    work_off()
    batches = [_batch(person) for person in range(PEOPLE)]
    for batch in batches:
        taken = platform.intake.take(EventBatch.model_validate(batch), published=False)
        assert not taken.errors
    found = run(main, ["evaluate-recs", "--cut", "0.7", "-k", "3",
                       "--json", str(tmp_path / "own.json")])  # fmt: skip
    assert found.exit_code == 0, found.output
    own = json.loads((tmp_path / "own.json").read_text())
    assert set(own["methods"]) == METHODS
    assert (own["people"], own["products"], own["ranker"]) == (PEOPLE, 8, 0)
    # Everybody keeps to a colour, and one product of it is left for later.
    assert own["methods"]["recommendations"]["recall"]["value"] == 1
    assert own["methods"]["co-occurrence"]["recall"]["value"] == 1
    assert all(name in found.output for name in METHODS)

    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(map(json.dumps, batches)))
    again = ["evaluate-recs", "--cut", "0.7", "-k", "3", "--events", str(path)]
    assert run(main, [*again, "--json", str(tmp_path / "file.json")]).exit_code == 0
    of_file = json.loads((tmp_path / "file.json").read_text())
    for name in METHODS - {"random", "popularity"}:
        assert of_file["methods"][name]["recall"] == own["methods"][name]["recall"]
    last = run(main, ["evaluate-recs", "--split", "last", "--repeats", "--ranker", "current"])
    assert last.exit_code == 0, last.output
    assert "last left out" in last.output


def _batch(person: int) -> dict[str, object]:
    """Somebody who looks at the four products of one colour, one a day."""
    colour = list(COLOURS)[person % 2]
    start = datetime.now(UTC) - timedelta(days=9) + timedelta(minutes=person)
    return {
        "user_id": f"u-{person}",
        "events": [
            {
                "name": "view_item",
                "event_id": f"{person}-{day}",
                "timestamp_micros": int((start + timedelta(days=day)).timestamp() * 1e6),
                "params": {"items": [{"item_id": f"acme:{colour}-{(person + day) % 4}"}]},
            }
            for day in range(4)
        ],
    }
