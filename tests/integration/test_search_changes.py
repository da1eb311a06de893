"""Pages hold while the catalogue changes."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import listing
from tests.integration.shop import COUNT, Shopper, ids, opened, sku
from tests.pictures import jpeg
from vitrine.assembly import Platform
from vitrine.catalog.service import Catalog
from vitrine.wire import ProductPatch

WorkOff = Callable[[], int]


@pytest.mark.parametrize("question", [{"photo": 3}, {"text": "mug bowl boot"},
                                      {"photo": 3, "text": "mug bowl boot"}])  # fmt: skip
def test_pages_hold_while_the_catalogue_changes(
    platform: Platform, catalog: Catalog, work_off: WorkOff, question: dict[str, Any]
) -> None:
    opened(platform)
    find = Shopper(platform)
    first = find(**question, limit=4)
    shown = ids(first)
    gone = next(sku(number) for number in range(COUNT) if sku(number) not in shown)
    catalog.delete("acme", gone)
    catalog.put("acme", "new", listing(title="Red mug bowl boot"), [jpeg(3)])
    # A product on the first page changes its price, and so its row in every index.
    catalog.patch("acme", shown[0], ProductPatch(price="1.00"))
    work_off()
    cursor = first.next_cursor
    while cursor:
        page = find(cursor=cursor, limit=4)
        shown += ids(page)
        cursor = page.next_cursor
    assert len(shown) == len(set(shown))
    assert set(shown) - {"new"} == {sku(number) for number in range(COUNT)} - {gone}
