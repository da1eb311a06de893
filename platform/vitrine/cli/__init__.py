"""The `vitrine` command: one group whose commands are imported when they are run.

`vitrine search` must not pay for gunicorn, Celery or torch, and `vitrine --help` for nothing at
all; so this file knows each command's place and its one line of help, and nothing else of it.
"""

import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from vitrine import __version__
from vitrine.cli.lazy import LazyGroup, Place
from vitrine.cli.outages import as_ours
from vitrine.errors import VitrineError

SECTIONS: dict[str, dict[str, Place]] = {
    "Start here": {
        "up": Place("up:up", "Run the whole platform here; Ctrl-C stops all of it."),
        "demo": Place("demo:demo", "Fill the shop with a synthetic catalogue and its pictures."),
        "search": Place("search:search", "Find products by a photo, by words, or by both."),
        "suggest": Place("suggest:suggest", "Complete what a shopper types."),
        "recommend": Place("recommend:recommend", "Recommend products to a user or a visitor."),
        "doctor": Place("doctor:doctor", "Check this installation and what it depends on."),
    },
    "Operate": {
        "keys": Place("keys:keys", "Create, list and revoke API keys."),
        "models": Place("models:models", "List, build and switch embedding models."),
        "evaluate": Place("evaluate:evaluate", "Measure how well a model finds, on your pictures."),
        "evaluate-recs": Place(
            "evaluate_recs:evaluate_recs", "Measure how well recommendations foretell."
        ),
        "evaluate-ads": Place(
            "evaluate_ads:evaluate_ads", "Measure how well the click model of the ads predicts."
        ),
        "train": Place("train:train", "Train a model on pictures of your own."),
        "calibrate": Place(
            "calibrate:calibrate", "Measure category prediction and what is not sold here."
        ),
        "profile": Place("profile:profile", "Tell what the shop makes of what somebody did."),
        "rollup": Place("rollup:rollup", "Count anew what goes together and what is wanted now."),
        "events": Place("events:events", "Send a file of what shoppers did."),
        "users": Place("users:users", "Hand over what is kept of a person; erase one."),
        "rankers": Place("rankers:rankers", "See what the recommendations learnt; take it back."),
        "ads": Place("ads:ads", "Manage campaigns; see what they did."),
        "index": Place("index:index", "Rebuild or verify the vector index."),
        "migrate": Place("database:migrate", "Bring the database to the newest schema."),
    },
    "Run one process": {
        "api": Place("processes:api", "Serve the HTTP API."),
        "worker": Place("processes:worker", "Embed and index what the shop owes."),
        "beat": Place("processes:beat", "Ring for forgotten work at regular times."),
    },
}


class _Vitrine(LazyGroup):
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_commands(ctx, formatter)
        with formatter.section("First steps"):
            formatter.write_dl(
                [
                    ("vitrine up", "in one shell; it stays in the foreground"),
                    ("vitrine demo --products 200", "in a second shell"),
                    ("vitrine search PHOTO", "with one of the query photos the demo wrote"),
                ]
            )

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run; what Vitrine raised on purpose, or an outage, is one line and exit code 1."""
        try:
            return super().main(args, *rest, **extra)
        except Exception as error:
            said = error if isinstance(error, VitrineError) else as_ours(error)
            if said is None:
                raise
            if _wants_traceback():
                traceback.print_exception(error)
            report(said)
            sys.exit(1)


def report(error: VitrineError) -> None:
    """Print one red line, and one line for each wrong field that it does not name already."""
    click.secho(f"error: {error}", fg="red", err=True)
    for field in error.errors:
        if field["detail"] not in str(error):
            click.secho(f"  {field['pointer']}: {field['detail']}", fg="red", err=True)


def _wants_traceback() -> bool:
    from vitrine.settings import load_settings

    try:
        return load_settings().log_level == "DEBUG"
    except VitrineError:
        return False


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"vitrine {__version__}")
        ctx.exit()


@click.command(
    cls=_Vitrine,
    called="vitrine",
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Vitrine: self-hosted visual search for online shops.

    Every command reads VITRINE_… variables; beside a running `vitrine up` it needs none. `vitrine
    COMMAND --help` says more.
    """
    from vitrine import logs
    from vitrine.settings import load_settings

    # What a command prints is for its reader: logs go to stderr, and only if something is wrong.
    # The processes that log for a living set this up anew.
    settings = load_settings()
    level = "DEBUG" if settings.log_level == "DEBUG" else "WARNING"
    logs.configure(settings.model_copy(update={"log_level": level}), process="cli")
