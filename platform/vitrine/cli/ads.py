"""`vitrine ads`: what advertisers want shown, and what came of it."""

import click

from vitrine.cli.lazy import LazyGroup, Place

SECTIONS = {
    "Campaigns": {
        "campaigns": Place("ads_campaigns:campaigns", "List campaigns: what each does and spends."),
        "creatives": Place("ads_campaigns:creatives", "List the creatives of a campaign."),
        "pause": Place("ads_changes:pause", "Stop a campaign until it is resumed."),
        "resume": Place("ads_changes:resume", "Let a campaign that was paused go on."),
        "archive": Place("ads_changes:archive", "End a campaign for good, with its creatives."),
    },
    "The auction": {
        "match": Place("ads_match:match", "Ask for ads as the ad system does."),
        "decision": Place("ads_match:decision", "Explain how an auction went."),
    },
    "What came of them": {
        "report": Place("ads_report:report", "What became of a campaign."),
        "verify": Place("ads_verify:verify", "Check that the books add up."),
        "model": Place("ads_model:model", "What the click model learnt, and the way back."),
    },
}


@click.command(cls=LazyGroup, called="vitrine ads", sections=SECTIONS)
def ads() -> None:
    """Manage campaigns, and see what they did.

    What an ad system does over the api, by hand: `vitrine ads COMMAND --help` says more.
    """
