"""A picture of what a photo and the first result of its search have in common."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from vitrine.client import VitrineClient
from vitrine.errors import VitrineError
from vitrine.wire import SearchResponse


def check_file(ctx: click.Context, param: click.Parameter, file: Path | None) -> Path | None:
    """Refuse a place that cannot be written before anything is asked."""
    if file is not None and not file.resolve().parent.is_dir():
        raise click.BadParameter(f"there is no folder {file.resolve().parent}; make it first")
    return file


@contextmanager
def kept(client: VitrineClient, photo: Path) -> Iterator[str]:
    """Let the api keep a photo for as long as it is needed: it draws only what it still has."""
    upload_id = client.upload(photo).upload_id
    try:
        yield upload_id
    finally:
        with suppress(VitrineError):  # it is forgotten by itself, only later
            client.delete_upload(upload_id)


def draw(client: VitrineClient, found: SearchResponse, file: Path) -> None:
    """Write the heat map of the first result, and say so where it is in nobody's way."""
    if not found.results:
        click.echo(f"Nothing was found, so {file} was not drawn.", err=True)
        return
    best = found.results[0].product.id
    file.write_bytes(client.explanation_picture(found.search_id, best))
    click.echo(f"{file} shows which parts of the photo and of {best} are alike.", err=True)
