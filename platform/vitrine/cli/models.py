"""`vitrine models`: list, build and switch embedding models."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from vitrine.assembly import Platform, assemble
from vitrine.cli import phrases
from vitrine.cli.progress import counting
from vitrine.embedding.names import BUILT_IN
from vitrine.embedding.registry import InstalledModel
from vitrine.index.models import Generation
from vitrine.ingest.switch import use_model
from vitrine.settings import load_settings

if TYPE_CHECKING:
    from vitrine.embedding.fidelity import Calibration

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_LOOK_SECONDS = 1.0
_MIB = 1024 * 1024
_UNTRAINED = (
    "{name} is NOT TRAINED: it finds copies and close likenesses, and nothing of what a trained "
    f"model knows. {phrases.HOW_TO_TRAINED}"
)


@click.group()
def models() -> None:
    """List, build and switch embedding models.

    \b
    A model name is one of
      vitrine-untrained-r18                     built in: ResNet-18, random weights
      timm:resnet50                             any timm model, with its pretrained weights
      timm:resnet50?pretrained=false&seed=0     the same without training, to try things out

    A plain name is a model of ours: one that ships, or one that `vitrine train` made.

    A model is built once (that needs `pip install "vitrine[torch]"`) and served without PyTorch.
    The folder of a built model can be copied to another machine.
    """


@models.command("list")
def list_models() -> None:
    """Show which models are built here, and which one answers."""
    platform = assemble(load_settings())
    active, reachable = _active_digest(platform)
    installed = platform.models.installed()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("name", "digest", "dim", "trained", "size", "state"):
        table.add_column(heading, no_wrap=heading != "name", overflow="fold")
    for model in installed:
        table.add_row(*_row(model, active))
    for name in sorted(set(BUILT_IN) - {model.name for model in installed}):
        table.add_row(name, "–", "–", "[red]NO[/]", "–", "not built")
    console = Console()
    console.print(table)
    if not reachable:
        console.print("The database does not answer, so which model is in use is not known.")
    elif active and active not in {model.digest for model in installed}:
        console.print(f"[red]The model in use ({active[:12]}) is not built on this machine.[/]")
    for model in installed:
        if model.digest == active and not model.spec.trained:
            console.print(f"[yellow]{_UNTRAINED.format(name=model.name)}[/]")


@models.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Make its forms again even if they are there.")
@click.option(
    "--precision",
    type=click.Choice(["all", "fp32"]),
    default="all",
    show_default=True,
    help="Which forms to make; fp32 leaves int8 out.",
)
@click.option(
    "--calibrate",
    "folder",
    type=FOLDER,
    help="Make int8 by the pictures of this directory.  [default: the shop's own, else drawn ones]",
)
@click.option(
    "--evaluate",
    "judged",
    type=FOLDER,
    help="Judge int8 by a search in this directory, which has an images.csv.",
)
@click.option("--catalog", help="With --evaluate: the split that is searched.")
@click.option("--queries", help="With --evaluate: the split that is searched with.")
def build(
    name: str,
    force: bool,
    precision: str,
    folder: Path | None,
    judged: Path | None,
    catalog: str | None,
    queries: str | None,
) -> None:
    """Make the model NAME ready to serve: fp32 and int8, and measure what int8 costs.

    A timm model is fetched or made first. int8 answers two to three times as fast; if it loses more
    than one point of R@1, fp32 stays in use. Forms that are there already are not made again.

    Nothing changes for the shop until `vitrine models use NAME`. If NAME is in use already, api and
    workers take the new form when they are started next.
    """
    if (judged is None) != (catalog is None) or (catalog is None) != (queries is None):
        raise click.UsageError("--evaluate, --catalog and --queries go together.")
    console = Console(stderr=True)
    platform = assemble(load_settings())
    with console.status("building") as status:
        began = time.perf_counter()

        def tell(step: str) -> None:
            status.update(step)
            console.print(f"[dim]{time.perf_counter() - began:6.1f} s[/]  {step}", soft_wrap=True)

        def pictures() -> "Calibration":
            from vitrine.cli.calibration import calibration, labelled_task

            task = None
            if judged and catalog and queries:
                task = labelled_task(judged, catalog, queries, platform.limits)
            return calibration(platform, folder, task, tell)

        model = platform.models.build(
            name, force=force, calibrate=pictures if precision == "all" else None, progress=tell
        )
    click.echo(
        f"{model.name} is built: {model.dim} dimensions, digest {model.digest[:12]}, "
        f"{' and '.join(model.precisions)}, of which {model.form()} serves."
    )
    _warn(model)


@models.command()
@click.argument("name")
def use(name: str) -> None:
    """Switch the shop to the model NAME.

    Every picture is embedded with it beside the active model, by the running workers, and then one
    row switches: searches go on all the while. Ctrl-C leaves everything as it was.
    """
    platform = assemble(load_settings())
    model = platform.models.find(name)
    with counting() as bar:
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
    click.echo(
        f"{model.name} answers from now on, with {switched.pictures} pictures in "
        f"{switched.collection}."
    )
    _warn(model)


def _row(model: InstalledModel, active: str | None) -> tuple[str, ...]:
    return (
        model.name,
        model.digest[:12],
        str(model.dim),
        "yes" if model.spec.trained else "[red]NO[/]",
        f"{model.bytes / _MIB:.0f} MiB",
        "[green]in use[/]" if model.digest == active else "built",
    )


def _active_digest(platform: Platform) -> tuple[str | None, bool]:
    """Digest of the model in use, and whether the database answered."""
    try:
        with platform.sessions() as session:
            query = select(Generation.model).where(Generation.state == "active")
            return session.scalar(query), True
    except SQLAlchemyError:
        return None, False


def _warn(model: InstalledModel) -> None:
    if not model.spec.trained:
        click.secho(_UNTRAINED.format(name=model.name), fg="yellow", err=True)
