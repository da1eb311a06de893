"""`vitrine models`: list, build and switch embedding models."""

import time

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from vitrine.assembly import Platform, assemble
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import VitrineError
from vitrine.index.generations import active_generation
from vitrine.ingest.switch import use_model
from vitrine.settings import load_settings

_LOOK_SECONDS = 1.0

UNTRAINED = (
    "{name} is UNTRAINED: its weights are random. It finds the same photo again and likes colours "
    "and textures; it knows nothing of things."
)


@click.group()
def models() -> None:
    """List, build and switch embedding models.

    A model is named `timm:NAME`, as in timm:resnet50.a1_in1k, for a timm backbone with its
    pretrained weights (fetched from a model hub once), or timm:NAME?pretrained=false&seed=0 for
    random ones.
    """


@models.command("list")
def list_models() -> None:
    """Show what is built in, what is built here, and which model answers searches."""
    platform = assemble(load_settings())
    active, unreachable = _active_digest(platform)
    table = Table("name", "digest", "dim", "trained", "MB", "state", box=None, pad_edge=False)
    installed = platform.models.installed()
    for model in installed:
        table.add_row(
            model.name,
            model.digest[:12],
            str(model.dim),
            "yes" if model.spec.trained else "[yellow]UNTRAINED[/]",
            f"{model.bytes / 1e6:.0f}",
            "[green]in use[/]" if model.digest == active else "built",
        )
    for name in platform.models.names():
        if name not in {model.name for model in installed}:
            table.add_row(name, "", "", "", "", "built in, not built here yet")
    Console().print(table)
    if unreachable:
        click.echo(f"Which one is in use is not known: {unreachable}", err=True)


@models.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Build it again although it is there.")
def build(name: str, force: bool) -> None:
    """Export the model NAME for serving; needs the extra `torch`."""
    platform = assemble(load_settings())
    model = platform.models.build(name, force=force, progress=lambda step: click.echo(f"  {step}"))
    size = f"{model.dim} dimensions, {model.bytes / 1e6:.0f} MB"
    click.echo(f"{model.name} is built: {size} in {model.path}.")
    _warn_if_untrained(model)
    click.echo(f"Put it to use with: vitrine models use '{model.name}'")


@models.command()
@click.argument("name")
def use(name: str) -> None:
    """Switch searches to the model NAME.

    The workers embed every picture with it beside the model in use; searches go on meanwhile, and
    the switch comes when all is done and verified. Ctrl-C leaves the old model in use.
    """
    platform = assemble(load_settings())
    model = platform.models.find(name)
    _warn_if_untrained(model)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("embed", total=None)
        switched = use_model(
            platform.ingest,
            model,
            ring=platform.doorbell.ring,
            wait=lambda: time.sleep(_LOOK_SECONDS),
            progress=lambda stage, done, total: bar.update(
                task, description=stage, completed=done, total=total
            ),
        )
    click.echo(f"{model.name} answers searches now, over {switched.pictures} pictures.")


def _active_digest(platform: Platform) -> tuple[str | None, str | None]:
    """Digest of the model in use, or why it is not known."""
    try:
        with platform.sessions() as session:
            return active_generation(session).model, None
    except VitrineError as error:
        return None, str(error)
    except SQLAlchemyError:
        return None, "the database does not answer; is `vitrine up` running?"


def _warn_if_untrained(model: InstalledModel) -> None:
    if not model.spec.trained:
        click.secho(UNTRAINED.format(name=model.name), fg="yellow", err=True)
