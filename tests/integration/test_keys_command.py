"""`vitrine keys` on a real database."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from vitrine.assembly import assemble
from vitrine.catalog.keys import authenticate
from vitrine.cli import keys
from vitrine.errors import Invalid
from vitrine.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(keys, "load_settings", lambda: settings)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(keys.keys, arguments, catch_exceptions=False)


def test_the_origins_of_a_key(run: Run, settings: Settings) -> None:
    made = run(
        *("create", "--role", "storefront", "--label", "shop"),
        *("--origin", "https://shop.example", "--origin", "http://localhost:3000"),
    )
    key = made.stdout.strip()
    with assemble(settings).sessions() as session:
        found = authenticate(session, key)
        assert found is not None
        key_id = found.id
    assert f"Key {key_id}" in made.stderr
    listed = run("list").stdout
    assert "https://shop.example" in listed
    assert "http://localhost:3000" in listed
    assert "other.example" in run("origins", key_id, "https://other.example").stdout
    assert "https://other.example" in run("list").stdout
    assert "servers alone" in run("origins", key_id).stdout
    assert "example" not in run("list").stdout
    run("revoke", key_id)
    assert "revoked" in run("list").stdout


def test_no_origins_for_others(run: Run) -> None:
    with pytest.raises(Invalid, match="storefront"):
        run("create", "--role", "admin", "--origin", "*")
    with pytest.raises(Invalid, match="no origin"):
        run("create", "--role", "storefront", "--origin", "shop.example")
    assert "storefront" not in run("list").stdout
