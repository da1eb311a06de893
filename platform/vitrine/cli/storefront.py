"""Commands that ask the api as a storefront would."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from vitrine.cli.keyring import read_keys
from vitrine.client import VitrineClient
from vitrine.settings import load_settings

Command = TypeVar("Command", bound=Callable[..., Any])

_URL = click.option(
    "--url", help="Address of the api.  [default: VITRINE_API_URL, or the running one]"
)
_KEY = click.option("--key", help="A storefront key.  [default: the one that `vitrine up` made]")


def address_options(command: Command) -> Command:
    """Let a command take `--url` and `--key`."""
    return _URL(_KEY(command))


def open_shop(url: str | None, key: str | None) -> VitrineClient:
    """Open a client; raises Misconfigured if no key is given and none is found."""
    settings = load_settings()
    return VitrineClient(url or settings.api_url, key or read_keys(settings).storefront)
