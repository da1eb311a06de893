"""`vitrine keys`: create, list and revoke API keys."""

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from vitrine.assembly import assemble
from vitrine.catalog.keys import ROLES, Role, create_key, list_keys, revoke_key
from vitrine.settings import load_settings


@click.group()
def keys() -> None:
    """Create, list and revoke API keys. Only a hash of a key is stored."""


@keys.command()
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the key may do.")
@click.option("--seller", help="Whose key it is; for the role seller only.")
@click.option("--label", default="", help="A note for yourself.")
def create(role: Role, seller: str | None, label: str) -> None:
    """Make a key and print it. It cannot be shown again.

    Only the key goes to stdout, so that a script can take it from there.
    """
    with _session() as session, session.begin():
        key, plaintext = create_key(session, role, seller=seller, label=label)
        key_id = key.id
    click.echo(f"Key {key_id}. Keep it now: it cannot be shown again.", err=True)
    click.echo(plaintext)


@keys.command("list")
def list_() -> None:
    """Show every key, oldest first; the keys themselves are not stored."""
    table = Table("id", "role", "seller", "label", "created", "state")
    with _session() as session:
        for key in list_keys(session):
            table.add_row(
                key.id,
                key.role,
                key.seller_id or "",
                key.label,
                f"{key.created_at:%Y-%m-%d %H:%M}",
                f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "in force",
            )
    Console().print(table)


@keys.command()
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Take a key out of force, within five seconds. Revoking it twice does no harm."""
    with _session() as session, session.begin():
        revoke_key(session, key_id)
    click.echo(f"Key {key_id} is revoked.")


def _session() -> Session:
    return assemble(load_settings()).sessions()
