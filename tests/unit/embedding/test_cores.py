"""The cores that a process may use, told from made-up machines."""

import os
from pathlib import Path

import pytest

from vitrine.embedding.cores import quota, read_cfs, read_cpu_max, share, usable_cores, whole_cores


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000\n", None),
        ("200000 100000\n", 2.0),
        ("150000 100000\n", 1.5),
        ("50000 200000\n", 0.25),
        ("300000\n", 3.0),
        ("", None),
        ("100000 0\n", None),
    ],
)
def test_cgroup_v2(text: str, cores: float | None) -> None:
    assert read_cpu_max(text) == cores


@pytest.mark.parametrize(
    ("allowance", "period", "cores"),
    [("-1\n", "100000\n", None), ("400000\n", "100000\n", 4.0), ("", "", None)],
)
def test_cgroup_v1(allowance: str, period: str, cores: float | None) -> None:
    assert read_cfs(allowance, period) == cores


@pytest.mark.parametrize(
    ("allowed", "granted", "cores"),
    [(8, None, 8), (8, 2.0, 2), (8, 2.9, 2), (2, 16.0, 2), (8, 0.5, 1), (1, None, 1)],
)
def test_the_smaller_of_both_and_at_least_one(
    allowed: int, granted: float | None, cores: int
) -> None:
    assert whole_cores(allowed, granted) == cores


@pytest.mark.parametrize(
    ("cores", "processes", "each"), [(16, 2, 8), (2, 2, 1), (2, 4, 1), (3, 2, 1), (4, 0, 4)]
)
def test_processes_share(cores: int, processes: int, each: int) -> None:
    assert share(cores, processes) == each


def _machine(root: Path, membership: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": membership, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_tightest_group_above_holds(tmp_path: Path) -> None:
    root = _machine(
        tmp_path,
        "0::/shop/workers/one\n",
        {
            "sys/fs/cgroup/shop/workers/one/cpu.max": "max 100000",
            "sys/fs/cgroup/shop/workers/cpu.max": "300000 100000",
            "sys/fs/cgroup/shop/cpu.max": "600000 100000",
        },
    )
    assert quota(root) == 3.0


def test_the_path_of_the_host_leads_nowhere_in_a_container(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/cpu.max": "100000 100000"}
    assert quota(_machine(tmp_path, "0::/kubepods/pod1/abc\n", files)) == 1.0


def test_the_old_groups(tmp_path: Path) -> None:
    root = _machine(
        tmp_path,
        "4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n0::/\n",
        {
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "250000",
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
    )
    assert quota(root) == 2.5


def test_no_groups_no_bound(tmp_path: Path) -> None:
    assert quota(tmp_path) is None
    assert quota(_machine(tmp_path, "0::/\n", {})) is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux has affinity")
def test_affinity_counts(tmp_path: Path) -> None:
    mine = os.sched_getaffinity(0)
    assert usable_cores(tmp_path) == len(mine)
    try:
        os.sched_setaffinity(0, {min(mine)})
        assert usable_cores(tmp_path) == 1
    finally:
        os.sched_setaffinity(0, mine)
