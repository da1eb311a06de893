"""A shop measures its own catalogue, keeps what it found, and rejects nothing before."""

import io
import json
import random
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from tests.integration.conftest import listing
from tests.pictures import picture
from vitrine.assembly import Platform
from vitrine.cli import calibrate as command
from vitrine.errors import Conflict
from vitrine.index.generations import active_generation
from vitrine.search import measuring, observing
from vitrine.search.calibration import DEFAULT, Calibration
from vitrine.search.calibration_rows import Calibrations, forget_calibration
from vitrine.search.category import NEIGHBOURS
from vitrine.search.measuring import LEAST_PRODUCTS, calibrate, calibrate_if_due
from vitrine.search.models import CalibrationRow

KINDS = 5


def drawn(number: int) -> bytes:
    """A picture of its kind, cut by chance."""
    dice, whole = random.Random(number), picture(number % KINDS, size=(160, 128))
    left, top = dice.randint(0, 20), dice.randint(0, 16)
    out = io.BytesIO()
    whole.crop((left, top, left + 130, top + 104)).save(out, "JPEG")
    return out.getvalue()


def sell(platform: Platform, first: int, last: int) -> None:
    for number in range(first, last):
        kind = listing(category=f"home/kind-{number % KINDS}")
        platform.catalog.put("acme", f"thing-{number}", kind, [drawn(number)])


def rows(platform: Platform) -> list[CalibrationRow]:
    with platform.sessions() as session:
        return list(session.scalars(select(CalibrationRow)))


def test_a_shop_measures_itself(
    platform: Platform, work_off: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "VIEWS", 1)  # so that it takes less time
    monkeypatch.setattr(measuring, "LEAST_PHOTOS", 50)
    sell(platform, 0, LEAST_PRODUCTS - 1)
    work_off()
    with pytest.raises(Conflict, match=r"49 products .* needs 50\. Until then"):
        calibrate(platform.ingest, false_rejections=0.02)
    assert not calibrate_if_due(platform.ingest, false_rejections=0.02)
    with platform.sessions() as session:
        generation = active_generation(session)
    reads = Calibrations(platform.sessions, seconds=0)
    assert reads.of(generation.id) is DEFAULT

    sell(platform, LEAST_PRODUCTS - 1, 56)
    work_off()
    told: list[tuple[int, int]] = []
    found = calibrate(
        platform.ingest, false_rejections=0.1, progress=lambda *count: told.append(count)
    )
    assert told[-1] == (56, 56)
    assert found.measured is not None
    assert found.measured.fitted_on + found.measured.held_out == 56
    assert (found.measured.products, found.measured.pictures) == (56, 56)
    assert found.measured.accuracy > 0.5
    assert found.model == generation.model
    assert found.familiar_from is not None
    assert reads.of(generation.id) == found
    assert len(rows(platform)) == 1

    for pair in observing.observe(platform.ingest, generation):
        assert len(pair.plain.neighbours) == len(pair.shopper.neighbours) == NEIGHBOURS
        near = {one.product_id for one in (*pair.plain.neighbours, *pair.shopper.neighbours)}
        assert pair.product_id not in near

    # Nothing has changed: not due. Another share is asked for, and the row is replaced.
    assert not calibrate_if_due(platform.ingest, false_rejections=0.1)
    before = rows(platform)[0].measured_at
    monkeypatch.setattr(command, "load_settings", lambda: platform.settings)
    said = CliRunner().invoke(command.calibrate, ["--json"])
    assert said.exit_code == 0, said.output
    (row,) = rows(platform)
    assert row.measured_at > before
    kept = Calibration.from_json(json.loads(said.stdout))
    assert kept == reads.of(generation.id) == Calibration.from_json(row.measured)
    assert kept.measured is not None
    assert kept.measured.false_rejections == 0.01

    # A shop that sold out is not judged by what it was.
    for number in range(10):
        platform.catalog.delete("acme", f"thing-{number}")
    work_off()
    assert not calibrate_if_due(platform.ingest, false_rejections=0.02)
    assert rows(platform) == []


def test_what_was_read_is_kept_for_a_moment(platform: Platform) -> None:
    with platform.sessions.begin() as session:
        generation = active_generation(session)
        kept = Calibration(temperature=0.2).to_json()
        session.add(CalibrationRow(generation_id=generation.id, measured=kept))
    remembers = Calibrations(platform.sessions, seconds=60)
    assert remembers.of(generation.id).temperature == 0.2
    with platform.sessions.begin() as session:
        forget_calibration(session, generation.id)
    assert remembers.of(generation.id).temperature == 0.2
    assert remembers.of(generation.id + 1) is DEFAULT
    assert Calibrations(platform.sessions).of(generation.id) is DEFAULT
