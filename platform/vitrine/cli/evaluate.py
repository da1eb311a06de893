"""`vitrine evaluate`: how well a model finds, on labelled pictures."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from vitrine.assembly import Platform, assemble
from vitrine.cli import phrases
from vitrine.cli.evaluation_table import show
from vitrine.cli.progress import counting
from vitrine.embedding.records import record_figures
from vitrine.embedding.registry import InstalledModel, Precision
from vitrine.embedding.runtimes import Encoder
from vitrine.errors import Invalid, NotFound
from vitrine.index.client import VectorIndex
from vitrine.learning.datasets import Example, read_examples, splits
from vitrine.learning.evaluation.judge import Search, exact
from vitrine.learning.evaluation.judge import evaluate as judge
from vitrine.learning.evaluation.milvus import LIMIT, MilvusSearch
from vitrine.learning.evaluation.pictures import Embedded, embed
from vitrine.learning.evaluation.report import (
    Setup,
    as_json,
    check_writable,
    summary,
    summary_name,
    write_json,
)
from vitrine.learning.evaluation.sheet import ContactSheet
from vitrine.settings import load_settings

_FILE = click.Path(dir_okay=False, path_type=Path, resolve_path=True)


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, resolve_path=True))
@click.option("--catalog", required=True, metavar="SPLIT", help="Pictures that are searched.")
@click.option(
    "--queries",
    required=True,
    metavar="SPLIT",
    help="Pictures that are searched with. The same split: each is searched among the others.",
)
@click.option("--model", "name", metavar="NAME", help="Model to use.  [default: VITRINE_MODEL]")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "int8"]),
    help="Form of the model.  [default: what the shop is served with]",
)
@click.option(
    "--resolution",
    type=click.IntRange(32, 1024),
    help="Side in pixels of what the model is given.  [default: the model's own]",
)
@click.option(
    "--exact/--milvus",
    "is_exact",
    default=True,
    show_default=True,
    help="Compare every pair, or search through Milvus: the one of VITRINE_MILVUS_URI if it "
    "answers, else a Milvus Lite for the occasion.",
)
@click.option(
    "--distractors",
    multiple=True,
    metavar="DIR[:SPLIT]",
    help="Add pictures to the catalogue that are right for no query; may be repeated.",
)
@click.option("--sheet", type=_FILE, help="Write a PNG: queries and what they found.")
@click.option("--json", "json_file", type=_FILE, help="Write the whole report as JSON.")
@click.option(
    "--record",
    is_flag=True,
    help="Keep the figures with the model in the shop's database, for `vitrine models list`.",
)
def evaluate(
    directory: Path,
    catalog: str,
    queries: str,
    name: str | None,
    precision: Precision | None,
    resolution: int | None,
    is_exact: bool,
    distractors: tuple[str, ...],
    sheet: Path | None,
    json_file: Path | None,
    record: bool,
) -> None:
    """Measure how well a model finds the pictures of DIR.

    DIR holds a file images.csv with the columns path, label, coarse_label and split, and the
    pictures beside it. A result is right if it has the label of its query. Each figure comes with
    the interval that holds it in 95 of 100 samples of queries: two models whose intervals overlap
    widely have not been told apart.

    \b
    R@k      part of the queries with a right picture among the first k
    MRR      mean of 1 / rank of the first right picture
    mAP@10   how early all right pictures come among the first 10
    nDCG@10  the same, with a discount that falls more slowly

    \b
    vitrine evaluate groceries --catalog train --queries val --sheet sheet.png
    vitrine evaluate objects --catalog val --queries val               leave-one-out
    vitrine evaluate groceries --catalog train --queries val --distractors clothing:train --milvus
    """
    if record and resolution:
        raise click.UsageError("--record keeps figures of the model's own resolution only.")
    for file in (sheet, json_file):
        if file is not None:
            check_writable(file)
    shown, wanted = read_examples(directory, catalog), read_examples(directory, queries)
    noise = _distractors(distractors, {example.path for example in shown})
    platform, console = assemble(load_settings(), hint="throughput"), Console(stderr=True)
    model = _model(platform, name or platform.settings.model, console)
    encoder, form = _encoder(platform, model, precision, resolution)
    with counting() as bar:
        embedded = _embed(platform, encoder, [*shown, *wanted, *noise], bar)
        with _search(platform, bar, is_exact=is_exact) as (search, through):
            evaluation = judge(embedded.of(wanted), embedded.of([*shown, *noise]), search)
    setup = Setup(
        directory, catalog, queries, form, through,
        distractors=len(embedded.of(noise).examples), mrr_depth=None if is_exact else LIMIT,
    )  # fmt: skip
    report = as_json(setup, encoder, evaluation, embedded)
    show(report, evaluation)
    if json_file is not None:
        write_json(json_file, report)
        click.echo(f"Report: {json_file}")
    if sheet is not None:
        ContactSheet(evaluation, platform.limits).write(
            sheet,
            f"{model.name} {form} · {directory.name}: {queries} in {catalog} · "
            f"R@1 {evaluation.label['r@1'].value:.3f}",
        )
        click.echo(f"Contact sheet: {sheet}")
    if record:
        recorded = summary_name(report)
        with platform.sessions.begin() as session:
            record_figures(session, model, {recorded: summary(report)})
        click.echo(f"Recorded: {recorded}")


def _distractors(chosen: Sequence[str], there: set[Path]) -> list[Example]:
    """Read DIR[:SPLIT] of each, without labels; no split means all of them."""
    found: dict[Path, Example] = {}
    for one in chosen:
        # A directory may have a colon in its name.
        folder, _, split = (one, "", "") if Path(one).is_dir() else one.rpartition(":")
        root = Path(folder or one).resolve()
        for name in [split] if split else splits(root):
            for each in read_examples(root, name):
                found[each.path] = replace(each, label="", coarse_label="")
    twice = next((path for path in found if path in there), None)
    if twice is not None:
        raise Invalid(
            f"{twice} is in the catalogue already and cannot be a distractor: name another split "
            "or directory with --distractors."
        )
    return list(found.values())


def _model(platform: Platform, name: str, console: Console) -> InstalledModel:
    """Find the model, and build it if it is not there yet."""
    with suppress(NotFound):
        return platform.models.find(name)
    with console.status("building the model") as status:
        return platform.models.build(name, progress=status.update)


def _encoder(
    platform: Platform, model: InstalledModel, precision: Precision | None, side: int | None
) -> tuple[Encoder, Precision]:
    """Load what the shop would embed with, unless other options were given."""
    settings = platform.settings
    if settings.runtime == "torch":
        if side or precision == "int8":
            raise Invalid(
                "--resolution and --precision int8 need VITRINE_RUNTIME=openvino; it is torch here."
            )
        from vitrine.embedding.runtimes.torch import TorchEncoder

        return TorchEncoder(model), "fp32"
    from vitrine.embedding.runtimes.openvino import OpenVinoEncoder

    configured = None if settings.precision == "auto" else settings.precision
    form = model.form(precision or configured)
    return OpenVinoEncoder(model, hint="throughput", precision=form, side=side), form


def _embed(
    platform: Platform, encoder: Encoder, examples: Sequence[Example], bar: Progress
) -> Embedded:
    paths = list(dict.fromkeys(example.path for example in examples))
    task = bar.add_task("embed", total=len(paths))
    return embed(paths, encoder, platform.limits, progress=lambda count: bar.advance(task, count))


@contextmanager
def _search(platform: Platform, bar: Progress, *, is_exact: bool) -> Iterator[tuple[Search, str]]:
    """Yield how to search, and its name for the report."""
    if is_exact:
        yield exact, "exact"
        return
    task = bar.add_task("search", total=None)
    with _index(platform) as index:
        yield (
            MilvusSearch(index, lambda count: bar.advance(task, count)),
            phrases.milvus(index.capabilities),
        )


@contextmanager
def _index(platform: Platform) -> Iterator[VectorIndex]:
    """Yield the shop's Milvus if it answers, else a Milvus Lite that goes away with its data."""
    if platform.index.ping() is None:
        yield platform.index
        return
    from vitrine.embedded.datadir import DataDir
    from vitrine.embedded.milvus import Milvus

    platform.index.close()
    with tempfile.TemporaryDirectory(prefix="vitrine-evaluate-") as scratch:
        server = Milvus(DataDir.prepare(Path(scratch)))
        server.start()
        index = VectorIndex(
            server.url, timeout_seconds=platform.settings.dependency_timeout_seconds
        )
        try:
            yield index
        finally:
            index.close()
            server.stop()
