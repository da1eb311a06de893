"""`vitrine models`: list, build and switch embedding models."""

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from sqlalchemy import select

from vitrine.assembly import Platform, assemble
from vitrine.cli import phrases
from vitrine.cli.model_table import known_models, print_json, serving_form, show
from vitrine.cli.progress import counting
from vitrine.embedding.models import Model
from vitrine.embedding.registry import InstalledModel
from vitrine.errors import NotFound
from vitrine.index.models import Generation
from vitrine.ingest.forget import forget_vectors
from vitrine.ingest.switch import roll_back, use_model
from vitrine.settings import load_settings

if TYPE_CHECKING:
    from vitrine.embedding.fidelity import Calibration

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_LOOK_SECONDS = 1.0
_LEAST_OF_A_DIGEST = 6
_UNTRAINED = (
    "{name} is NOT TRAINED: it finds copies and close likenesses, and nothing of what a trained "
    f"model knows. {phrases.HOW_TO_TRAINED}"
)


@click.group()
def models() -> None:
    """List, build and switch embedding models.

    \b
    A model name is one of
      vitrine-r18                               what ships: ResNet-18, trained on licensed pictures
      timm:resnet50                             any timm model, with its pretrained weights
      timm:resnet50?pretrained=false&seed=0     the same without training, to try things out

    Other plain names are models that `vitrine train` made. A timm model is built once (that needs
    `pip install "vitrine[torch]"`) and served without PyTorch. The folder of a built model can be
    copied to another machine.
    """


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known, as JSON.")
def list_models(as_json: bool) -> None:
    """Show which models are here, which one answers, and what was measured of them.

    The form with a * serves. "Kept" is the model before the one in use: `vitrine models use
    --rollback` goes back to it, `vitrine models forget` lets it go.
    """
    platform = assemble(load_settings())
    known, reachable = known_models(platform)
    if as_json:
        print_json(known)
        return
    show(known)
    console = Console()
    if not reachable:
        console.print("The database does not answer, so which model is in use is not known.")
    for one in known:
        if one.state == "in use" and not one.forms:
            console.print(f"[red]The model in use ({one.name}) is not built on this machine.[/]")
        elif one.state == "in use" and not one.trained:
            console.print(f"[yellow]{_UNTRAINED.format(name=one.name)}[/]")


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
    serves = serving_form(model, platform.settings)
    click.echo(
        f"{model.name} is built: {model.dim} dimensions, digest {model.digest[:12]}, "
        f"{' and '.join(model.precisions)}" + (f", of which {serves} serves." if serves else ".")
    )
    _warn(model)


@models.command()
@click.argument("name", required=False)
@click.option("--rollback", is_flag=True, help="Go back to the model before.")
def use(name: str | None, rollback: bool) -> None:
    """Switch the shop to the model NAME, or back to the one before.

    Every picture is embedded with it beside the active model, by the running workers, and then one
    row switches: searches go on all the while. Ctrl-C leaves everything as it was.

    The model before is kept, with its vectors and its index, until the next switch. --rollback
    brings it up to date (what was listed, changed or deleted since) and switches to it.
    """
    if (name is None) != rollback:
        raise click.UsageError("Give either NAME or --rollback.")
    platform = assemble(load_settings())
    parts, ring = platform.ingest, platform.doorbell.ring
    wait = partial(time.sleep, _LOOK_SECONDS)
    model = None
    if name:
        # A form that this shop's settings ask for and that is not here is told before the switch.
        found = platform.encoders.find(platform.models.find(name).digest)
        model = platform.models.keep(found)
    with counting() as bar:
        task = bar.add_task("embed", total=None)

        def progress(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        if model is not None:
            switched = use_model(parts, model, ring=ring, wait=wait, progress=progress)
        else:
            find = platform.encoders.find
            switched = roll_back(parts, find, ring=ring, wait=wait, progress=progress)
    in_use = platform.models.find_digest(switched.model)
    click.echo(
        f"{in_use.name} answers from now on, with {switched.pictures} pictures in "
        f"{switched.collection}."
    )
    _warn(in_use)


@models.command()
@click.argument("name")
def forget(name: str) -> None:
    """Delete the vectors that the model NAME made, and what was kept to go back to it.

    NAME may also be the beginning of a digest, as `vitrine models list` shows it. Files of the
    model stay, and so do its figures. A model in use cannot be forgotten.
    """
    platform = assemble(load_settings())
    digests = _digests(platform, name)
    for digest in digests:
        forgotten = forget_vectors(platform.ingest, digest)
        click.echo(f"{forgotten} vectors of {digest[:12]} are gone.")


def _digests(platform: Platform, name: str) -> list[str]:
    """Find models by name, the one in use only if there is no other, or by a digest's beginning."""
    with platform.sessions() as session:
        rows = session.execute(select(Model.digest, Model.name)).all()
        active = session.scalar(select(Generation.model).where(Generation.state == "active"))
    found = [digest for digest, called in rows if called == name]
    if not found and len(name) >= _LEAST_OF_A_DIGEST:
        found = [digest for digest, _ in rows if digest.startswith(name)]
    if not found:
        raise NotFound(f"This shop has no vectors of a model {name!r}; `vitrine models list`.")
    return [digest for digest in found if digest != active] or found


def _warn(model: InstalledModel) -> None:
    if not model.spec.trained:
        click.secho(_UNTRAINED.format(name=model.name), fg="yellow", err=True)
