"""Asking in turns, and what came of it: percentiles of each turn, and their median over the turns.

A neighbour on the machine that spoils one turn so spoils none of the figures.
"""

import itertools
import random
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
HUNDREDTHS = (50, 95, 99)


@dataclass
class Turns:
    """Milliseconds of each question, turn by turn, and the seconds that each turn took."""

    milliseconds: list[list[float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, milliseconds: list[float], seconds: float = 0.0) -> None:
        self.milliseconds.append(milliseconds)
        self.seconds.append(seconds)

    def percentile(self, hundredths: int) -> float:
        """Median over the turns of a percentile."""
        return statistics.median(percentile(turn, hundredths) for turn in self.milliseconds)

    @property
    def rate(self) -> float:
        """Questions a second; median over the turns."""
        return statistics.median(
            len(turn) / seconds
            for turn, seconds in zip(self.milliseconds, self.seconds, strict=True)
        )

    def out(self) -> dict[str, float]:
        found = {f"p{part}": round(self.percentile(part), 2) for part in HUNDREDTHS}
        return found if not any(self.seconds) else {**found, "rate": round(self.rate, 1)}


def percentile(milliseconds: Sequence[float], hundredths: int) -> float:
    if len(milliseconds) == 1:
        return milliseconds[0]
    return statistics.quantiles(milliseconds, n=100, method="inclusive")[hundredths - 1]


def ask_all(
    ask: Callable[[T], object], questions: Sequence[T], callers: int, rate: float | None = None
) -> tuple[list[float], float]:
    """Ask every question, by callers of whom each asks anew as soon as it is answered.

    With a `rate` questions come as visitors do, so many a second (Poisson), whether those before
    are answered or not; one that no caller is free for waits, and that counts. Returns the
    milliseconds of each and the seconds of all.
    """
    dice = random.Random(0)
    gaps = (dice.expovariate(rate) if rate else 0.0 for _ in questions)
    due = list(itertools.accumulate(gaps))

    def timed(question: T, after: float) -> float:
        if rate:
            time.sleep(max(0.0, began + after - time.perf_counter()))
            asked = began + after
        else:
            asked = time.perf_counter()
        ask(question)
        return (time.perf_counter() - asked) * 1000

    with ThreadPoolExecutor(callers) as threads:
        began = time.perf_counter()
        milliseconds = list(threads.map(timed, questions, due))
        return milliseconds, time.perf_counter() - began
