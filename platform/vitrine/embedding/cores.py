"""How many cores this process may really use: what affinity and the container leave of them.

Runtimes ask the operating system and start a thread for every core of the machine. In a container
that may use two of sixty-four, those threads spend the container's share in turns and are then
stopped, all of them, for the rest of each tenth of a second.
"""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path("/")
_V1_FOLDERS = ("cpu", "cpu,cpuacct", "cpuacct,cpu")


def usable_cores(root: Path = ROOT) -> int:
    """Cores that this process may keep busy, at least 1; `root` is where /proc and /sys are."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return whole_cores(allowed, quota(root))


def whole_cores(allowed: int, granted: float | None) -> int:
    """Cores by affinity, within a quota of so many cores.

    A part of a core is left to the rest of the process: one thread more than the quota carries
    would have all of them stopped together.
    """
    return max(1, allowed if granted is None else min(allowed, int(granted)))


def share(cores: int, processes: int) -> int:
    """Threads for one of `processes` that work side by side; at least 1."""
    return max(1, cores // max(1, processes))


def quota(root: Path = ROOT) -> float | None:
    """Cores that the control groups of this process grant; None without a bound."""
    return min((cores for cores in _groups(root) if cores is not None), default=None)


def read_cpu_max(text: str) -> float | None:
    """Read `cpu.max` of cgroup v2: quota and period in microseconds, or `max`."""
    allowance, _, period = text.strip().partition(" ")
    return _cores(allowance, period or "100000")


def read_cfs(allowance: str, period: str) -> float | None:
    """Read `cpu.cfs_quota_us` and `cpu.cfs_period_us` of cgroup v1; a quota of -1 is none."""
    return _cores(allowance.strip(), period.strip())


def _cores(allowance: str, period: str) -> float | None:
    try:
        granted = int(allowance) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
    return granted if granted > 0 else None


def _groups(root: Path) -> Iterator[float | None]:
    """What each group grants, from this process' own up to the root: the least one holds."""
    mount = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        # In a container the path may be the host's, which is not mounted: what is there counts.
        if number == "0" and not controllers:
            for folder in _upwards(mount, path):
                yield read_cpu_max(_read(folder / "cpu.max"))
        elif "cpu" in controllers.split(","):
            for name in _V1_FOLDERS:
                for folder in _upwards(mount / name, path):
                    yield read_cfs(
                        _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
                    )


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    inside = PurePosixPath(path.lstrip("/"))
    for part in (inside, *inside.parents) if inside.parts else (inside,):
        yield mount / part


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
