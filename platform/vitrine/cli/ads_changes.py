"""`vitrine ads pause`, `resume` and `archive`: what is done with a campaign by hand."""

import click

from vitrine.cli.ad_system import ads_options, open_ads


@click.command()
@click.argument("campaign")
@ads_options
def pause(campaign: str, url: str | None, key: str | None) -> None:
    """Stop CAMPAIGN until it is resumed. What was shown before may still be billed."""
    with open_ads(url, key) as client:
        client.patch_campaign(campaign, state="paused")
    click.echo(f"{campaign} is paused; `vitrine ads resume {campaign}` lets it go on.")


@click.command()
@click.argument("campaign")
@ads_options
def resume(campaign: str, url: str | None, key: str | None) -> None:
    """Let CAMPAIGN, which was paused, go on."""
    with open_ads(url, key) as client:
        found = client.patch_campaign(campaign, state="active")
    click.echo(f"{campaign} is resumed: {found.status.replace('_', ' ')}.")


@click.command()
@click.argument("campaign")
@click.option("--yes", is_flag=True, help="Do not ask.")
@ads_options
def archive(campaign: str, yes: bool, url: str | None, key: str | None) -> None:
    """End CAMPAIGN for good, with its creatives. Its reports and its ledger stay."""
    if not yes:
        click.confirm(f"Archive {campaign} for good?", abort=True, err=True)
    with open_ads(url, key) as client:
        found = client.archive_campaign(campaign)
    click.echo(f"{campaign} is archived; it spent {found.spent_micros / 1_000_000:,.2f}.")
