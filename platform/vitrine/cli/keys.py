"""`vitrine keys`: create, list, change and revoke API keys."""

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from vitrine.assembly import assemble
from vitrine.catalog.keys import ROLES, Role, create_key, list_keys, revoke_key, set_origins
from vitrine.settings import load_settings


@click.group()
def keys() -> None:
    """Create, list, change and revoke API keys. Only a hash of a key is stored."""


@keys.command()
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the key may do.")
@click.option("--seller", help="Whose key it is; for the role seller only.")
@click.option("--label", default="", help="A note for yourself.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    help="Pages that may use it, such as https://shop.example, or * for all; may be repeated. "
    "For the role storefront only. Without any the key is for servers.",
)
def create(role: Role, seller: str | None, label: str, origins: tuple[str, ...]) -> None:
    """Make a key and print it. It cannot be shown again.

    Only the key goes to stdout, so that a script can take it from there.
    """
    with _session() as session, session.begin():
        key, plaintext = create_key(session, role, seller=seller, label=label, origins=origins)
        key_id = key.id
    click.echo(f"Key {key_id}. Keep it now: it cannot be shown again.", err=True)
    click.echo(plaintext)


@keys.command("list")
def list_() -> None:
    """Show every key, oldest first; the keys themselves are not stored."""
    table = Table("id", "role", "seller", "label", "origins", "created", "state")
    with _session() as session:
        for key in list_keys(session):
            table.add_row(
                key.id,
                key.role,
                key.seller_id or "",
                key.label,
                "\n".join(key.origins),
                f"{key.created_at:%Y-%m-%d %H:%M}",
                f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "in force",
            )
    Console().print(table)


@keys.command()
@click.argument("key_id", metavar="ID")
@click.argument("wanted", metavar="[ORIGIN]...", nargs=-1)
def origins(key_id: str, wanted: tuple[str, ...]) -> None:
    """Say which pages may use a storefront key; none: it is for servers alone.

    It replaces what the key named before, within five seconds.
    """
    with _session() as session, session.begin():
        named = set_origins(session, key_id, wanted).origins
    where = f"pages of {', '.join(named)}" if named else "servers alone"
    click.echo(f"Key {key_id} is for {where}.")


@keys.command()
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Take a key out of force, within five seconds. Revoking it twice does no harm."""
    with _session() as session, session.begin():
        revoke_key(session, key_id)
    click.echo(f"Key {key_id} is revoked.")


def _session() -> Session:
    return assemble(load_settings()).sessions()
