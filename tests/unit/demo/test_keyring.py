from pathlib import Path

import pytest

from vitrine.cli.keyring import read_keys
from vitrine.errors import Misconfigured
from vitrine.settings import Settings


def test_keys_are_read_by_role(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"storefront": "s", "seller": {"demo": "d"}, "ads": "a"}')
    keys = read_keys(Settings(data_dir=tmp_path))
    assert (keys.storefront, keys.seller("demo"), keys.ads) == ("s", "d", "a")
    assert "'s'" not in repr(keys)
    with pytest.raises(Misconfigured, match="vitrine up"):
        _ = keys.admin
    with pytest.raises(Misconfigured, match="keys create --role seller --seller acme"):
        keys.seller("acme")


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_missing_or_damaged_file_names_the_fix(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "keys.json").write_text(content)
    with pytest.raises(Misconfigured, match="vitrine up"):
        read_keys(Settings(data_dir=tmp_path))
