"""What was found and understood, as the api says it."""

from vitrine.retrieval.words import Understood
from vitrine.search.category import out_of_catalogue
from vitrine.search.ranking import Asked, Pool
from vitrine.wire import CategoryGuess, CategoryOut, Correction, OutOfCatalogue, QueryOut


def query_out(asked: Asked, reading: Understood | None, limit: int) -> QueryOut:
    """Repeat the question as it was understood."""
    return QueryOut(
        by=asked.question.by,
        text=asked.query.text,
        corrections=[]
        if reading is None
        else [Correction(typed=one.typed, meant=one.meant) for one in reading.corrections],
        product_id=asked.query.product_id,
        filter=asked.query.filter,
        limit=limit,
        sort=asked.query.sort,
    )


def category_out(asked: Asked, pool: Pool) -> CategoryOut | None:
    """Say what the photo shows; None without a photo."""
    found = pool.prediction
    if found is None:
        return None
    return CategoryOut(
        category=found.category,
        confidence=round(found.confidence, 4),
        use=asked.query.category,
        candidates=[
            CategoryGuess(category=path, confidence=round(confidence, 4))
            for path, confidence in found.candidates[:5]
        ],
    )


def out_of_catalogue_out(asked: Asked, pool: Pool) -> OutOfCatalogue | None:
    """Judge whether the photo shows what this shop sells; words beside it ask on their own."""
    if not asked.question.from_photo:
        return None
    score = out_of_catalogue(pool.neighbours, asked.calibration)
    calibration = asked.calibration
    return OutOfCatalogue(
        score=round(score, 4),
        threshold=round(calibration.threshold, 4),
        rejected=calibration.rejects(score) and asked.question.by == "image",
        calibrated=calibration.calibrated,
    )
