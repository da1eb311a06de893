"""`vitrine calibrate`: measure how far the scores of this shop can be trusted."""

import json

import click
from rich.console import Console
from rich.table import Table

from vitrine.assembly import assemble
from vitrine.cli.progress import counting
from vitrine.search.calibration import Calibration
from vitrine.search.measuring import calibrate as calibrate_shop
from vitrine.settings import load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print all that was found as JSON.")
def calibrate(as_json: bool) -> None:
    """Measure category prediction and find out which photos show nothing of this shop.

    The shop's own pictures, made to look like a shopper's, are searched in it. Half of them fit the
    confidence and the threshold, the other half measures both. It is in force within seconds. The
    workers do it by themselves, and again when the catalogue has grown by half.
    """
    settings = load_settings()
    platform = assemble(settings, hint="throughput")
    with counting(quiet=as_json) as bar:
        task = bar.add_task("search", total=None)
        found = calibrate_shop(
            platform.ingest,
            false_rejections=settings.out_of_catalogue_false_rejections,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        click.echo(json.dumps(found.to_json()))
    else:
        Console().print(_table(found))


def _table(found: Calibration) -> Table:
    figures = found.measured
    assert figures is not None
    table = Table("", "", title="Calibration", show_header=False)
    table.add_row("photos that fitted it", str(figures.fitted_on))
    table.add_row("photos that measured it", str(figures.held_out))
    table.add_row("first category guess is right", f"{figures.accuracy:.1%}")
    table.add_row("error of the confidence (ECE)", f"{figures.calibration_error:.3f}")
    table.add_row("… of the votes as they are", f"{figures.calibration_error_raw:.3f}")
    threshold = "none" if found.familiar_from is None else f"{found.familiar_from:.3f}"
    table.add_row("least similarity of what is sold", threshold)
    table.add_row("false rejections, wanted", f"{figures.false_rejections:.1%}")
    table.add_row("false rejections, measured", f"{figures.false_rejections_held_out:.1%}")
    return table
