"""What is wrong with a variable is said with its name, in plain words."""

from collections.abc import Iterator

import pytest

from vitrine.assembly import assemble
from vitrine.errors import Misconfigured
from vitrine.settings import load_settings, unknown_variables


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CURRENCY", "euro", 'VITRINE_CURRENCY must be three capital letters, such as "EUR"'),
        ("CURRENCY", "EUR\n", "VITRINE_CURRENCY must be three capital letters"),
        ("EVENT_DAYS", "30", "_DECISION_DAYS must be at most VITRINE_EVENT_DAYS, which is 30"),
        ("DECISION_DAYS", "396", "VITRINE_DECISION_DAYS must be at most VITRINE_EVENT_DAYS"),
        ("PORT", "eighty", "VITRINE_PORT must be a whole number"),
        ("PORT", "70000", "VITRINE_PORT must be at most 65535"),
        ("LOG_LEVEL", "LOUD", "VITRINE_LOG_LEVEL must be 'DEBUG', "),
        ("EVENT_WEIGHTS", '{"purchase": 2', 'numbers, such as {"add_to_wishlist": 2}'),
        ("EVENT_WEIGHTS", '{"purchase": "2"}', "VITRINE_EVENT_WEIGHTS must be a JSON object of "),
        ("EVENT_WEIGHTS", "[2]", "VITRINE_EVENT_WEIGHTS must be a JSON object of numbers"),
    ],
)
def test_a_wrong_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"VITRINE_{name}", value)
    with pytest.raises(Misconfigured) as caught:
        load_settings()
    assert said in str(caught.value)
    assert "^" not in str(caught.value)


def test_weights_are_read_as_json_and_checked_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_EVENT_WEIGHTS", '{"view_item": 2, "refund": -0.5}')
    settings = load_settings()
    assert settings.event_weights == {"view_item": 2, "refund": -0.5}
    assert assemble(settings).event_weights.by_name["refund"] == -0.5
    monkeypatch.setenv("VITRINE_EVENT_WEIGHTS", '{"veiw_item": 2}')
    load_settings.cache_clear()
    with pytest.raises(Misconfigured, match="did you mean view_item"):
        assemble(load_settings())


def test_a_misspelt_variable_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_WORKER_PROCESES", "4")
    monkeypatch.setenv("VITRINE_XYZZY", "4")
    monkeypatch.setenv("VITRINE_PORT", "4")
    monkeypatch.setenv("vitrine_host", "0.0.0.0")
    found = unknown_variables()
    assert "did you mean VITRINE_WORKER_PROCESSES?" in found["VITRINE_WORKER_PROCESES"]
    assert "docs/settings.md" in found["VITRINE_XYZZY"]
    assert not {"VITRINE_PORT", "vitrine_host"} & set(found)
