"""A recipe says all that a run depends on, or says what is wrong with it."""

from pathlib import Path

import pytest

from vitrine.errors import Invalid, NotFound
from vitrine.learning.training.recipe import Recipe, read_recipe

SOUND = """
name = "shop"
[[stages]]
side = 32
epochs = 1
[[datasets]]
folder = "shoes"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def test_data_is_beside_the_recipe_unless_it_says_otherwise(tmp_path: Path) -> None:
    assert read_recipe(written(tmp_path, SOUND)).data == tmp_path
    assert read_recipe(written(tmp_path, 'data = "../pictures"' + SOUND)).data == (
        tmp_path.parent / "pictures"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "not valid TOML"),
        (SOUND.replace('"shop"', '"My Shop"'), "My Shop"),
        (SOUND + "sher = 2", "datasets.0.sher"),
        (SOUND.replace("32", "4"), "stages.0.side"),
        (SOUND + "self_supervised = true", "at least one dataset needs labels"),
        (SOUND + '[network]\nforget = ["layer4"]', "nothing to forget without a `start`"),
        (
            SOUND + '[[held_out]]\nfolder = "shoes"\ncatalog = "iconic"\nqueries = "train"',
            "learnt from",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_recipe(written(tmp_path, text))


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none\.toml"):
        read_recipe(tmp_path / "none.toml")


def test_the_recipe_in_the_documentation_says_all_there_is_and_its_defaults(tmp_path: Path) -> None:
    text = (Path(__file__).parents[4] / "docs" / "models.md").read_text()
    shown = text.split("```toml\n")[1].split("```")[0]
    recipe = read_recipe(written(tmp_path, shown))
    for part in (recipe.network, recipe.optimiser, recipe.losses, recipe.augmentation):
        assert part == type(part)()
        assert part.model_fields_set == set(type(part).model_fields)
    assert recipe.model_fields_set == set(Recipe.model_fields)
    assert recipe.balance == Recipe.model_fields["balance"].default
    assert recipe.evaluate_every == Recipe.model_fields["evaluate_every"].default
