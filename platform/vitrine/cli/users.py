"""`vitrine users`: hand over what is kept of a person, and erase one."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import click

from vitrine.cli.keyring import read_keys
from vitrine.cli.storefront import Command
from vitrine.client import VitrineClient
from vitrine.settings import load_settings
from vitrine.wire.users import UserExport

_URL = click.option(
    "--url", help="Address of the api.  [default: VITRINE_API_URL, or the running one]"
)
_KEY = click.option("--key", help="An admin key.  [default: the one that `vitrine up` made]")
_PARTS = ("events", "decisions", "ads", "conversions")


def _admin_options(command: Command) -> Command:
    return _URL(_KEY(command))


@click.group()
def users() -> None:
    """Hand over what is kept of a person, and erase one.

    USER is what events call them: `user_id`, or the `client_id` of a browser, which stands for its
    user once it has logged in.
    """


@users.command()
@click.argument("user")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file.  [default: the terminal]",
)
@_admin_options
def export(user: str, out: Path | None, url: str | None, key: str | None) -> None:
    """Write all that is kept of USER as one JSON document."""
    with _open(url, key) as client:
        pages = client.iter_export(user)
        # Nothing is written, and no file is made, before it is known that there is somebody.
        written = as_document(pages)
        first = next(written)
        if out is None:
            for part in chain([first], written):
                click.echo(part, nl=False)
            return
        with out.open("w", encoding="utf-8") as file:
            file.write(first)
            file.writelines(written)
    click.echo(f"{out} has all that is kept.", err=True)


@users.command()
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_admin_options
def erase(user: str, yes: bool, url: str | None, key: str | None) -> None:
    """Erase USER for good: events, what was shown to them, the profile and the name."""
    if not yes:
        click.confirm(f"Erase {user} for good?", abort=True, err=True)
    with _open(url, key) as client:
        erased = client.erase_user(user)
    click.echo(
        f"Erased {erased.events} events, {erased.decisions} answers that were shown, "
        f"{erased.feedback} reactions, {erased.profiles} profile and {erased.visitors} browsers; "
        f"{erased.ads} ads are no longer known as shown to them."
    )


def as_document(pages: Iterable[UserExport]) -> Iterator[str]:
    """Write the pages as one JSON document, part by part: memory holds one page."""
    parts = iter(_PARTS)
    part, separator = next(parts), ""
    for at, page in enumerate(pages):
        found = page.model_dump(mode="json")
        if at == 0:
            head = {
                name: value for name, value in found.items() if name not in {*_PARTS, "next_cursor"}
            }
            yield json.dumps(head, ensure_ascii=False, indent=1)[:-2] + f',\n "{part}": ['
        for name in _PARTS:
            for row in found[name]:
                while part != name:
                    part, separator = next(parts), ""
                    yield f'],\n "{part}": ['
                yield f"{separator}\n  {_line(row)}"
                separator = ","
    for part in parts:
        yield f'],\n "{part}": ['
    yield "]\n}\n"


def _line(row: Any) -> str:
    return json.dumps(row, ensure_ascii=False)


def _open(url: str | None, key: str | None) -> VitrineClient:
    settings = load_settings()
    return VitrineClient(url or settings.api_url, key or read_keys(settings).admin)
