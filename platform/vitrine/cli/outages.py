"""Errors of a server that does not answer, told from others without importing its library.

The commands that talk to PostgreSQL and Redis import SQLAlchemy and redis; `vitrine --help` and the
commands that do not must not pay for them.
"""

from vitrine.errors import Unavailable

_POSTGRES = {"OperationalError", "InterfaceError", "TimeoutError"}


def as_unavailable(error: Exception) -> Unavailable | None:
    """Say an outage in one sentence that names the fix; None for every other error."""
    origins = {(kind.__module__, kind.__name__) for kind in type(error).__mro__}
    if any(("sqlalchemy.exc", name) in origins for name in _POSTGRES):
        server, variable = "PostgreSQL", "VITRINE_DATABASE_URL"
    elif ("redis.exceptions", "RedisError") in origins:
        server, variable = "Redis", "VITRINE_REDIS_URL"
    else:
        return None
    cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return Unavailable(
        f"{server} does not answer ({cause}); is `vitrine up` running? {variable} names the server."
    )
