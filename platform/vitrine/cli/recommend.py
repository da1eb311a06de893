"""`vitrine recommend`: what a storefront would show to somebody."""

from typing import Any, get_args

import click

from vitrine.cli.recommend_answer import show
from vitrine.cli.search_options import FilterType, NamesType
from vitrine.cli.storefront import address_options, open_shop
from vitrine.wire import MAX_LIMIT
from vitrine.wire.recommendations import RecommendationContext

CONTEXTS = get_args(RecommendationContext)


@click.command()
@click.argument("user")
@click.option(
    "--context", type=click.Choice(CONTEXTS), help="The page they are for.  [default: home]"
)
@click.option(
    "--product", multiple=True, metavar="ID", help="On the page, or in the cart; repeatable."
)
@click.option("--filter", "conditions", type=FilterType(), help='Such as {"price": {"lt": 50}}.')
@click.option("--exclude", multiple=True, metavar="ID", help="Not this product; repeatable.")
@click.option(
    "--exclude-seen",
    type=click.IntRange(1),
    metavar="DAYS",
    help="Not what was recommended in so many days.",
)
@click.option("--exclude-seller", metavar="SELLER", help="Nothing of this seller.")
@click.option("--sources", type=NamesType(), help="Only from these, such as for_you,trending.")
@click.option("--explain", is_flag=True, help="Take each score apart.")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LIMIT),
    default=10,
    show_default=True,
    help="At most so many products.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the api's answer as it came.")
@address_options
def recommend(
    user: str,
    context: RecommendationContext | None,
    product: tuple[str, ...],
    conditions: dict[str, Any] | None,
    exclude: tuple[str, ...],
    exclude_seen: int | None,
    exclude_seller: str | None,
    sources: list[Any] | None,
    explain: bool,
    limit: int,
    as_json: bool,
    url: str | None,
    key: str | None,
) -> None:
    """Recommend products to USER, who may be an anonymous visitor or nobody known; best first.

    \b
    On the home page, under 50:
      vitrine recommend u-1042 --filter '{"price": {"lt": 50}}'
    \b
    Beside a product, and beside a cart:
      vitrine recommend u-1042 --context product --product acme:mug-1
      vitrine recommend u-1042 --context cart --product acme:mug-1 --product acme:bowl-2

    What is shown counts as shown: `--exclude-seen` will leave it out.
    """
    with open_shop(url, key) as client:
        found = client.recommendations(
            user,
            context=context,
            product=product or None,
            filter=conditions,
            exclude_ids=exclude or None,
            exclude_seen_days=exclude_seen,
            exclude_seller=exclude_seller,
            sources=sources,
            explain=explain or None,
            limit=limit,
        )
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        show(found)
