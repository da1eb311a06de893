"""The processes of this machine: is one still the one that we noted?"""

import subprocess
import sys
from pathlib import Path


def started_at(pid: int) -> str | None:
    """When the process began, in the system's own terms; None if there is none or it is a zombie.

    Process ids are used again; an id together with this is not.
    """
    if sys.platform != "linux":
        found = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return found.stdout.strip() or None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # proc(5): the name stands in brackets and may hold anything; after it state is field 3.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]
