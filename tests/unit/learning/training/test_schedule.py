"""Stages follow each other, and the learning rate rises once and falls to nothing."""

from vitrine.learning.training.recipe import Recipe
from vitrine.learning.training.schedule import learning_rate, legs


def test_an_epoch_draws_as_many_pictures_as_there_are() -> None:
    recipe = Recipe.model_validate(
        {
            "name": "tiny",
            "stages": [
                {"side": 32, "epochs": 2, "batch": 50},
                {"side": 64, "epochs": 0.5, "batch": 10},
            ],
            "datasets": [{"folder": "a"}],
        }
    )
    assert [(leg.start, leg.end) for leg in legs(recipe, 1000)] == [(0, 40), (40, 90)]


def test_the_rate_rises_to_the_highest_and_falls_to_nothing() -> None:
    rates = [learning_rate(step, 1000, 0.1, 0.1) for step in range(1000)]
    top = rates.index(max(rates))
    assert 99 <= top <= 101
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) <= 0.1
    assert rates[-1] < 1e-5
