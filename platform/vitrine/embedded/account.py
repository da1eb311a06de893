"""The account that PostgreSQL runs as: it refuses to run as root.

Started by an ordinary user there is nothing to do. Started by root (a container, a fresh server)
it runs as another account. That account has to reach the data directory and the installation,
which often lie under a directory that is closed to it, such as /root. Opening that directory for
everybody would change the machine behind its owner's back; instead the process keeps the one
capability of root that lets it pass (capabilities(7), "ambient"), and no other.
"""

import ctypes
import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from vitrine.errors import Misconfigured

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True)
class Account:
    """Whom a child process becomes; `capability` is what it keeps of root, if anything."""

    uid: int
    gid: int
    capability: int | None = None

    def become(self) -> None:
        """Turn this process, which is root's, into the account's. For a child before its exec."""
        if self.capability is not None:
            _prctl(_PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)
        if self.capability is not None:
            _keep(self.capability)


def account_for(owned: Path, reached: list[Path]) -> Account | None:
    """Choose the account for a server whose data is `owned`; None: the one we run as.

    `reached` are further paths that the account must get to. Data made earlier decides; else it
    is `postgres` where the machine has such an account, else `nobody`.
    """
    owner = owned.stat().st_uid if owned.exists() else None
    if os.geteuid() != 0:
        if owner not in {None, os.geteuid()}:
            raise Misconfigured(
                f"{owned} belongs to another user (id {owner}), probably because Vitrine ran as "
                "root once. Start it as root again, or set VITRINE_DATA_DIR to a new directory."
            )
        return None
    entry = _find_account(owner)
    closed = [path for path in [owned, *reached] if not _can_reach(path, entry)]
    if not closed:
        return Account(entry.pw_uid, entry.pw_gid)
    capability = _passing_capability()
    if capability is None:
        raise Misconfigured(
            f"PostgreSQL refuses to run as root, and the account {entry.pw_name} cannot reach "
            f"{closed[0]}. Run Vitrine as an ordinary user, or install it and set "
            "VITRINE_DATA_DIR where others may pass."
        )
    return Account(entry.pw_uid, entry.pw_gid, capability)


def _find_account(owner: int | None) -> pwd.struct_passwd:
    if owner:
        try:
            return pwd.getpwuid(owner)
        except KeyError:
            return pwd.struct_passwd((str(owner), "", owner, owner, "", "/", ""))
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Misconfigured(
        "PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody` to run "
        "it as. Start Vitrine as an ordinary user."
    )


def _can_reach(path: Path, entry: pwd.struct_passwd) -> bool:
    """Say whether the account may pass every directory above `path`."""
    for parent in path.absolute().parents:
        mode = parent.stat()
        if mode.st_uid == entry.pw_uid:
            needed = stat.S_IXUSR
        elif mode.st_gid == entry.pw_gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not mode.st_mode & needed:
            return False
    return True


def _passing_capability() -> int | None:
    """The smallest capability we have that opens closed directories; containers drop the first."""
    if sys.platform != "linux":
        return None
    status = Path("/proc/self/status").read_text()
    permitted = next(
        int(line[7:], 16) for line in status.splitlines() if line.startswith("CapPrm:")
    )
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if permitted & (1 << capability):
            return capability
    return None


def _keep(capability: int) -> None:
    """Drop every capability but one, and have that one survive the exec."""
    mask = 1 << capability
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # effective, permitted, inheritable; then the same for capabilities past 31: none
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _prctl(option: int, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [*arguments, 0, 0, 0, 0][:4]
    if libc.prctl(option, *[ctypes.c_ulong(value) for value in padded]) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
