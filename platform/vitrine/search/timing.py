"""Where the milliseconds of a request went."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from vitrine.wire import TimingMs


@dataclass(slots=True)
class Timing:
    """Milliseconds by stage."""

    stages: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        before = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - before) * 1000
            self.stages[name] = self.stages.get(name, 0.0) + spent

    def out(self) -> TimingMs:
        total = (time.perf_counter() - self.started) * 1000
        return TimingMs(**{name: round(ms, 2) for name, ms in self.stages.items()}, total=total)
