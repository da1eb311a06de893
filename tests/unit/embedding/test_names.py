import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.embedding.names import parse, slug
from vitrine.errors import Invalid, NotFound


def test_forms() -> None:
    plain = parse("timm:resnet50.a1_in1k")
    assert (plain.timm_name, plain.pretrained, plain.size) == ("resnet50.a1_in1k", True, None)
    random = parse("timm:resnet18?size=64&seed=07&pretrained=False")
    assert random.name == "timm:resnet18?pretrained=false&seed=7&size=64"
    assert parse(random.name) == random
    # The seed says nothing about weights that are fetched.
    assert parse("timm:resnet18?seed=3") == parse("timm:resnet18")


@pytest.mark.parametrize("name", ["", "timm:", "timm:../x", "timm:a/b", "../x", "Shop", "timm-x"])
def test_unknown(name: str) -> None:
    with pytest.raises(NotFound, match="timm:"):
        parse(name)


def test_a_model_of_ours_has_a_plain_name() -> None:
    recipe = parse("my-shop_2.1")
    assert (recipe.name, recipe.own) == ("my-shop_2.1", True)
    assert not parse("timm:resnet18").own


@pytest.mark.parametrize("options", ["pretrained=maybe", "seed=x", "size=9999", "dim=3", "seed"])
def test_wrong_options(options: str) -> None:
    with pytest.raises(Invalid):
        parse(f"timm:resnet18?{options}")


@given(st.text(max_size=40), st.text(max_size=40))
def test_slugs_are_folders_and_do_not_meet(one: str, other: str) -> None:
    assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in slug(one))
    assert (slug(one) == slug(other)) == (one == other)
