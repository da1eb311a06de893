"""`vitrine search`: find products by a photo, by words, or by both, as a storefront would."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, get_args

import click

from vitrine.cli.heat_file import check_file, draw, kept
from vitrine.cli.search_answer import show
from vitrine.cli.search_options import CropType, FilterType, NamesType
from vitrine.cli.storefront import address_options, open_shop
from vitrine.wire import MAX_LIMIT, Box, CategoryUse, Fusion, SearchResponse, Sort

FUSIONS = get_args(Fusion.model_fields["method"].annotation)


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
@click.option("--exclude", multiple=True, metavar="ID", help="Not this product; repeatable.")
@click.option(
    "--min-score",
    type=click.FloatRange(-1, 1),
    metavar="COSINE",
    help="Only what looks at least so much like the photo.",
)
@click.option(
    "--fusion",
    type=click.Choice(FUSIONS),
    help="How photo and words make one order: by ranks, or by scores.  [default: rrf]",
)
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
    "--heat",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    callback=check_file,
    help="Draw which parts of PHOTO and of the first result are alike, as a PNG.",
)
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
@address_options
def search(
    photo: Path | None,
    text: str | None,
    product: str | None,
    crop: Box | None,
    conditions: dict[str, Any] | None,
    like: tuple[str, ...],
    unlike: tuple[str, ...],
    exclude: tuple[str, ...],
    min_score: float | None,
    fusion: str | None,
    category: CategoryUse | None,
    sort: Sort | None,
    diversity: float | None,
    facets: list[str] | None,
    explain: bool,
    heat: Path | None,
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
      vitrine search photo.jpg --explain --heat why.png
    """
    _check(photo, product, bool(text or like), crop=crop, heat=heat)
    question: dict[str, Any] = {
        "text": text,
        "product_id": product,
        "crop": crop,
        "filter": conditions,
        "more_like": like or None,
        "less_like": unlike or None,
        "exclude": exclude or None,
        "min_score": min_score,
        "fusion": {"method": fusion} if fusion else None,
        "category": category,
        "sort": sort,
        "diversity": diversity,
        "facets": facets,
        "explain": explain or None,
    }
    say = _print_json if as_json else show
    with open_shop(url, key) as client, ExitStack() as stack:
        if photo is not None and heat is not None:
            question["upload_id"] = stack.enter_context(kept(client, photo))
            photo = None
        found, seconds = _timed(lambda: client.search(photo, limit=limit, **question))
        say(found, seconds)
        if heat is not None:
            draw(client, found, heat)
        shown = len(found.results)
        for _ in range(1, pages):
            cursor = found.next_cursor
            if not cursor:
                break
            found, seconds = _timed(partial(client.search, cursor=cursor, limit=limit))
            say(found, seconds, before=shown)
            shown += len(found.results)


def _check(
    photo: Path | None, product: str | None, words: bool, *, crop: Box | None, heat: Path | None
) -> None:
    if photo is not None and product is not None:
        raise click.UsageError(
            "Give a PHOTO or --product ID, not both; --like adds products to a photo."
        )
    if photo is None and product is None and not words:
        raise click.UsageError(
            'Give something to search for: a PHOTO, --text "blue mug", --product ID or --like ID.'
        )
    if crop is not None and photo is None:
        raise click.UsageError("--crop is a part of a PHOTO: give the photo, too.")
    if heat is not None and photo is None and product is None:
        raise click.UsageError("--heat compares photos: give a PHOTO or --product ID.")


def _timed(ask: Callable[[], SearchResponse]) -> tuple[SearchResponse, float]:
    began = time.perf_counter()
    return ask(), time.perf_counter() - began


def _print_json(found: SearchResponse, seconds: float, *, before: int = 0) -> None:
    click.echo(found.model_dump_json(indent=2))
