"""Errors of a server that does not answer or is not set up, told without importing its library.

The commands that talk to PostgreSQL and Redis import SQLAlchemy and redis; `vitrine --help` and the
commands that do not must not pay for them.
"""

from vitrine.errors import Misconfigured, Unavailable, VitrineError

_POSTGRES = {"OperationalError", "InterfaceError", "TimeoutError"}
# No such schema, table or column: an older version migrated last, or nobody did.
_NO_SUCH_THING = {"3F000", "42P01", "42703"}


def as_ours(error: Exception) -> VitrineError | None:
    """Say what is wrong with a server in one sentence that names the fix; None for other errors."""
    origins = {(kind.__module__, kind.__name__) for kind in type(error).__mro__}
    if getattr(getattr(error, "orig", None), "pgcode", None) in _NO_SUCH_THING:
        return Misconfigured(
            "The database has not the tables that this version of Vitrine needs: run "
            "`vitrine migrate`. VITRINE_DATABASE_URL names the database."
        )
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
