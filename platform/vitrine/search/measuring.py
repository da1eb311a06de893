"""Measure the shop's own catalogue: its photos, made to look like a shopper's, are searched in it.

No photo may find its own product, so what is measured is a photo of something like what is sold:
harder than one of the very thing. Shoppers' real photos are not kept and cannot be measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from vitrine import logs
from vitrine.catalog.models import SEARCHABLE, ProductImage
from vitrine.errors import Conflict, Unavailable
from vitrine.index.generations import active_generation
from vitrine.index.models import Generation
from vitrine.ingest.parts import Parts
from vitrine.search.calibration import Calibration, Measured
from vitrine.search.calibration_rows import (
    forget_calibration,
    read_calibration,
    write_calibration,
)
from vitrine.search.fitting import Observed, calibration_error, first_guesses, fit, rejected
from vitrine.search.observing import Pair, Progress, observe

log = logs.get(__name__)

LEAST_PRODUCTS = 50
LEAST_PHOTOS = 100
GROWN = 1.5


@dataclass(frozen=True, slots=True)
class Size:
    """How much of the catalogue can be found."""

    products: int
    pictures: int


def calibrate(
    parts: Parts,
    *,
    false_rejections: float,
    progress: Progress = lambda done, total: None,
) -> Calibration:
    """Measure the active generation and keep what was found in place of what was known before.

    Raises Conflict if the shop has too few products; then nothing is known and nothing rejected.
    """
    with parts.sessions() as session:
        generation = active_generation(session)
        size = catalogue_size(session)
    if size.products < LEAST_PRODUCTS:
        _forget(parts, generation)
        raise Conflict(
            f"{size.products} products can be found in this shop; a calibration needs "
            f"{LEAST_PRODUCTS}. Until then votes are taken as they are and no photo is rejected."
        )
    observed = list(observe(parts, generation, progress=progress))
    if len(observed) < LEAST_PHOTOS:
        _forget(parts, generation)
        raise Conflict(
            f"Only {len(observed)} photos could be read again, and a calibration needs "
            f"{LEAST_PHOTOS}; `vitrine doctor` tells whether the pictures' store answers."
        )
    found = measured(observed, generation.model, size, false_rejections)
    with parts.sessions.begin() as session:
        write_calibration(session, generation.id, found)
    return found


def calibrate_if_due(parts: Parts, *, false_rejections: float) -> bool:
    """Calibrate a catalogue that never was, or half as large again (or as small) since."""
    with parts.sessions() as session:
        try:
            generation = active_generation(session)
        except Unavailable:
            return False  # a shop without a model has nothing to measure
        known, size = read_calibration(session, generation.id), catalogue_size(session)
    if not _is_due(known, size, false_rejections):
        return False
    try:
        found = calibrate(parts, false_rejections=false_rejections)
    except Conflict as reason:
        log.info("calibration.none", reason=str(reason))
        return False
    log.info("calibration.made", **found.to_json()["measured"])
    return True


def catalogue_size(session: Session) -> Size:
    """Count what can be found."""
    products, pictures = session.execute(
        select(func.count(ProductImage.product_id.distinct()), func.count()).where(
            ProductImage.state == SEARCHABLE
        )
    ).one()
    return Size(products, pictures)


def measured(
    observed: Sequence[Pair], model: str, size: Size, false_rejections: float
) -> Calibration:
    """Fit one half and measure the other; the views of one product come one after the other."""
    half = len(observed) // 2
    while 0 < half < len(observed) and _same_product(observed, half):
        half += 1
    found = fit(*_sides(observed[:half]), false_rejections=false_rejections)
    shoppers, plain = _sides(observed[half:])
    both = [*shoppers, *plain]
    confidence, right = first_guesses(both, found)
    raw, _ = first_guesses(both, Calibration(temperature=found.temperature))
    figures = Measured(
        products=size.products,
        pictures=size.pictures,
        fitted_on=half,
        held_out=len(shoppers),
        accuracy=float(right.mean()),
        calibration_error=calibration_error(confidence, right),
        calibration_error_raw=calibration_error(raw, right),
        false_rejections=false_rejections,
        false_rejections_held_out=float(rejected(shoppers, found).mean()),
    )
    return replace(found, model=model, measured=figures)


def _sides(observed: Sequence[Pair]) -> tuple[list[Observed], list[Observed]]:
    return [one.shopper for one in observed], [one.plain for one in observed]


def _same_product(observed: Sequence[Pair], at: int) -> bool:
    return observed[at].product_id == observed[at - 1].product_id


def _is_due(known: Calibration | None, size: Size, false_rejections: float) -> bool:
    if known is None or known.measured is None:
        return size.products >= LEAST_PRODUCTS
    before = known.measured
    ratio = max(size.products, 1) / max(before.products, 1)
    return (
        not 1 / GROWN < ratio < GROWN
        or size.products < LEAST_PRODUCTS
        or before.false_rejections != false_rejections
    )


def _forget(parts: Parts, generation: Generation) -> None:
    with parts.sessions.begin() as session:
        forget_calibration(session, generation.id)
