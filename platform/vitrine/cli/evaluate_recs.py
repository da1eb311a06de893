"""`vitrine evaluate-recs`: how good the recommendations would have been."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from vitrine.assembly import assemble
from vitrine.cli.progress import counting
from vitrine.errors import Invalid
from vitrine.learning.evaluation.bootstrap import Estimate
from vitrine.learning.evaluation.report import check_writable, write_json
from vitrine.recommend.evaluation.log import read_events, read_file, read_public_ids
from vitrine.recommend.evaluation.methods import Past
from vitrine.recommend.evaluation.replay import (
    Figures,
    Terms,
    known_to,
    make_methods,
    measure,
    read_catalogue,
    sample,
)
from vitrine.recommend.evaluation.splits import How, split_by_time, split_last
from vitrine.recommend.ranker import PRIOR, Rankers
from vitrine.settings import load_settings

_PIPE_COLUMNS = 10_000
_FILE = click.Path(dir_okay=False, path_type=Path, resolve_path=True)


@click.command()
@click.option(
    "--events",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take events from this file, one JSON object a line.  [default: those of the shop]",
)
@click.option(
    "--split",
    type=click.Choice(["time", "last"]),
    default="time",
    show_default=True,
    help="Foretell what everybody wanted after one moment, or the last product of each person.",
)
@click.option(
    "--cut",
    type=click.FloatRange(0.05, 0.95),
    default=0.8,
    show_default=True,
    help="Part of all that was wanted that lies before that moment.",
)
@click.option("-k", type=click.IntRange(1, 100), default=10, show_default=True,
              help="How long a list is.")  # fmt: skip
@click.option("--people", type=click.IntRange(1), default=2000, show_default=True,
              help="Ask for so many people at most, chosen by chance.")  # fmt: skip
@click.option(
    "--repeats",
    is_flag=True,
    help="Show people what they had before, and count it as right. Else no method may.",
)
@click.option(
    "--ranker",
    type=click.Choice(["prior", "current"]),
    default="prior",
    show_default=True,
    help="What ranks: the current one may have learnt from what it is to foretell.",
)
@click.option("--json", "json_file", type=_FILE, help="Write all figures as JSON.")
def evaluate_recs(
    events: Path | None,
    split: How,
    cut: float,
    k: int,
    people: int,
    repeats: bool,
    ranker: str,
    json_file: Path | None,
) -> None:
    """Measure how well recommendations foretell what people wanted.

    What happened is split into a past and a future. Every method sees the past, names products, and
    is right where somebody wanted them in the future. Each figure is a mean over people, with the
    interval that holds it in 95 of 100 samples of them.

    \b
    Recall@k   part of what somebody wanted that stands among the first k
    nDCG@k     how early it stands there
    MRR        mean of 1 / place of the first that was wanted, among 100
    coverage   part of the catalogue that is shown to anybody
    novelty    how few people knew what is shown, in bits
    diversity  1 − mean cosine of the products of a list

    \b
    vitrine evaluate-recs                          the shop's own events
    vitrine evaluate-recs --events events.jsonl    bodies of POST /v1/events, one a line
    """
    if json_file is not None:
        check_writable(json_file)
    platform = assemble(load_settings())
    with platform.reading.connect() as reads:
        log, unknown = (
            read_file(events, read_public_ids(reads)) if events else (read_events(reads), 0)
        )
        catalogue = read_catalogue(reads)
    log = {who: [one for one in some if one.product_id in catalogue.known]
           for who, some in log.items()}  # fmt: skip
    if unknown:
        click.secho(f"{unknown} items of the file are no product of this shop.", fg="yellow",
                    err=True)  # fmt: skip
    if not any(log.values()):
        raise Invalid("There are no events about products of this shop: nothing to measure yet.")
    parted = (
        split_by_time(log, share=cut, repeats=repeats)
        if split == "time"
        else split_last(log, repeats=repeats)
    )
    terms = Terms(k, repeats, people)
    cases = sample(parted.cases, terms)
    weights = PRIOR if ranker == "prior" else Rankers(platform.reading.connect).current()
    methods = make_methods(catalogue, parted, platform.event_weights, weights)
    shares = known_to(Past(parted.past, catalogue))
    found: dict[str, Figures] = {}
    with counting() as bar:
        task = bar.add_task("asking", total=len(cases) * len(methods))
        for method in methods:
            found[method.name] = measure(
                method, cases, catalogue, shares, terms, lambda: bar.advance(task)
            )
    _show(found, terms, f"{len(cases)} people, {len(catalogue.ids)} products, "
          f"{'cut at ' + f'{cases[0].at:%Y-%m-%d %H:%M}' if split == 'time' else 'last left out'}, "
          f"ranker: {'prior' if weights.version == 0 else f'version {weights.version}'}, "
          f"{'repeats count' if repeats else 'without what people had before'}")  # fmt: skip
    if json_file is not None:
        told = {"split": split, "cut": cut, "k": k, "repeats": repeats, "people": len(cases),
                "products": len(catalogue.ids), "ranker": weights.version}  # fmt: skip
        write_json(
            json_file,
            {**told, "methods": {name: one.to_json() for name, one in found.items()}},
        )
        click.echo(f"Report: {json_file}")


def _show(found: dict[str, Figures], terms: Terms, heading: str) -> None:
    # Nothing is wrapped or cut for a pipe.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)
    console.print(heading)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for name in (f"Recall@{terms.k}", f"nDCG@{terms.k}", "MRR", "coverage", "novelty",
                 "diversity"):  # fmt: skip
        table.add_column(name, justify="right", no_wrap=True)
    for method, one in found.items():
        table.add_row(
            method,
            *map(_cell, (one.recall, one.ndcg, one.mrr)),
            f"{one.coverage:.3f}",
            f"{one.novelty.value:.1f}",
            f"{one.diversity.value:.3f}",
        )
    console.print(table)


def _cell(one: Estimate) -> str:
    return f"{one.value:.3f} [dim]({one.low:.3f} – {one.high:.3f})[/]"
