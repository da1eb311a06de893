"""What `vitrine up` sees to before a shop's first request: a model that can serve."""

import shutil
from pathlib import Path

import pytest

from vitrine.assembly import assemble
from vitrine.embedded.opening import ensure_model
from vitrine.errors import NotFound
from vitrine.index.generations import active_generation
from vitrine.settings import Settings


@pytest.fixture
def own_models(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"models_dir": tmp_path / "models"})


def never(name: str) -> None:
    pytest.fail(f"{name} is built, though it ships")


def test_a_new_shop_takes_the_model_that_ships_and_keeps_a_copy(own_models: Settings) -> None:
    shop = assemble(own_models)
    model = ensure_model(shop, never)
    assert model is not None
    assert (model.name, model.path.parent) == (own_models.model, own_models.models_dir)
    assert model.form() == "int8"
    with shop.sessions() as session:
        assert active_generation(session).model == model.digest
    assert ensure_model(shop, never) == model


def test_a_form_that_does_not_ship_is_made_before_the_start(own_models: Settings) -> None:
    """Or else every search would be refused by an api that says it is ready."""
    asked: list[str] = []
    shop = assemble(own_models.model_copy(update={"precision": "fp32"}))
    with pytest.raises(NotFound, match=r"not here as fp32: .*VITRINE_PRECISION=int8"):
        ensure_model(shop, asked.append)
    assert asked == [own_models.model]


def test_a_shop_whose_model_is_gone_opens_without_it(
    own_models: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As after an upgrade that brings other weights, where the copy of the old ones was deleted."""
    shop = assemble(own_models)
    model = ensure_model(shop, never)
    assert model is not None
    shutil.rmtree(model.path)
    monkeypatch.setattr(shop.models, "_shipped", tmp_path / "nothing")
    assert ensure_model(shop, never) is None
    with pytest.raises(NotFound, match="vitrine models use"):
        shop.encoders.find(model.digest)
