"""Every kind of product that the demo sells."""

from vitrine.demo.design import Kind
from vitrine.demo.kinds import apparel, bags, home, personal, tableware

KINDS: dict[str, Kind] = {
    kind.name: kind
    for module in (tableware, home, apparel, bags, personal)
    for kind in module.KINDS
}
