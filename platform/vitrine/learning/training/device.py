"""Where a run computes."""

import subprocess
from pathlib import Path

import torch

from vitrine.embedding.cores import usable_cores
from vitrine.errors import Misconfigured


def choose_device(wanted: str) -> str:
    """Turn `auto`, `cpu` or `cuda` into a device. Raises Misconfigured without that GPU."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise Misconfigured(
            "There is no GPU that PyTorch can use here; --device cpu trains slowly, but the same."
        )
    return wanted


def describe(device: str) -> str:
    """Name the device for a model card."""
    if device == "cuda":
        return f"one {torch.cuda.get_device_name()}"
    return f"{torch.get_num_threads()} CPU threads"


def set_up(device: str, threads: int | None) -> None:
    """Set what holds for the whole process."""
    torch.set_num_threads(threads or usable_cores())
    # Activations that fade to almost nothing are a hundred times slower to compute with.
    torch.set_flush_denormal(True)
    if device == "cuda":
        torch.backends.cudnn.benchmark = True
        # The network computes in bfloat16 as it learns; what judges it and what serves do not.
        torch.backends.cudnn.allow_tf32 = False


def commit() -> str:
    """The commit that this code is from, `unknown` outside a checkout."""
    try:
        # Installed into the environment of another project, the code is none of its commits.
        _git("ls-files", "--error-unmatch", Path(__file__).name)
        return _git("describe", "--always", "--dirty", "--abbrev=12")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*arguments: str) -> str:
    here = Path(__file__).parent
    done = subprocess.run(
        ["git", "-C", str(here), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return done.stdout.strip()
