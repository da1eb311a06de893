"""Where a run is: its stages in steps, and the learning rate."""

import math
from dataclasses import dataclass

from vitrine.learning.training.recipe import Recipe, Stage


@dataclass(frozen=True)
class Leg:
    """A stage from step `start` until before step `end`."""

    stage: Stage
    start: int
    end: int


def legs(recipe: Recipe, pictures: int) -> list[Leg]:
    """Count steps: an epoch draws as many pictures as the data sets hold."""
    found, start = [], 0
    for stage in recipe.stages:
        end = start + max(1, round(stage.epochs * pictures / stage.batch))
        found.append(Leg(stage, start, end))
        start = end
    return found


def learning_rate(step: int, steps: int, highest: float, warmup: float) -> float:
    """Rise in a line, then fall as a cosine to zero (Loshchilov and Hutter 2017)."""
    rising = warmup * steps
    if step < rising:
        return highest * (step + 1) / (rising + 1)
    done = (step - rising) / max(steps - rising, 1)
    return highest * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
