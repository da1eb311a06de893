"""`vitrine search`: find products by a photo, by words, or by both, as a storefront would."""

import time
from pathlib import Path
from typing import Any, get_args

import click

from vitrine.cli.keyring import read_keys
from vitrine.cli.search_answer import show
from vitrine.cli.search_options import CropType, FilterType, NamesType
from vitrine.client import VitrineClient
from vitrine.settings import load_settings
from vitrine.wire import MAX_LIMIT, Box, CategoryUse, SearchResponse, Sort


@click.command()
@click.argument(
    "photo", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--text", metavar="WORDS", help="Words, alone or beside a photo.")
@click.option("--product", metavar="ID", help="Search by this product's picture instead.")
@click.option("--crop", type=CropType(), help="Only this part of the photo, in fractions of it.")
@click.option("--filter", "conditions", type=FilterType(), help='Such as {"price": {"lt": 50}}.')
@click.option("--like", multiple=True, metavar="ID", help="More like this product; repeatable.")
@click.option("--unlike", multiple=True, metavar="ID", help="Less like this one; repeatable.")
@click.option(
    "--category",
    type=click.Choice(get_args(CategoryUse)),
    help="What the category predicted for the photo does.  [default: boost]",
)
@click.option("--sort", type=click.Choice(get_args(Sort)), help="The order.  [default: relevance]")
@click.option(
    "--diversity",
    type=click.FloatRange(0, 1),
    help="0: the best ones; 1: as different from each other as can be.  [default: 0]",
)
@click.option("--facets", type=NamesType(), help="Count by these, such as brand,price.")
@click.option("--explain", is_flag=True, help="Take each score apart.")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_LIMIT),
    default=10,
    show_default=True,
    help="At most so many products a page.",
)
@click.option(
    "--pages", type=click.IntRange(1), default=1, show_default=True, help="Show so many pages."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the api's answer as it came, one a page."
)
@click.option("--url", help="Address of the api.  [default: VITRINE_API_URL, or the running one]")
@click.option("--key", help="A storefront key.  [default: the one that `vitrine up` made]")
def search(
    photo: Path | None,
    text: str | None,
    product: str | None,
    crop: Box | None,
    conditions: dict[str, Any] | None,
    like: tuple[str, ...],
    unlike: tuple[str, ...],
    category: CategoryUse | None,
    sort: Sort | None,
    diversity: float | None,
    facets: list[str] | None,
    explain: bool,
    limit: int,
    pages: int,
    as_json: bool,
    url: str | None,
    key: str | None,
) -> None:
    """Find products that look like PHOTO, that have the words of --text, or both; best first.

    \b
    A photo, words, and both:
      vitrine search photo.jpg
      vitrine search --text "blue mug"
      vitrine search photo.jpg --text blue
    \b
    A part of a photo, from left, top, width and height:
      vitrine search photo.jpg --crop 0.1,0.2,0.5,0.6
    \b
    Under 50, in stock, cheapest first, counted by brand and price:
      vitrine search --text mug --filter '{"price": {"lt": 50}, "in_stock": true}' \\
          --sort price_asc --facets brand,price
    \b
    Like one product, unlike another; and why:
      vitrine search --like acme:mug-1 --unlike acme:mug-2 --explain
    """
    if photo is not None and product is not None:
        raise click.UsageError(
            "Give a PHOTO or --product ID, not both; --like adds products to it."
        )
    if photo is None and product is None and not text and not like:
        raise click.UsageError(
            'Give something to search for: a PHOTO, --text "blue mug", --product ID or --like ID.'
        )
    if crop is not None and photo is None:
        raise click.UsageError("--crop is a part of a PHOTO: give the photo, too.")
    settings = load_settings()
    shown = 0
    with VitrineClient(url or settings.api_url, key or read_keys(settings).storefront) as client:
        began = time.perf_counter()
        found = client.search(
            photo,
            text=text,
            product_id=product,
            crop=crop,
            filter=conditions,
            more_like=like or None,
            less_like=unlike or None,
            category=category,
            sort=sort,
            diversity=diversity,
            facets=facets,
            explain=explain or None,
            limit=limit,
        )
        _print(found, began, shown, as_json)
        for _ in range(1, pages):
            shown += len(found.results)
            if not found.next_cursor:
                break
            began = time.perf_counter()
            found = client.search(cursor=found.next_cursor, limit=limit)
            _print(found, began, shown, as_json)


def _print(found: SearchResponse, began: float, shown: int, as_json: bool) -> None:
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        show(found, time.perf_counter() - began, before=shown)
