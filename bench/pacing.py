"""How far is spending from its plan, with the pace of vitrine.ads.pacing, a fixed one, and none?

Simulated days of one campaign that pays for clicks, in three kinds of traffic that bring its budget
1.5, 4 and 40 times over. The controller starts knowing nothing; the fixed pace is the right one of
hindsight. Needs nothing but this checkout:

    python bench/pacing.py
    python bench/pacing.py --days 2      a short look
"""

import argparse
from collections.abc import Callable
from itertools import product
from statistics import fmean

from _pacing_day import TRAFFIC, Control, Day, Market, controlled, held_at, live
from rich.console import Console
from rich.table import Table

DEMANDS = (1.5, 4.0, 40.0)
CLICKS = (20, 200)
CONTROLS: dict[str, Callable[[Market], Control]] = {
    "controller": lambda market: controlled(),
    "fixed pace": lambda market: held_at(1 / market.demand),
    "no pacing": lambda market: held_at(1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=10, help="simulated days of each kind")
    days = parser.parse_args().days
    table = Table(title=f"Mean error / not spent, in % of the day's budget; {days} days each")
    for name in ("traffic", "demand", "clicks", *CONTROLS, "least possible"):
        table.add_column(name, justify="left" if name == "traffic" else "right")
    for (traffic, shape), demand, clicks in product(TRAFFIC.items(), DEMANDS, CLICKS):
        market = Market(shape, demand, clicks)
        lived = {
            name: [live(market, make(market), seed) for seed in range(days)]
            for name, make in CONTROLS.items()
        }
        least = fmean(day.least for day in lived["controller"])
        told = [said(some) for some in lived.values()]
        table.add_row(traffic, f"{demand:g}x", f"{clicks}", *told, f"{least:.2%}")
    Console(width=110).print(table)


def said(days: list[Day]) -> str:
    return f"{fmean(day.error for day in days):.2%} / {fmean(day.missed for day in days):.1%}"


if __name__ == "__main__":
    main()
