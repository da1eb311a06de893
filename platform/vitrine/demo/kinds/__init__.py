"""Every kind of product that the demo sells."""

from vitrine.demo.design import Kind
from vitrine.demo.kinds import accessories, apparel, bags, books, home, shoes, tableware

KINDS: dict[str, Kind] = {
    kind.name: kind
    for module in (tableware, home, apparel, bags, accessories, shoes, books)
    for kind in module.KINDS
}
