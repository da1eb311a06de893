"""`vitrine train`: from a recipe and pictures to a model that the shop can use."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from vitrine.assembly import assemble
from vitrine.cli.progress import counting
from vitrine.embedding.runtimes.torch import require_torch
from vitrine.errors import Conflict
from vitrine.settings import load_settings

if TYPE_CHECKING:
    from vitrine.learning.training.loop import State

_FOLDER = click.Path(file_okay=False, path_type=Path, resolve_path=True)


@click.command()
@click.argument("recipe", type=click.Path(dir_okay=False, path_type=Path, resolve_path=True))
@click.option(
    "--data", type=_FOLDER, help="Where the recipe's folders are.  [default: beside the recipe]"
)
@click.option(
    "--run",
    "run_folder",
    type=_FOLDER,
    help="Where checkpoint and log are kept.  [default: <data dir>/training/<name>]",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="auto takes a GPU if there is one.",
)
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
@click.option("--fresh", is_flag=True, help="Begin again, even if the run was begun before.")
def train(
    recipe: Path,
    data: Path | None,
    run_folder: Path | None,
    device: str,
    threads: int | None,
    fresh: bool,
) -> None:
    """Train the model that RECIPE, a TOML file, describes, and put it into the model store.

    Ctrl-C loses nothing: the same command goes on where it was. The run's log.csv has a row for
    every twenty steps, with the recall on held-out pictures as it goes. Needs `pip install
    "vitrine[train]"`; the recipe of the model that ships, and how one is written, are in
    docs/models.md.

    \b
    vitrine train my-shop.toml --data ~/pictures
    vitrine models build my-shop         then make its int8 form,
    vitrine models use my-shop           and let it answer
    """
    require_torch()
    from vitrine.learning.training.recipe import read_recipe

    settings = load_settings()
    chosen, text = read_recipe(recipe), recipe.read_bytes()
    if data is not None:
        chosen = chosen.model_copy(update={"data": data})
    home = settings.data_dir / "training"
    folder = run_folder or home / chosen.name
    from vitrine.learning.training import device as place
    from vitrine.learning.training.card import Made, model_card
    from vitrine.learning.training.checkpoint import forget_run, load_checkpoint
    from vitrine.learning.training.loop import Run
    from vitrine.learning.training.outcome import install
    from vitrine.learning.training.service import Pictures

    where = place.choose_device(device)
    place.set_up(where, threads)
    platform = assemble(settings)
    if platform.models.ships(chosen.name):
        raise Conflict(
            f"A model named {chosen.name} comes with Vitrine, and its name would not find the one "
            "that you train: give the recipe another `name`."
        )
    start = platform.models.find(chosen.network.start) if chosen.network.start else None
    console = Console(stderr=True)
    folder.mkdir(parents=True, exist_ok=True)
    if not fresh:
        load_checkpoint(folder, chosen)  # a run of another recipe is told before all the reading
    with counting() as bar:
        pictures = Pictures(chosen, home / "cache", platform.limits, _decoding(bar))
        pictures.check()
        sources, tasks = pictures.sources(), pictures.tasks()
    if fresh:
        forget_run(folder)
    with _showing(console) as (say, show):
        run = Run(chosen, sources, tasks, folder, where, (say, show))
        if start is not None:
            run.start_from(start)
        try:
            network = run.finish()
        except KeyboardInterrupt:
            console.print(f"Stopped after step {run.step}; the same command goes on from there.")
            raise click.exceptions.Exit(130) from None
        made = Made(
            {one.dataset.folder: len(one.labels) for one in sources},
            run.step,
            place.describe(where),
            run.recalls,
            run.commit,
            start.digest if start else None,
        )
        card = model_card(chosen, network.spec, made)
        model = install(platform.models, network, text, card, say)
    click.echo(f"{model.name} is trained: {model.dim} dimensions, digest {model.digest[:12]}.")
    for title, recall in made.recalls.items():
        click.echo(f"  {title}: R@1 {recall:.3f}")
    click.echo(f"Its card: {model.path / 'card.md'}")


def _decoding(bar: Progress) -> Callable[[str, int], Callable[[int], object]]:
    def begin(title: str, total: int) -> Callable[[int], object]:
        task = bar.add_task(f"read {title}", total=total)
        return lambda done: bar.advance(task, done)

    return begin


@contextmanager
def _showing(
    console: Console,
) -> "Iterator[tuple[Callable[[str], object], Callable[[State], object]]]":
    """Whom the run tells what it does, and how far it is."""
    with counting() as bar:
        task = bar.add_task("train", total=None)

        def show(state: "State") -> None:
            found = "".join(f"  {title} {value:.3f}" for title, value in state.recalls.items())
            stage = (
                f"{state.side} px  loss {state.loss:.3f}  "
                f"{state.images_per_second:.0f} images/s{found}"
            )
            bar.update(task, completed=state.step, total=state.steps, description=stage)
            if state.looked:
                console.print(f"step {state.step}/{state.steps}  {stage}", highlight=False)

        yield lambda step: console.print(f"[dim]{step}[/]"), show
