"""An evaluation as a person reads it."""

import sys
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vitrine.cli import phrases
from vitrine.learning.evaluation.judge import NO_LABEL, Evaluation

_SHOWN = 10
_PIPE_COLUMNS = 10_000
_NAMES = {"r@1": "R@1", "r@5": "R@5", "r@10": "R@10", "mrr": "MRR", "map@10": "mAP@10",
          "ndcg@10": "nDCG@10"}  # fmt: skip


def show(report: Mapping[str, Any], evaluation: Evaluation) -> None:
    """Print figures with intervals, the worst labels and confusions, and what was left out."""
    # Nothing is wrapped or cut for a pipe.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)
    model, catalog, queries = report["model"], report["catalog"], report["queries"]
    others = f" and {report['distractors']} distractors" if report["distractors"] else ""
    console.print(
        f"{escape(model['name'])} [dim]{model['digest'][:12]}[/], {model['precision']}, "
        f"{model['resolution'][1]} × {model['resolution'][0]} px, {model['dim']} dimensions",
    )
    console.print(
        f"{queries['images']} queries ({escape(queries['split'])}) in "
        f"{catalog['images'] - report['distractors']} pictures ({escape(catalog['split'])}){others}"
        f"{', leave-one-out' if report['leave_one_out'] else ''}; search: {report['search']}; "
        f"{report['images_per_second']:.1f} images/s\n",
    )
    console.print(_figures(report))
    _lists(console, evaluation)
    console.print()
    _remarks(report)


def _figures(report: Mapping[str, Any]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("")
    for heading in ("label", "95 % interval", "coarse_label", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, shown in _NAMES.items():
        cells = [_cells(report[kind].get(name)) for kind in ("label", "coarse_label")]
        table.add_row(shown, *cells[0], *cells[1])
    return table


def _cells(figure: Mapping[str, Any] | None) -> tuple[str, str]:
    if figure is None or figure["value"] is None:
        return "", ""
    return f"{figure['value']:.3f}", f"[dim]{figure['low']:.3f} – {figure['high']:.3f}[/]"


def _lists(console: Console, evaluation: Evaluation) -> None:
    labels = evaluation.labels()
    worst = Table(box=None, header_style="bold", pad_edge=False)
    for heading, side in (("worst labels", "left"), ("queries", "right"), ("R@1", "right")):
        worst.add_column(heading, justify="right" if side == "right" else "left")
    for one in labels[:_SHOWN]:
        worst.add_row(escape(one.label), str(one.queries), f"{one.r_at_1:.2f}")
    mixed = Table(box=None, header_style="bold", pad_edge=False)
    mixed.add_column("label")
    mixed.add_column("found instead, most often")
    mixed.add_column("of its queries", justify="right")
    for each in evaluation.confusions()[:_SHOWN]:
        mixed.add_row(
            escape(each.label),
            escape(each.found or NO_LABEL),
            f"{each.count} of {each.queries}",
        )
    for table in (worst, mixed):
        if table.row_count:
            console.print()
            console.print(table)


def _remarks(report: Mapping[str, Any]) -> None:
    """Say what bears on how the figures are read; to stderr, as warnings are."""
    queries, skipped = report["queries"], report["skipped"]
    if queries["without_answer"]:
        _warn(
            f"{queries['without_answer']} queries are in no figure: no other picture of the "
            "catalogue has their label."
        )
    if queries["copies_in_catalog"]:
        _warn(
            f"{queries['copies_in_catalog']} queries stand in the catalogue as the same file under "
            "another name: finding those is no merit."
        )
    if skipped["images"]:
        _warn(f"{skipped['images']} pictures cannot be used and were left out:")
        for one in skipped["first"][:_SHOWN]:
            _warn(f"  {one['path']}: {one['reason']}")
        if skipped["images"] > _SHOWN:
            _warn("  … --json FILE lists more")
    if not report["model"]["trained"]:
        _warn(f"This model is UNTRAINED: its weights are random. {phrases.HOW_TO_TRAINED}")


def _warn(words: str) -> None:
    click.secho(words, fg="yellow", err=True)
