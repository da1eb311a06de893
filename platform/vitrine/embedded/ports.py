"""TCP ports on loopback: is one free, which one is."""

import socket
from collections.abc import Set as AbstractSet

LOOPBACK = "127.0.0.1"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Say whether a server could listen here now; port 0 never counts as free."""
    if port <= 0:
        return False
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections of an earlier run in TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(avoid: AbstractSet[int] = frozenset()) -> int:
    """Find a port that nobody listens on and that is not in `avoid`."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
        if port not in avoid:
            return port


def answers(port: int, host: str = LOOPBACK) -> bool:
    """Say whether somebody accepts connections here."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
