"""What `vitrine demo --shoppers` does and prints."""

from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from vitrine.client import VitrineClient
from vitrine.demo.products import DemoProduct, catalogue
from vitrine.demo.shoppers import Shopper, draw_shoppers
from vitrine.demo.visiting import VISITS, visit_shop


def demo_products(seed: int, count: int, seller: str) -> dict[str, DemoProduct]:
    """The drawn products by public id."""
    return {f"{seller}:{one.sku}": one for one in catalogue(seed, count)}


def let_visit(
    console: Console,
    client: VitrineClient,
    products: dict[str, DemoProduct],
    seed: int,
    count: int,
) -> None:
    """Let shoppers visit, and say what they did and what one of them likes."""
    shoppers = draw_shoppers(seed, count)
    bar = Progress(
        TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), console=console,
    )  # fmt: skip
    with bar:
        task = bar.add_task("visits", total=count * VISITS)
        visited = visit_shop(
            client, products, shoppers, now=datetime.now(UTC), advance=lambda: bar.advance(task)
        )
    console.print(
        f"\n{count} shoppers sent {visited.events} events and clicked {visited.clicks} of "
        f"{visited.slots} products that were recommended to them.",
        style="bold",
        highlight=False,
    )
    console.print(
        f"{shoppers[0].name} {_likes(shoppers[0])}; see what the shop makes of it: vitrine "
        f"recommend {shoppers[0].name}",
        highlight=False,
        soft_wrap=True,
    )


def _likes(shopper: Shopper) -> str:
    taste = shopper.taste
    return f"likes {', '.join(taste.kinds)}, in {', '.join(sorted(taste.colours))}"
