"""`vitrine evaluate-ads`: how well the click model of the ads predicts."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from vitrine.ads.evaluation.choices import Rewards, Value, rewards, value
from vitrine.ads.evaluation.figures import Quality, judge
from vitrine.ads.evaluation.open_bandit import find_campaigns, read_log
from vitrine.ads.evaluation.trial import BASE_RATE, CALIBRATED, ONLINE, Trial, run_trial
from vitrine.cli.progress import counting
from vitrine.learning.evaluation.bootstrap import Estimate
from vitrine.learning.evaluation.report import check_writable, write_json

_PIPE_COLUMNS = 10_000
_FILE = click.Path(dir_okay=False, path_type=Path, resolve_path=True)
_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
_BEST = 0.2
_POLICIES = {"the best item": 0.0, f"evenly among the best {_BEST:.0%}": _BEST}
# Below so many clicks an interval of the log-loss is as wide as what is to be told by it.
_FEW_CLICKS = 1000


@click.command()
@click.argument("directory", metavar="DIR", type=_DIRECTORY)
@click.option(
    "--cut",
    type=click.FloatRange(0.1, 0.9),
    default=0.7,
    show_default=True,
    help="Part of each campaign, by time, that is learnt; the rest is predicted.",
)
@click.option("--json", "json_file", type=_FILE, help="Write all figures as JSON.")
def evaluate_ads(directory: Path, cut: float, json_file: Path | None) -> None:
    """Measure how well the click model of the ads predicts, on the Open Bandit log in DIR.

    DIR has a folder for each policy that showed items, in it one for each campaign with its log:
    random/men/men.csv. The model learns the first part and predicts the rest, beside the share of
    clicks of the first part, itself without the calibration, and itself as it learns on, each
    impression after it was predicted. Each figure stands with the interval that holds it in 95 of
    100 samples of the impressions that were predicted.

    \b
    log-loss        −log of the probability that was given to what came; less is better
    less base rate  the difference of both, times 1000; below 0 the model predicts better
    calibration     mean distance of predicted and real over tenths of the impressions, times 1000,
                    and what it would be by chance if every prediction were right
    predicted/real  predicted clicks for each real one
    """
    if json_file is not None:
        check_writable(json_file)
    logs = [read_log(directory, campaign) for campaign in find_campaigns(directory)]
    with counting() as bar:
        task = bar.add_task("learning", total=sum(map(len, logs)))
        trials = [run_trial(log, cut, lambda: bar.advance(task)) for log in logs]
    with counting() as bar:
        found: dict[str, dict[str, Quality]] = {}
        values: dict[str, Value] = {}
        task = bar.add_task("judging", total=len(trials) + 1)
        for name, some in _parts(trials):
            found[name] = _judge(some)
            bar.advance(task)
        if any(trial.log.drawn[trial.first :].any() for trial in trials):
            values = {name: _value(trials, share) for name, share in _POLICIES.items()}
    _show(trials, found, values)
    if json_file is not None:
        write_json(json_file, _as_json(trials, cut, found, values))
        click.echo(f"Report: {json_file}")


def _parts(trials: Sequence[Trial]) -> Iterator[tuple[str, Sequence[Trial]]]:
    for trial in trials:
        yield trial.log.campaign, [trial]
    if len(trials) > 1:
        yield "all", trials


def _judge(trials: Sequence[Trial]) -> dict[str, Quality]:
    by_trial = [trial.predictions() for trial in trials]
    clicked = np.concatenate([trial.clicked for trial in trials])
    predicted = {name: np.concatenate([one[name] for one in by_trial]) for name in by_trial[0]}
    return {name: judge(one, predicted[BASE_RATE], clicked) for name, one in predicted.items()}


def _value(trials: Sequence[Trial], share: float) -> Value:
    each = [rewards(trial, share) for trial in trials]
    return value(
        Rewards(
            np.concatenate([one.weights for one in each]),
            np.concatenate([one.clicked for one in each]),
        )
    )


def _show(
    trials: Sequence[Trial],
    found: Mapping[str, Mapping[str, Quality]],
    values: Mapping[str, Value],
) -> None:
    # Nothing is wrapped or cut for a pipe.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)
    learnt, rest = (_clicks(trials, part) for part in (slice(None, 1), slice(1, None)))
    console.print(f"learnt: {learnt}; predicted: {rest}\n")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("campaign", "", "log-loss", "less base rate ×1000", "calibration ×1000",
                    "by chance", "predicted/real"):  # fmt: skip
        table.add_column(heading, justify="left" if len(table.columns) < 2 else "right",
                         no_wrap=True)  # fmt: skip
    for campaign, methods in found.items():
        for name, one in methods.items():
            table.add_row(
                campaign if name == BASE_RATE else "",
                name,
                _cell(one.log_loss, 4),
                "" if name == BASE_RATE else _cell(one.difference, 2, 1000),
                _cell(one.calibration_error, 2, 1000),
                f"{one.by_chance * 1000:.2f}",
                _cell(one.predicted_per_real, 2),
            )
    console.print(table)
    if values:
        console.print()
        console.print(_choices(values))
    console.print()
    for line in _remarks(trials, found, values):
        console.print(line)


def _choices(values: Mapping[str, Value]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("had the model chosen", "IPS", "SNIPS", "chance", "SNIPS less chance",
                    "told by"):  # fmt: skip
        table.add_column(heading, justify="right" if table.columns else "left", no_wrap=True)
    for name, one in values.items():
        cells = (_cell(each, 4) for each in (one.ips, one.snips, one.chance, one.difference))
        table.add_row(name, *cells, f"{one.shown} impressions, {one.clicks} clicks")
    return table


def _remarks(
    trials: Sequence[Trial],
    found: Mapping[str, Mapping[str, Quality]],
    values: Mapping[str, Value],
) -> Iterator[str]:
    """Say what the figures do not tell."""
    clicks = sum(int(trial.log.clicked.sum()) for trial in trials)
    if clicks < _FEW_CLICKS:
        yield f"The log has {clicks} clicks in all. So few tell little:"
    for campaign, methods in found.items():
        for name in (CALIBRATED, ONLINE):
            one = methods[name]
            less = "better" if one.difference.value < 0 else "worse"
            yield f"{campaign}: the {name} predicts {less} than the base rate, and " + (
                "the interval leaves out 0." if one.told else "the interval includes 0: not told."
            )
    for name, each in values.items():
        if each.difference.low <= 0 <= each.difference.high:
            yield f"{name}: whether it beats chance is not told."


def _clicks(trials: Sequence[Trial], part: slice) -> str:
    clicked = np.concatenate(
        [one for trial in trials
         for one in np.split(trial.log.clicked, [trial.first])[part]]
    )  # fmt: skip
    return f"{len(clicked):,} impressions with {int(clicked.sum())} clicks"


def _cell(one: Estimate, digits: int, times: float = 1) -> str:
    value, low, high = (f"{each * times:.{digits}f}" for each in (one.value, one.low, one.high))
    return f"{value} [dim]({low} – {high})[/]"


def _as_json(
    trials: Sequence[Trial],
    cut: float,
    found: Mapping[str, Mapping[str, Quality]],
    values: Mapping[str, Value],
) -> dict[str, Any]:
    return {
        "cut": cut,
        "campaigns": {
            trial.log.campaign: {
                "learnt": trial.first,
                "learnt_clicks": int(trial.log.clicked[: trial.first].sum()),
                "predicted": len(trial.log) - trial.first,
                "predicted_clicks": int(trial.clicked.sum()),
                "base_rate": trial.base_rate,
                "features": len(trial.encoding.names),
            }
            for trial in trials
        },
        "predicted": {
            campaign: {name: one.to_json() for name, one in methods.items()}
            for campaign, methods in found.items()
        },
        "had_the_model_chosen": {name: one.to_json() for name, one in values.items()},
    }
