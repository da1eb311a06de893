"""Commands that ask the api as the ad system would."""

import click

from vitrine.cli.keyring import read_keys
from vitrine.cli.storefront import Command
from vitrine.client import VitrineClient
from vitrine.settings import load_settings

_URL = click.option(
    "--url", help="Address of the api.  [default: VITRINE_API_URL, or the running one]"
)
_KEY = click.option("--key", help="An ads key.  [default: the one that `vitrine up` made]")


def ads_options(command: Command) -> Command:
    """Let a command take `--url` and `--key`."""
    return _URL(_KEY(command))


def open_ads(url: str | None, key: str | None) -> VitrineClient:
    """Open a client; raises Misconfigured if no key is given and none is found."""
    settings = load_settings()
    return VitrineClient(url or settings.api_url, key or read_keys(settings).ads)
