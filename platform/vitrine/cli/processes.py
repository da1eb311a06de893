"""`vitrine api`, `vitrine worker`, `vitrine beat`: one process each, in the foreground."""

from typing import TYPE_CHECKING

import click

from vitrine.errors import Misconfigured
from vitrine.settings import Settings, load_settings

if TYPE_CHECKING:
    from celery import Celery


@click.command()
@click.option("--host", help="Address to listen on.  [default: VITRINE_HOST]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port.  [default: VITRINE_PORT]")
def api(host: str | None, port: int | None) -> None:
    """Serve the HTTP API until SIGTERM, which lets the requests under way finish."""
    from vitrine import logs
    from vitrine.cli.serving import serve

    settings = load_settings()
    logs.configure(settings, process="api")
    serve(settings, host or settings.host, port or settings.port)


@click.command()
@click.option(
    "--processes", type=click.IntRange(1), help="Processes.  [default: VITRINE_WORKER_PROCESSES]"
)
def worker(processes: int | None) -> None:
    """Embed and index what the shop owes, until SIGTERM.

    What a worker leaves undone is done by the next: the work stands in PostgreSQL.
    """
    settings = load_settings()
    if processes:
        # They share the cores, so each has to know how many they are.
        settings = settings.model_copy(update={"worker_processes": processes})
    celery(settings, "worker").worker_main(
        [
            "worker",
            *("--pool", "prefork", "--concurrency", str(settings.worker_processes)),
            *("--loglevel", settings.log_level),
            # One worker does not need to know of the others; it saves a second at the start.
            *("--without-gossip", "--without-mingle"),
        ]
    )


@click.command()
def beat() -> None:
    """Ring for forgotten work at regular times. Run exactly one."""
    settings = load_settings()
    directory = settings.data_dir / "beat"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"{directory} cannot be made: {error.strerror}. Set VITRINE_DATA_DIR to a directory "
            "that you may write to."
        ) from error
    celery(settings, "beat").start(
        [
            "beat",
            *("--schedule", str(directory / "schedule")),
            *("--loglevel", settings.log_level),
            "--enable-remote-control",  # so that `celery inspect ping` can tell its health
        ]
    )


def celery(settings: Settings, process: str) -> "Celery":
    """The Celery application with its tasks and its schedule."""
    from vitrine_workers.app import make_app

    return make_app(settings, process=process)
