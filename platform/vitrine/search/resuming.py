"""A search put away for its next page, and taken up again."""

import numpy as np

from vitrine.retrieval import filters
from vitrine.retrieval.serving import Serving
from vitrine.retrieval.words import Correction, Understood
from vitrine.search.calibration import Calibration
from vitrine.search.memory import Remembered
from vitrine.search.question import Question
from vitrine.search.ranking import MOST_CANDIDATES, Asked, Pool
from vitrine.wire import Box, SearchQuery


def put_away(asked: Asked, reading: Understood | None, key_id: str, box: Box | None) -> Remembered:
    """Take down what was asked; its ranking is still to be added."""
    question, query = asked.question, asked.query
    part = box or query.crop
    vectors = (
        np.empty((0, 0), np.float32) if question.vector is None else question.vector[np.newaxis, :]
    )
    return Remembered(
        key_id=key_id,
        model=asked.serving.model.digest,
        collection=asked.serving.collection,
        question={
            "query": query.model_dump(mode="json", exclude_defaults=True, exclude={"image_base64"}),
            "by": question.by,
            "generation": asked.serving.generation,
            "exclude": sorted(question.exclude),
            "product_id": query.product_id,
            "reading": None
            if reading is None
            else [
                reading.query,
                [[one.typed, one.meant] for one in reading.corrections],
            ],
        },
        vectors=vectors,
        map=question.map,
        upload_id=query.upload_id,
        crop=None if part is None else (part.x, part.y, part.width, part.height),
    )


def add_pool(kept: Remembered, pool: Pool, depth: int) -> None:
    """Put behind the ranking what is not in it yet."""
    known = {one.product_id for one in kept.ranking}
    kept.ranking += [one for one in pool.items if one.product_id not in known]
    kept.depth = max(kept.depth, depth)
    kept.complete = pool.complete or kept.depth >= MOST_CANDIDATES


def take_up(kept: Remembered, serving: Serving, calibration: Calibration) -> Asked:
    """Ask again what was asked then."""
    query = SearchQuery.model_validate(kept.question["query"])
    question = Question(
        by=kept.question["by"],
        vector=kept.vectors[0] if len(kept.vectors) else None,
        text=query.text,
        map=kept.map,
        exclude=frozenset(kept.question["exclude"]),
    )
    return Asked(question, query, filters.parse(query.filter or {}), serving, calibration)


def read_then(kept: Remembered) -> Understood | None:
    """The words as they were understood then: the vocabulary may have changed since."""
    found = kept.question["reading"]
    if found is None:
        return None
    return Understood(found[0], tuple(Correction(*one) for one in found[1]))
